/** Numbers that name an account: recognised by their check digits, so that an order number is left alone. */
import type { Mark } from "./redact-marks.ts";

const LEAST_DIGITS = 13;
const LONGEST_GAP = 2;
/** Behind the two digits. */
const LEAST_OF_IBAN = 11;

/**
 * Thirteen to nineteen digits as people and programs write them, together or in groups; none begins like a time in milliseconds. Other separators count
 * between groups of four alone, or between four, six and five.
 */
const CARD_NUMBERS =
  /(?<!\d|\d[.-])[2-6](?:[ -]?\d){12,18}(?!\d|[.-]\d)|(?<!\d)[2-6]\d{3}(?:(?:[\s._/\u2010-\u2015-]{1,2}|%20|\+)\d{4}){3}(?!\d)|(?<!\d)3\d{3}(?:[\s._/\u2010-\u2015-]{1,2}|%20|\+)\d{6}(?:[\s._/\u2010-\u2015-]{1,2}|%20|\+)\d{5}(?!\d)/gu;

/** How an international bank account number begins, and what may be the rest of it: its country decides where it ends. */
const IBANS =
  /(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2}))[A-Za-z]{2}\d{2}(?:(?:[\s._\u2010-\u2015-]{1,2}|%20|\+)?[A-Za-z0-9]){11,30}/gu;
const IBAN_SEPARATORS = /^(?:[\s._\u2010-\u2015-]|%20|\+)/u;
/** Characters by country (ISO 13616, registry of SWIFT, release 99). */
const IBAN_LENGTHS: ReadonlyMap<string, number> = new Map(
  [
    [15, "NO"],
    [16, "BE"],
    [18, "DK FI FK FO GL NL SD"],
    [19, "MK SI"],
    [20, "AT BA EE KZ LT LU MN XK"],
    [21, "CH HR LI LV"],
    [22, "BG BH CR DE GB GE IE ME RS VA"],
    [23, "AE GI IL IQ OM SO TL"],
    [24, "AD CZ ES MD PK RO SA SE SK TN VG"],
    [25, "LY PT ST"],
    [26, "IS TR"],
    [27, "BI DJ FR GR IT MC MR SM"],
    [28, "AL AZ BY CY DO GT HN HU LB NI PL SV"],
    [29, "BR EG PS QA UA"],
    [30, "JO KW MU YE"],
    [31, "MT SC"],
    [32, "LC"],
    [33, "RU"],
  ].flatMap(([length, countries]) =>
    String(countries)
      .split(" ")
      .map((country) => [country, Number(length)] as const),
  ),
);

/** What a byte is to a number: nothing, what may stand between its parts, or a part. */
const [SEPARATOR, PART] = [1, 2];
/** No separator of the patterns is left out; of `%20` the digits count as some of the number. */
const OF_CARD = kindsOf(/\d/u);
const OF_IBAN = kindsOf(/[A-Za-z0-9]/u);

function kindsOf(part: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => {
    const character = String.fromCharCode(byte);
    if (part.test(character)) return PART;
    return /[\s%+./_\u0080-\u00ff-]/u.test(character) ? SEPARATOR : 0;
  });
}

/** Where the first of thirteen digits stands that a card begins with. */
export const CARD_MARKS: readonly Mark[] = [
  { source: "[^0-9][2-6][0-9 -][0-9 -][0-9 -]", stands: (text, at) => counts(LEAST_DIGITS, OF_CARD, text, at + 1) },
];
/** Where two letters of a country and two digits stand, and as many of both as the shortest account has. */
export const IBAN_MARKS: readonly Mark[] = [
  {
    source: `(?:${[...IBAN_LENGTHS.keys()].join("|")})[0-9][0-9]`,
    stands: (text, at) => counts(LEAST_OF_IBAN, OF_IBAN, text, at + 4),
  },
];

/** The text without the numbers of cards (ISO/IEC 7812-1, annex B). */
export function hideCardNumbers(text: string): string {
  return text.replace(CARD_NUMBERS, hideCardNumber);
}

/** The text without the numbers of bank accounts (ISO 13616). */
export function hideIbans(text: string): string {
  return text.replace(IBANS, hideIban);
}

function hideCardNumber(digits: string): string {
  return isCardNumber(digits.replaceAll("%20", "")) ? "[card]" : digits;
}

/** Of ten numbers of that length nine are none. */
function isCardNumber(text: string): boolean {
  const digits = [...text].filter((character) => character >= "0" && character <= "9").map(Number);
  const sum = digits.reverse().reduce((total, digit, index) => {
    const counted = index % 2 === 0 ? digit : digit * 2;
    return total + (counted > 9 ? counted - 9 : counted);
  }, 0);
  return sum % 10 === 0 && new Set(digits).size > 1;
}

/** Whether so many parts of a number stand there, with what may stand between them. */
function counts(least: number, kinds: Uint8Array, text: Uint8Array, start: number): boolean {
  let parts = 0;
  let gap = 0;
  for (let at = start; at < text.length && gap <= LONGEST_GAP; at += 1) {
    const kind = kinds[text[at] as number];
    if (kind === PART) {
      parts += 1;
      gap = 0;
      if (parts === least) return true;
    } else if (kind === SEPARATOR) gap += 1;
    else return false;
  }
  return false;
}

/** The next words may look like more of it, so as many characters are taken as its country has. */
function hideIban(found: string): string {
  const length = IBAN_LENGTHS.get(found.slice(0, 2).toUpperCase());
  if (length === undefined) return found;
  let characters = "";
  let at = 0;
  while (at < found.length && characters.length < length) {
    const separator = IBAN_SEPARATORS.exec(found.slice(at, at + 3))?.[0];
    if (separator === undefined) characters += found[at];
    at += separator?.length ?? 1;
  }
  const ends = at === found.length || IBAN_SEPARATORS.test(found.slice(at, at + 3));
  return ends && characters.length === length && isIban(characters) ? `[iban]${found.slice(at)}` : found;
}

/** ISO 7064, MOD 97-10: letters count from ten, the first four characters come last. */
function isIban(characters: string): boolean {
  let rest = 0;
  for (const character of characters.slice(4) + characters.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}
