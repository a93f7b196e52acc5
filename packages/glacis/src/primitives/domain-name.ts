/** A host's name in the DNS (RFC 1035 section 2.3.1, RFC 5891). */
import { domainToASCII } from "node:url";

const CHARACTERS = /^[\p{L}\p{M}\p{N}.-]+$/u;
const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/u;
const LONGEST_NAME = 253;

/**
 * A name of two labels or more, or `localhost`, in lower case with A-labels and without the dot of the root. The ideographic full stop counts as a
 * dot. An address in numbers is no name.
 *
 * @returns undefined for everything else
 */
export function canonicalDomainName(text: string): string | undefined {
  const name = text.replaceAll("\u3002", ".").replace(/\.$/u, "");
  if (!CHARACTERS.test(name)) return undefined;
  const ascii = domainToASCII(name);
  const labels = ascii.split(".");
  // Digits of other scripts too: a name ends in letters (RFC 3696 section 2), and some readers take any digit for one.
  const isAddress = [ascii, name].some((spelling) => /(?:^|\.)\p{Nd}+$/u.test(spelling));
  const isQualified = labels.length > 1 || ascii === "localhost";
  if (!isQualified || isAddress || ascii.length > LONGEST_NAME) return undefined;
  return labels.every((label) => LABEL.test(label)) ? ascii : undefined;
}
