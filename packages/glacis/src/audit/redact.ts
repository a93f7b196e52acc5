/** No secret and no account number in a text (catalog log-redaction; guide checklist: logs hold no secrets). */
import { hideRevealed } from "../core/revealed.ts";
import { COMMANDS } from "./redact-command.ts";
import { DISGUISES, plainText } from "./redact-disguise.ts";
import { CREDENTIAL_FORMS, ISSUED_FORMS } from "./redact-issued.ts";
import { NAMED_VALUES } from "./redact-named.ts";
import { markFinder } from "./redact-marks.ts";
import { CARD_MARKS, hideCardNumbers, hideIbans, IBAN_MARKS } from "./redact-numbers.ts";
import type { HiddenPattern } from "./redact-pattern.ts";

/** A local part may have an apostrophe between its letters; a domain ends with a name, so that `express@4.18.2` is a version. */
const ADDRESS: HiddenPattern = {
  marks: ["@", "%"],
  mayStand: (text) => text.includes("@") || text.includes("%40"),
  replacements: [
    [/(\/\/)[^\s/@:"'<>]{0,256}:[^\s"'<>]{1,256}@/gu, "$1[redacted]@"],
    [/(\/\/)[\w.~%+-]{8,256}@/gu, "$1[redacted]@"],
    [/(jdbc:oracle:\w{1,16}:[^\s/@]{1,64}\/)[^\s@]{1,256}@/gu, "$1[redacted]@"],
    [/(%2F%2F)(?:(?!%2F|%40)[^\s&"'<>]){1,256}%40/giu, "$1[redacted]%40"],
    [
      /(?:[\p{L}\p{N}_.+%-]{1,64}(?:'[\p{L}\p{N}_.+%-]{1,64}){0,2}|"[^"\n]{1,64}")(?:@|%40)(?:(?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}[\p{L}\p{N}-]{0,62}|localhost\b|\[(?:IPv6:)?[\d.:A-Fa-f]{2,45}\])/gu,
      "[email]",
    ],
  ],
};

const PARAMETER = /[?&#][^\s=&#"'<>?]{1,64}=/u;
const QUERY: HiddenPattern = {
  marks: ["?", "&", "#"],
  mayStand: (text) => text.includes("=") && PARAMETER.test(text),
  replacements: [[/([?&#][^\s=&#"'<>?]{1,64}=)(?!\[redacted\])(?:[^\s&#"']|'(?=\w))+/gu, "$1[redacted]"]],
};

/** In this order: what one leaves, the next may take for something else. */
export const PATTERNS: readonly HiddenPattern[] = [
  ...CREDENTIAL_FORMS,
  ...COMMANDS,
  ...NAMED_VALUES,
  ADDRESS,
  ...ISSUED_FORMS,
  QUERY,
];
const findMarks = markFinder([...PATTERNS.map(({ marks }) => marks), DISGUISES, CARD_MARKS, IBAN_MARKS]);
const [DISGUISED, CARDS, IBANS, LONG] = [0, 1, 2, 3].map((more) => 1 << (PATTERNS.length + more)) as [
  number,
  number,
  number,
  number,
];
/** What must be seen before a pattern is tried. */
const NEEDED = PATTERNS.map(({ marks }, index) => (marks.length === 0 ? LONG : 1 << index));

/**
 * Takes revealed secrets, credentials, tokens, card and bank account numbers, e-mail addresses, query values and the values of telling names out of a text
 * such as an error's stack before it is logged. A credential that is a plain word of a sentence, as in "my password is swordfish", is not recognised.
 *
 * @example
 * redactText("connect postgres://app:hunter2@db failed"); // "connect postgres://[redacted]@db failed"
 */
export function redactText(text: string): string {
  let marks = findMarks(text);
  let clean = hideRevealed((marks & DISGUISED) === 0 ? text : plainText(text));
  if (clean !== text) marks = findMarks(clean);
  if (marks === 0) return clean;
  for (let index = 0; index < PATTERNS.length; index += 1) {
    if ((marks & (NEEDED[index] as number)) === 0) continue;
    const before = clean;
    const { mayStand, replacements } = PATTERNS[index] as HiddenPattern;
    if (mayStand?.(clean) !== false)
      for (const [pattern, by] of replacements) clean = clean.replace(pattern, by as string);
    if (clean !== before) marks = findMarks(clean);
  }
  if ((marks & CARDS) !== 0) clean = hideCardNumbers(clean);
  return (marks & IBANS) === 0 ? clean : hideIbans(clean);
}
