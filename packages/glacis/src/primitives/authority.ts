/** The authority of a request: whom the client addressed (RFC 9110 section 7.2, RFC 3986 section 3.2). */
import { domainToASCII } from "node:url";
import type { Host, Scheme } from "../core/facts.ts";
import { parseAddress } from "./ip.ts";
import { recent } from "./recent.ts";

/** 253 octets of name (RFC 1035 section 2.3.4), a trailing dot, a colon and five digits of port. */
const LONGEST_AUTHORITY = 260;
const LONGEST_NAME = 253;

/** Labels of letters, digits and inner hyphens, 1 to 63 octets (RFC 1123 section 2.1). */
const NAME = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/u;
/** A last label that URL parsers take for part of an IPv4 address: `127.1`, `0x7f.1`, `2130706433` (WHATWG URL, "ends in a number"). */
const NUMERIC_END = /(?:^|\.)(?:\d+|0x[\da-f]*)$/u;
const PORT = /^\d{1,5}$/u;

/** A host that does not parse is remembered too: `null`, because `undefined` means unknown. */
const parsed = recent<Host | null>(1024);

/**
 * Parses a Host header, an HTTP/1 absolute-form authority or a forwarded host. The result is canonical: lower case, one trailing dot removed,
 * IPv6 in brackets as RFC 5952 writes it. The port is kept as sent; `withoutDefaultPort` drops it.
 *
 * Stricter than RFC 3986 where a reader could be misled: only what a DNS host name or an IP literal can be. Userinfo, percent-encoding, an empty
 * port, an empty label, a leading or trailing hyphen, an underscore (Django refuses it too; RFC 1123 knows none), raw non-ASCII (a client sends
 * A-labels; case folding of U+212A would make it a `k`), a zone id, IPv4 spelt short, octal or hexadecimal: all undefined.
 *
 * @param raw as it stood in the header, at most 260 octets; bounded work and never a throw for anything
 * @example
 * parseAuthority("App.Example.com.:8443"); // { hostname: "app.example.com", port: 8443 }
 */
export function parseAuthority(raw: string): Host | undefined {
  if (raw.length > LONGEST_AUTHORITY) return undefined;
  const known = parsed.get(raw);
  if (known !== undefined) return known ?? undefined;
  const host = parse(raw);
  parsed.set(raw, host ?? null);
  return host;
}

function parse(raw: string): Host | undefined {
  const bracket = raw.startsWith("[") ? raw.indexOf("]") : -1;
  const colon = raw.indexOf(":", bracket + 1);
  const name = colon === -1 ? raw : raw.slice(0, colon);
  const port = colon === -1 ? undefined : raw.slice(colon + 1);
  if (port !== undefined && !(PORT.test(port) && Number(port) <= 65_535)) return undefined;
  const hostname = bracket === -1 ? parseName(name) : parseLiteral(name, bracket);
  return hostname === undefined
    ? undefined
    : Object.freeze({ hostname, port: port === undefined ? undefined : Number(port) });
}

function parseName(name: string): string | undefined {
  for (let index = 0; index < name.length; index += 1) {
    // Before folding: a Unicode fold would turn a character outside ASCII into a letter inside it.
    if (name.charCodeAt(index) > 0x7f) return undefined;
  }
  const lower = name.toLowerCase();
  const hostname = lower.endsWith(".") ? lower.slice(0, -1) : lower;
  if (hostname.length > LONGEST_NAME || !NAME.test(hostname)) return undefined;
  return NUMERIC_END.test(hostname) && parseAddress(hostname) === undefined ? undefined : hostname;
}

function parseLiteral(name: string, bracket: number): string | undefined {
  if (bracket !== name.length - 1) return undefined;
  const inside = name.slice(1, -1);
  if (inside.includes("%") || !inside.includes(":")) return undefined;
  const address = parseAddress(inside);
  if (address === undefined) return undefined;
  // A mapped address stays a literal of its own, as URL parsers write it: Host says whom the client meant, and that was not the IPv4 address.
  return address.includes(":") ? `[${address}]` : new URL(`http://[::ffff:${address}]`).hostname;
}

/**
 * Parses a host that somebody configured: what `parseAuthority` takes, and international names in their own letters, which become A-labels
 * (UTS 46 by way of `node:url`).
 *
 * @example
 * parseConfiguredAuthority("büro.example"); // { hostname: "xn--bro-hoa.example", port: undefined }
 */
export function parseConfiguredAuthority(text: string): Host | undefined {
  const [, name = "", port = ""] = /^([^:]*)(:.*)?$/su.exec(text) ?? [];
  // Only names with letters beyond ASCII go through the mapping: for the rest it would accept spellings that the wire must not use.
  if (!/[^\p{ASCII}]/u.test(name) || /[/\\?#@%\s]/u.test(name)) return parseAuthority(text);
  return parseAuthority(`${domainToASCII(name)}${port}`);
}

const DEFAULT_PORTS: Readonly<Record<Scheme, number>> = { http: 80, https: 443 };

/** The same host without a port that its scheme implies (RFC 9110 section 4.2.3). */
export function withoutDefaultPort(host: Host, scheme: Scheme): Host {
  return host.port === DEFAULT_PORTS[scheme] ? { hostname: host.hostname, port: undefined } : host;
}

/** `hostname` or `hostname:port`. */
export function authorityText({ hostname, port }: Host): string {
  return port === undefined ? hostname : `${hostname}:${port}`;
}
