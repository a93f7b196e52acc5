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

/** One of the list as it stands or repeated, a short piece repeated, or neighbours in a row, such as `abcdefgh`. @param text folded */
export function isCommon(text: string, common: ReadonlySet<string>): boolean {
  if (common.has(text)) return true;
  const unit = repeatedUnit(text);
  if (unit !== undefined && /^[\p{L}\p{N}]+$/u.test(unit) && (common.has(unit) || [...unit].length <= 4)) return true;
  return isRow(text);
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
