import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import { testCertificate } from "../../../../test/support/tls-certificate.ts";
import type { Deployment } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import { egressAllowlist, type EgressAllowlistOptions } from "./egress-allowlist.ts";
import { dangerouslyAllowAddresses } from "./outbound.ts";

const certificate = testCertificate(["api.example.com"], []);
let connections = 0;
const server = createServer(certificate, (_, response) => response.end("hello"));
server.on("connection", () => (connections += 1));
server.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const local: Partial<EgressAllowlistOptions> = {
  ca: certificate.cert,
  resolve: async () => ["127.0.0.1"],
  [dangerouslyAllowAddresses]: ["127.0.0.1/32"],
};

function judge(allow: EgressAllowlistOptions["allow"], variables: Readonly<Record<string, string>> = {}) {
  const deployment: Deployment = {
    mode: "production",
    nodeVersion: "24.4.0",
    variables: new Map(Object.entries(variables)),
    nodeOptions: [],
    nowMs: 0,
  };
  const [control] = egressAllowlist({ allow, origin: "https://app.example.com" }).controls;
  return control?.check(deployment).map(({ rule, detail }) => `${rule.id} ${detail}`);
}

describe("egressAllowlist", () => {
  it("reaches what is listed, and tells of everything else before any connection", async () => {
    const events: AuditEvent[] = [];
    const listed = { host: `api.example.com:${port}`, purpose: "payments", data: ["personal"] } as const;
    const egress = egressAllowlist({ allow: [listed], report: (event) => void events.push(event), ...local });
    expect(await (await egress.fetch(`https://api.example.com:${port}/`)).text()).toBe("hello");
    const before = connections;
    for (const url of [
      `https://evil.example.com:${port}/?card=4111`,
      "https://169.254.169.254/",
      "http://api.example.com/",
    ])
      await expect(egress.fetch(url)).rejects.toMatchObject({ name: "OutboundError", blocked: true, status: 422 });
    expect(connections).toBe(before);
    expect(events.map(({ event, detail, blocked }) => [event, detail, blocked])).toEqual([
      ["egress.blocked", "host-not-listed", "evil.example.com"],
      ["egress.blocked", "host-not-listed", "169.254.169.254"],
      ["egress.blocked", "scheme-refused", undefined],
    ]);
    expect(JSON.stringify(events)).not.toContain("4111");
    expect(egress.destinations).toEqual([listed]);
    expect(egress.controls.map(({ meta }) => meta.id)).toEqual(["egress-allowlist", "ssrf-guard"]);
    await egress.close();
  });

  it("reaches nothing without a list, whatever kind of input asks", async () => {
    const events: AuditEvent[] = [];
    const egress = egressAllowlist({ allow: [], report: (event) => void events.push(event) });
    const url = "https://api.example.com/";
    for (const input of [url, new URL(url), new Request(url), "nonsense", "https://nowhere.invalid.evil.test/"])
      await expect(egress.fetch(input)).rejects.toMatchObject({ blocked: true });
    await expect(egress.fetch("https://nowhere.invalid/")).rejects.toMatchObject({ blocked: true });
    expect(events).toHaveLength(6);
    await egress.close();
  });

  it("holds libraries that use the platform's fetch to the list, until that is undone", async () => {
    const before = globalThis.fetch;
    const egress = egressAllowlist({ allow: [] });
    const undo = egress.replaceGlobalFetch();
    try {
      await expect(fetch("https://api.example.com/")).rejects.toMatchObject({ reason: "host-not-listed" });
    } finally {
      undo();
    }
    expect(globalThis.fetch).toBe(before);
  });

  it("finds destinations that are wide, fleeting or unexplained", () => {
    const explained = (host: string) => ({ host, purpose: "a reason" });
    expect(judge([explained("api.stripe.com"), explained(".example.com")])).toEqual([]);
    expect(judge([explained(".s3.eu-central-1.amazonaws.com"), explained(".herokuapp.com")])).toEqual([
      "egress-allowlist/shared-suffix .s3.eu-central-1.amazonaws.com",
      "egress-allowlist/shared-suffix .herokuapp.com",
    ]);
    expect(judge([explained("my-bucket.s3.amazonaws.com"), explained("203.0.113.7"), "api.example.org"])).toEqual([
      "egress-allowlist/address 203.0.113.7",
      "egress-allowlist/unexplained api.example.org",
    ]);
  });

  it("finds variables with the address of a host that is not listed, and tells the host alone", () => {
    const variables = {
      APP_URL: "https://app.example.com/",
      STRIPE_URL: "https://api.stripe.com/v1",
      SENTRY_DSN: "https://0123456789abcdef@o1.ingest.example.net/42",
      DATABASE_URL: "postgres://db/x",
      BROKEN: "https://",
    };
    expect(judge([{ host: "api.stripe.com", purpose: "payments" }], variables)).toEqual([
      "egress-allowlist/undeclared o1.ingest.example.net",
    ]);
  });

  it("refuses at construction what is no destination", () => {
    expect(() => egressAllowlist({ allow: ["*"] })).toThrow(/host/u);
    expect(() => egressAllowlist({ allow: [".com"] })).toThrow(/host/u);
    expect(() => egressAllowlist({ allow: "api.example.com" as never })).toThrow(/list/u);
    expect(() => egressAllowlist({ allow: [{ host: "a.example", purpos: "x" } as never] })).toThrow(/"purpose"/u);
    expect(() => egressAllowlist({ allow: ["a.example"], redirect: 1 } as never)).toThrow(/"redirects"/u);
  });
});
