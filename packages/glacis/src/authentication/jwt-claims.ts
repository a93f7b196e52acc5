/** What a token says about itself, and how much of it may be left open (catalog jwt-claims; RFC 8725 section 3, RFC 9068). */
import type { Control, ControlMeta } from "../core/control.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import type { JwtFlaw, JwtRules } from "./jwt-verification.ts";

const META: ControlMeta = {
  id: "jwt-claims",
  title: "Token time, type, issuer and audience enforced",
  layer: "authentication",
  guide: ["A08"],
  owasp2021: ["A07", "A01"],
  owasp2025: ["A07", "A01"],
  asvs: ["v5.0.0-9.2.1", "v5.0.0-9.2.2", "v5.0.0-9.2.3", "v5.0.0-9.2.4"],
  cwe: ["CWE-613", "CWE-863", "CWE-345"],
};

export const JWT_UNTYPED: Rule = {
  id: "jwt-claims/untyped",
  severity: "warning",
  what: "Tokens of any type are taken as access tokens.",
  why: "An ID token or a logout token of the same issuer, made for something else, then opens the API.",
  fix: "Have the issuer write typ: at+jwt (RFC 9068) and leave the option alone.",
};
export const JWT_LONG_LIVED: Rule = {
  id: "jwt-claims/long-lived",
  severity: "warning",
  what: "Access tokens may be good for more than an hour.",
  why: "Nobody can take back a token that verifies by itself: whoever has it keeps it until it ends.",
  fix: "Have the issuer make them for minutes, and lower maxLifetimeSeconds.",
};
export const JWT_SLACK: Rule = {
  id: "jwt-claims/clock-slack",
  severity: "note",
  what: "Tokens count for more than 30 seconds after they have ended.",
  why: "It covers for a clock that is wrong, and lengthens the life of every stolen token.",
  fix: "Set the clocks by NTP and lower skewSeconds.",
};
export const JWT_OTHER_AUDIENCE: Rule = {
  id: "jwt-claims/other-audience",
  severity: "warning",
  what: "Tokens are taken that are for another service as well.",
  why: "Whatever runs that service, or breaks into it, can use its callers' tokens here.",
  fix: "Have the issuer make a token for this API alone (RFC 8707), and empty otherAudiences.",
};

/** Five to ten minutes are what an access token should live; an issuer that makes them for longer is named with its own bound. */
export const JWT_LIFETIME_SECONDS = 600;
const LONG_SECONDS = 3_600;
const SLACK_SECONDS = 30;
const CLAIM_FLAWS: ReadonlySet<string> = new Set<JwtFlaw>([
  "type",
  "issuer",
  "audience",
  "expired",
  "not_yet",
  "lifetime",
  "claims",
]);

/** Which control a refusal belongs to: what is signed well may still say the wrong thing. */
export function controlOfFlaw(flaw: string, otherwise: string): string {
  return CLAIM_FLAWS.has(flaw) ? META.id : otherwise;
}

/** The rules that the tokens of each issuer are held to, judged. `jwt()` makes it. */
export function jwtClaims(issuers: readonly JwtRules[]): Control<IdentifiedFacts> {
  return {
    meta: META,
    rules: [JWT_UNTYPED, JWT_LONG_LIVED, JWT_SLACK, JWT_OTHER_AUDIENCE],
    check: () => issuers.flatMap(assess),
  };
}

function assess({ issuer, typ, maxLifetimeSeconds, skewSeconds, otherAudiences }: JwtRules): readonly Finding[] {
  const at = { kind: "setting", name: `jwt ${issuer}` } as const;
  return [
    ...(typ === undefined ? [finding(JWT_UNTYPED, at)] : []),
    ...(maxLifetimeSeconds > LONG_SECONDS ? [finding(JWT_LONG_LIVED, at, `${maxLifetimeSeconds} s`)] : []),
    ...(skewSeconds > SLACK_SECONDS ? [finding(JWT_SLACK, at, `${skewSeconds} s`)] : []),
    ...(otherAudiences.length > 0 ? [finding(JWT_OTHER_AUDIENCE, at, `${otherAudiences.length} more`)] : []),
  ];
}
