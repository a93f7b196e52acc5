import type { Control } from "../core/control.ts";
import type { Deny, HeaderPair } from "../core/decision.ts";
import type { IdentifiedFacts, RequestFacts } from "../core/facts.ts";
import { PerRequest } from "../core/per-request.ts";
import { ANONYMOUS, type Service, type User } from "../core/principal.ts";
import type { Authenticate, Identity } from "../core/security.ts";
import { rawHeaderValues } from "../core/wire.ts";

/** A way in for programs, by `Authorization: Bearer` (RFC 6750). A browser does not attach one by itself, so it needs no CSRF token. */
export interface BearerCredential {
  /** Refuses what `authenticate` found to be no good. It stands behind the limits by identity and in front of CSRF. */
  readonly control: Control<IdentifiedFacts>;
  /** Its tokens were given for something, so that each route must say what opens it. */
  readonly delegates?: boolean;
  /** Controls besides that judge its options and see no request. */
  readonly posture?: readonly Control<IdentifiedFacts>[];
  /**
   * Recognises its own tokens and gives every other request to `next`. A request with such a token is nobody else's, whatever cookies come along: a
   * token that is no good never falls back to a session.
   */
  authenticate(next: Authenticate): Authenticate;
}

/** RFC 6750 and, for a token that is bound to a key, RFC 9449. */
const AUTHORIZATION = /^(?<scheme>bearer|dpop) +(?<token>\S+)$/iu;
const NOBODY: Identity = Object.freeze({ principal: ANONYMOUS, session: undefined });

/** The token of a request; `ambiguous` when there are several Authorization headers, for one credential decides who it is. */
export function bearerToken(
  facts: RequestFacts,
): { readonly token: string; readonly scheme: "bearer" | "dpop" } | "ambiguous" | undefined {
  const header = facts.header("authorization");
  if (header === undefined) return undefined;
  if (rawHeaderValues(facts.wire.rawHeaders, "authorization").length > 1) return "ambiguous";
  const { scheme, token } = AUTHORIZATION.exec(header.trim())?.groups ?? {};
  return token === undefined ? undefined : { token, scheme: scheme?.toLowerCase() === "dpop" ? "dpop" : "bearer" };
}

/** What became of a request's token when it was no good. */
const refused = new PerRequest<Deny>();

/** Nobody now, and refused by the control once the limits have counted the request. */
export function refuseBearer(facts: RequestFacts, denial: Deny): Identity {
  refused.set(facts, denial);
  return NOBODY;
}

/** Requests whose principal came by a token. */
const accepted = new PerRequest<true>();

/** Somebody by a token: no browser attached it by itself. */
export function acceptBearer(
  facts: RequestFacts,
  principal: User | Service,
  headers: readonly HeaderPair[] = [],
): Identity {
  accepted.set(facts, true);
  return { principal, session: undefined, ...(headers.length > 0 && { headers }) };
}

export function cameByBearer(facts: RequestFacts): boolean {
  return accepted.get(facts) === true;
}

export function refusedBearer(facts: RequestFacts): Deny | undefined {
  return refused.get(facts);
}
