/** Links that lead back to this application: built from the configured origin, never from a request (guide A05; CWE-644). */
import type { Host, Scheme } from "../core/facts.ts";
import { parseAuthority } from "../primitives/authority.ts";
import { parseOrigin } from "../primitives/origin.ts";

/** An origin taken apart; `text` is its serialisation. */
export interface PublicOrigin {
  readonly text: string;
  readonly scheme: Scheme;
  readonly host: Host;
}

/**
 * Reads a configured origin: scheme, host, perhaps a port, nothing else.
 *
 * @throws TypeError saying what an origin looks like
 */
export function parsePublicOrigin(origin: string): PublicOrigin {
  const text = parseOrigin("origin", origin);
  const scheme: Scheme = text.startsWith("https:") ? "https" : "http";
  const host = parseAuthority(text.slice(scheme.length + 3));
  if (host === undefined) throw new TypeError(`The origin "${text}" names no host that a Host header could name.`);
  return { text, scheme, host };
}

/**
 * An absolute URL for a mail, a redirect or a canonical link. The request has no say in it: a forged Host header cannot move a password reset
 * link to another site.
 *
 * @param origin the configured origin, such as `https://app.example.com`
 * @param path begins with one slash; query and fragment are allowed
 * @param parameters appended to the query, encoded
 * @throws TypeError when the path would leave the origin (`//elsewhere`, `/\elsewhere`, a scheme) or holds characters that URL parsers drop or
 *   rewrite, such as tabs, line breaks and backslashes
 * @example
 * publicUrl("https://app.example.com", "/reset", { token }); // https://app.example.com/reset?token=...
 */
export function publicUrl(origin: string, path: string, parameters: Readonly<Record<string, string>> = {}): string {
  const { text } = parsePublicOrigin(origin);
  if (!/^\/(?![/\\])[^\\\s\p{Cc}]*$/u.test(path)) {
    throw new TypeError(
      "publicUrl() needs a path that begins with one slash and holds no backslash, space or control character.",
    );
  }
  const url = new URL(path, text);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.append(name, value);
  // The judgement of the parser that browsers use counts, whatever the pattern above let through.
  if (url.origin !== text || url.username !== "" || url.password !== "") {
    throw new TypeError("publicUrl() was given a path that leads to another origin.");
  }
  return url.href;
}
