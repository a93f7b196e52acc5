/** Client address, scheme and host from declared proxies only (guide "Rate Limiting", A09; RFC 7239 section 8.1; CWE-348). */
import type { ClientAddress } from "../core/brand.ts";
import type { Control, ControlMeta } from "../core/control.ts";
import { ALLOW, allow } from "../core/decision.ts";
import type { AuditEvent } from "../core/event.ts";
import type { Origination, ResolveOrigination, Scheme } from "../core/facts.ts";
import { nearestWord, rejectUnknownOptions } from "../core/options.ts";
import { rawHeaderValues, type Wire } from "../core/wire.ts";
import { addressSet, parseAddress, type AddressSet } from "../primitives/ip.ts";
import { identityClaims, IDENTITY_HEADERS } from "./identity-headers.ts";
import {
  isFault,
  lastElement,
  LIST_HEADERS,
  readChain,
  SINGLE_HEADERS,
  walkHops,
  walkTrusted,
  type Chain,
  type ChainFault,
  type ClientHeader,
} from "./proxy-chain.ts";
import { proxyMisuse } from "./proxy-misuse.ts";
import { assessProxies, PROXY_RULES } from "./proxy-posture.ts";

const META: ControlMeta = {
  id: "trusted-proxy",
  title: "Client address, scheme and host come only from declared proxies",
  layer: "network",
  guide: ["A07", "A09", "Rate Limiting"],
  owasp2021: ["A05", "A07"],
  owasp2025: ["A01", "A07"],
  asvs: ["v5.0.0-4.1.3", "v5.0.0-15.3.4"],
  cwe: ["CWE-348", "CWE-290", "CWE-345"],
};

export interface TrustedProxiesOptions {
  /** The addresses of your proxies, as ranges: `["10.0.0.0/8"]`. Only what such a peer says is believed. */
  readonly proxies?: readonly string[];
  /**
   * How many proxies stand in front, where their addresses cannot be known or the peer is a Unix socket. Weaker than `proxies`: it holds only while
   * nobody can reach the application around them.
   */
  readonly hops?: number;
  /** The one header that your proxies set for the client address. `x-forwarded-for` unless you say so. */
  readonly header?: ClientHeader;
  /** Believe the host that a proxy forwards, too. Off: proxies should pass Host on. */
  readonly forwardedHost?: boolean;
  /**
   * Headers that say who somebody is. From anybody but a declared proxy they are dropped before the application sees them. Lower case, `*` at the
   * end for any rest; what gateways commonly set unless you say otherwise.
   */
  readonly identityHeaders?: readonly string[];
}

export interface TrustedProxies {
  /** For `layers.interpretation`. */
  readonly resolve: ResolveOrigination;
  /** For `layers.network`, first: it reports what `resolve` found odd. */
  readonly control: Control;
}

/** Traefik states the scheme of a WebSocket's handshake so. */
const SECURE: ReadonlySet<string> = new Set(["https", "wss"]);

/** Reports wait here from `resolve` to `decide` of the same request. Requests that never get there must not pile up. */
const MOST_PENDING = 64;

/**
 * Says where a request comes from. Without options nothing is trusted: the client is the socket's peer, the scheme is whether this socket speaks
 * TLS, the host is the Host header. With proxies, a declared peer's headers are walked from the right and the first address that is no proxy
 * is the client; the scheme is the one that the hop next to us states, and one that it does not state is http.
 *
 * Never throws for a request. A chain that is malformed, too long or too short is not believed: the peer is the client, and an event says so.
 *
 * @throws TypeError on an unknown option, a range that does not parse, a range that trusts everybody, or `proxies` together with `hops`.
 * @example
 * const { resolve, control } = trustedProxies({ proxies: ["10.0.0.0/8"] });
 */
export function trustedProxies(options: TrustedProxiesOptions = {}): TrustedProxies {
  const { header, proxies, hops } = validate(options);
  const declared = proxies.ranges.length > 0 || hops > 0;
  const misuse = proxyMisuse(declared);
  const pending: { readonly wire: Wire; readonly event: AuditEvent }[] = [];
  const forwardedHost = options.forwardedHost === true;
  const scan = scanner(header);
  const claimsOf = identityClaims(options.identityHeaders ?? IDENTITY_HEADERS);
  const counted = isList(header) ? hops : 1;
  const walk = (nodes: readonly string[]): ClientAddress | ChainFault =>
    counted > 0 ? walkHops(nodes, counted) : walkTrusted(nodes, proxies);

  function note(wire: Wire, event: AuditEvent): void {
    if (pending.length >= MOST_PENDING) pending.shift();
    pending.push({ wire, event });
  }

  // Behind a balancer one peer sends nearly everything, and without one each sends several requests on its connection.
  let last = peerOf("");
  function peerOf(text: string): Peer {
    const address = (parseAddress(text) ?? "") as ClientAddress;
    return { text, address, trusted: declared && (hops > 0 || proxies.has(address)) };
  }

  function resolve(wire: Wire): Origination {
    if (wire.peerAddress !== last.text) last = peerOf(wire.peerAddress);
    const { address: peer, trusted } = last;
    const sighted = scan(wire.rawHeaders);
    const origination = trusted
      ? resolveForwarded(wire, peer, sighted)
      : originated(peer, wire.encrypted ? "https" : "http", sighted.host);
    if (sighted.claim !== undefined || declared) {
      const event = misuse.watch(peer, trusted, origination.client, sighted.claim, sighted.lines !== undefined);
      if (event !== undefined) note(wire, event);
    }
    const claims = trusted ? undefined : claimsOf(wire.rawHeaders);
    if (claims === undefined) return origination;
    const event = misuse.identityClaimed(claims);
    if (event !== undefined) note(wire, event);
    return { ...origination, dropped: claims };
  }

  function resolveForwarded(wire: Wire, peer: ClientAddress, { host, lines, proto }: Sighted): Origination {
    const read = lines === undefined ? undefined : readChain(header, lines);
    const chain = typeof read === "string" ? undefined : read;
    const found = typeof read === "string" ? read : read && walk(read.nodes);
    const authority = (forwardedHost ? hostOf(wire, chain) : undefined) ?? host;
    const scheme = schemeOf(chain, proto);
    if (found === undefined) return originated(peer, scheme, authority);
    if (!isFault(found)) return originated(found, scheme, authority);
    note(wire, headerInvalid(found));
    return { ...originated(peer, scheme, authority), clientUnknown: true };
  }

  /** What the hop next to us states, and http when it states nothing or something else: unknown is insecure. */
  function schemeOf(chain: Chain | undefined, proto: string | undefined): Scheme {
    const stated = header === "forwarded" ? chain?.proto : proto;
    return stated === "https" || (stated !== undefined && SECURE.has(lastElement(stated))) ? "https" : "http";
  }

  function hostOf(wire: Wire, chain: Chain | undefined): string | undefined {
    if (header === "forwarded") return chain?.host;
    const lines = rawHeaderValues(wire.rawHeaders, "x-forwarded-host");
    // A list stays a list, and the allowed hosts refuse it: which of its names the client meant is anybody's guess.
    return lines.length === 0 ? undefined : lines.join(",");
  }

  return {
    resolve,
    control: {
      meta: META,
      rules: PROXY_RULES,
      decide: ({ wire }) => (pending.length === 0 ? ALLOW : allow([], take(pending, wire))),
      check: (deployment) => assessProxies({ ranges: proxies.ranges, hops, header, forwardedHost }, deployment),
    },
  };
}

function originated(client: ClientAddress, scheme: Scheme, authority: string | undefined): Origination {
  return { client, scheme, authority };
}

function headerInvalid(fault: ChainFault): AuditEvent {
  return {
    event_type: "input_validation",
    status: "observed",
    severity: "warning",
    event: "proxy.header_invalid",
    control: META.id,
    detail: fault,
  };
}

function take(pending: { readonly wire: Wire; readonly event: AuditEvent }[], wire: Wire): readonly AuditEvent[] {
  const events: AuditEvent[] = [];
  for (let index = pending.length - 1; index >= 0; index -= 1) {
    const entry = pending[index] as (typeof pending)[number];
    if (entry.wire !== wire) continue;
    events.unshift(entry.event);
    pending.splice(index, 1);
  }
  return events;
}

/** The socket's other end. */
interface Peer {
  readonly text: string;
  readonly address: ClientAddress;
  readonly trusted: boolean;
}

/** What one pass over the headers finds. `lines` and `proto` are what a trusted peer may say; `claim` is what anybody said. */
interface Sighted {
  host: string | undefined;
  claim: string | undefined;
  lines: string[] | undefined;
  proto: string | undefined;
}

/** Other spellings of the same claim; seeing one from a stranger is worth a word whichever header is configured. */
const CLAIM_HEADERS = ["x-forwarded-for", "forwarded", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];
const HOST_LENGTH = 4;
const LONGEST_NAME = 32;

/**
 * Makes the one pass that every request pays for: its Host, and the forwarding headers. Names are compared by length and first letter before they are
 * folded, because nearly none is wanted. The configured header is the claim; without it any other spelling is.
 */
function scanner(header: ClientHeader): (rawHeaders: readonly string[]) => Sighted {
  const wanted = [header, ...CLAIM_HEADERS];
  const lengths = new Uint8Array(LONGEST_NAME + 1);
  for (const { length } of wanted) lengths[length] = 1;
  const initials = new Set(wanted.map((name) => name.charCodeAt(0)));
  const [first = 0, second = first, third = second] = initials;

  return (rawHeaders) => {
    const sighted: Sighted = { host: undefined, claim: undefined, lines: undefined, proto: undefined };
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index] as string;
      const { length } = name;
      if (length === HOST_LENGTH) {
        if (sighted.host === undefined && name.toLowerCase() === "host") sighted.host = rawHeaders[index + 1];
      } else if (length <= LONGEST_NAME && lengths[length] === 1) {
        const initial = name.charCodeAt(0) | 0x20;
        if (initial === first || initial === second || initial === third) {
          record(sighted, name.toLowerCase(), rawHeaders[index + 1] as string, header);
        }
      }
    }
    return sighted;
  };
}

function record(sighted: Sighted, name: string, value: string, header: ClientHeader): void {
  if (name === header) {
    if (sighted.lines === undefined) sighted.lines = [value];
    else sighted.lines.push(value);
    sighted.claim = sighted.lines[0];
    return;
  }
  if (!CLAIM_HEADERS.includes(name)) return;
  sighted.claim ??= value;
  if (name === "x-forwarded-proto") sighted.proto = value;
}

function isList(header: ClientHeader): boolean {
  return (LIST_HEADERS as readonly string[]).includes(header);
}

interface Validated {
  readonly header: ClientHeader;
  readonly proxies: AddressSet;
  readonly hops: number;
}

function validate(options: TrustedProxiesOptions): Validated {
  rejectUnknownOptions("trustedProxies", options, ["proxies", "hops", "header", "forwardedHost", "identityHeaders"]);
  const { hops = 0, header = "x-forwarded-for" } = options;
  const known: readonly string[] = [...LIST_HEADERS, ...SINGLE_HEADERS];
  if (!known.includes(header)) {
    const nearest = nearestWord(header, known);
    throw new TypeError(
      `trustedProxies() does not know the header "${header}". ${nearest === undefined ? `Known: ${known.join(", ")}.` : `Did you mean "${nearest}"?`}`,
    );
  }
  if (!(Number.isSafeInteger(hops) && hops >= 0 && hops <= 16)) {
    throw new TypeError("trustedProxies() needs hops as a whole number of proxies, 0 to 16.");
  }
  if (hops > 0 && options.proxies !== undefined) {
    throw new TypeError(
      "trustedProxies() takes proxies or hops, not both: addresses say everything that a count says.",
    );
  }
  if (hops > 1 && !isList(header)) {
    throw new TypeError(`"${header}" holds one address however many proxies there are: use hops: 1.`);
  }
  if (options.proxies !== undefined && !Array.isArray(options.proxies)) {
    throw new TypeError('trustedProxies() needs proxies as a list of ranges, such as ["10.0.0.0/8"].');
  }
  const proxies = addressSet(options.proxies ?? []);
  const everybody = proxies.ranges.find(({ prefixLength }) => prefixLength === 0);
  if (everybody !== undefined) {
    throw new TypeError(
      `"${everybody.text}" trusts every client to choose its own address. Name the ranges of your proxies.`,
    );
  }
  return { header, proxies, hops };
}
