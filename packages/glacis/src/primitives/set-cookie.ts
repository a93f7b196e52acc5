import { rejectUnknownOptions } from "../core/options.ts";
import { isCookieValue, isToken, prefixOf } from "./cookie-grammar.ts";

export type SameSite = "Strict" | "Lax" | "None";

/** A line longer than this may be dropped by the browser without a word (RFC 6265bis section 5.6). */
export const MAX_SET_COOKIE_BYTES = 4096;
/** Browsers shorten every lifetime to 400 days (RFC 6265bis section 5.6.1). */
export const MAX_COOKIE_AGE_SECONDS: number = 400 * 86_400;

/** What a browser is told about a cookie. Everything strict is the default; each weaker choice is written out. */
export interface CookieAttributes {
  /** Whole seconds; zero deletes. Without it and `expires` the cookie ends with the browser's session. */
  readonly maxAgeSeconds?: number;
  readonly expires?: Date;
  /** Shares the cookie with every subdomain. Not with a `__Host-` name. */
  readonly domain?: string;
  /** `/` unless you say otherwise. */
  readonly path?: string;
  /** `Lax` unless you say otherwise. `None` needs `secure`. */
  readonly sameSite?: SameSite;
  /** True unless you say otherwise. */
  readonly secure?: boolean;
  /** True unless you say otherwise: script cannot read the cookie. */
  readonly httpOnly?: boolean;
  /** One jar per embedding site (CHIPS). Needs `secure`. */
  readonly partitioned?: boolean;
  readonly priority?: "Low" | "Medium" | "High";
}

const ATTRIBUTE_NAMES: readonly (keyof CookieAttributes)[] = [
  "maxAgeSeconds",
  "expires",
  "domain",
  "path",
  "sameSite",
  "secure",
  "httpOnly",
  "partitioned",
  "priority",
];

/**
 * Writes one Set-Cookie line (RFC 6265bis section 4.1), and nothing that a browser would read differently or drop. Values are never encoded
 * here: encode before, so that the reader knows how to decode.
 *
 * @throws TypeError on a name that is no token, a value outside cookie-octets, an attribute that breaks a prefix rule, or more than 4096 bytes.
 *   The message never quotes the value.
 * @example
 * serializeCookie("__Host-session", token, { maxAgeSeconds: 3600 });
 * // __Host-session=...; Max-Age=3600; Path=/; Secure; HttpOnly; SameSite=Lax
 */
export function serializeCookie(name: string, value: string, attributes: CookieAttributes = {}): string {
  rejectUnknownOptions("serializeCookie", attributes, ATTRIBUTE_NAMES);
  if (typeof name !== "string" || !isToken(name)) {
    throw new TypeError("A cookie's name is a token: letters, digits and !#$%&'*+-.^_`|~, without spaces.");
  }
  if (typeof value !== "string" || !isCookieValue(value)) {
    throw new TypeError(
      `The value of the cookie "${name}" holds a character that cookies cannot carry. Encode it first, for example as base64url.`,
    );
  }
  const { path = "/", secure = true, httpOnly = true, sameSite = "Lax", partitioned = false } = attributes;
  for (const [flag, given] of Object.entries({ secure, httpOnly, partitioned })) {
    if (typeof given !== "boolean") throw new TypeError(`The cookie "${name}" needs ${flag} as true or false.`);
  }
  requirePrefixRules(name, attributes, { path, secure, httpOnly });
  let line = `${name}=${value}`;
  if (attributes.maxAgeSeconds !== undefined) line += `; Max-Age=${maxAge(name, attributes.maxAgeSeconds)}`;
  if (attributes.expires !== undefined) line += `; Expires=${expiry(name, attributes.expires)}`;
  if (attributes.domain !== undefined) line += `; Domain=${cookieDomain(name, attributes.domain)}`;
  line += `; Path=${cookiePath(name, path)}`;
  if (secure) line += "; Secure";
  if (httpOnly) line += "; HttpOnly";
  line += `; SameSite=${sameSiteOf(name, sameSite, secure)}`;
  if (partitioned) line += partitionedOf(name, secure);
  if (attributes.priority !== undefined) line += `; Priority=${priorityOf(name, attributes.priority)}`;
  if (line.length > MAX_SET_COOKIE_BYTES) {
    throw new TypeError(
      `The cookie "${name}" takes ${line.length} bytes; browsers drop more than ${MAX_SET_COOKIE_BYTES}. Keep the data on the server.`,
    );
  }
  return line;
}

/**
 * The line that deletes a cookie. Name, domain, path and partition must be those it was set with; the rest is written so that the browser
 * accepts the deletion.
 */
export function serializeCookieDeletion(
  name: string,
  attributes: Omit<CookieAttributes, "maxAgeSeconds" | "expires"> = {},
): string {
  return serializeCookie(name, "", { ...attributes, maxAgeSeconds: 0, expires: new Date(0) });
}

interface Resolved {
  readonly path: string;
  readonly secure: boolean;
  readonly httpOnly: boolean;
}

/** RFC 6265bis section 4.1.3; in whatever capitals the name is written, because browsers compare without case. */
function requirePrefixRules(name: string, { domain }: CookieAttributes, { path, secure, httpOnly }: Resolved): void {
  const found = prefixOf(name);
  if (found === undefined) return;
  const { prefix, exact } = found;
  if (!exact) throw new TypeError(`Write the prefix of "${name}" as ${prefix}: only that spelling is read back.`);
  if (!secure) throw new TypeError(`The cookie "${name}" needs secure: browsers refuse ${prefix} without it.`);
  if (prefix.startsWith("__Host-") && (domain !== undefined || path !== "/")) {
    throw new TypeError(`The cookie "${name}" takes no domain and only path "/": that is what ${prefix} promises.`);
  }
  if (prefix.endsWith("Http-") && !httpOnly) {
    throw new TypeError(`The cookie "${name}" needs httpOnly: that is what ${prefix} promises.`);
  }
}

function maxAge(name: string, seconds: number): number {
  if (!Number.isSafeInteger(seconds) || seconds < 0 || seconds > MAX_COOKIE_AGE_SECONDS) {
    throw new TypeError(
      `The cookie "${name}" needs maxAgeSeconds as a whole number from 0 to ${MAX_COOKIE_AGE_SECONDS}, the 400 days that browsers allow.`,
    );
  }
  return seconds;
}

function expiry(name: string, expires: Date): string {
  const year = expires instanceof Date ? expires.getUTCFullYear() : Number.NaN;
  // RFC 6265bis section 5.1.1 reads years from 1601; beyond four digits the text is no HTTP date.
  if (!(year >= 1601 && year <= 9999)) throw new TypeError(`The cookie "${name}" needs expires as a valid Date.`);
  return expires.toUTCString();
}

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/u;

function cookieDomain(name: string, domain: string): string {
  const valid =
    typeof domain === "string" && domain.length <= 253 && domain.split(".").every((label) => LABEL.test(label));
  if (!valid) {
    throw new TypeError(
      `The cookie "${name}" needs domain as a lower-case host name without a leading dot, such as "example.com".`,
    );
  }
  return domain;
}

function cookiePath(name: string, path: string): string {
  // An attribute value ends at a semicolon; above and below printable ASCII it is no header text.
  if (typeof path !== "string" || !/^\/[\x21-\x3a\x3c-\x7e]*$/u.test(path)) {
    throw new TypeError(`The cookie "${name}" needs a path that starts with "/" and holds no space or semicolon.`);
  }
  return path;
}

function sameSiteOf(name: string, sameSite: SameSite, secure: boolean): SameSite {
  if (!["Strict", "Lax", "None"].includes(sameSite)) {
    throw new TypeError(`The cookie "${name}" needs sameSite as "Strict", "Lax" or "None".`);
  }
  if (sameSite === "None" && !secure) {
    throw new TypeError(`The cookie "${name}" needs secure: browsers drop SameSite=None without it.`);
  }
  return sameSite;
}

function partitionedOf(name: string, secure: boolean): string {
  if (!secure) throw new TypeError(`The cookie "${name}" needs secure: browsers drop Partitioned without it.`);
  return "; Partitioned";
}

function priorityOf(name: string, priority: string): string {
  if (!["Low", "Medium", "High"].includes(priority)) {
    throw new TypeError(`The cookie "${name}" needs priority as "Low", "Medium" or "High".`);
  }
  return priority;
}
