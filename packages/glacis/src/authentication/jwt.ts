/** Self-contained tokens for APIs (catalog jwt-signature; RFC 8725, RFC 9068). What they say of themselves is the matter of jwt-claims.ts. */
import type { Control, ControlMeta } from "../core/control.ts";
import { ALLOW, deny, type Deny, type HeaderPair } from "../core/decision.ts";
import type { IdentifiedFacts, RequestFacts } from "../core/facts.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Service, User } from "../core/principal.ts";
import type { Identity } from "../core/security.ts";
import { acceptBearer, bearerToken, refuseBearer, refusedBearer, type BearerCredential } from "./bearer-credential.ts";
import type { Dpop, ProofFlaw } from "./dpop.ts";
import { boundTo, delegationOf } from "./jwt-delegation.ts";
import { controlOfFlaw, JWT_LIFETIME_SECONDS, jwtClaims } from "./jwt-claims.ts";
import type { KeySet } from "./jwt-keys.ts";
import {
  JWT_ALGORITHMS,
  looksLikeJwt,
  namedIssuer,
  verifyJwt,
  type JwtAlgorithm,
  type JwtClaims,
  type JwtFlaw,
  type JwtRules,
  type JwtVerdict,
} from "./jwt-verification.ts";

const META: ControlMeta = {
  id: "jwt-signature",
  title: "Token signature verified with allowlisted algorithm and pre-configured keys",
  layer: "authentication",
  guide: ["A08"],
  owasp2021: ["A02", "A07", "A08"],
  owasp2025: ["A07", "A08", "A04"],
  asvs: ["v5.0.0-9.1.1", "v5.0.0-9.1.2", "v5.0.0-9.1.3"],
  cwe: ["CWE-347", "CWE-327", "CWE-345", "CWE-290"],
};

const INVALID_TOKEN: readonly HeaderPair[] = [["www-authenticate", 'Bearer error="invalid_token"']];
const LONGEST_SECONDS = 86_400;
const MOST_SKEW_SECONDS = 60;

export interface JwtIssuer {
  /** Exactly as it stands in `iss`. */
  readonly issuer: string;
  /** This API's name at the issuer, exactly as it stands in `aud`. */
  readonly audience: string;
  /** Audiences that may stand beside ours in a token; none, and a token for somebody else as well is refused. */
  readonly otherAudiences?: readonly string[];
  /** What the issuer signs with, of one family of keys: `["ES256"]`. */
  readonly algorithms: readonly JwtAlgorithm[];
  /** `publishedKeys(...)` or `fixedKeys(...)`. */
  readonly keys: KeySet;
  /** The header's `typ`: `at+jwt`. `"any"` takes tokens of every type, which is a finding. */
  readonly typ?: string;
  /** From `iat` to `exp`, at most: 600. Many providers make them for an hour; then say so. */
  readonly maxLifetimeSeconds?: number;
  /** How far clocks may be apart: 30, and 60 at most. */
  readonly skewSeconds?: number;
  /** `"required"` takes no token that is not bound to its holder's key; `"optional"` is the default, and holds a bound token to its key in any case. */
  readonly proofOfPossession?: "optional" | "required";
  /** Who a verified token is, in this application; undefined refuses it. The tenant comes from here, so look it up and never take a caller's word. */
  readonly principal: (
    claims: JwtClaims,
    request: RequestFacts,
  ) => User | Service | undefined | Promise<User | Service | undefined>;
}

export interface JwtOptions {
  readonly issuers: readonly JwtIssuer[];
  /** Judges proofs of possession: `dpop(...)`. Without it a token that is bound to a key is refused. */
  readonly dpop?: Dpop;
}

type Cause = JwtFlaw | ProofFlaw | "header_duplicated" | "unknown_issuer" | "nobody";

const ISSUER_OPTIONS = [
  "issuer",
  "audience",
  "otherAudiences",
  "algorithms",
  "keys",
  "typ",
  "maxLifetimeSeconds",
  "skewSeconds",
  "proofOfPossession",
  "principal",
];

/**
 * Takes tokens of issuers that you name, and of nobody else. Algorithms and keys are yours and never the token's; issuer, audience and type are
 * compared whole; a token without an end is refused. Its bearer has no session, and needs no CSRF token.
 *
 * @throws TypeError on an unknown option, an algorithm that is not asymmetric, or limits that are too wide.
 * @example
 * const tokens = jwt({ issuers: [{ issuer, audience: "https://api.example.com", algorithms: ["ES256"], keys, principal }] });
 */
export function jwt(options: JwtOptions): BearerCredential {
  rejectUnknownOptions("jwt", options, ["issuers", "dpop"]);
  const { dpop } = options;
  if (!Array.isArray(options.issuers) || options.issuers.length === 0)
    throw new TypeError("jwt() needs the issuers whose tokens count.");
  const issuers = new Map(
    options.issuers.map((issuer: JwtIssuer) => [issuer.issuer, { issuer, rules: rulesOf(issuer) }]),
  );
  if (issuers.size !== options.issuers.length) throw new TypeError("jwt() needs each issuer once.");
  for (const { issuer } of issuers.values()) requireProofs(issuer.proofOfPossession ?? "optional", dpop);
  const control: Control<IdentifiedFacts> = {
    meta: META,
    rules: [],
    decide: (facts) => refusedBearer(facts) ?? ALLOW,
    // What is not allowed here cannot be written down: the factory throws.
    check: () => [],
  };

  async function identify(facts: RequestFacts, { token, scheme }: PresentedToken): Promise<Identity> {
    const known = issuers.get(namedIssuer(token) ?? "");
    if (known === undefined) return refuseBearer(facts, refuse("unknown_issuer"));
    const verdict = await verify(token, known.issuer.keys, known.rules, facts.receivedAtMs);
    if (verdict.kind === "refused") return refuseBearer(facts, refuse(verdict.flaw));
    const thumbprint = boundTo(verdict.claims);
    const flaw = await proofFlaw(facts, { token, scheme }, thumbprint);
    if (flaw === undefined && thumbprint === undefined && known.issuer.proofOfPossession === "required")
      return refuseBearer(facts, refuse("proof_unbound"));
    if (flaw !== undefined) return refuseBearer(facts, refuse(flaw, dpop?.challenge(flaw, facts.receivedAtMs)));
    const principal = await known.issuer.principal(verdict.claims, facts);
    if (principal === undefined) return refuseBearer(facts, refuse("nobody"));
    if ((principal.kind !== "user" && principal.kind !== "service") || !principal.tenantId)
      throw new TypeError("principal() must answer with a user or a service of a tenant, or undefined.");
    const renewal = thumbprint === undefined ? [] : (dpop?.renewal(facts) ?? []);
    return acceptBearer(facts, { ...principal, delegation: delegationOf(verdict.claims) }, renewal);
  }

  /** A bound token under the scheme of a bearer has been copied; a proof for a token that names no key proves nothing about it. */
  async function proofFlaw(
    facts: RequestFacts,
    { token, scheme }: PresentedToken,
    thumbprint: string | undefined,
  ): Promise<ProofFlaw | undefined> {
    if (thumbprint === undefined) return scheme === "dpop" ? "proof_unbound" : undefined;
    if (scheme !== "dpop" || dpop === undefined) return "proof_missing";
    return dpop.judge(facts, token, thumbprint);
  }

  return {
    control,
    delegates: true,
    posture: [jwtClaims([...issuers.values()].map(({ rules }) => rules))],
    authenticate: (next) => (facts) => {
      const bearer = bearerToken(facts);
      if (bearer === undefined) return next(facts);
      if (bearer === "ambiguous") return refuseBearer(facts, refuse("header_duplicated"));
      // Two dots make a token of this kind; whatever it is otherwise, it is nobody else's.
      if (bearer.token.split(".").length !== 3) return next(facts);
      return looksLikeJwt(bearer.token) ? identify(facts, bearer) : refuseBearer(facts, refuse("malformed"));
    },
  };
}

/** Misspelt, it would be optional; without a judge every token of such an issuer would be refused. */
function requireProofs(wanted: string, dpop: Dpop | undefined): void {
  if (wanted !== "optional" && wanted !== "required")
    throw new TypeError('jwt() needs proofOfPossession as "optional" or "required".');
  if (wanted === "required" && dpop === undefined)
    throw new TypeError("jwt() needs dpop, which judges the proofs that proofOfPossession asks for.");
}

interface PresentedToken {
  readonly token: string;
  readonly scheme: "bearer" | "dpop";
}

/** With the keys at hand first, and with newer ones when the token names one that is not among them. */
export async function verify(token: string, keys: KeySet, rules: JwtRules, nowMs: number): Promise<JwtVerdict> {
  const known = await keys.current(nowMs);
  const verdict = await verifyJwt(token, known, rules, nowMs);
  if (verdict.kind === "verified" || verdict.flaw !== "unknown_key") return verdict;
  const newer = await keys.newer(known, nowMs);
  return newer === undefined ? verdict : verifyJwt(token, newer, rules, nowMs);
}

function rulesOf(given: JwtIssuer): JwtRules {
  rejectUnknownOptions("jwt({ issuers })", given, ISSUER_OPTIONS);
  const { issuer, audience, otherAudiences = [], algorithms, typ = "at+jwt", keys, principal } = given;
  const { maxLifetimeSeconds = JWT_LIFETIME_SECONDS, skewSeconds = 30 } = given;
  if (typeof issuer !== "string" || issuer === "" || typeof audience !== "string" || audience === "")
    throw new TypeError("jwt() needs issuer and audience, exactly as they stand in the tokens.");
  requireAlgorithms(algorithms);
  if (typeof keys?.current !== "function") throw new TypeError("jwt() needs keys: publishedKeys() or fixedKeys().");
  if (typeof principal !== "function") throw new TypeError("jwt() needs principal, which says who a token is.");
  if (!(maxLifetimeSeconds > 0 && maxLifetimeSeconds <= LONGEST_SECONDS))
    throw new TypeError("jwt() needs maxLifetimeSeconds of a day at most.");
  if (!(skewSeconds >= 0 && skewSeconds <= MOST_SKEW_SECONDS))
    throw new TypeError(`jwt() needs skewSeconds of ${MOST_SKEW_SECONDS} at most.`);
  return {
    issuer,
    audience,
    otherAudiences,
    algorithms,
    typ: typ === "any" ? undefined : typ,
    skewSeconds,
    maxLifetimeSeconds,
  };
}

/** Several families let a token choose: RFC 8725 section 3.1 wants one key to have one algorithm. */
function requireAlgorithms(algorithms: readonly JwtAlgorithm[]): void {
  const known: ReadonlySet<string> = new Set(JWT_ALGORITHMS);
  const families = new Set(Array.isArray(algorithms) ? algorithms.map((one: string) => one.slice(0, 2)) : []);
  if (families.size !== 1 || algorithms.some((one) => !known.has(one)))
    throw new TypeError(
      `jwt() needs algorithms of one family of ${JWT_ALGORITHMS.join(", ")}. HMAC and none are not among them.`,
    );
}

function refuse(cause: Cause, headers: readonly HeaderPair[] = INVALID_TOKEN): Deny {
  return deny(
    "unauthenticated",
    {
      event_type: "authentication",
      status: "failed",
      severity: "warning",
      event: "authn_token_rejected",
      control: controlOfFlaw(cause, META.id),
      reason: "unauthenticated",
      detail: cause,
    },
    { headers, why: `Token: ${cause}.` },
  );
}
