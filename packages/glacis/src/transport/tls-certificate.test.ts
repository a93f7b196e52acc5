import { describe, expect, it } from "vitest";
import type { CertificateObservation } from "../core/tls-observation.ts";
import { currentDeployment } from "../primitives/deployment.ts";
import { tlsCertificate } from "./tls-certificate.ts";

const day = 86_400_000;
const issuedMs = Date.parse("2026-11-01T00:00:00Z");

function found(change: Partial<CertificateObservation>, at = "2026-11-26T12:00:00Z"): readonly string[] {
  const certificate: CertificateObservation = {
    distrust: undefined,
    namesHost: true,
    validFromMs: issuedMs,
    validToMs: issuedMs + 90 * day,
    keyType: "ec",
    keyBits: 256,
    signature: "1.2.840.10045.4.3.2",
    ...change,
  };
  const tls = { protocols: ["TLSv1.3"], chosen: "TLSv1.3", weakSuites: [], certificate };
  const headers = [["date", new Date(at).toUTCString()]] as const;
  const response = { url: "https://app.example.com/", scheme: "https", status: 200, headers, tls } as const;
  return (tlsCertificate().observe?.(response) ?? []).map(({ rule }) => rule.id);
}

describe("tlsCertificate", () => {
  it("finds nothing in a good certificate until a third of its life is left", () => {
    expect(found({})).toEqual([]);
    expect(found({}, "2026-12-30T23:00:00Z")).toEqual([]);
    expect(found({}, "2026-12-31T01:00:00Z")).toEqual(["tls-certificate/expiring"]);
    expect(found({}, "2027-01-30T00:00:00Z")).toEqual(["tls-certificate/untrusted"]);
    expect(found({}, "2026-10-31T00:00:00Z")).toEqual(["tls-certificate/untrusted"]);
  });

  it("finds a chain, a name, a key and a signature that are no good", () => {
    expect(found({ distrust: "SELF_SIGNED_CERT_IN_CHAIN" })).toEqual(["tls-certificate/untrusted"]);
    expect(found({ namesHost: false })).toEqual(["tls-certificate/name"]);
    expect(found({ keyType: "rsa", keyBits: 1024 })).toEqual(["tls-certificate/weak"]);
    expect(found({ keyType: "rsa", keyBits: 2048 })).toEqual([]);
    expect(found({ keyBits: 0 })).toEqual(["tls-certificate/weak"]);
    expect(found({ signature: "1.2.840.113549.1.1.5" })).toEqual(["tls-certificate/weak"]);
  });

  it.each([
    ["2026-02-01", 398, 399],
    ["2026-03-15", 200, 201],
    ["2027-03-15", 100, 101],
    ["2029-03-15", 47, 48],
  ])("finds a lifetime that is too long for a certificate of %s", (made, allowed, over) => {
    const validFromMs = Date.parse(made);
    const at = new Date(validFromMs + day).toISOString();
    expect(found({ validFromMs, validToMs: validFromMs + allowed * day }, at)).toEqual([]);
    expect(found({ validFromMs, validToMs: validFromMs + over * day }, at)).toEqual(["tls-certificate/long-lived"]);
  });

  it("warns of a certificate that people renew", () => {
    const check = (renewal: "acme" | "by-hand") => tlsCertificate({ renewal }).check(currentDeployment("production"));
    expect(check("by-hand").map(({ rule }) => rule.id)).toEqual(["tls-certificate/by-hand"]);
    expect(check("acme")).toEqual([]);
    expect(() => tlsCertificate({ renewal: "later" as never })).toThrow(/renewal/u);
  });
});
