import { isToken } from "../primitives/cookie-grammar.ts";

/** A Set-Cookie line as a browser reads it (RFC 6265bis section 5.6). */
export interface SetCookieLine {
  readonly name: string;
  /** `name=value` exactly as written. */
  readonly pair: string;
  /** Attributes by lower-case name; the last of several counts, as in browsers. */
  readonly attributes: ReadonlyMap<string, string>;
}

/**
 * Reads a Set-Cookie line. Undefined for what is no cookie: a name that is empty or no token, or a control character, at which browsers drop the
 * line or cut it short.
 */
export function readSetCookie(line: string): SetCookieLine | undefined {
  if (hasControl(line)) return undefined;
  const [pair = "", ...rest] = line.split(";").map((part) => part.trim());
  const equals = pair.indexOf("=");
  const name = equals === -1 ? "" : pair.slice(0, equals);
  if (!isToken(name)) return undefined;
  const attributes = new Map<string, string>();
  for (const part of rest) {
    if (part === "") continue;
    const split = part.indexOf("=");
    const attribute = (split === -1 ? part : part.slice(0, split)).trim().toLowerCase();
    attributes.set(attribute, split === -1 ? "" : part.slice(split + 1).trim());
  }
  return { name, pair, attributes };
}

function hasControl(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

/** True when the line removes the cookie: its lifetime is over when it arrives. Max-Age counts before Expires. */
export function isDeletion({ attributes }: SetCookieLine, nowMs: number): boolean {
  const maxAge = attributes.get("max-age");
  if (maxAge !== undefined && /^-?\d+$/u.test(maxAge)) return Number(maxAge) <= 0;
  const expires = Date.parse(attributes.get("expires") ?? "");
  return expires <= nowMs;
}
