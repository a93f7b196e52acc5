/** Numbers that name an account: recognised by their check digits, so that an order number is left alone. */

const LEAST_DIGITS = 13;
const DIGIT_9 = 57;
/** Of a card: 2 to 6. */
const FIRST_OF_CARD = 50;
const LAST_OF_CARD = 54;
const PERCENT = 37;
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

/** Three digits in a row, or two with one character between them. */
export const CARD_MARKS: readonly string[] = ["000", "0 0", "0-0", "0.0", "0_0", "0/0"];
/** The letters of a country and a digit. */
export const IBAN_MARKS: readonly string[] = [...IBAN_LENGTHS.keys()].map((country) => `${country.toLowerCase()}0`);

/** The text without the numbers of cards (ISO/IEC 7812-1, annex B). */
export function hideCardNumbers(text: string): string {
  return mayHoldCard(text) ? text.replace(CARD_NUMBERS, hideCardNumber) : text;
}

/** The text without the numbers of bank accounts (ISO 13616). */
export function hideIbans(text: string): string {
  return mayHoldIban(text) ? text.replace(IBANS, hideIban) : text;
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

/**
 * Thirteen digits from one that no digit stands before and that a card begins with; between them what may stand between groups. Looks at every second
 * character: behind the first digit of a card stands another one or a separator.
 */
function mayHoldCard(text: string): boolean {
  for (let at = 1; at <= text.length; at += 2) {
    const code = text.charCodeAt(at);
    if (code > DIGIT_9) continue;
    if (!isDigit(code) && !isDigit(text.charCodeAt(at - 1))) continue;
    let start = isDigit(code) ? at : at - 1;
    while (isDigit(text.charCodeAt(start - 1))) start -= 1;
    const first = text.charCodeAt(start);
    if (first >= FIRST_OF_CARD && first <= LAST_OF_CARD) at = endOfGroups(text, start);
    else while (isDigit(text.charCodeAt(at))) at += 1;
    if (at === HAS_ENOUGH) return true;
  }
  return false;
}

const HAS_ENOUGH = -1;

/** Where something else than digits and their separators stands; -1 where so many digits stand before it as a card has. */
function endOfGroups(text: string, start: number): number {
  let digits = 0;
  let at = start;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (isDigit(code)) digits += 1;
    else if (code === PERCENT && text.startsWith("%20", at)) at += 2;
    else if (!isSeparator(code)) break;
    if (digits === LEAST_DIGITS) return HAS_ENOUGH;
  }
  return at;
}

/** Two letters and two digits, and as many letters and digits behind them as the shortest account has. */
function mayHoldIban(text: string): boolean {
  for (let at = 2; at < text.length - 1; at += 1) {
    if (!isDigit(text.charCodeAt(at)) || !isDigit(text.charCodeAt(at + 1))) continue;
    if (!isLetter(text.charCodeAt(at - 1)) || !isLetter(text.charCodeAt(at - 2))) continue;
    if (!IBAN_LENGTHS.has(text.slice(at - 2, at).toUpperCase())) continue;
    let characters = 0;
    let end = at + 2;
    for (; end < text.length && characters < LEAST_OF_IBAN; end += 1) {
      const code = text.charCodeAt(end);
      if (isDigit(code) || isLetter(code)) characters += 1;
      else if (!isSeparator(code) && code !== PERCENT) break;
    }
    if (characters === LEAST_OF_IBAN) return true;
  }
  return false;
}

/** Not exactly: no separator of the patterns is left out. */
function isSeparator(code: number): boolean {
  return code <= 32 || code === 43 || (code >= 45 && code <= 47) || code === 95 || code > 127;
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

function isDigit(code: number): boolean {
  return code >= 48 && code <= DIGIT_9;
}

function isLetter(code: number): boolean {
  return (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
}
