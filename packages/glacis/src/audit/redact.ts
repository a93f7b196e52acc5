import { hideRevealed } from "../core/revealed.ts";

/** What may not stand in a log, wherever in a text it stands. */
interface Hidden {
  /** Most lines have nothing to hide, and this look says so at little cost. It is never no where the pattern would match. */
  readonly mayStand: (text: string) => boolean;
  /** Linear: no nested repetition. */
  readonly pattern: RegExp;
  readonly replacement: string;
}

const LONG_WORD = 32;
const WORD_CHARACTERS = Uint8Array.from({ length: 128 }, (_, code) =>
  /[\w-]/u.test(String.fromCharCode(code)) ? 1 : 0,
);
const SCHEME = /(?:uthorization|earer|asic)[ :=]/iu;
const PARAMETER = /[?&][\w.-]{1,64}=/u;
const hasAt = (text: string): boolean => text.includes("@");

const PATTERNS: readonly Hidden[] = [
  {
    mayStand: (text) => SCHEME.test(text),
    pattern: /\b(authorization|bearer|basic)[ :=]+[\w.~+/=-]{8,}/giu,
    replacement: "$1 [redacted]",
  },
  { mayStand: hasAt, pattern: /(\/\/)[^\s/@:]{1,256}:[^\s/@]{1,256}@/gu, replacement: "$1[redacted]@" },
  { mayStand: hasAt, pattern: /[\w.+%-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}/giu, replacement: "[email]" },
  {
    mayStand: hasLongWord,
    pattern: /\b(?=[\w-]{0,200}\d)(?=[\w-]{0,200}[A-Za-z])[\w-]{32,}/gu,
    replacement: "[token]",
  },
  {
    mayStand: (text) => PARAMETER.test(text),
    pattern: /([?&][\w.-]{1,64}=)[^\s&#"']{1,4000}/gu,
    replacement: "$1[redacted]",
  },
];

/** Thirteen to nineteen digits as people and programs write them, together or in groups; none begins like a time in milliseconds. */
const CARD_NUMBER = /(?<![\d.-])[2-6](?:[ -]?\d){12,18}(?![\d.-])/u;
const CARD_NUMBERS = new RegExp(CARD_NUMBER, "gu");

/**
 * Takes revealed secrets, credentials, tokens, card numbers, e-mail addresses and query values out of a text such as an error's stack before it is logged.
 *
 * @example
 * redactText("connect postgres://app:hunter2@db failed"); // "connect postgres://[redacted]@db failed"
 */
export function redactText(text: string): string {
  let clean = hideRevealed(text);
  for (const { mayStand, pattern, replacement } of PATTERNS)
    if (mayStand(clean)) clean = clean.replace(pattern, replacement);
  return CARD_NUMBER.test(clean) ? clean.replace(CARD_NUMBERS, hideCardNumber) : clean;
}

function hideCardNumber(digits: string): string {
  return isCardNumber(digits) ? "[card]" : digits;
}

/** Looks at every 32nd character, and around it where that is part of a word. */
function hasLongWord(text: string): boolean {
  for (let at = LONG_WORD - 1; at < text.length; at += LONG_WORD) {
    let from = at;
    while (from >= 0 && isWordCharacter(text.charCodeAt(from))) from -= 1;
    if (from === at) continue;
    let to = at + 1;
    while (to < text.length && isWordCharacter(text.charCodeAt(to))) to += 1;
    if (to - from > LONG_WORD) return true;
  }
  return false;
}

function isWordCharacter(code: number): boolean {
  return code < 128 && WORD_CHARACTERS[code] === 1;
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
