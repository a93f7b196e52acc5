import { describe, expect, it } from "vitest";
import { samlAssertions, type SamlOptions } from "./saml-assertions.ts";

const SOUND: SamlOptions = {
  callbackUrl: "https://app.example.com/saml/callback",
  issuer: "https://app.example.com",
  idpIssuer: "https://idp.example",
  idpCert: "MIIC",
  wantAssertionsSigned: true,
  signatureAlgorithm: "sha256",
  digestAlgorithm: "sha256",
  validateInResponseTo: "always",
  cacheProvider: {},
};
const judged = (rest: SamlOptions, version = "5.1.0", mode = "production") =>
  samlAssertions({ providers: { acme: { ...SOUND, ...rest } }, version })
    .check({ mode } as never)
    .map(({ rule }) => rule.id.split("/")[1]);
const without = (name: keyof SamlOptions): SamlOptions => ({ ...SOUND, [name]: undefined });

describe("a provider that speaks SAML", () => {
  it("is sound with every check on", () => {
    expect(judged({})).toEqual([]);
    expect(judged({ acceptedClockSkewMs: 60_000, audience: "https://app.example.com" })).toEqual([]);
  });

  it.each<readonly [SamlOptions, string]>([
    [{ wantAssertionsSigned: false }, "unsigned"],
    [without("idpCert"), "unsigned"],
    [{ idpCert: [] }, "unsigned"],
    [without("signatureAlgorithm"), "weak-algorithm"],
    [{ digestAlgorithm: "sha1" }, "weak-algorithm"],
    [{ audience: false }, "audience"],
    [without("idpIssuer"), "audience"],
    [without("validateInResponseTo"), "unsolicited"],
    [{ validateInResponseTo: "ifPresent" }, "unsolicited"],
    [{ acceptedClockSkewMs: -1 }, "clock-slack"],
    [{ acceptedClockSkewMs: 60_001 }, "clock-slack"],
    [{ acceptedClockSkewMs: Number.NaN }, "clock-slack"],
    [{ callbackUrl: "http://app.example.com/saml" }, "callback"],
    [{ callbackUrl: "https://*.example.com/saml" }, "callback"],
    [without("callbackUrl"), "callback"],
    [without("cacheProvider"), "memory-requests"],
  ])("is found with %j", (rest, rule) => {
    expect(judged(rest)).toEqual([rule]);
  });

  it("is verified by a library without known holes", () => {
    for (const version of ["5.0.1", "4.9.9", "5.1.0-beta.1", "0.9.0"])
      expect(judged({}, version)).toEqual(["outdated-library"]);
    for (const version of ["5.1.0", "5.1.1", "5.2.0", "6.0.0", "6.0.0-beta.1"]) expect(judged({}, version)).toEqual([]);
    expect(() => judged({}, "latest")).toThrow(/version/u);
  });
});
