import { domainToASCII } from "node:url";

const LONGEST = 254;
/** RFC 5321 local parts without quoting. ASCII only: two letters that look alike must not be two accounts. */
const LOCAL = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/u;
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/u;

/**
 * The one spelling under which an address is stored and looked up: NFC, trimmed, lower case on both sides, the domain in its ASCII form.
 *
 * @returns undefined when it is not an address
 * @example
 * canonicalEmail(" Ada@Example.COM "); // "ada@example.com"
 */
export function canonicalEmail(text: string): string | undefined {
  if (text.length > LONGEST * 2) return undefined;
  const trimmed = text.normalize("NFC").trim();
  const at = trimmed.lastIndexOf("@");
  const local = trimmed.slice(0, Math.max(at, 0)).toLowerCase();
  // `domainToASCII` is a host parser: it would also take an IPv4 address in any spelling, which the pattern then refuses.
  const domain = domainToASCII(trimmed.slice(at + 1));
  const email = `${local}@${domain}`;
  return LOCAL.test(local) && local.length <= 64 && DOMAIN.test(domain) && email.length <= LONGEST ? email : undefined;
}
