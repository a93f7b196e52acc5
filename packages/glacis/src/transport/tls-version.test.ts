import { getCiphers } from "node:tls";
import { describe, expect, it } from "vitest";
import { currentDeployment } from "../primitives/deployment.ts";
import { isStrongSuite, weakInCipherString } from "./tls-suites.ts";
import { TLS_SERVER_OPTIONS, tlsVersion, type TlsVersionOptions } from "./tls-version.ts";

const ids = (options: TlsVersionOptions): readonly string[] =>
  tlsVersion(options)
    .check(currentDeployment("production"))
    .map(({ rule }) => rule.id);

describe("tlsVersion", () => {
  it("judges a server of Node's by its options", () => {
    expect(ids({ server: TLS_SERVER_OPTIONS })).toEqual([]);
    expect(ids({ server: {} })).toEqual(["tls-version/weak-suite"]);
    expect(ids({ server: { minVersion: "TLSv1.3" } })).toEqual([]);
    expect(ids({ server: { ...TLS_SERVER_OPTIONS, minVersion: "TLSv1.1" } })).toEqual(["tls-version/too-old"]);
    expect(ids({ server: { ...TLS_SERVER_OPTIONS, maxVersion: "TLSv1.2" } })).toEqual(["tls-version/no-tls13"]);
    expect(ids({ server: { ciphers: "HIGH:!aNULL" } })).toEqual(["tls-version/weak-suite"]);
    expect(() => ids({ server: { minVersion: "SSLv3" } })).toThrow(/out of TLSv1/u);
    expect(() => tlsVersion({ edgePolcy: "x" } as never)).toThrow(/Did you mean "edgePolicy"/u);
  });

  it("knows the policies of load balancers, and says so where it does not", () => {
    expect(ids({ edgePolicy: "ELBSecurityPolicy-TLS13-1-2-Res-2021-06" })).toEqual([]);
    expect(ids({ edgePolicy: "TLSv1.2_2021" })).toEqual([]);
    expect(ids({ edgePolicy: "ELBSecurityPolicy-2016-08" })).toEqual(["tls-version/too-old"]);
    expect(ids({ edgePolicy: "ELBSecurityPolicy-TLS13-1-2-2021-06" })).toEqual(["tls-version/weak-suite"]);
    expect(ids({ edgePolicy: "ELBSecurityPolicy-FS-1-2-Res-2020-10" })).toEqual(["tls-version/no-tls13"]);
    expect(ids({ edgePolicy: "of our own" })).toEqual(["tls-version/edge-unknown"]);
  });

  it("says nothing where nothing is declared and nobody has looked", () => {
    expect(ids({})).toEqual([]);
    const response = { url: "https://x.test/", scheme: "https", status: 200, headers: [] } as const;
    expect(tlsVersion().observe?.(response)).toEqual([]);
  });
});

describe("suites", () => {
  it("are strong when they are ECDHE with an AEAD, and no others that Node has", () => {
    const strong = getCiphers()
      .map((name) => name.toUpperCase())
      .filter(isStrongSuite);
    for (const name of strong) expect(name).toMatch(/^(?:TLS_|ECDHE-).*(?:GCM|POLY1305|CCM)/u);
    for (const name of [
      "AES128-GCM-SHA256",
      "DHE-RSA-AES128-GCM-SHA256",
      "ECDHE-RSA-AES128-SHA",
      "RC4-MD5",
      "ECDHE-PSK-CHACHA20-POLY1305",
      "ECDHE-ECDSA-AES128-CCM8",
    ])
      expect(isStrongSuite(name)).toBe(false);
  });

  it("are judged in a cipher string as far as it spells them out", () => {
    expect(weakInCipherString(TLS_SERVER_OPTIONS.ciphers)).toEqual([]);
    expect(weakInCipherString("ECDHE-RSA-AES128-GCM-SHA256:!RC4:-3DES:@STRENGTH:@SECLEVEL=2")).toEqual([]);
    expect(weakInCipherString("DEFAULT:ECDHE-RSA-AES128-GCM-SHA256 AES128-SHA,@SECLEVEL=0")).toEqual([
      "DEFAULT",
      "AES128-SHA",
      "@SECLEVEL=0",
    ]);
  });
});
