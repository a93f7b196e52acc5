/** What a verified token was given for, and to whom it is bound. */
import type { Delegation } from "../core/principal.ts";
import { isRecord } from "../primitives/is-record.ts";
import type { JwtClaims } from "./jwt-verification.ts";

const MOST_SCOPES = 200;
const MOST_DETAILS = 50;
/** RFC 6749 section 3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/u;

/** `scope` (RFC 9068 section 2.2.3), or `scp` of providers that were there before it. Whatever is no scope gives none. */
export function delegationOf(claims: JwtClaims): Delegation {
  const { iss: issuer, sub: subject, scope, scp, client_id: clientId, authorization_details: details } = claims;
  const named = scope ?? scp;
  const list: readonly unknown[] = typeof named === "string" ? named.split(" ") : Array.isArray(named) ? named : [];
  return {
    issuer,
    subject,
    clientId: typeof clientId === "string" ? clientId : undefined,
    scopes: list.filter((one): one is string => typeof one === "string" && SCOPE.test(one)).slice(0, MOST_SCOPES),
    authorizationDetails: Array.isArray(details) ? details.filter(isRecord).slice(0, MOST_DETAILS) : [],
  };
}

/** The thumbprint of the key that a token is bound to (RFC 9449 section 6.1). A binding that cannot be read binds to nobody. */
export function boundTo({ cnf }: JwtClaims): string | undefined {
  if (cnf === undefined) return undefined;
  const thumbprint = isRecord(cnf) ? cnf["jkt"] : undefined;
  return typeof thumbprint === "string" ? thumbprint : "";
}
