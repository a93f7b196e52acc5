/** A token opens what it was given for, and nothing besides (catalog oauth-resource-server; RFC 6750 section 3.1, RFC 9068). */
import type { Control, ControlMeta } from "../core/control.ts";
import { ALLOW, deny, type Decision } from "../core/decision.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { observed } from "../core/response.ts";

const META: ControlMeta = {
  id: "oauth-resource-server",
  title: "A resource server holds tokens to audience, scope, subject and proof of possession",
  layer: "authorization",
  guide: ["A01"],
  owasp2021: ["A01", "A07"],
  owasp2025: ["A01", "A07"],
  asvs: ["v5.0.0-10.3.1", "v5.0.0-10.3.2", "v5.0.0-10.3.4", "v5.0.0-10.3.5"],
  cwe: ["CWE-863", "CWE-285", "CWE-294"],
};

export const SCOPE_UNDECLARED: Rule = {
  id: "oauth-resource-server/no-scope",
  severity: "note",
  what: "A route of the API says nothing about scopes, so no access token opens it.",
  why: "That is safe; a client that should reach it is refused with insufficient_scope until somebody says what a token must be given for.",
  fix: 'Add scopes: ["documents:read"] to its rule, or scopes: [] where any token will do.',
};
export const SCOPE_UNTOLD: Rule = {
  id: "oauth-resource-server/no-challenge",
  severity: "note",
  what: "A request with a token is refused without a word about tokens.",
  why: "A client cannot tell a token that has ended from one that was given for too little, and tries again without end.",
  fix: "Answer 401 and 403 to a token with WWW-Authenticate (RFC 6750 section 3), as the library does.",
};

export interface OauthResourceServerOptions {
  /** False where nobody comes by a token that was given for something: routes need not say then what opens them. */
  readonly takesTokens?: boolean;
}

/**
 * Holds each access token against the scopes of the route. Principals of a session or an API key have their own rights and pass. It runs before the
 * route's access rule, which has its say about the user besides: a token never gives more than its user has.
 *
 * @example
 * routeRule(authenticated(), { kind: "api", scopes: ["documents:read"] });
 */
export function oauthResourceServer(options: OauthResourceServerOptions = {}): Control<IdentifiedFacts> {
  rejectUnknownOptions("oauthResourceServer", options, ["takesTokens"]);
  const { takesTokens = true } = options;
  return {
    meta: META,
    rules: [SCOPE_UNDECLARED, SCOPE_UNTOLD],
    decide,
    check: () => [],
    checkRoutes: (routes) =>
      routes
        .filter(({ rule }) => takesTokens && rule.kind === "api" && rule.scopes === undefined)
        .map(({ method, pattern }) => finding(SCOPE_UNDECLARED, { kind: "route", method, pattern })),
    observe: (response) => {
      const told = observed(response, "www-authenticate").some((value) => /^(?:Bearer|DPoP)\b/iu.test(value));
      const asked = observed(response, "vary").some((value) => /\bauthorization\b/iu.test(value));
      return asked && !told && [401, 403].includes(response.status)
        ? [finding(SCOPE_UNTOLD, { kind: "response", url: response.url, header: "www-authenticate" })]
        : [];
    },
  };
}

function decide({ principal, route }: IdentifiedFacts): Decision {
  if (principal.kind === "anonymous" || principal.delegation === undefined) return ALLOW;
  const given = new Set(principal.delegation.scopes);
  if (route.scopes?.every((scope) => given.has(scope)) === true) return ALLOW;
  const needed = route.scopes === undefined ? "" : `, scope="${route.scopes.join(" ")}"`;
  return deny(
    "forbidden",
    {
      event_type: "authorization_failure",
      status: "refused",
      severity: "warning",
      event: "authz_fail",
      control: META.id,
      reason: "forbidden",
      detail: route.scopes === undefined ? "route_without_scope" : "insufficient_scope",
    },
    {
      headers: [["www-authenticate", `Bearer error="insufficient_scope"${needed}`]],
      why: "The access token was not given for this route.",
      fix: "Ask for a token with the scopes of the route, or declare them: routeRule(access, { scopes }).",
    },
  );
}
