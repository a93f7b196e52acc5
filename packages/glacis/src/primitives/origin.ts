/**
 * A web origin from configuration, in the one spelling that browsers send (RFC 6454 section 6.1): lower case, IDN as A-labels, the default port
 * left out. Only a complete single origin passes; a pattern, a path, `null` or a user name is refused with the line to write instead.
 *
 * @param owner the option as the user wrote it, for the message, such as `cors({ origins })`
 * @throws TypeError when the text is anything but one http or https origin
 * @example
 * parseOrigin("cors({ origins })", "https://App.Example.com:443"); // "https://app.example.com"
 */
import { canParseUrl } from "./can-parse-url.ts";
export function parseOrigin(owner: string, text: unknown): string {
  if (text === undefined)
    throw new TypeError(`${owner} is missing. Write an origin such as "https://app.example.com".`);
  if (typeof text !== "string") {
    const kind =
      text instanceof RegExp ? "a regular expression" : typeof text === "function" ? "a function" : "no text";
    throw new TypeError(
      `${owner} takes exact origins as text, and this is ${kind}. A pattern lets in hosts that nobody thought of: list each origin.`,
    );
  }
  if (text === "*" || text.includes("*")) {
    throw new TypeError(
      `${owner} takes no wildcard: it lets in hosts that nobody thought of. List each origin in full.`,
    );
  }
  if (text === "null") {
    throw new TypeError(
      `${owner} takes no "null": every sandboxed frame and local file has that origin, an attacker's too.`,
    );
  }
  const authority = /^https?:\/\/([^/?#\\@\s]+)(\/?)$/iu.exec(text);
  const url = authority !== null && canParseUrl(text) ? new URL(text) : undefined;
  if (url === undefined || !HOST.test(url.hostname)) {
    throw new TypeError(
      `${owner} takes origins such as "https://app.example.com": http or https, a host, perhaps a port, and nothing after it.`,
    );
  }
  if (authority?.[2] === "/") throw new TypeError(`${owner} takes origins without a path. Write "${url.origin}".`);
  return url.origin;
}

/** What a URL parser lets through in a host and DNS does not; a final dot would be an origin of its own. */
const HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)$/u;

/** A host name that never leaves the machine, where browsers treat http as they treat https (Secure Contexts section 3.1). */
export function isLoopbackHost(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/u.test(hostname)
  );
}
