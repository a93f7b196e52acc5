/** Links that lead back to this application: built from the configured origin, never from a request (guide A05; CWE-644). */
import type { Host, Scheme } from "../core/facts.ts";
import { authorityText, parseConfiguredAuthority, withoutDefaultPort } from "../primitives/authority.ts";

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
  const match = /^(https?):\/\/([^/?#\\@\s]+)\/?$/iu.exec(origin);
  const host = match?.[2] === undefined ? undefined : parseConfiguredAuthority(match[2]);
  if (match?.[1] === undefined || host === undefined) {
    throw new TypeError(
      `"${origin}" is no origin. Write scheme, host and perhaps a port, such as "https://app.example.com".`,
    );
  }
  const scheme: Scheme = match[1].toLowerCase() === "https" ? "https" : "http";
  const canonical = withoutDefaultPort(host, scheme);
  return { text: `${scheme}://${authorityText(canonical)}`, scheme, host: canonical };
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
