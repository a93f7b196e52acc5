/** The passwords that everybody tries first: a list that ships with the package, read once and on first use. */

let reading: Promise<ReadonlySet<string>> | undefined;

/** 49 233 passwords in lower case. */
export function commonPasswords(): Promise<ReadonlySet<string>> {
  reading ??= read().catch((error: unknown) => {
    reading = undefined;
    throw error;
  });
  return reading;
}

async function read(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import("@zxcvbn-ts/language-common");
  return new Set(dictionary["passwords-common"]);
}

/**
 * One of the list as it stands, repeated, or with a row of digits behind it; a short piece repeated; neighbours in a row, such as `abcdefgh`, or on a
 * keyboard, such as `1q2w3e4r`. @param text folded
 */
export function isCommon(text: string, common: ReadonlySet<string>): boolean {
  // Of nothing but spaces and invisible characters nothing is left.
  if (text === "" || common.has(text) || isWalk(text)) return true;
  const [, word = "", digits = ""] = /^(.*\D)(\d{3,})$/su.exec(text) ?? [];
  if (isRow(digits) && common.has(word)) return true;
  const unit = repeatedUnit(text);
  if (unit !== undefined && isGuessedRepeated(unit, common)) return true;
  return isRow(text);
}

/** One sign, whichever; a few letters or digits; a word of the list. */
function isGuessedRepeated(unit: string, common: ReadonlySet<string>): boolean {
  const { length } = [...unit];
  return length === 1 || (/^[\p{L}\p{N}]+$/u.test(unit) && (length <= 4 || common.has(unit)));
}

/** The shortest piece that the text is a repetition of, by the text's first return within itself doubled. */
function repeatedUnit(text: string): string | undefined {
  const period = (text + text).indexOf(text, 1);
  return period > 0 && period < text.length ? text.slice(0, period) : undefined;
}

/** Letters or digits in their order, forwards or backwards; after 9 comes 0. */
function isRow(text: string): boolean {
  if (!/^(?:[a-z]{3,}|\d{3,})$/u.test(text)) return false;
  const steps = Array.from(text.slice(1), (_, index) => text.charCodeAt(index + 1) - text.charCodeAt(index));
  return steps.every((step) => step === 1 || step === -9) || steps.every((step) => step === -1 || step === 9);
}

/** The letters of English, German and French keyboards, each row a little to the right of the one above. */
const KEYBOARDS = [
  ["1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./"],
  ["1234567890ß", "qwertzuiopü", "asdfghjklöä", "yxcvbnm,.-"],
  ["1234567890", "azertyuiop", "qsdfghjklm", "wxcvbn,;:"],
];
const PLACES = KEYBOARDS.map(
  (rows) => new Map(rows.flatMap((row, line) => [...row].map((key, column) => [key, { line, column }] as const))),
);

/** Every key beside the one before it, however the finger turns. */
function isWalk(text: string): boolean {
  const keys = [...text];
  return (
    keys.length >= 4 &&
    PLACES.some((places) => keys.every((key, at) => at === 0 || areBeside(places, keys[at - 1], key)))
  );
}

function areBeside(
  places: ReadonlyMap<string, { readonly line: number; readonly column: number }>,
  from: string | undefined,
  to: string,
): boolean {
  const [one, other] = [places.get(from ?? ""), places.get(to)];
  if (one === undefined || other === undefined) return false;
  const [upper, lower] = one.line <= other.line ? [one, other] : [other, one];
  const step = lower.column - upper.column;
  return lower.line === upper.line ? Math.abs(step) <= 1 : lower.line === upper.line + 1 && (step === 0 || step === -1);
}
