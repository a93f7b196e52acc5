/** The octets and name prefixes of RFC 6265bis, shared by the parser and the serialiser so that they cannot disagree. */

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/u;
/** RFC 6265bis section 4.1.1: printable ASCII without space, double quote, comma, semicolon and backslash. */
const COOKIE_OCTETS = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/u;

/** `token` (RFC 9110 section 5.6.2): what method, header and cookie names are made of. Not empty. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** `*cookie-octet`, without the optional surrounding quotes; may be empty. */
export function isCookieValue(text: string): boolean {
  return COOKIE_OCTETS.test(text);
}

/** Longest first: `__Host-Http-` also begins like `__Host-`. */
export const COOKIE_PREFIXES = ["__Host-Http-", "__Host-", "__Secure-", "__Http-"] as const;

export type CookiePrefix = (typeof COOKIE_PREFIXES)[number];

export interface FoundPrefix {
  readonly prefix: CookiePrefix;
  /** Written in the spelling that a server looks up. */
  readonly exact: boolean;
}

const KNOWN = COOKIE_PREFIXES.map((prefix) => ({
  lower: prefix.toLowerCase(),
  exact: Object.freeze({ prefix, exact: true }),
  other: Object.freeze({ prefix, exact: false }),
}));
const LONGEST_PREFIX: number = COOKIE_PREFIXES[0].length;

/**
 * The prefix that a browser sees in a name. Browsers compare without case (RFC 6265bis section 5.7), so `__HOST-id` is bound by the rules of
 * `__Host-`; a server that looks up `__Host-id` must not take it for the same cookie.
 */
export function prefixOf(name: string): FoundPrefix | undefined {
  if (name.charCodeAt(0) !== UNDERSCORE || name.charCodeAt(1) !== UNDERSCORE) return undefined;
  // The usual one, unless what follows could be the rest of the longer one.
  if (name.startsWith(HOST.prefix) && (name.charCodeAt(HOST.prefix.length) | LOWER) !== LETTER_H) return HOST;
  const start = name.slice(0, LONGEST_PREFIX).toLowerCase();
  for (const { lower, exact, other } of KNOWN) {
    if (start.startsWith(lower)) return name.startsWith(exact.prefix) ? exact : other;
  }
  return undefined;
}

const UNDERSCORE = 0x5f;
const LOWER = 0x20;
const LETTER_H = 0x68;
const HOST: FoundPrefix = Object.freeze({ prefix: "__Host-", exact: true });
