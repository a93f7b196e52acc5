/** Every way in is known, goes through one door, and claims no more than it can show (catalog auth-pathway-consistency; ASVS 5 6.1.3, 6.3.4). */
import type { Control, ControlMeta, DeclaredRoute } from "../core/control.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { observed, type Observation } from "../core/response.ts";
import type { Factor, Proof, ProofMethod } from "./proof.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

const META: ControlMeta = {
  id: "auth-pathway-consistency",
  title: "Every sign-in path is inventoried and equally strong",
  layer: "authentication",
  guide: ["A07"],
  owasp2021: ["A07", "A04"],
  owasp2025: ["A07", "A06"],
  asvs: ["v5.0.0-6.1.3", "v5.0.0-6.3.4"],
  cwe: ["CWE-288", "CWE-306"],
};

export const PATHWAY_UNLISTED: Rule = {
  id: "auth-pathway-consistency/unlisted",
  severity: "warning",
  what: "A route of the application looks like a way in, and nobody has listed it.",
  why: "The old mobile API, or the login that somebody wrote for a test, is where second factors and throttling were forgotten.",
  fix: "Remove it, or list it in pathways.own with what it verifies and what throttles it.",
};
export const PATHWAY_UNTHROTTLED: Rule = {
  id: "auth-pathway-consistency/unthrottled",
  severity: "error",
  what: "A way in of the application's own has nothing that counts failures.",
  why: "Passwords are guessed there instead, as often as the network carries.",
  fix: "Ask signInThrottle() before anything is verified, and say so in throttledBy.",
};
export const PATHWAY_BASIC: Rule = {
  id: "auth-pathway-consistency/basic",
  severity: "error",
  what: "The application asks browsers for a name and a password by HTTP Basic authentication.",
  why: "The password comes with each request, without second factor, throttling or end, and no page can sign out.",
  fix: "Sign people in by a session, and programs by API keys.",
};
export const PATHWAY_ALTERNATE: Rule = {
  id: "auth-pathway-consistency/alternate",
  severity: "error",
  what: "A session was given at an address that nobody has listed.",
  why: "It is a way in beside the one that is watched.",
  fix: "Remove the route, or have it end in sessions.establish and list it.",
};

/** What a way of proving oneself can show at most, whether it may come first, and what counts its failures. */
export interface SignInPathway {
  readonly begins: boolean;
  readonly factors: readonly Factor[];
  readonly phishingResistant: boolean;
  readonly throttledBy: string;
}

/** The inventory: every proof is by one of these, and `sessions.establish` and `sessions.stepUp` take nothing else. */
export const SIGN_IN_PATHWAYS: Readonly<Record<ProofMethod, SignInPathway>> = {
  password: {
    begins: true,
    factors: ["knowledge"],
    phishingResistant: false,
    throttledBy: "failures of the account, the address and its network",
  },
  passkey: {
    begins: true,
    factors: ["possession", "knowledge", "inherence"],
    phishingResistant: true,
    throttledBy: "a challenge that counts once, for this browser",
  },
  single_sign_on: {
    begins: true,
    factors: ["knowledge", "possession", "inherence"],
    phishingResistant: true,
    throttledBy: "the provider, and a state that counts once",
  },
  totp: {
    begins: false,
    factors: ["possession"],
    phishingResistant: false,
    throttledBy: "100 failures in a row, and those of the account",
  },
  recovery_code: {
    begins: false,
    factors: ["possession"],
    phishingResistant: false,
    throttledBy: "100 failures in a row, and those of the account",
  },
  sms_code: {
    begins: false,
    factors: ["possession"],
    phishingResistant: false,
    throttledBy: "five tries, three sendings in an hour",
  },
};

/** Where a probe tries a password that is bait: none of them may give a session. */
export const ALTERNATE_SIGN_INS: readonly string[] = (
  "/login /api/login /api/v1/login /api/v2/login /v1/login /v1/auth /api/auth /api/auth/login /api/authenticate /api/session /api/sessions /api/token " +
  "/auth/login /auth/local /auth/token /oauth/token /mobile/login /app/login /m/login /legacy/login /old/login /internal/login /admin/login /user/login " +
  "/users/login /users/sign_in /account/login /accounts/login /signin /sign_in /rest/login /graphql /rpc/login /ws/login /test/login /debug/login"
).split(" ");

const LOOKS_LIKE_ONE =
  /(?:^|\/)(?:log-?in|sign-?in|sign_in|authenticate|auth|oauth\/token|token|magic-?link|impersonate)\/?$/iu;
const SESSION = /^__Host-[^=;]*session[^=;]*=[^;]{20,}/iu;

/** A route of the application's own that signs people in. */
export interface OwnSignIn {
  readonly pattern: string;
  /** What it verifies. */
  readonly method: ProofMethod;
  /** What counts its failures, in words: `signInThrottle`. Empty for nothing, which is a finding. */
  readonly throttledBy: string;
}

export interface AuthPathwayConsistencyOptions {
  /** Ways in of the application's own; those of the library are known. */
  readonly own?: readonly OwnSignIn[];
}

/**
 * Holds the application's routes against the list of ways in. `saas({ pathways })` mounts it.
 *
 * @throws TypeError on an unknown option, or a way in that is none.
 * @example
 * authPathwayConsistency({ own: [{ pattern: "/api/v1/login", method: "password", throttledBy: "signInThrottle" }] });
 */
export function authPathwayConsistency(options: AuthPathwayConsistencyOptions = {}): Control<IdentifiedFacts> {
  rejectUnknownOptions("authPathwayConsistency", options, ["own"]);
  const { own = [] } = options;
  for (const { pattern, method } of own)
    if (!pattern.startsWith("/") || !Object.hasOwn(SIGN_IN_PATHWAYS, method))
      throw new TypeError(
        'authPathwayConsistency() needs own as { pattern: "/login", method: "password", throttledBy }.',
      );
  const listed = new Set(own.map(({ pattern }) => pattern));
  return {
    meta: META,
    rules: [PATHWAY_UNLISTED, PATHWAY_UNTHROTTLED, PATHWAY_BASIC, PATHWAY_ALTERNATE],
    check: () =>
      own
        .filter(({ throttledBy }) => throttledBy.trim() === "")
        .map(({ pattern }) => finding(PATHWAY_UNTHROTTLED, { kind: "route", method: "POST", pattern })),
    checkRoutes: (routes) => routes.filter((route) => looksLikeOne(route) && !listed.has(route.pattern)).map(unlisted),
    observe: (response) => observe(response, listed),
  };
}

function looksLikeOne({ method, pattern }: DeclaredRoute): boolean {
  return method !== "GET" && method !== "HEAD" && LOOKS_LIKE_ONE.test(pattern);
}

function unlisted({ method, pattern }: DeclaredRoute): Finding {
  return finding(PATHWAY_UNLISTED, { kind: "route", method, pattern });
}

function observe(response: Observation, listed: ReadonlySet<string>): readonly Finding[] {
  const { url } = response;
  const path = canParseUrl(url) ? new URL(url).pathname.replace(/\/$/u, "").toLowerCase() : "";
  const asks = observed(response, "www-authenticate").some((value) => /(?:^|,)\s*basic\b/iu.test(value));
  const gives = observed(response, "set-cookie").some((value) => SESSION.test(value));
  return [
    ...(asks ? [finding(PATHWAY_BASIC, { kind: "response", url, header: "www-authenticate" })] : []),
    ...(gives && ALTERNATE_SIGN_INS.includes(path) && !listed.has(path)
      ? [finding(PATHWAY_ALTERNATE, { kind: "response", url, header: "set-cookie" })]
      : []),
  ];
}

/**
 * No session rests on a way in that nobody knows, that is switched off here, or that claims what it cannot show.
 *
 * @throws TypeError for each of these: a mistake of the code that made the proof, never of a client
 */
export function requirePathways(proofs: readonly Proof[], methods: ReadonlySet<ProofMethod> | undefined): void {
  for (const { method, factors, phishingResistant } of proofs) {
    const pathway = Object.hasOwn(SIGN_IN_PATHWAYS, method) ? SIGN_IN_PATHWAYS[method] : undefined;
    if (pathway === undefined || methods?.has(method) === false)
      throw new TypeError(
        `"${method}" is no way in here. List it in pathways.methods, or take the code away that proves by it.`,
      );
    if (
      factors.some((factor) => !pathway.factors.includes(factor)) ||
      (phishingResistant && !pathway.phishingResistant)
    )
      throw new TypeError(`A proof by "${method}" claims more than that can show.`);
  }
}
