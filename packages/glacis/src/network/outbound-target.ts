/** Whether a URL leads where an application may go: everything that can be said before a name is resolved. */
import { parseAuthority, parseConfiguredAuthority } from "../primitives/authority.ts";
import { OutboundError } from "./outbound-error.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

/** The catalog's bound for an outbound URL (ASVS 5 4.2.5). */
const LONGEST_URL = 8192;

/** Stripped, trimmed or turned into slashes by some parsers and not by others. */
const AMBIGUOUS = /[\u0000-\u0020\u007f-\u00a0\u2028\u2029\ufeff\\]/u;
/** Names that mean something on a private network only (RFC 6761, 6762, 7686, 8375, 9476; ICANN on .internal). */
const PRIVATE_NAME =
  /(?:^|\.)(?:localhost|local|internal|intranet|private|corp|home|lan|localdomain|onion|alt|home\.arpa)$/u;

export interface TargetRules {
  readonly hosts: readonly string[] | "public-only";
  readonly ports: readonly number[];
  /** Whether an address may be contacted. */
  readonly permits: (address: string) => boolean;
}

/** Judges one destination. The result is the canonical URL without a trailing dot in the host and without a fragment. */
export type JudgeTarget = (text: string, base?: URL) => URL;

/**
 * Compiles the rules.
 *
 * @throws TypeError for hosts and ports that are none
 */
export function targetJudge({ hosts, ports, permits }: TargetRules): JudgeTarget {
  const defaults = new Set(ports.map(checkedPort));
  const listed = hosts === "public-only" ? undefined : hostTable(hosts);

  function judgePort(url: URL, hostname: string): void {
    const port = url.port === "" ? 443 : Number(url.port);
    const own = listed === undefined ? "default" : listed(hostname);
    if (own === undefined) throw new OutboundError("host-not-listed", hostname);
    if (own === "default" ? !defaults.has(port) : !own.has(port)) throw new OutboundError("port-refused", hostname);
  }

  return (text, base) => {
    const url = parseUrl(text, base);
    const host = parseAuthority(url.hostname);
    if (host === undefined) throw new OutboundError("host-malformed");
    const { hostname } = host;
    const address = literalOf(hostname);
    if (base === undefined) refuseDisguise(text, hostname, address !== undefined);
    judgePort(url, hostname);
    if (address !== undefined && !permits(address)) throw new OutboundError("address-not-public", hostname);
    const local = !hostname.includes(".") || PRIVATE_NAME.test(hostname);
    if (listed === undefined && address === undefined && local) throw new OutboundError("host-not-public", hostname);
    url.hostname = hostname;
    url.hash = "";
    return url;
  };
}

function parseUrl(text: string, base: URL | undefined): URL {
  if (text.length > LONGEST_URL || AMBIGUOUS.test(text) || !canParseUrl(text, base?.href))
    throw new OutboundError("url-invalid");
  const url = new URL(text, base?.href);
  if (url.protocol !== "https:") throw new OutboundError("scheme-refused");
  if (url.username !== "" || url.password !== "") throw new OutboundError("userinfo-refused");
  // "https:host" and "https:///host" are hosts to a browser and paths to others.
  if (base === undefined && !/^https:\/\/[^/?#]/iu.test(text)) throw new OutboundError("url-invalid");
  if (url.href.length > LONGEST_URL) throw new OutboundError("url-invalid");
  return url;
}

/** The address inside a canonical host, or undefined for a name. */
function literalOf(hostname: string): string | undefined {
  if (hostname.startsWith("[")) return hostname.slice(1, -1);
  return /\.\d+$/u.test(hostname) ? hostname : undefined;
}

/** Refuses a host that only becomes what it is by unescaping or folding: there parsers disagree, and people are misled. */
function refuseDisguise(text: string, hostname: string, isAddress: boolean): void {
  const authority = /^https:\/\/([^/?#]*)/iu.exec(text)?.[1] ?? "";
  if (authority.includes("@")) throw new OutboundError("userinfo-refused");
  if (authority.includes("%")) throw new OutboundError("host-malformed");
  const written = authority.replace(/:\d*$/u, "").toLowerCase();
  if (isAddress && !hostname.startsWith("[") && written !== hostname) throw new OutboundError("host-malformed");
  const folded = /[^\p{ASCII}]/u.test(written) && !/(?:^|\.)xn--/u.test(hostname);
  if (folded) throw new OutboundError("host-malformed");
}

type Ports = ReadonlySet<number> | "default";

/** Exact names, and suffixes that cover the name itself and what is below it; the most specific entry decides about the port. */
function hostTable(hosts: readonly string[]): (hostname: string) => Ports | undefined {
  const exact = new Map<string, Ports>();
  const suffixes = new Map<string, Ports>();
  for (const entry of hosts) {
    const suffix = entry.startsWith(".");
    const host = parseConfiguredAuthority(suffix ? entry.slice(1) : entry);
    if (host === undefined || (suffix && (literalOf(host.hostname) !== undefined || !host.hostname.includes("."))))
      throw new TypeError(
        `outbound() cannot read the host "${entry}". Write a name such as "api.example.com", with a port as in ` +
          `"api.example.com:8443", or ".example.com" for a domain with everything below it.`,
      );
    const table = suffix ? suffixes : exact;
    const before = table.get(host.hostname);
    if (host.port === undefined) table.set(host.hostname, "default");
    else if (before !== "default") table.set(host.hostname, new Set([...(before ?? []), checkedPort(host.port)]));
  }
  return (hostname) => {
    const found = exact.get(hostname);
    if (found !== undefined) return found;
    for (let name = hostname; ; name = name.slice(name.indexOf(".") + 1)) {
      const below = suffixes.get(name);
      if (below !== undefined || !name.includes(".")) return below;
    }
  };
}

function checkedPort(port: number): number {
  if (Number.isInteger(port) && port > 0 && port <= 65_535) return port;
  throw new TypeError(`outbound() needs ports as whole numbers from 1 to 65535, and ${port} is none.`);
}
