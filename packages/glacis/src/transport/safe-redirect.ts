/** Redirect targets that come from outside: only this application's own paths, or origins that somebody listed (CWE-601). */
import type { AuditEvent } from "../core/event.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { parseOrigin } from "../primitives/origin.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

export interface SafeRedirectOptions {
  /** The application's own public origin. */
  readonly origin: string;
  /** Other https origins that a redirect may lead to, each in full. None unless you say otherwise. */
  readonly allow?: readonly string[];
  /** Where a refused target leads instead; a path of this application. `/` unless you say otherwise. */
  readonly fallback?: string;
}

/** Why a target was refused; a closed set, safe for the log. */
export type RedirectRefusal =
  | "not_text"
  | "too_long"
  | "hidden_character"
  | "backslash"
  | "not_absolute"
  | "scheme_relative"
  | "encoded_slash"
  | "user_info"
  | "unparsable"
  | "origin_not_allowed";

export interface SafeRedirect {
  /** What to put into Location: a path of this application, or a URL of an allowed origin. */
  readonly location: string;
  /** Present when the target was refused and `location` is the fallback; report it. */
  readonly event: AuditEvent | undefined;
}

/** Longer targets are no addresses that a page of ours made. */
export const MAX_REDIRECT_LENGTH = 2048;

/**
 * Turns a redirect target from outside, such as the parameter `next`, into one that is safe to send. A target passes if it is a path of this
 * application that starts with one `/`, or a complete URL whose origin is this one or an allowed one; both by its text and by what the WHATWG
 * URL parser, which is the browser's, makes of it. Own URLs come back as paths. Everything else becomes the fallback, with an event.
 *
 * @param target what the client sent; any type
 * @throws TypeError when the options are wrong, never because of the target
 * @example
 * const { location, event } = safeRedirect(query.next, { origin: "https://app.example.com" });
 * if (event !== undefined) security.report(event, request);
 * response.redirect(303, location);
 */
export function safeRedirect(target: unknown, options: SafeRedirectOptions): SafeRedirect {
  const { fallback, resolve } = compileRedirects("safeRedirect", options);
  const resolved = resolve(target);
  return "refusal" in resolved
    ? { location: fallback, event: refusedRedirect(resolved.refusal) }
    : { location: resolved.location, event: undefined };
}

/**
 * True when `safeRedirect` would follow the target. Prefer `safeRedirect`: it returns the location in the one spelling that was judged.
 *
 * @throws TypeError when the options are wrong, never because of the target
 */
export function isSafeRedirect(target: unknown, options: SafeRedirectOptions): boolean {
  return !("refusal" in compileRedirects("isSafeRedirect", options).resolve(target));
}

export type ResolvedRedirect = { readonly location: string } | { readonly refusal: RedirectRefusal };

export interface CompiledRedirects {
  readonly origin: string;
  readonly allowed: ReadonlySet<string>;
  readonly fallback: string;
  readonly resolve: (target: unknown) => ResolvedRedirect;
}

/** Validates the options once; the redirect guard keeps the result. */
export function compileRedirects(owner: string, options: SafeRedirectOptions): CompiledRedirects {
  rejectUnknownOptions(owner, options, ["origin", "allow", "fallback"]);
  const origin = parseOrigin(`${owner}({ origin })`, options.origin);
  const given: unknown = options.allow ?? [];
  if (!Array.isArray(given)) throw new TypeError(`${owner}() needs allow as an array of origins.`);
  const allowed = new Set(given.map((text: unknown) => parseOrigin(`${owner}({ allow })`, text)));
  for (const other of allowed) {
    if (!other.startsWith("https://"))
      throw new TypeError(`${owner}({ allow }) takes https origins only; ${other} is not.`);
  }
  const resolve = (target: unknown): ResolvedRedirect => resolveTarget(target, origin, allowed);
  const fallback = resolve(options.fallback ?? "/");
  if ("refusal" in fallback || !fallback.location.startsWith("/")) {
    throw new TypeError(`${owner}() needs fallback as a path of this application, such as "/".`);
  }
  return { origin, allowed, fallback: fallback.location, resolve };
}

/** A complete URL, cut into what names the server and the rest. */
const COMPLETE = /^https?:\/\/([^/?#]*)/iu;

function resolveTarget(target: unknown, origin: string, allowed: ReadonlySet<string>): ResolvedRedirect {
  const flaw = flawIn(target);
  if (flaw !== undefined) return { refusal: flaw };
  const text = target as string;
  const complete = COMPLETE.exec(text);
  if (complete === null && !text.startsWith("/")) return { refusal: "not_absolute" };
  if (!canParseUrl(text, origin)) return { refusal: "unparsable" };
  const url = new URL(text, origin);
  // The parser forgives much in a host: other capitals of Unicode, percent-encoding, missing digits. What it had to change is not what was listed.
  if (complete !== null && !spellsHost(complete[1] as string, url)) return { refusal: "origin_not_allowed" };
  if (url.origin === origin) return ownPath(url);
  return allowed.has(url.origin) ? { location: url.href } : { refusal: "origin_not_allowed" };
}

/** Path, query and fragment. A dot segment may have left two slashes in front, which a browser would read as a host. */
function ownPath(url: URL): ResolvedRedirect {
  if (STARTS_LIKE_HOST.test(url.pathname)) return { refusal: "encoded_slash" };
  return { location: url.pathname + url.search + url.hash };
}

/**
 * Two slashes of any kind in front, plain, backwards or encoded: a proxy or router that decodes once would make a host of the rest. So would the
 * browser of what is left after a tab or a line break between them, which its parser drops.
 */
const STARTS_LIKE_HOST = /^(?:\/|%2f|\\|%5c)(?:%09|%0a|%0d)*(?:\/|%2f|\\|%5c)/iu;

function spellsHost(authority: string, { host, protocol }: URL): boolean {
  const lower = authority.toLowerCase();
  return lower === host || lower === `${host}:${protocol === "https:" ? 443 : 80}`;
}

/** What is wrong with a target before any parser sees it. Rules about the address stop at the query: what follows it leads nowhere. */
function flawIn(target: unknown): RedirectRefusal | undefined {
  if (typeof target !== "string" || target === "") return "not_text";
  if (target.length > MAX_REDIRECT_LENGTH) return "too_long";
  const address = /^[^?#]*/u.exec(target)?.[0] ?? "";
  if (DROPPED.test(target) || INVISIBLE.test(address)) return "hidden_character";
  if (address.includes("\\")) return "backslash";
  if (address.startsWith("//")) return "scheme_relative";
  if (STARTS_LIKE_HOST.test(address) || LOOKS_LIKE_SLASH.test(address)) return "encoded_slash";
  return COMPLETE.exec(address)?.[1]?.includes("@") === true ? "user_info" : undefined;
}

/** Control characters, lone surrogates, and blanks at either end: parsers drop them, each differently, before they read the rest. */
const DROPPED = /[\p{Cc}\p{Cs}]|^\s|\s$/u;

/** Format characters, private ones and separators: people do not see them, and a host loses them. */
const INVISIBLE = /[\p{Cf}\p{Co}\p{Zl}\p{Zp}]/u;

/** A slash of another script after the first one; normalisation turns it into the real one. */
const LOOKS_LIKE_SLASH = /^\/?[\u2044\u2215\u29f5\u29f8\u29f9\ufe68\uff0f\uff3c]/u;

/** What to report about a refused target. The target itself is not in it: it is user input, and often carries a token. */
export function refusedRedirect(detail: RedirectRefusal): AuditEvent {
  return {
    event_type: "input_validation",
    status: "refused",
    severity: "warning",
    event: "open_redirect",
    control: "open-redirect",
    detail,
  };
}
