import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import express from "express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { issueCertificate, type CertificateSketch } from "../../../../test/support/tls-certificate.ts";
import { access, guardServer, requestOf, secureExpress } from "../adapters/express.ts";
import { authenticated } from "../core/access.ts";
import { glacis } from "../glacis.ts";
import { currentDeployment } from "../primitives/deployment.ts";
import { bareLayers } from "../testing/layers.ts";
import { mutualTls, type MutualTlsOptions } from "./mtls-service-identity.ts";

const authority = issueCertificate({ authority: true, name: "Glacis test authority" });
const foreign = issueCertificate({ authority: true, name: "Another authority" });
const server = issueCertificate({ addresses: ["127.0.0.1"], issuer: authority, name: "server" });
const BILLING = "spiffe://acme.example/billing";
const good: CertificateSketch = { uris: [BILLING], purposes: ["clientAuth"], issuer: authority, name: "client" };
const services = mutualTls({ services: [{ uri: BILLING, id: "billing", tenantId: "acme", roles: ["biller"] }] });

const layers = bareLayers({ authentication: [services.control] });
const security = glacis({ ...layers, authenticate: services.authenticate(layers.authenticate) });
const app = express();
secureExpress(app, security);
app.get("/who", access(authenticated(), { kind: "api" }), (incoming, response) => {
  const { principal } = requestOf(incoming);
  response.json(principal);
});
const listening = guardServer(
  createServer({ ...server, ca: authority.cert, requestCert: true, rejectUnauthorized: false }, app),
  security,
);
beforeAll(async () => {
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
});
afterAll(() => {
  listening.close();
  listening.closeAllConnections();
});

/** What the server makes of a client: who it is, or the status and the cause in the log. */
async function ask(client: { key: string; cert: string } | undefined, headers: Record<string, string> = {}) {
  const { port } = listening.address() as AddressInfo;
  layers.records.length = 0;
  const identity = client === undefined ? {} : { key: client.key, cert: client.cert };
  const asked = request({
    host: "127.0.0.1",
    port,
    path: "/who",
    ca: authority.cert,
    agent: false,
    headers,
    ...identity,
  });
  asked.end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  let body = "";
  for await (const chunk of answer) body += String(chunk);
  if (answer.statusCode === 200) return (JSON.parse(body) as { id: string }).id;
  const told = layers.records.find(({ event }) => event === "mtls_rejected");
  return `${answer.statusCode ?? 0} ${told?.detail ?? "no certificate"}`;
}

describe("mutualTls", () => {
  it("lets a service in by its certificate, as the principal that it is listed as", async () => {
    expect(await ask(issueCertificate(good))).toBe("billing");
  });

  it.each<readonly [string, CertificateSketch, string]>([
    ["of another authority", { issuer: foreign }, "untrusted"],
    ["signed by itself", { name: "self", issuer: undefined as never }, "untrusted"],
    ["that is over", { fromDays: -3, toDays: -1 }, "untrusted"],
    ["that is not valid yet", { fromDays: 1, toDays: 3 }, "untrusted"],
    ["of an authority", { authority: true }, "authority"],
    ["without the purpose", { purposes: [] }, "purpose"],
    ["that lives for a year", { fromDays: -1, toDays: 364 }, "long_lived"],
    ["of another service", { uris: ["spiffe://acme.example/billing2"] }, "unknown"],
    ["of the service's child", { uris: [`${BILLING}/x`] }, "unknown"],
    ["in capitals", { uris: ["spiffe://ACME.example/billing"] }, "unknown"],
    ["with a second URI", { uris: [BILLING, "spiffe://acme.example/other"] }, "name"],
    ["whose URI only looks like two", { uris: [`https://evil.test/, URI:${BILLING}`] }, "name"],
    ["with a name in place of a URI", { uris: [], names: ["billing.acme.example"] }, "name"],
  ])("refuses a certificate %s with 401 and no reason", async (_, change, cause) => {
    const outcome = await ask(issueCertificate({ ...good, ...change }));
    // OpenSSL itself refuses a certificate that was not made for clients.
    expect([`401 ${cause}`, ...(cause === "purpose" ? ["401 untrusted"] : [])]).toContain(outcome);
  });

  it("refuses a certificate that was made for servers alone", async () => {
    expect(await ask(issueCertificate({ ...good, purposes: ["serverAuth"] }))).toMatch(/^401 (?:purpose|untrusted)$/u);
  });

  it("refuses a page that uses a service's certificate", async () => {
    expect(await ask(issueCertificate(good), { "sec-fetch-site": "same-origin" })).toBe("401 browser");
    expect(await ask(issueCertificate(good), { origin: "https://app.example.com" })).toBe("401 browser");
  });

  it("never reads a certificate from a header", async () => {
    const headers = {
      "x-forwarded-client-cert": `URI=${BILLING}`,
      "x-client-cert": issueCertificate(good).cert.replaceAll("\n", ""),
    };
    expect(await ask(undefined, headers)).toBe("401 no certificate");
  });

  it("warns of certificates that live long, and refuses services that are none", () => {
    const listed = [{ uri: BILLING, id: "billing", tenantId: "acme", roles: [] }];
    const long = mutualTls({ services: listed, longestDays: 365 });
    expect(long.control.check(currentDeployment("production")).map(({ rule }) => rule.id)).toEqual([
      "mtls-service-identity/long-lived",
    ]);
    for (const uri of [
      "billing",
      "spiffe://acme.example",
      "spiffe://acme.example/*",
      "spiffe://a/b?c",
      "spiffe://a/b,c",
      "spiffe://u@a/b",
    ])
      expect(() => mutualTls({ services: [{ ...listed[0], uri }] } as MutualTlsOptions)).toThrow(/whole URI/u);
    expect(() => mutualTls({ services: [...listed, ...listed] })).toThrow(/twice/u);
    expect(() => mutualTls({ services: [] })).toThrow(/those that may call/u);
  });
});
