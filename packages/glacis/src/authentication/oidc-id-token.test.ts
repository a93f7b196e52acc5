import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Secret } from "../core/secret.ts";
import { idTokenFlaw, oidcIdToken } from "./oidc-id-token.ts";
import type { SsoProvider } from "./single-sign-on-provider.ts";

const provider: SsoProvider = {
  id: "acme",
  tenantId: "acme",
  issuer: "https://idp.example",
  clientId: "folio",
  clientSecret: new Secret("a secret of the client"),
};
const half = (algorithm: string, text: string): string => {
  const digest = createHash(algorithm).update(text).digest();
  return digest.subarray(0, digest.length / 2).toString("base64url");
};

describe("an ID token", () => {
  it("belongs to the access token that came with it", () => {
    // OpenID Connect Core 1.0, appendix A.3.
    const token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
    expect(idTokenFlaw({ at_hash: "77QmUPtjPfzWtF2AnpK9RQ" }, provider, token)).toBeUndefined();
    expect(idTokenFlaw({ at_hash: "77QmUPtjPfzWtF2AnpK9RQ" }, provider, `${token}x`)).toBe("access_token_foreign");
    for (const odd of ["", "77QmUPtjPfzWtF2AnpK9RQ==", 7, null, ["77QmUPtjPfzWtF2AnpK9RQ"]])
      expect(idTokenFlaw({ at_hash: odd }, provider, token)).toBe("access_token_foreign");
    expect(idTokenFlaw({}, provider, token)).toBeUndefined();
  });

  it.each([
    ["ES256", "sha256"],
    ["PS384", "sha384"],
    ["RS512", "sha512"],
    ["EdDSA", "sha512"],
  ] as const)("is held to the hash of its algorithm, %s", (algorithm, name) => {
    const claims = { at_hash: half(name, "token") };
    expect(idTokenFlaw(claims, { ...provider, algorithm }, "token")).toBeUndefined();
    const other = { at_hash: half(name === "sha256" ? "sha384" : "sha256", "token") };
    expect(idTokenFlaw(other, { ...provider, algorithm }, "token")).toBe("access_token_foreign");
  });

  it("is for nobody else", () => {
    expect(idTokenFlaw({ azp: "folio" }, provider, "token")).toBeUndefined();
    for (const azp of ["other", "", null, ["folio"], "Folio"])
      expect(idTokenFlaw({ azp }, provider, "token")).toBe("authorized_party");
  });
});

it("finds a provider that nobody asks how long ago it saw the person", () => {
  const rules = (maxAgeSeconds: number | "unknown") =>
    oidcIdToken([{ ...provider, maxAgeSeconds }])
      .check({} as never)
      .map(({ rule, at }) => [rule.id, at]);
  expect(rules(3600)).toEqual([]);
  expect(rules("unknown")).toEqual([
    ["oidc-id-token/age-unknown", { kind: "setting", name: "singleSignOn provider acme" }],
  ]);
});
