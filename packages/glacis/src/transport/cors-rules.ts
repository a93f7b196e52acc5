import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { isLoopbackHost } from "../primitives/origin.ts";

export const CORS_INSECURE_ORIGIN: Rule = {
  id: "cors/insecure-origin",
  severity: "error",
  what: "An allowed origin is not HTTPS.",
  why: "Whoever can change a page on that origin's network reads this API with the visitor's rights.",
  fix: "List the https origin.",
};
export const CORS_LOOPBACK_ORIGIN: Rule = {
  id: "cors/loopback-origin",
  severity: "warning",
  what: "An allowed origin is the visitor's own machine.",
  why: "Any program that listens on that port there, and any page that it serves, reads this API.",
  fix: "List loopback origins in development only.",
};
export const CORS_WILDCARD: Rule = {
  id: "cors/wildcard",
  severity: "error",
  what: "Every origin may read this response.",
  why: "Any page on the web, and any page in an internal network that a browser can reach, reads what this server says.",
  fix: "List exact origins in cors({ origins }), and remove what writes Access-Control-Allow-Origin on the way.",
};
export const CORS_NULL_ORIGIN: Rule = {
  id: "cors/null-origin",
  severity: "error",
  what: 'The origin "null" may read this response.',
  why: "Every sandboxed frame and every local file has that origin, so an attacker takes it at will.",
  fix: "Give the page that needs this a real origin, and list that.",
};
export const CORS_UNLISTED_ORIGIN: Rule = {
  id: "cors/unlisted-origin",
  severity: "error",
  what: "An origin that is not listed may read this response, or the header names no single origin.",
  why: "Something writes or reflects origins besides the one place where they are reviewed.",
  fix: "List the origin in cors({ origins }), or remove the other writer.",
};
export const CORS_UNLISTED_CREDENTIALS: Rule = {
  id: "cors/unlisted-credentials",
  severity: "error",
  what: "An origin that may read without cookies is answered as one that may send them.",
  why: "Something besides the policy, such as a proxy, lets a script of that origin act as whoever visits it.",
  fix: "List the origin in cors({ credentials }), or remove what writes Access-Control-Allow-Credentials on the way.",
};
export const CORS_VARY_MISSING: Rule = {
  id: "cors/vary-missing",
  severity: "warning",
  what: "The response names an origin without Vary: Origin.",
  why: "A cache hands one origin's permission to another, or none to the one that has it.",
  fix: "Let cors() write both, and keep a proxy from removing Vary.",
};
export const CORS_TENANT_HEADER: Rule = {
  id: "cors/tenant-header",
  severity: "note",
  what: "Other origins may send a header that names a tenant.",
  why: "A client writes there what it likes. It is a hint for routing; the tenant comes from the principal.",
  fix: "Leave x-tenant-id out of allowedHeaders, or make sure that nothing takes it as authority.",
};
export const CORS_MAX_AGE_OVER_CAP: Rule = {
  id: "cors/max-age-over-cap",
  severity: "note",
  what: "Preflight answers are kept longer than browsers keep them.",
  why: "Chromium stops at two hours; what is longer only delays a change of policy in other browsers.",
  fix: "Use maxAgeSeconds of at most 7200.",
};

export const CHROMIUM_MAX_AGE_SECONDS = 7200;

/** Whether one origin may be allowed in production: behind `check` for what is configured, behind `observe` for what is sent. */
export function assessOrigin(origin: string, at: Location): readonly Finding[] {
  if (isLoopbackHost(new URL(origin).hostname)) return [finding(CORS_LOOPBACK_ORIGIN, at, origin)];
  return origin.startsWith("https:") ? [] : [finding(CORS_INSECURE_ORIGIN, at, origin)];
}
