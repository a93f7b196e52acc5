/** Reads who a chain of proxies says the client is. Pure functions over header lines; `trusted-proxies.ts` decides when to ask. */
import type { ClientAddress } from "../core/brand.ts";
import { parseForwardedAddress, type AddressSet } from "../primitives/ip.ts";
import { parseForwarded } from "./forwarded.ts";

/** Headers that hold a list, one entry per hop, the newest on the right. */
export const LIST_HEADERS = ["x-forwarded-for", "forwarded"] as const;
/** Headers that hold one address, which the edge overwrites. */
export const SINGLE_HEADERS = [
  "x-real-ip",
  "cf-connecting-ip",
  "true-client-ip",
  "fastly-client-ip",
  "fly-client-ip",
] as const;

export type ClientHeader = (typeof LIST_HEADERS)[number] | (typeof SINGLE_HEADERS)[number];

const LONGEST_CHAIN = 4096;
const MOST_HOPS = 64;

/** Why a chain was not believed; a closed set, for the log. */
export type ChainFault =
  | "chain-too-long"
  | "chain-too-short"
  | "chain-malformed"
  | "address-malformed"
  | "address-repeated";

/** What a chain says. `proto` and `host` are those of the hop next to us. */
export interface Chain {
  /** Nodes from the client's end on the left to the hop before our peer on the right, as written. */
  readonly nodes: readonly string[];
  readonly proto: string | undefined;
  readonly host: string | undefined;
}

/**
 * Splits the lines of the client header. Several lines are one list, in order (RFC 9110 section 5.3): a proxy may append to a line or add one.
 */
export function readChain(header: ClientHeader, lines: readonly string[]): Chain | ChainFault {
  let length = 0;
  for (const line of lines) length += line.length + 1;
  if (length > LONGEST_CHAIN) return "chain-too-long";
  if (header === "forwarded") return readForwarded(lines);
  if (header !== "x-forwarded-for") {
    return lines.length === 1 ? { nodes: lines, proto: undefined, host: undefined } : "address-repeated";
  }
  const nodes = elementsOf(lines);
  if (nodes.length > MOST_HOPS) return "chain-too-long";
  return nodes.length === 0 ? "chain-malformed" : { nodes, proto: undefined, host: undefined };
}

function readForwarded(lines: readonly string[]): Chain | ChainFault {
  // Line by line: an unclosed quote that a client sends must not swallow the line that the proxy adds.
  const elements = [];
  for (const line of lines) {
    const parsed = parseForwarded(line);
    if (parsed === undefined) return "chain-malformed";
    elements.push(...parsed);
  }
  if (elements.length > MOST_HOPS) return "chain-too-long";
  const last = elements.at(-1);
  return { nodes: elements.map((element) => element.for ?? "unknown"), proto: last?.proto, host: last?.host };
}

/** The elements of a comma-separated list over several lines; empty ones do not count (RFC 9110 section 5.6.1.2). */
function elementsOf(lines: readonly string[]): readonly string[] {
  const [only] = lines;
  if (lines.length === 1 && only !== undefined && !only.includes(",")) return only.trim() === "" ? [] : [only];
  return lines.flatMap((line) => line.split(",")).filter((element) => element.trim() !== "");
}

/** The last element of a list, in lower case: what the hop next to us wrote. */
export function lastElement(list: string): string {
  return list
    .slice(list.lastIndexOf(",") + 1)
    .trim()
    .toLowerCase();
}

/** An address that a proxy reports is now a client's: here it is minted. */
function clientAt(node: string): ClientAddress | undefined {
  return parseForwardedAddress(node.trim()) as ClientAddress | undefined;
}

/**
 * Walks from the right over addresses that belong to declared proxies; the first that does not is the client. What stands further left was
 * written by nobody whom we trust and is not looked at. A chain of proxies alone began at one of them.
 */
export function walkTrusted(nodes: readonly string[], proxies: AddressSet): ClientAddress | ChainFault {
  let client: ClientAddress | undefined;
  for (let index = nodes.length - 1; index >= 0; index -= 1) {
    client = clientAt(nodes[index] as string);
    if (client === undefined) return "address-malformed";
    if (!proxies.has(client)) return client;
  }
  return client ?? "chain-malformed";
}

/** With a number of proxies instead of their addresses: the peer is the first, and each further one accounts for an entry. */
export function walkHops(nodes: readonly string[], hops: number): ClientAddress | ChainFault {
  const node = nodes[nodes.length - hops];
  return node === undefined ? "chain-too-short" : (clientAt(node) ?? "address-malformed");
}

const FAULTS: ReadonlySet<string> = new Set<ChainFault>([
  "chain-too-long",
  "chain-too-short",
  "chain-malformed",
  "address-malformed",
  "address-repeated",
]);

export function isFault(result: ClientAddress | ChainFault): result is ChainFault {
  return FAULTS.has(result);
}
