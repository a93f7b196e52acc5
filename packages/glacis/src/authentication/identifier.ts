/** One form for every spelling of an e-mail address, so that nobody registers as somebody else (catalog identifier-canonicalization; CWE-178, CWE-176). */
import { domainToUnicode } from "node:url";
import { caseFold } from "../primitives/case-fold.ts";
import { canonicalDomainName } from "../primitives/domain-name.ts";

const LONGEST_INPUT = 512;
/** RFC 5321 section 4.5.3.1: a path of 256 octets with its angle brackets. */
const LONGEST_ADDRESS = 254;
const LONGEST_LOCAL_PART = 64;

/** Whitespace, controls, what is not drawn, and what only a quoted local part may hold. */
const NEVER_IN_LOCAL_PART = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}"(),:;<>@[\\\]]/u;

/**
 * The canonical form of an e-mail address as the name of an account: NFKC and case folding for the local part, IDNA for the domain. Unique is to
 * be what this returns; mail goes to the address as it was verified, never to the one just typed. Spaces around it do not count. Dots and `+tags`
 * do: only the mail's own host knows whether they matter.
 *
 * @returns undefined for everything that is no address, of whatever type
 * @example
 * canonicalIdentifier(" Jane@EXAMPLE.com"); // "jane@example.com"
 */
export function canonicalIdentifier(text: unknown): string | undefined {
  if (typeof text !== "string" || text.length > LONGEST_INPUT || !text.isWellFormed()) return undefined;
  const normal = text.replace(/^ +/u, "").replace(/ +$/u, "").normalize("NFKC");
  const at = normal.lastIndexOf("@");
  if (at < 1) return undefined;
  const local = canonicalLocalPart(normal.slice(0, at));
  const domain = canonicalDomainName(normal.slice(at + 1));
  if (local === undefined || domain === undefined) return undefined;
  const address = `${local}@${domain}`;
  return Buffer.byteLength(address) <= LONGEST_ADDRESS ? address : undefined;
}

/** The alphabets that have letters of one shape and different code points (UTS #39 section 4). */
const ALPHABETS = [
  /\p{Script=Latin}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Cherokee}/u,
  /\p{Script=Coptic}/u,
];

/**
 * The canonical form of an address that is to become the name of an account, and undefined besides for one that is made to be taken for another: a local
 * part, or a label of the domain, with letters of two alphabets that look alike, such as a Cyrillic `а` in `admin` (UTS #39 section 5.2), or an encoded
 * word, which some mail programs decode into another address (RFC 2047). Whoever has such an address signs in with it as ever: an account is not
 * lost to a rule that came after it.
 */
export function newIdentifier(text: unknown): string | undefined {
  const address = canonicalIdentifier(text);
  if (address === undefined) return undefined;
  const at = address.lastIndexOf("@");
  const parts = [address.slice(0, at), ...domainToUnicode(address.slice(at + 1)).split(".")];
  const mixed = parts.some((part) => ALPHABETS.filter((alphabet) => alphabet.test(part)).length > 1);
  return mixed || address.includes("=?") ? undefined : address;
}

function canonicalLocalPart(text: string): string | undefined {
  if (NEVER_IN_LOCAL_PART.test(text) || text.startsWith(".") || text.endsWith(".") || text.includes(".."))
    return undefined;
  // Folding can undo the normal form, and normalizing the folding: twice is enough for every character there is.
  const folded = caseFold(caseFold(text).normalize("NFKC")).normalize("NFKC");
  return Buffer.byteLength(folded) <= LONGEST_LOCAL_PART ? folded : undefined;
}
