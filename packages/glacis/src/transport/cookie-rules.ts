import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { prefixOf } from "../primitives/cookie-grammar.ts";
import { MAX_SET_COOKIE_BYTES } from "../primitives/set-cookie.ts";
import type { RegisteredCookie } from "./cookie-registry.ts";
import { isDeletion, readSetCookie, type SetCookieLine } from "./set-cookie-line.ts";

export const COOKIES_INSECURE_TRANSPORT: Rule = {
  id: "cookies/insecure-transport",
  severity: "error",
  what: "A cookie is set over plain HTTP.",
  why: "Whoever shares the network reads it, or replaces it before the browser ever sees HTTPS.",
  fix: "Redirect pages to HTTPS before anything sets a cookie; mount httpsOnly() and cookies().",
};
export const COOKIES_MALFORMED: Rule = {
  id: "cookies/malformed",
  severity: "error",
  what: "A Set-Cookie line is not one that every browser reads alike.",
  why: "A cookie without a proper name can imitate another one, and a control character cuts the attributes off.",
  fix: "Write cookies with serializeCookie(), or encode the name and the value.",
};
export const COOKIES_NOT_SECURE: Rule = {
  id: "cookies/not-secure",
  severity: "error",
  what: "A cookie lacks Secure.",
  why: "The browser sends it over plain HTTP too, where anybody on the way reads it.",
  fix: "Mount cookies(), which adds it, or remove what strips it on the way.",
  django: ["security.W010", "security.W011", "security.W012", "security.W016"],
};
export const COOKIES_SECRET_READABLE: Rule = {
  id: "cookies/secret-readable",
  severity: "error",
  what: "A cookie that holds a secret lacks HttpOnly.",
  why: "One injected script reads it and the session is gone; with HttpOnly it can only be used from within the page.",
  fix: "Mount cookies(), which adds it. A value that script needs belongs into a cookie of its own, registered as a preference.",
  django: ["security.W013", "security.W014", "security.W015"],
};
export const COOKIES_SCRIPT_READABLE: Rule = {
  id: "cookies/script-readable",
  severity: "warning",
  what: "A cookie that nobody registered as readable by script lacks HttpOnly.",
  why: "What script can read, an injected script can send away.",
  fix: 'Register it with purpose "preference" and scriptReadable: true, or let cookies() add HttpOnly.',
};
export const COOKIES_SAME_SITE_MISSING: Rule = {
  id: "cookies/same-site-missing",
  severity: "warning",
  what: "A cookie has no SameSite attribute, or one that browsers do not know.",
  why: "Browsers differ in what they assume; some send the cookie with requests that another site starts.",
  fix: "Mount cookies(), which adds Lax.",
};
export const COOKIES_SAME_SITE_NONE: Rule = {
  id: "cookies/same-site-none",
  severity: "warning",
  what: "A cookie is sent with requests from every site (SameSite=None).",
  why: "Any page on the web makes requests that carry it, which is what request forgery needs.",
  fix: 'Use Lax; or register it with sameSite: "None" and the reason, so that it goes out partitioned.',
};
export const COOKIES_PREFIX_MISSING: Rule = {
  id: "cookies/prefix-missing",
  severity: "warning",
  what: "A cookie that holds a secret has no __Host- or __Secure- prefix.",
  why: "Without it a subdomain, or anybody on plain HTTP, plants a cookie of the same name and chooses the victim's session.",
  fix: "Rename it with __Host-.",
};
export const COOKIES_PREFIX_BROKEN: Rule = {
  id: "cookies/prefix-broken",
  severity: "error",
  what: "A cookie's prefix promises what its attributes do not keep, or is not in the spelling that is read back.",
  why: "Browsers drop such a cookie without a word.",
  fix: "__Host- needs Secure, Path=/ and no Domain; __Secure- needs Secure; __Http- needs Secure and HttpOnly.",
};
export const COOKIES_DOMAIN_WIDE: Rule = {
  id: "cookies/domain-wide",
  severity: "warning",
  what: "A cookie is shared with every subdomain.",
  why: "The weakest subdomain then reads it and replaces it.",
  fix: "Leave Domain out; or register the cookie with a __Secure- name, the domain and the reason.",
};
export const COOKIES_TOO_LARGE: Rule = {
  id: "cookies/too-large",
  severity: "error",
  what: `A Set-Cookie line is longer than ${MAX_SET_COOKIE_BYTES} bytes.`,
  why: "Browsers may drop it without a word, and the old value stays.",
  fix: "Keep the data on the server and a reference in the cookie.",
};
export const COOKIES_UNREGISTERED_ALLOWED: Rule = {
  id: "cookies/unregistered-allowed",
  severity: "note",
  what: "Cookies outside the registry are tightened and sent.",
  why: "A cookie that nobody listed is a cookie that nobody reviewed.",
  fix: 'Register the cookies that you need, then use cookies({ registry, unregistered: "drop" }).',
};

/** Names under which applications keep what must not leak. */
const SECRET_NAME = /sess|sid$|auth|token|login|jwt|csrf|xsrf|remember/iu;

/** The one judgement of a line, behind `check` and `observe`. */
export function assessSetCookie(
  line: string,
  registry: ReadonlyMap<string, RegisteredCookie>,
  at: Location,
  nowMs: number,
): readonly Finding[] {
  const cookie = readSetCookie(line);
  if (cookie === undefined) return [finding(COOKIES_MALFORMED, at)];
  const entry = registry.get(cookie.name);
  const deleted = isDeletion(cookie, nowMs);
  const rules = [
    line.length > MAX_SET_COOKIE_BYTES ? COOKIES_TOO_LARGE : undefined,
    cookie.attributes.has("secure") ? undefined : COOKIES_NOT_SECURE,
    deleted ? undefined : httpOnlyRule(cookie, entry),
    sameSiteRule(cookie, entry),
    prefixRule(cookie, !deleted && holdsSecret(cookie.name, entry)),
    deleted ? undefined : domainRule(cookie, entry),
  ];
  return rules.flatMap((rule) => (rule === undefined ? [] : [finding(rule, at, cookie.name)]));
}

function holdsSecret(name: string, entry: RegisteredCookie | undefined): boolean {
  return entry === undefined ? SECRET_NAME.test(name) : entry.purpose !== "preference";
}

function httpOnlyRule({ name, attributes }: SetCookieLine, entry: RegisteredCookie | undefined): Rule | undefined {
  if (attributes.has("httponly") || entry?.scriptReadable === true) return undefined;
  return holdsSecret(name, entry) ? COOKIES_SECRET_READABLE : COOKIES_SCRIPT_READABLE;
}

function sameSiteRule({ attributes }: SetCookieLine, entry: RegisteredCookie | undefined): Rule | undefined {
  const written = attributes.get("samesite")?.toLowerCase();
  if (written === "strict" || written === "lax") return undefined;
  if (written !== "none") return COOKIES_SAME_SITE_MISSING;
  return entry?.sameSite === "None" && attributes.has("partitioned") ? undefined : COOKIES_SAME_SITE_NONE;
}

function prefixRule({ name, attributes }: SetCookieLine, needsPrefix: boolean): Rule | undefined {
  const found = prefixOf(name);
  if (found === undefined) return needsPrefix ? COOKIES_PREFIX_MISSING : undefined;
  const { prefix, exact } = found;
  const hostOnly = !attributes.has("domain") && attributes.get("path") === "/";
  const kept =
    exact &&
    attributes.has("secure") &&
    (hostOnly || !prefix.startsWith("__Host-")) &&
    (attributes.has("httponly") || !prefix.endsWith("Http-"));
  return kept ? undefined : COOKIES_PREFIX_BROKEN;
}

function domainRule({ attributes }: SetCookieLine, entry: RegisteredCookie | undefined): Rule | undefined {
  const domain = attributes.get("domain");
  if (domain === undefined || domain === "") return undefined;
  return domain.toLowerCase().replace(/^\./u, "") === entry?.domain ? undefined : COOKIES_DOMAIN_WIDE;
}
