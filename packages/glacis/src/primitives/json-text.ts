/** What only the text of a JSON document shows, because `JSON.parse` has thrown it away (RFC 8259; RFC 7493 section 2.2). */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Shorter integers are all held exactly. */
const MAY_BE_INEXACT = /\d{16}/u;
const STRING_OR_NUMBER = /"|-?\d[\d.eE+-]*/gu;
const LONG_INTEGER = /^-?\d{16,}$/u;

/** The index of the quote that ends a string, or of the end of the text. */
export function endOfJsonString(text: string, start: number): number {
  for (let from = start; ;) {
    const quote = text.indexOf('"', from);
    if (quote === -1) return text.length;
    let slashes = 0;
    while (text.charCodeAt(quote - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return quote;
    from = quote + 1;
  }
}

/**
 * Whether a valid document holds an integer that is another one once it is read: 9007199254740993 is read as 9007199254740992, which is another
 * account. What this language writes comes through, although it fills up with zeros: 18250423613608792 is written ...790 and is read as itself.
 *
 * @example
 * holdsInexactInteger('{"account":9007199254740993}'); // true
 */
export function holdsInexactInteger(text: string): boolean {
  if (!MAY_BE_INEXACT.test(text)) return false;
  STRING_OR_NUMBER.lastIndex = 0;
  for (let found = STRING_OR_NUMBER.exec(text); found !== null; found = STRING_OR_NUMBER.exec(text)) {
    if (text.charCodeAt(found.index) === QUOTE) {
      STRING_OR_NUMBER.lastIndex = endOfJsonString(text, found.index + 1) + 1;
    } else if (LONG_INTEGER.test(found[0]) && isInexact(found[0])) return true;
  }
  return false;
}

function isInexact(digits: string): boolean {
  const number = Number(digits);
  return !Number.isFinite(number) || (String(number) !== digits && BigInt(number) !== BigInt(digits));
}
