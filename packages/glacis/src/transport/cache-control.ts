/** Cache-Control and Vary: nothing personal stays in a browser's or a proxy's cache (RFC 9111; ASVS 5 sections 14.2.2 and 14.3.2). */
import type { Control, ControlMeta } from "../core/control.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { DOCUMENT_TYPES } from "../core/head.ts";
import { HeaderNames, observed, type Observation, type ResponseDraft } from "../core/response.ts";
import { joinVary, varyNames } from "../primitives/vary.ts";

const META: ControlMeta = {
  id: "cache-control",
  title: "Sensitive responses are never cached by browsers or shared caches",
  layer: "transport",
  guide: ["Input Validation: secure file storage"],
  owasp2021: ["A01", "A04"],
  owasp2025: ["A01", "A04"],
  asvs: ["v5.0.0-14.2.2", "v5.0.0-14.2.5", "v5.0.0-14.3.2"],
  cwe: ["CWE-524", "CWE-525", "CWE-359"],
};

export const CACHE_CONTROL_MISSING: Rule = {
  id: "cache-control/missing",
  severity: "warning",
  what: "A response does not say whether it may be stored.",
  why: "Caches then guess, and a shared cache can hand one user's answer to the next.",
  fix: "Mount cacheControl(); declare cacheControl on the public routes that may be stored.",
};
export const CACHE_CONTROL_COOKIE_STORED: Rule = {
  id: "cache-control/cookie-stored",
  severity: "error",
  what: "A response that sets a cookie may be stored.",
  why: "A cache that keeps it gives the same session to everyone who asks next.",
  fix: "Keep no-store on responses that set cookies; check what a CDN adds or removes.",
};
export const CACHE_CONTROL_NO_VARY: Rule = {
  id: "cache-control/no-vary",
  severity: "warning",
  what: "A page that may be stored does not vary by Cookie.",
  why: "A shared cache would show a signed-in user the anonymous page, or the other way round.",
  fix: "Let cacheControl() write Vary: Cookie, and configure the CDN to honour it.",
};
export const CACHE_CONTROL_TARGETED: Rule = {
  id: "cache-control/targeted",
  severity: "error",
  what: "A response that must not be stored tells one kind of cache to store it.",
  why: "A CDN follows its own field, such as CDN-Cache-Control, and does not look at Cache-Control then (RFC 9213 section 2.2).",
  fix: "Let cacheControl() take the field away; declare cacheControl on the public routes that may be stored.",
};

const NO_STORE = "no-store";
/** Fields that a shared cache prefers to Cache-Control: RFC 9213's own, and those of CDNs and proxies in use. */
const TARGETED_NAMES = [
  "cdn-cache-control",
  "surrogate-control",
  "cloudflare-cdn-cache-control",
  "vercel-cdn-cache-control",
  "netlify-cdn-cache-control",
  "edge-control",
  "x-accel-expires",
] as const;
const TARGETED = new HeaderNames(TARGETED_NAMES);
/** What a person reads as a page, and so may look different for each. */
const PAGE_TYPES = new Set(["text/html", "application/xhtml+xml"]);
const DECLARED_STATUSES = new Set([200, 203, 206, 301, 304, 308]);

/**
 * Sends `Cache-Control: no-store` unless a public route declares otherwise, and `Vary: Cookie`. The declaration holds for anonymous visitors;
 * a response that sets a cookie, belongs to a signed-in user or is an error is never stored, whatever the application says. A static file
 * (`kind: "asset"`) is the same for everyone and keeps its declaration for signed-in users too.
 *
 * Nothing that is not to be stored carries a field for one kind of cache, such as CDN-Cache-Control, which would prevail over this one.
 *
 * Pages carry no ETag and no Last-Modified: a 304 would pair the old page with a new policy, whose nonce it does not have.
 *
 * @example
 * cacheControl();
 */
export function cacheControl(): Control {
  return {
    meta: META,
    rules: [CACHE_CONTROL_MISSING, CACHE_CONTROL_COOKIE_STORED, CACHE_CONTROL_NO_VARY, CACHE_CONTROL_TARGETED],
    head: writeCaching,
    check: () =>
      assess(
        { cacheControl: [NO_STORE], targeted: [], cookies: 0, vary: "Cookie", page: true },
        { kind: "setting", name: "cache-control" },
      ),
    observe: observeCaching,
  };
}

const withCookie = joinVary("Cookie");

function writeCaching(draft: ResponseDraft, facts: IdentifiedFacts): void {
  const declared = facts.route.cacheControl;
  const theirs = draft.get("cache-control");
  const forbidden = theirs !== undefined && forbidsStoring(theirs);
  const stored = !forbidden && declared !== undefined && mayBeStored(draft, facts);
  if (!forbidden) draft.set("cache-control", stored ? declared : NO_STORE);
  if (!stored) draft.removeAny(TARGETED);
  if (facts.route.kind !== "asset" || PAGE_TYPES.has(draft.mediaType)) {
    draft.set("vary", withCookie(draft.get("vary")));
  }
  if (DOCUMENT_TYPES.has(draft.mediaType)) {
    draft.remove("etag");
    draft.remove("last-modified");
  }
}

/** Whether a declaration may take effect for this very response. */
function mayBeStored(draft: ResponseDraft, facts: IdentifiedFacts): boolean {
  if (!DECLARED_STATUSES.has(draft.status) || draft.setCookies.length > 0) return false;
  if (facts.route.kind === "asset") return true;
  return (
    facts.principal.kind === "anonymous" && facts.session === undefined && facts.header("authorization") === undefined
  );
}

function forbidsStoring(value: string): boolean {
  return value === NO_STORE || /(?:^|[,\s])no-store(?:[,\s]|$)/iu.test(value);
}

function variesByCookie(vary: string): boolean {
  const names = varyNames(vary);
  return names.has("cookie") || names.has("*");
}

interface Caching {
  readonly cacheControl: readonly string[];
  /** The fields for one kind of cache that do not forbid storing. */
  readonly targeted: readonly string[];
  readonly cookies: number;
  readonly vary: string;
  readonly page: boolean;
}

function observeCaching(response: Observation): readonly Finding[] {
  const caching = {
    cacheControl: observed(response, "cache-control"),
    targeted: TARGETED_NAMES.filter((name) => mayStore(name, observed(response, name).join(", "))),
    cookies: observed(response, "set-cookie").length,
    vary: observed(response, "vary").join(","),
    page: PAGE_TYPES.has((observed(response, "content-type")[0] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? ""),
  };
  return assess(caching, { kind: "response", url: response.url, header: "cache-control" });
}

/** X-Accel-Expires holds seconds, or `@` and a time; the others hold directives. */
function mayStore(name: string, value: string): boolean {
  if (value === "") return false;
  return name === "x-accel-expires" ? value.trim() !== "0" : !forbidsStoring(value);
}

/** The one judgement behind `check` and `observe`. */
function assess({ cacheControl: values, targeted, cookies, vary, page }: Caching, at: Location): readonly Finding[] {
  const value = values.join(", ");
  const findings: Finding[] = [];
  if (values.length === 0) findings.push(finding(CACHE_CONTROL_MISSING, at));
  if (forbidsStoring(value)) {
    for (const name of targeted) findings.push(finding(CACHE_CONTROL_TARGETED, at, name));
    return findings;
  }
  if (cookies > 0) findings.push(finding(CACHE_CONTROL_COOKIE_STORED, at, value.slice(0, 80) || "absent"));
  if (page && values.length > 0 && !/(?:^|[,\s])private(?:[,\s]|$)/iu.test(value) && !variesByCookie(vary))
    findings.push(finding(CACHE_CONTROL_NO_VARY, at, vary.slice(0, 80) || "absent"));
  return findings;
}
