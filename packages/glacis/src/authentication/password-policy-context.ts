/** What somebody who knows the account would try first: its name, its address, its company (NIST SP 800-63B-4 section 3.1.1.2). */
import { caseFold } from "../primitives/case-fold.ts";
import type { PasswordContext } from "./password-problem.ts";

const MOST_WORDS = 64;
const LONGEST_WORD = 320;
const SHORTEST_WORD = 3;
/** As many digits and signs as people put around a word: a year, a date, an exclamation mark. */
const MOST_DECORATION = 8;

/** A password or word as it is compared: compatible forms, case and invisible characters do not make it another one. */
export function skeletonOf(text: string): string {
  return caseFold(text.normalize("NFKC"))
    .replace(/\p{Default_Ignorable_Code_Point}/gu, "")
    .trim();
}

/** The words of an account: wholes and their parts, folded, longest first. */
export function contextWords(words: readonly string[], { email, name, words: more = [] }: PasswordContext): string[] {
  const wholes = [email, name, ...more, ...words]
    .filter((word) => typeof word === "string")
    .slice(0, MOST_WORDS)
    .map((word) => skeletonOf(word.slice(0, LONGEST_WORD)));
  const parts = wholes.flatMap((whole) => [whole, ...whole.split(/[^\p{L}\p{M}\p{N}]+/u)]);
  return [...new Set(parts)].filter((part) => isWord(part)).sort((a, b) => b.length - a.length);
}

/** Nothing but words of the account and a little decoration. NIST compares the whole, so a phrase that holds a word among others is none. */
export function isExpected(skeleton: string, words: readonly string[]): boolean {
  let rest = skeleton;
  for (const word of words) rest = rest.replaceAll(word, " ");
  if (rest === skeleton || /[\p{L}\p{M}]/u.test(rest)) return false;
  return [...rest.replace(/\s/gu, "")].length <= MOST_DECORATION;
}

/** Two Chinese characters are a name; two Latin letters are in every password. */
function isWord(part: string): boolean {
  return [...part].length >= (/^\p{Script=Latin}*$/u.test(part) ? SHORTEST_WORD : 2) && /\p{L}/u.test(part);
}
