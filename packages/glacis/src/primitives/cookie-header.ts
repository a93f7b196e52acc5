import { isCookieValue, isToken, prefixOf } from "./cookie-grammar.ts";

/** Longer than any browser sends for one host, and as long as Node's own limit for a whole header section. */
export const MAX_COOKIE_HEADER_LENGTH = 16_384;
/** Browsers keep at most 180 cookies for a host. */
export const MAX_COOKIES = 180;

const SPACE = 0x20;
const TAB = 0x09;
const QUOTE = 0x22;

/**
 * Parses a Cookie header by the grammar of RFC 6265bis section 4.2.1: pairs between semicolons, a token for the name, cookie-octets for the
 * value. It never throws, and what is not in the grammar is absent from the map:
 *
 * - A pair that is malformed is left out: no name, a name that is no token (which takes in every kind of space around it), a value with spaces,
 *   commas, inner quotes or bytes above ASCII.
 * - One pair of quotes around a value is dropped. A quoted value never reaches past a semicolon, and there are no backslash, octal or percent
 *   escapes: a reader that has them can be made to swallow the cookie that follows.
 * - A name with a prefix (`__Host-`, `__Secure-`, `__Http-`) that occurs twice is left out altogether. The browser keeps such a name unique, so
 *   a second one was planted by a neighbour, and nobody can say which is real. The same goes for a prefix in other capitals, such as `__HOST-`.
 * - Of any other name the first occurrence counts; browsers send the most specific path first.
 * - A header that is too long, or holds too many pairs, counts as no cookies: part of a list could hide a duplicate.
 *
 * @example
 * parseCookieHeader("__Host-session=abc; theme=dark").get("theme"); // "dark"
 */
export function parseCookieHeader(header: string | undefined): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>();
  if (header === undefined || header.length > MAX_COOKIE_HEADER_LENGTH) return cookies;
  let ambiguous: Set<string> | undefined;
  let pairs = 0;
  for (let start = 0; start < header.length;) {
    const semicolon = header.indexOf(";", start);
    const end = semicolon === -1 ? header.length : semicolon;
    pairs += 1;
    if (pairs > MAX_COOKIES) return new Map();
    const name = addPair(cookies, header, start, end);
    if (name !== undefined) (ambiguous ??= new Set()).add(name);
    start = end + 1;
  }
  if (ambiguous !== undefined) for (const name of ambiguous) cookies.delete(name);
  return cookies;
}

/** Adds one pair; returns the name when it is a prefixed one that must not be trusted in this header. */
function addPair(cookies: Map<string, string>, header: string, from: number, to: number): string | undefined {
  let start = from;
  let end = to;
  while (start < end && isBlank(header.charCodeAt(start))) start += 1;
  while (end > start && isBlank(header.charCodeAt(end - 1))) end -= 1;
  const equals = header.indexOf("=", start);
  if (equals === -1 || equals >= end) return undefined;
  const name = header.slice(start, equals);
  if (!isToken(name)) return undefined;
  const prefix = prefixOf(name);
  if (prefix !== undefined && !prefix.exact) return undefined;

  const value = unquoted(header.slice(equals + 1, end));
  const wellFormed = isCookieValue(value);
  if (prefix !== undefined && (!wellFormed || cookies.has(name))) return name;
  if (wellFormed && !cookies.has(name)) cookies.set(name, value);
  return undefined;
}

/** Drops one pair of surrounding quotes; a quote that has no partner stays, and makes the value malformed. */
function unquoted(value: string): string {
  const closed = value.length > 1 && value.charCodeAt(0) === QUOTE && value.charCodeAt(value.length - 1) === QUOTE;
  return closed ? value.slice(1, -1) : value;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}
