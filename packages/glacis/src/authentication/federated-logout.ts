/** Two sessions of one sign-in, the provider's and ours (catalog federated-logout; OpenID Connect Back-Channel and RP-Initiated Logout 1.0). */
import type { Control, ControlMeta } from "../core/control.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import type { Observation } from "../core/response.ts";
import { isRecord } from "../primitives/is-record.ts";
import type { SsoProvider } from "./single-sign-on-provider.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

const META: ControlMeta = {
  id: "federated-logout",
  title: "Session lifetimes coordinated with the provider, and nobody signed out by a link",
  layer: "authentication",
  guide: ["A07"],
  owasp2021: ["A07"],
  owasp2025: ["A07"],
  asvs: ["v5.0.0-7.1.3", "v5.0.0-7.6.1", "v5.0.0-10.6.2"],
  cwe: ["CWE-613", "CWE-352"],
};

export const LOGOUT_AGE: Rule = {
  id: "federated-logout/max-age-too-long",
  severity: "warning",
  what: "A provider's session may be older than a session here is allowed to become.",
  why: "Whoever sits at that browser signs in again without a word when the session here has reached its limit, so there is no limit.",
  fix: "Lower maxAgeSeconds to a day or less: the absolute limit of a session.",
};
export const LOGOUT_NO_BACK_CHANNEL: Rule = {
  id: "federated-logout/no-back-channel",
  severity: "note",
  what: "The provider does not tell anybody when a session ends there.",
  why: "Whoever is dismissed and signed out there stays signed in here until the limits of the session here.",
  fix: "Use a provider with back-channel logout, deprovision people by its API, or shorten the sessions.",
};
export const LOGOUT_UNASKED: Rule = {
  id: "federated-logout/unasked",
  severity: "error",
  what: "A mere link signs people out.",
  why: "Any page in the world can put it into an image: it is denial of service, and the first step of a forced sign-in as somebody else.",
  fix: "Sign out by a form with a CSRF token; a GET may only show that form.",
};

const DAY_SECONDS = 86_400;
const SIGN_OUT = /\/(?:sign-?out|log-?out|logoff)\/?$/iu;
const SESSION_COOKIE = /^__Host-[^=]+=;.*(?:Max-Age=0|Expires=Thu, 01 Jan 1970)/iu;

/** `singleSignOn()` makes it, of the providers that are known when the application starts. */
export function federatedLogout(providers: readonly SsoProvider[]): Control<IdentifiedFacts> {
  return {
    meta: META,
    rules: [LOGOUT_AGE, LOGOUT_NO_BACK_CHANNEL, LOGOUT_UNASKED],
    check: () => providers.flatMap(judgeLogout),
    observe: (response) => [...observeDiscovery(response), ...observeSignOut(response)],
  };
}

/** One provider judged; a tenant may have set it up a moment ago. */
export function judgeLogout({ id, maxAgeSeconds = DAY_SECONDS }: SsoProvider): readonly Finding[] {
  return maxAgeSeconds !== "unknown" && maxAgeSeconds > DAY_SECONDS
    ? [finding(LOGOUT_AGE, { kind: "setting", name: `singleSignOn provider ${id}` }, `${maxAgeSeconds} s`)]
    : [];
}

/** What a provider publishes about itself. */
function observeDiscovery({ url, body }: Observation): readonly Finding[] {
  if (body === undefined || !pathOf(url).endsWith("/.well-known/openid-configuration")) return [];
  const document = parse(body);
  return document?.["backchannel_logout_supported"] === true
    ? []
    : [finding(LOGOUT_NO_BACK_CHANNEL, { kind: "response", url, header: undefined })];
}

/** What a probe's GET at an address of signing out came to. */
function observeSignOut({ url, headers }: Observation): readonly Finding[] {
  const cleared = headers.some(([name, value]) => name === "set-cookie" && SESSION_COOKIE.test(value));
  return cleared && SIGN_OUT.test(pathOf(url))
    ? [finding(LOGOUT_UNASKED, { kind: "response", url, header: "set-cookie" })]
    : [];
}

function pathOf(url: string): string {
  return canParseUrl(url) ? new URL(url).pathname : "";
}

function parse(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
