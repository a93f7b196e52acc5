/** What an ID token must be besides what openid-client holds it to (catalog oidc-id-token; OpenID Connect Core 1.0 section 3.1.3.7). */
import { hash } from "node:crypto";
import type { Control, ControlMeta } from "../core/control.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import type { SsoProvider } from "./single-sign-on-provider.ts";

const META: ControlMeta = {
  id: "oidc-id-token",
  title: "ID tokens validated for nonce, audience, issuer, authorized party and age",
  layer: "authentication",
  guide: ["A07"],
  owasp2021: ["A07"],
  owasp2025: ["A07"],
  asvs: ["v5.0.0-6.8.2", "v5.0.0-10.5.1", "v5.0.0-10.5.4", "v5.0.0-10.5.5"],
  cwe: ["CWE-345", "CWE-294", "CWE-347"],
};

export const ID_TOKEN_AGE: Rule = {
  id: "oidc-id-token/age-unknown",
  severity: "warning",
  what: "A provider is not asked how long ago it saw the person.",
  why: "Its session may be months old, in a browser that somebody else sits at by now; every sign-in here begins from it.",
  fix: "Leave maxAgeSeconds alone; have the provider send auth_time, which it must when max_age is asked for.",
};

const HASHES: Readonly<Record<string, "sha256" | "sha384" | "sha512">> = {
  RS256: "sha256",
  ES256: "sha256",
  PS256: "sha256",
  RS384: "sha384",
  ES384: "sha384",
  PS384: "sha384",
  RS512: "sha512",
  ES512: "sha512",
  PS512: "sha512",
  EdDSA: "sha512",
  Ed25519: "sha512",
};

/** Claims that openid-client has verified. */
export interface VerifiedClaims {
  readonly azp?: unknown;
  readonly at_hash?: unknown;
}

/**
 * What openid-client leaves: an authorized party that is somebody else although the audience is one (section 3.1.3.7, step 5), and an access token that
 * is not the one that the ID token was made with (section 3.1.3.8).
 *
 * @returns the flaw, or undefined
 */
export function idTokenFlaw(
  { azp, at_hash: hashed }: VerifiedClaims,
  { clientId, algorithm = "RS256" }: SsoProvider,
  accessToken: string,
): "authorized_party" | "access_token_foreign" | undefined {
  if (azp !== undefined && azp !== clientId) return "authorized_party";
  if (hashed === undefined) return undefined;
  const digest = Buffer.from(hash(HASHES[algorithm] as string, accessToken, "hex"), "hex");
  // Nothing secret is compared: both halves came in the same answer.
  return hashed === digest.subarray(0, digest.length / 2).toString("base64url") ? undefined : "access_token_foreign";
}

/** `singleSignOn()` makes it, of the providers that are known when the application starts. */
export function oidcIdToken(providers: readonly SsoProvider[]): Control<IdentifiedFacts> {
  return { meta: META, rules: [ID_TOKEN_AGE], check: () => providers.flatMap(judgeIdTokenRules) };
}

/** One provider judged; a tenant may have set it up a moment ago. */
export function judgeIdTokenRules({ id, maxAgeSeconds }: SsoProvider): readonly Finding[] {
  return maxAgeSeconds === "unknown"
    ? [finding(ID_TOKEN_AGE, { kind: "setting", name: `singleSignOn provider ${id}` })]
    : [];
}
