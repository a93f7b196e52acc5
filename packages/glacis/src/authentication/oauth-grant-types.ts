/** What each client may ask for, and nothing besides (catalog oauth-grant-types; RFC 9700 sections 2.1.2 and 2.4). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import type { Observation } from "../core/response.ts";
import {
  attemptIn,
  clientsOf,
  publishedBy,
  textsIn,
  type KnownClient,
  type OauthServer,
} from "../primitives/oauth-server.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

const META: ControlMeta = {
  id: "oauth-grant-types",
  title: "Only needed grants, response types and scopes per client",
  layer: "authentication",
  guide: ["A05", "A07"],
  owasp2021: ["A07", "A05", "A04"],
  owasp2025: ["A07", "A02", "A06"],
  asvs: ["v5.0.0-10.4.4", "v5.0.0-10.4.11", "v5.0.0-10.4.12", "v5.0.0-10.4.13", "v5.0.0-10.4.15", "v5.0.0-10.6.1"],
  cwe: ["CWE-1188", "CWE-250", "CWE-266"],
};

export const GRANT_IMPLICIT: Rule = {
  id: "oauth-grant-types/implicit",
  severity: "error",
  what: "The server gives tokens in the address of a page.",
  why: "They stand in histories and logs, nothing binds them to whoever asked, and a script of the page reads them.",
  fix: 'Set responseTypes: ["code"], and give clients the grant authorization_code.',
};
export const GRANT_PASSWORD: Rule = {
  id: "oauth-grant-types/password",
  severity: "error",
  what: "The server takes people's passwords from clients.",
  why: "Every client learns them, and no second factor, passkey or provider can stand in between.",
  fix: "Remove the grant password; clients send people to the server.",
};
export const GRANT_UNKNOWN: Rule = {
  id: "oauth-grant-types/unneeded",
  severity: "warning",
  what: "A client has grants that do not belong together, or one that nobody knows.",
  why: "A client that acts for people and for itself with the same credentials does the one where the other was meant.",
  fix: "Give people's clients authorization_code and refresh_token; a machine's client_credentials; each a client of its own.",
};
export const GRANT_ANY_SCOPE: Rule = {
  id: "oauth-grant-types/any-scope",
  severity: "warning",
  what: "A client may ask for every scope that there is.",
  why: "Whoever breaks into the smallest client asks for the largest.",
  fix: "List its scopes in scope.",
};

const KNOWN: ReadonlySet<string> = new Set([
  "authorization_code",
  "refresh_token",
  "client_credentials",
  "urn:ietf:params:oauth:grant-type:device_code",
  "urn:openid:params:grant-type:ciba",
  "urn:ietf:params:oauth:grant-type:token-exchange",
  "urn:ietf:params:oauth:grant-type:jwt-bearer",
]);
/** What oidc-provider answers to where nothing is said. */
const DEFAULT_TYPES = ["code id_token", "code", "id_token", "none"];

export function oauthGrantTypes(server: OauthServer): Control {
  return {
    meta: META,
    rules: [GRANT_IMPLICIT, GRANT_PASSWORD, GRANT_UNKNOWN, GRANT_ANY_SCOPE],
    check: () => [...judgeServer(server), ...clientsOf(server).flatMap(judgeClient)],
    observe: (response) => [...observeDocument(response), ...observeAttempt(response), ...observeToken(response)],
  };
}

/** A token in the front channel: anything that is neither a code alone nor nothing. */
function isImplicit(type: string): boolean {
  return type !== "code" && type !== "none";
}

function judgeServer({ configuration: { responseTypes } }: OauthServer): readonly Finding[] {
  const implicit = (responseTypes ?? DEFAULT_TYPES).filter(isImplicit);
  return implicit.length === 0
    ? []
    : [finding(GRANT_IMPLICIT, { kind: "setting", name: "oauth responseTypes" }, implicit.join(", "))];
}

function judgeClient({
  client_id: id,
  grant_types: grants,
  response_types: types,
  scope,
}: KnownClient): readonly Finding[] {
  const at = { kind: "setting", name: `oauth client ${id}` } as const;
  const mixed = grants.includes("client_credentials") && grants.some((grant) => grant !== "client_credentials");
  const unknown = grants.filter((grant) => !KNOWN.has(grant) && grant !== "implicit" && grant !== "password");
  return [
    ...(grants.includes("implicit") || types.some(isImplicit) ? [finding(GRANT_IMPLICIT, at)] : []),
    ...(grants.includes("password") ? [finding(GRANT_PASSWORD, at)] : []),
    ...(mixed || unknown.length > 0
      ? [finding(GRANT_UNKNOWN, at, mixed ? "client_credentials beside others" : unknown[0])]
      : []),
    ...(scope === undefined ? [finding(GRANT_ANY_SCOPE, at)] : []),
  ];
}

/** RFC 8414 section 2: a server that does not say has authorization_code and implicit. */
function observeDocument({ url, body }: Observation): readonly Finding[] {
  const document = publishedBy(url, body);
  if (document === undefined) return [];
  const at = { kind: "response", url, header: undefined } as const;
  const grants = textsIn(document["grant_types_supported"], ["authorization_code", "implicit"]);
  const types = textsIn(document["response_types_supported"], []);
  return [
    ...(grants.includes("implicit") || types.some(isImplicit) ? [finding(GRANT_IMPLICIT, at)] : []),
    ...(grants.includes("password") ? [finding(GRANT_PASSWORD, at)] : []),
  ];
}

function observeAttempt(response: Observation): readonly Finding[] {
  const attempt = attemptIn(response);
  if (attempt === undefined || attempt.refused || !isImplicit(attempt.asked.get("response_type") ?? "code")) return [];
  return [finding(GRANT_IMPLICIT, { kind: "response", url: response.url, header: undefined })];
}

/** A form that a probe has posted stands in the query of its observation. */
function observeToken({ url, status, body }: Observation): readonly Finding[] {
  if (!canParseUrl(url) || new URL(url).searchParams.get("grant_type") !== "password") return [];
  const silent = status === 404 || status === 405;
  const unknown = /"error"\s*:\s*"(?:unsupported_grant_type|unauthorized_client|invalid_client)"/u.test(body ?? "");
  return silent || unknown ? [] : [finding(GRANT_PASSWORD, { kind: "response", url, header: undefined })];
}
