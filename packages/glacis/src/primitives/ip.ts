/**
 * IP addresses and sets of them. The one importer of `ipaddr.js`, which knows the registries of special ranges and the canonical text of IPv6;
 * its lenient IPv4 spellings (octal, hexadecimal, fewer than four parts) never get that far.
 */
import { isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";
import { recent } from "./recent.ts";

/** Longer than any address with a zone, in any form that is accepted here. */
const LONGEST_ADDRESS = 64;
const MAPPED_PREFIX = "::ffff:";

const canonicalSix = recent<string>(2048);

/**
 * The canonical text of an address: dotted IPv4, or IPv6 as RFC 5952 writes it. An IPv4-mapped IPv6 address is that IPv4 address, because a
 * dual-stack socket reports every IPv4 peer so; a zone id (`fe80::1%eth0`) is dropped, because it names a link of this machine only.
 *
 * @returns undefined for anything else: octal, hexadecimal or short IPv4, a port, brackets, spaces
 */
export function parseAddress(text: string): string | undefined {
  if (ipv4Number(text) !== -1) return text;
  if (text.length > LONGEST_ADDRESS || !text.includes(":")) return undefined;
  if (text.startsWith(MAPPED_PREFIX)) {
    const embedded = text.slice(MAPPED_PREFIX.length);
    if (ipv4Number(embedded) !== -1) return embedded;
  }
  const known = canonicalSix.get(text);
  if (known !== undefined) return known;
  const parts = ipv6Parts(text);
  if (parts === undefined) return undefined;
  const canonical = isMapped(parts) ? dotted(parts[6] as number, parts[7] as number) : written(parts);
  canonicalSix.set(text, canonical);
  return canonical;
}

/**
 * An address as forwarding headers write it: bare, or with a port (`203.0.113.7:8080`, `[2001:db8::1]:443`), IPv6 with or without brackets.
 *
 * @returns the canonical address without the port, or undefined
 */
export function parseForwardedAddress(text: string): string | undefined {
  if (text.length > LONGEST_ADDRESS) return undefined;
  if (text.startsWith("[")) {
    const end = text.indexOf("]");
    const inside = text.slice(1, end);
    return end > 0 && inside.includes(":") && isPortSuffix(text.slice(end + 1)) ? parseAddress(inside) : undefined;
  }
  const colon = text.indexOf(":");
  if (colon === -1 || colon !== text.lastIndexOf(":")) return parseAddress(text);
  const host = text.slice(0, colon);
  return ipv4Number(host) !== -1 && isPortSuffix(text.slice(colon)) ? host : undefined;
}

/** Nothing, a port, or a name that a proxy gives a port to hide it (RFC 7239 section 6). */
function isPortSuffix(text: string): boolean {
  return text === "" || /^:_[\w.-]+$/u.test(text) || (/^:\d{1,5}$/u.test(text) && Number(text.slice(1)) <= 65_535);
}

/** A dotted IPv4 address as a number, or -1. Four decimal parts without leading zeros, and nothing else. */
function ipv4Number(text: string): number {
  const { length } = text;
  if (length < 7 || length > 15) return -1;
  let value = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let index = 0; index < length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 46) {
      if (digits === 0 || dots === 3) return -1;
      value = value * 256 + part;
      part = 0;
      digits = 0;
      dots += 1;
    } else {
      if (code < 48 || code > 57 || (digits > 0 && part === 0)) return -1;
      part = part * 10 + code - 48;
      digits += 1;
      if (part > 255) return -1;
    }
  }
  return dots === 3 && digits > 0 ? value * 256 + part : -1;
}

/** The eight groups of an IPv6 address, its zone dropped. Node's own check is strict about the text; the library then splits it. */
function ipv6Parts(text: string): readonly number[] | undefined {
  const zone = text.indexOf("%");
  const bare = zone === -1 ? text : text.slice(0, zone);
  if (!isIPv6(bare) || (zone !== -1 && !isIPv6(text))) return undefined;
  // The library takes `::192.0.2.1` for a mapped address, which it is not; with a zero in front it does not.
  return ipaddr.IPv6.parse(/^::\d+\./u.test(bare) ? `0${bare}` : bare).parts;
}

function isMapped(parts: readonly number[]): boolean {
  return parts[5] === 0xffff && parts.slice(0, 5).every((part) => part === 0);
}

function dotted(high: number, low: number): string {
  return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
}

function written(parts: readonly number[]): string {
  return new ipaddr.IPv6([...parts]).toRFC5952String();
}

/** A set of addresses, given as CIDR ranges and single addresses. */
export interface AddressSet {
  /** @param address canonical, from `parseAddress`; anything that is not an address is in no set */
  readonly has: (address: string) => boolean;
  readonly ranges: readonly AddressRange[];
}

export interface AddressRange {
  readonly text: string;
  readonly family: 4 | 6;
  readonly prefixLength: number;
}

/**
 * Compiles ranges to comparisons of numbers. IPv4 ranges written as mapped IPv6 count as IPv4, and never contain an IPv6 address.
 *
 * @throws TypeError naming the range that is none, or that has bits set beyond its prefix (10.0.0.1/8 is either a slip or a misunderstanding)
 * @example
 * addressSet(["10.0.0.0/8", "2001:db8::/32"]).has("10.1.2.3"); // true
 */
export function addressSet(ranges: readonly string[]): AddressSet {
  const compiled = ranges.map(compileRange);
  const four = compiled.flatMap(({ range, first, last }) => (range.family === 4 ? [{ first, last }] : []));
  const six = compiled.flatMap(({ range, parts }) =>
    range.family === 6 ? [{ parts, prefixLength: range.prefixLength }] : [],
  );
  const verdicts = recent<boolean>(512);
  return {
    ranges: compiled.map(({ range }) => range),
    has(address) {
      const number = ipv4Number(address);
      if (number !== -1) return four.some(({ first, last }) => number >= first && number <= last);
      if (six.length === 0 || address.length > LONGEST_ADDRESS) return false;
      const known = verdicts.get(address);
      if (known !== undefined) return known;
      const parts = ipv6Parts(address);
      const inside = parts !== undefined && six.some((network) => shares(parts, network.parts, network.prefixLength));
      verdicts.set(address, inside);
      return inside;
    },
  };
}

interface CompiledRange {
  readonly range: AddressRange;
  readonly first: number;
  readonly last: number;
  readonly parts: readonly number[];
}

function compileRange(text: string): CompiledRange {
  const [address = "", length, ...rest] = text.split("/");
  const wrong = (why: string): TypeError =>
    new TypeError(`"${text}" is no address range: ${why}. Write it like "10.0.0.0/8", "2001:db8::/32" or "192.0.2.7".`);
  if (rest.length > 0 || (length !== undefined && !/^\d{1,3}$/u.test(length)))
    throw wrong("the prefix is not one number");
  const canonical = address.includes("%") ? undefined : parseAddress(address);
  if (canonical === undefined) throw wrong("the address is not valid");
  const number = ipv4Number(canonical);
  const family = number === -1 ? 6 : 4;
  const width = family === 4 ? 32 : 128;
  const given = length === undefined ? undefined : Number(length);
  const prefixLength = given === undefined ? width : given - (family === 4 && address.includes(":") ? 96 : 0);
  if (prefixLength < 0 || prefixLength > width) throw wrong(`the prefix is not between 0 and ${width}`);
  const range: AddressRange = { text: `${canonical}/${prefixLength}`, family, prefixLength };
  if (family === 4) {
    const size = 2 ** (32 - prefixLength);
    if (number % size !== 0) throw wrong("the address has bits set beyond the prefix");
    return { range, first: number, last: number + size - 1, parts: [] };
  }
  const parts = ipv6Parts(canonical) ?? [];
  const [network] = ipaddr.IPv6.parseCIDR(range.text);
  const base = ipaddr.IPv6.networkAddressFromCIDR(range.text);
  if (network.toString() !== base.toString()) throw wrong("the address has bits set beyond the prefix");
  return { range, first: 0, last: 0, parts };
}

function shares(left: readonly number[], right: readonly number[], prefixLength: number): boolean {
  let bits = prefixLength;
  for (let index = 0; bits > 0; index += 1) {
    const shift = Math.max(0, 16 - bits);
    if ((left[index] as number) >> shift !== (right[index] as number) >> shift) return false;
    bits -= 16;
  }
  return true;
}

/**
 * What a limit per client counts by. One IPv6 customer holds at least a /64, so its addresses share a key; an IPv4 address is its own key, also
 * where a translator wraps it (64:ff9b::/96, RFC 6052): one key for that /64 would be one key for the whole IPv4 internet.
 *
 * @param address canonical, from `parseAddress`
 */
export function limitKey(address: string): string {
  if (!address.includes(":") || address.startsWith("64:ff9b::")) return address;
  const gap = address.indexOf("::");
  const head = gap === -1 ? address : address.slice(0, gap);
  const groups = head === "" ? [] : head.split(":");
  if (groups.length < 4) {
    const tail = address.slice(gap + 2);
    const tailGroups = tail === "" ? [] : tail.split(":");
    while (groups.length + tailGroups.length < 8) groups.push("0");
    groups.push(...tailGroups);
  }
  return `${groups[0]}:${groups[1]}:${groups[2]}:${groups[3]}::/64`;
}

/** `public` is reachable from the internet; `other` is every further special range: documentation, multicast, tunnels, reserved, no address. */
export type AddressScope = "public" | "private" | "loopback" | "link-local" | "other";

const SCOPES: Readonly<Record<string, AddressScope>> = {
  unicast: "public",
  private: "private",
  uniqueLocal: "private",
  carrierGradeNat: "private",
  loopback: "loopback",
  linkLocal: "link-local",
};

/** Where an address is reachable from. @param address canonical, from `parseAddress` */
export function addressScope(address: string): AddressScope {
  return SCOPES[addressRangeName(address) ?? ""] ?? "other";
}

/** The IANA special-purpose range of an address in the words of `ipaddr.js`, such as `unicast` or `teredo`; undefined for no address. */
export function addressRangeName(address: string): string | undefined {
  const canonical = parseAddress(address);
  return canonical === undefined ? undefined : ipaddr.parse(canonical).range();
}
