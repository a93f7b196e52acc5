import { domainToASCII } from "node:url";

const LONGEST = 254;
/** RFC 5321 local parts without quoting. ASCII only: two letters that look alike must not be two accounts. */
const LOCAL = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/u;
const TYPED_DOMAIN = /^[\p{L}\p{M}\p{N}.-]+$/u;
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/u;

export function canonicalIdentifier(text: unknown): string | undefined {
  if (typeof text !== "string" || text.length > LONGEST * 2) return undefined;
  const trimmed = text.normalize("NFC").trim();
  const at = trimmed.lastIndexOf("@");
  const local = trimmed.slice(0, Math.max(at, 0)).toLowerCase();
  const typed = trimmed.slice(at + 1);
  const domain = TYPED_DOMAIN.test(typed) ? domainToASCII(typed) : "";
  const email = `${local}@${domain}`;
  return LOCAL.test(local) && local.length <= 64 && DOMAIN.test(domain) && email.length <= LONGEST ? email : undefined;
}
