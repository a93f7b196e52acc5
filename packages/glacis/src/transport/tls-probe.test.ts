import { once } from "node:events";
import { createServer as createPlainServer, type AddressInfo } from "node:net";
import { createServer, type TlsOptions } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { issueCertificate } from "../../../../test/support/tls-certificate.ts";
import type { TlsObservation } from "../core/tls-observation.ts";
import { tlsCertificate } from "./tls-certificate.ts";
import { probeTls } from "./tls-probe.ts";
import { TLS_SERVER_OPTIONS, tlsVersion } from "./tls-version.ts";

const authority = issueCertificate({ authority: true, name: "Glacis test authority" });
const site = { names: ["app.example.com"], purposes: ["serverAuth"], issuer: authority, name: "site" } as const;

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

async function serve(options: TlsOptions): Promise<number> {
  const server = createServer({ ...issueCertificate(site), ...options });
  // Most of the handshakes are meant to fail.
  server.on("tlsClientError", () => undefined).on("secureConnection", (socket) => socket.on("error", () => undefined));
  open.push(server.listen(0, "127.0.0.1"));
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function probe(options: TlsOptions, hostname = "app.example.com"): Promise<TlsObservation> {
  const port = await serve(options);
  const seen = await probeTls({ hostname, port, address: "127.0.0.1", ca: authority.cert });
  if (seen === undefined) throw new Error("The server did not answer.");
  return seen;
}

function found(tls: TlsObservation): readonly string[] {
  const response = { url: "https://app.example.com/", scheme: "https", status: 200, headers: [], tls } as const;
  return [tlsVersion(), tlsCertificate()].flatMap((control) =>
    (control.observe?.(response) ?? []).map(({ rule }) => rule.id),
  );
}

describe("probeTls", () => {
  it("finds nothing at a server made with the options that are offered", async () => {
    const seen = await probe(TLS_SERVER_OPTIONS);
    expect(seen).toMatchObject({ protocols: ["TLSv1.2", "TLSv1.3"], chosen: "TLSv1.3", weakSuites: [] });
    expect(seen.certificate).toMatchObject({
      distrust: undefined,
      namesHost: true,
      keyType: "ec",
      keyBits: 256,
      signature: "1.2.840.10045.4.3.2",
    });
    expect(found(seen)).toEqual([]);
  });

  it("sees TLS 1.0 and 1.1 where they are spoken", async () => {
    const seen = await probe({ minVersion: "TLSv1", ciphers: "ALL:@SECLEVEL=0" });
    expect(seen.protocols).toEqual(["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]);
    expect(found(seen)).toContain("tls-version/too-old");
  });

  it("sees suites of TLS 1.2 that are not forward-secret or not authenticated, one by one", async () => {
    const seen = await probe({ maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384" });
    expect(seen.weakSuites.toSorted()).toEqual(["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA384"]);
    expect(found(seen)).toEqual(["tls-version/weak-suite", "tls-version/no-tls13"]);
  });

  it("sees a certificate of nobody's, of another name, over, nearly over, short and long-lived", async () => {
    const shown = async (sketch: object, hostname?: string): Promise<readonly string[]> =>
      found(await probe({ ...TLS_SERVER_OPTIONS, ...issueCertificate({ ...site, ...sketch }) }, hostname));
    expect(await shown({ issuer: undefined })).toEqual(["tls-certificate/untrusted"]);
    expect(await shown({}, "other.example.com")).toEqual(["tls-certificate/name"]);
    expect(await shown({ fromDays: -9, toDays: -1 })).toEqual(["tls-certificate/untrusted"]);
    expect(await shown({ fromDays: -80, toDays: 10 })).toEqual(["tls-certificate/expiring"]);
    expect(await shown({ fromDays: -10, toDays: 400 })).toEqual(["tls-certificate/long-lived"]);
  });

  it("says nothing about what does not answer, or speaks no TLS", async () => {
    const plain = createPlainServer((socket) =>
      socket
        .resume()
        .on("error", () => undefined)
        .end("HTTP/1.1 400 Bad Request\r\n\r\n"),
    );
    open.push(plain.listen(0, "127.0.0.1"));
    await once(plain, "listening");
    const { port } = plain.address() as AddressInfo;
    const asked = { hostname: "app.example.com", address: "127.0.0.1", timeoutMs: 500 };
    expect(await probeTls({ ...asked, port })).toBeUndefined();
    plain.close();
    await once(plain, "close");
    expect(await probeTls({ ...asked, port })).toBeUndefined();
  });
});
