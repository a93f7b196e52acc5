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

const NO_HOST = "A request without Host is refused; there is no server name to fall back on.";
const STRICTER_NAME =
  "Empty labels, outer hyphens and over-long labels are no host name: refused as malformed, not as unlisted.";
const FIRST_PROTO = "The first element is the client's own word; what counts is the last, by the hop next to us.";

/** Where we answer otherwise on purpose. Each entry is checked to differ, so that the table cannot outlive its reason. */
const DEVIATIONS: Readonly<Record<string, string>> = {
  "hosts-021": NO_HOST,
  "hosts-045": NO_HOST,
  "hosts-193": NO_HOST,
  "hosts-194": NO_HOST,
  "hosts-042": STRICTER_NAME,
  "hosts-087": STRICTER_NAME,
  "hosts-109": STRICTER_NAME,
  "hosts-115": STRICTER_NAME,
  "hosts-124": STRICTER_NAME,
  "hosts-133": STRICTER_NAME,
  "hosts-226": STRICTER_NAME,
  "hosts-116": "A character outside ASCII is malformed before any folding, not unlisted after it.",
  "hosts-170": "A short spelling of IPv4 is malformed, not merely unlisted.",
  "hosts-146": "An entry may name a port, and then that port is allowed.",
  "hosts-150": "A trailing dot in an entry means what it means in a Host header: the same name.",
  "hosts-151": "A trailing dot in an entry means what it means in a Host header: the same name.",
  "hosts-156": "IPv6 literals are compared as addresses, not as text.",
  "hosts-233": "IPv6 literals are canonical.",
  "hosts-234": "IPv6 literals are canonical.",
  "hosts-235": "IPv6 literals are canonical.",
  "hosts-236": "IPv6 literals are canonical.",
  "hosts-257": "Hosts have no case.",
  "hosts-265": "There is no empty host.",
  "hosts-274": "A declared proxy that does not state the scheme leaves it unknown, and unknown is insecure.",
  "hosts-277": FIRST_PROTO,
  "hosts-279": FIRST_PROTO,
  "hosts-283": "One header states the scheme, X-Forwarded-Proto or Forwarded; X-Forwarded-Ssl is not read.",
};

const vectors = loadVectors<HostCase>("hosts");

describe.skipIf(vectors === undefined)("recorded hosts", () => {
  const cases = vectors?.cases ?? [];

  it.each(cases.filter(({ id }) => !(id in DEVIATIONS)))("$id", (entry) => {
    expect(ours(entry)).toEqual(theirs(entry));
  });

  it("deviates only where the table says so, and there indeed", () => {
    for (const entry of cases.filter(({ id }) => id in DEVIATIONS))
      expect(ours(entry), entry.id).not.toEqual(theirs(entry));
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
