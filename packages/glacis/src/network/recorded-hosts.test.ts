import { isIPv4 } from "node:net";
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { arrived, interpreted, type HeaderLines } from "../../../../test/support/wire.ts";
import { parseAuthority } from "../primitives/authority.ts";
import { allowedHosts } from "./allowed-hosts.ts";
import { hostMatcher, parseHostEntry } from "./host-list.ts";
import { trustedProxies } from "./trusted-proxies.ts";

const ORIGIN = "https://app.example.com";
const PROXY = "10.0.0.1";

interface HostCase {
  readonly id: string;
  readonly fn?: "split_domain_port" | "is_same_domain" | "scheme";
  readonly allowed_hosts?: readonly string[];
  readonly debug?: boolean;
  readonly use_x_forwarded_host?: boolean;
  readonly http_host?: string;
  readonly x_forwarded_host?: string;
  readonly accepted?: boolean;
  readonly why?: "invalid_syntax" | "not_allowed";
  readonly host?: string;
  readonly domain?: string;
  readonly port?: string;
  readonly pattern?: string;
  readonly match?: boolean;
  readonly secure_proxy_ssl_header?: readonly [string, string] | null;
  readonly header_value?: string | null;
  readonly transport_scheme?: "http" | "https";
  readonly scheme?: string;
}

const LABEL = String.raw`[A-Za-z\d](?:[A-Za-z\d-]{0,61}[A-Za-z\d])?`;
/** Without the flag for case, which would take U+212A for a k. */
const HOST_NAME = new RegExp(String.raw`^(?:${LABEL}\.)*${LABEL}$`, "u");
const NUMERIC_END = /(?:^|\.)(?:\d+|0[Xx][\dA-Fa-f]*)$/u;

/** A host whose syntax passes there and not here: no host name of RFC 1123, no port, no address, or letters that would be folded to ASCII. */
function isMalformed(raw: string): boolean {
  const [, name = "", port = "0"] = /^(.*?)(?::(\d+))?$/su.exec(raw) ?? [];
  if (Number(port) > 65_535 || port.length > 5) return true;
  const bare = name.replace(/\.$/u, "");
  if (name.startsWith("[")) return !URL.canParse(`http://${name}`);
  return !HOST_NAME.test(bare) || bare.length > 253 || (NUMERIC_END.test(bare) && !isIPv4(bare));
}

/** Why we answer otherwise on purpose. Each is checked to differ, so that no reason can outlive its case. */
function differenceOf(entry: HostCase): string | undefined {
  const { fn, allowed_hosts: allowed = [], host = "", pattern = "" } = entry;
  if (fn === "scheme") return differenceOfScheme(entry);
  if (fn === "split_domain_port") {
    if (entry.domain !== "" && isMalformed(host)) return "what is no host name is refused whole";
    const literal = /^\[.*\]/u.exec(host)?.[0].toLowerCase();
    return entry.domain !== "" && literal !== undefined && new URL(`http://${literal}`).hostname !== literal
      ? "IPv6 literals are canonical"
      : undefined;
  }
  if (fn === "is_same_domain") {
    if (entry.match === true) return host === "" ? "there is no empty host" : undefined;
    return host !== host.toLowerCase() && host.toLowerCase() === pattern ? "hosts have no case" : undefined;
  }
  const forwarded = entry.use_x_forwarded_host === true ? entry.x_forwarded_host : undefined;
  const raw = forwarded ?? entry.http_host;
  if (raw === undefined)
    return entry.accepted === true
      ? "a request without Host is refused; there is no server name to fall back on"
      : undefined;
  const passesSyntax = entry.why !== "invalid_syntax";
  if (passesSyntax && isMalformed(raw)) return "no host name: refused as malformed, not as unlisted";
  if (entry.accepted === true) return undefined;
  const lower = raw.toLowerCase();
  if (allowed.some((text) => /:\d+$/u.test(text.replace(/\[.*\]/u, "")) && text === lower))
    return "an entry may name a port, and then that port is allowed";
  if (allowed.some((text) => text.length > 1 && text.endsWith(".") && lower.replace(/\.$/u, "") === text.slice(0, -1)))
    return "a trailing dot in an entry means what it means in a Host header: the same name";
  return passesSyntax && raw.startsWith("[") && allowed.includes(new URL(`http://${raw}`).hostname)
    ? "IPv6 literals are compared as addresses, not as text"
    : undefined;
}

function differenceOfScheme({
  secure_proxy_ssl_header: declared,
  header_value: value,
  transport_scheme: transport,
  scheme,
}: HostCase): string | undefined {
  if (declared === null || declared === undefined) return undefined;
  if (value === null || value === undefined)
    return transport === "https"
      ? "a declared proxy that does not state the scheme leaves it unknown, and unknown is insecure"
      : undefined;
  if (value === "wss")
    return "Traefik states it for the handshake of a WebSocket, which arrived over TLS like everything else";
  if (declared[0] !== "HTTP_X_FORWARDED_PROTO")
    return scheme === "https"
      ? "one header states the scheme, X-Forwarded-Proto or Forwarded; no other is read"
      : undefined;
  const elements = value.split(",").map((element) => element.trim());
  return (elements[0] === "https") !== (elements.at(-1) === "https")
    ? "the first element is the client's own word; what counts is the last, by the hop next to us"
    : undefined;
}

const vectors = loadVectors<HostCase>("hosts");

describe.skipIf(vectors === undefined)("recorded hosts", () => {
  const cases = vectors?.cases ?? [];

  it.each(cases)("$id", (entry) => {
    const why = differenceOf(entry);
    if (why === undefined) expect(ours(entry)).toEqual(theirs(entry));
    else expect(ours(entry), why).not.toEqual(theirs(entry));
  });
});

function theirs(entry: HostCase): unknown {
  switch (entry.fn) {
    case "split_domain_port":
      return { domain: entry.domain, port: entry.port };
    case "is_same_domain":
      return entry.match;
    case "scheme":
      return entry.scheme;
    case undefined:
    default:
      return entry.accepted === true ? "accepted" : entry.why;
  }
}

function ours(entry: HostCase): unknown {
  switch (entry.fn) {
    case "split_domain_port": {
      const host = parseAuthority(entry.host ?? "");
      return { domain: host?.hostname ?? "", port: host?.port === undefined ? "" : String(host.port) };
    }
    case "is_same_domain":
      return samePattern(entry.host ?? "", entry.pattern ?? "");
    case "scheme":
      return schemeOf(entry);
    case undefined:
    default:
      return hostOutcome(entry);
  }
}

function samePattern(raw: string, pattern: string): boolean {
  const host = parseAuthority(raw);
  try {
    return host !== undefined && hostMatcher([parseHostEntry(pattern)])(host);
  } catch {
    return false;
  }
}

function schemeOf({ secure_proxy_ssl_header: declared, header_value: value, transport_scheme }: HostCase): string {
  const name = declared?.[0].replace(/^HTTP_/u, "").replaceAll("_", "-") ?? "X-Forwarded-Proto";
  const { resolve } = trustedProxies(declared ? { proxies: [PROXY] } : {});
  return resolve(arrived(typeof value === "string" ? [[name, value]] : [], PROXY, transport_scheme === "https")).scheme;
}

/** Their entries mean any port; their `*` is judged by syntax alone, because ours cannot say it; an entry that we cannot read allows nothing. */
function hostOutcome(entry: HostCase): string | undefined {
  const headers: HeaderLines = [
    ...(entry.http_host === undefined ? [] : [["Host", entry.http_host] as const]),
    ...(entry.x_forwarded_host === undefined ? [] : [["X-Forwarded-Host", entry.x_forwarded_host] as const]),
  ];
  const forwardedHost = entry.use_x_forwarded_host === true;
  const { resolve } = trustedProxies(forwardedHost ? { proxies: [PROXY], forwardedHost } : {});
  const facts = interpreted(arrived(headers, PROXY), resolve);
  const allowed = entry.allowed_hosts ?? [];
  if (allowed.includes("*")) return parseAuthority(facts.authority ?? "") === undefined ? "invalid_syntax" : "accepted";
  const hosts = allowed.flatMap((text) => {
    const anyPort = /:\d+$/u.test(text.replace(/\[.*\]/u, "")) ? text : `${text}:*`;
    try {
      return parseHostEntry(anyPort) === undefined ? [] : [anyPort];
    } catch {
      return [];
    }
  });
  const mode = entry.debug === true && allowed.length === 0 ? "development" : "production";
  const decision = allowedHosts({ origin: ORIGIN, hosts, mode }).decide?.(facts);
  if (decision === undefined || decision instanceof Promise || decision.kind !== "deny") return "accepted";
  return decision.reason === "host_malformed" ? "invalid_syntax" : "not_allowed";
}
