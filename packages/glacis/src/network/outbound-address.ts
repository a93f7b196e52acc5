/** Which addresses an outbound connection may reach (IANA special-purpose registries; RFC 6890, 8190, 6052, 3056, 4380, 5214). */
import { addressSet, parseAddress } from "../primitives/ip.ts";

/** Every IPv4 range that is not an ordinary host on the internet. */
const SPECIAL_IPV4 = addressSet([
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.31.196.0/24",
  "192.52.193.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "192.175.48.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
]);

/** The only part of IPv6 that is handed out as global unicast; mapped, translated, local and multicast addresses all lie outside it. */
const GLOBAL_IPV6 = addressSet(["2000::/3"]);
/** Inside it: protocol assignments with Teredo and ORCHID, documentation, 6to4, AS112. */
const SPECIAL_IPV6 = addressSet(["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48"]);
/** ISATAP: an IPv4 address in the last four octets behind 0:5efe or 200:5efe, in whatever prefix. */
const ISATAP = /:(?:0|200)?:5efe:(?:[\da-f]{1,4}:[\da-f]{1,4}|:)$/u;

/** What hands out credentials or configuration to whoever asks from this machine. No option opens these. */
const METADATA = addressSet([
  "169.254.0.0/16",
  "fe80::/10",
  "168.63.129.16",
  "100.100.100.200",
  "192.0.0.192",
  "fd00:42::42",
  "fd00:ec2::/32",
  "fd20:ce::/32",
]);

/**
 * Compiles the rule for addresses: ordinary hosts of the internet, and the given ranges. Link-local and metadata addresses are never permitted.
 *
 * @param allowed CIDR ranges beyond the internet
 * @returns a predicate over an address as a resolver or a socket writes it; what is no address is refused
 * @throws TypeError for a range that does not parse
 */
export function addressRule(allowed: readonly string[] = []): (address: string) => boolean {
  const extra = addressSet(allowed);
  return (address) => {
    const canonical = parseAddress(address);
    // An IPv4 address inside an IPv6 one has no business in a URL or an answer: only confusion about its family is gained.
    if (canonical === undefined || canonical.includes(":") !== address.includes(":")) return false;
    if (address.includes("%") || METADATA.has(canonical)) return false;
    return extra.has(canonical) || isOrdinary(canonical);
  };
}

function isOrdinary(canonical: string): boolean {
  if (!canonical.includes(":")) return !SPECIAL_IPV4.has(canonical);
  return GLOBAL_IPV6.has(canonical) && !SPECIAL_IPV6.has(canonical) && !ISATAP.test(canonical);
}
