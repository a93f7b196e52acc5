/** The octets and name prefixes of RFC 6265bis, shared by the parser and the serialiser so that they cannot disagree. */

const TOKEN = 1;
const COOKIE_OCTET = 2;

/** One byte of flags per ASCII code: a table look-up costs less than a regular expression and never backtracks. */
const CLASS_OF = new Uint8Array(128);
for (const character of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  CLASS_OF[character.charCodeAt(0)] = TOKEN;
}
for (let code = 0x21; code <= 0x7e; code += 1) {
  // RFC 6265bis section 4.1.1: printable ASCII without double quote, comma, semicolon and backslash.
  if (code !== 0x22 && code !== 0x2c && code !== 0x3b && code !== 0x5c) CLASS_OF[code] = at(code) | COOKIE_OCTET;
}

/** `token` (RFC 9110 section 5.6.2): what method, header and cookie names are made of. Not empty. */
export function isToken(text: string, start = 0, end: number = text.length): boolean {
  return start < end && everyOctet(text, start, end, TOKEN);
}

/** `cookie-name` is a token. */
export { isToken as isCookieName };

/** `*cookie-octet`, without the optional surrounding quotes; may be empty. */
export function isCookieValue(text: string, start = 0, end: number = text.length): boolean {
  return everyOctet(text, start, end, COOKIE_OCTET);
}

function everyOctet(text: string, start: number, end: number, wanted: number): boolean {
  for (let index = start; index < end; index += 1) {
    if ((at(text.charCodeAt(index)) & wanted) === 0) return false;
  }
  return true;
}

function at(code: number): number {
  return code < 128 ? (CLASS_OF[code] as number) : 0;
}

/** Longest first: `__Host-Http-` also begins like `__Host-`. */
export const COOKIE_PREFIXES = ["__Host-Http-", "__Host-", "__Secure-", "__Http-"] as const;

export type CookiePrefix = (typeof COOKIE_PREFIXES)[number];

/**
 * The prefix that a browser sees in a name. Browsers compare without case (RFC 6265bis section 5.7), so `__HOST-id` is bound by the rules of
 * `__Host-`; a server that looks up `__Host-id` must not take it for the same cookie.
 */
export function prefixOf(name: string): { readonly prefix: CookiePrefix; readonly exact: boolean } | undefined {
  if (name.charCodeAt(0) !== 0x5f || name.charCodeAt(1) !== 0x5f) return undefined;
  for (const prefix of COOKIE_PREFIXES) {
    if (name.startsWith(prefix)) return { prefix, exact: true };
    if (name.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase()) return { prefix, exact: false };
  }
  return undefined;
}
