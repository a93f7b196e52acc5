import { hideRevealed } from "../core/revealed.ts";

/** What may not stand in a log, wherever in a text it stands. Each pattern is linear: no nested repetition. */
const PATTERNS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/\b(authorization|bearer|basic)[ :=]+[\w.~+/=-]{8,}/giu, "$1 [redacted]"],
  [/(\/\/)[^\s/@:]{1,256}:[^\s/@]{1,256}@/gu, "$1[redacted]@"],
  [/[\w.+%-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}/giu, "[email]"],
  [/\b(?=[\w-]{0,200}\d)(?=[\w-]{0,200}[A-Za-z])[\w-]{32,}/gu, "[token]"],
  [/([?&][\w.-]{1,64}=)[^\s&#"']{1,4000}/gu, "$1[redacted]"],
];

/** Thirteen to nineteen digits as people and programs write them, together or in groups; none begins like a time in milliseconds. */
const CARD_NUMBER = /(?<![\d.-])[2-6](?:[ -]?\d){12,18}(?![\d.-])/gu;

/**
 * Takes revealed secrets, credentials, tokens, card numbers, e-mail addresses and query values out of a text such as an error's stack before it is logged.
 *
 * @example
 * redactText("connect postgres://app:hunter2@db failed"); // "connect postgres://[redacted]@db failed"
 */
export function redactText(text: string): string {
  let clean = hideRevealed(text);
  for (const [pattern, replacement] of PATTERNS) clean = clean.replace(pattern, replacement);
  return clean.replace(CARD_NUMBER, (digits) => (isCardNumber(digits) ? "[card]" : digits));
}

/** ISO/IEC 7812-1, annex B: of ten numbers of that length nine are none. */
function isCardNumber(text: string): boolean {
  const digits = [...text].filter((character) => character >= "0" && character <= "9").map(Number);
  const sum = digits.reverse().reduce((total, digit, index) => {
    const counted = index % 2 === 0 ? digit : digit * 2;
    return total + (counted > 9 ? counted - 9 : counted);
  }, 0);
  return sum % 10 === 0 && new Set(digits).size > 1;
}
