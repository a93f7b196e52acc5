/** Which patterns a text gives a reason to try: one pass over its characters answers for all of them. */

/** Letters of either case are one class each; digits are one, and so is everything that is not listed. */
const CLASS_BITS = 5;
const OTHER = 0;
const UNDERSCORE = 27;
const HYPHEN = 28;
const DIGIT = 29;
const FULL_STOP = 30;
const SLASH = 31;
const TRIPLES = 1 << (3 * CLASS_BITS);
const LETTER_A = 97;
const LOWEST_CLASS = (1 << CLASS_BITS) - 1;
const SIGN = 1 << 31;
const LONG_RUN = 32;
/** Of a word of 32 bits the classes take five, the sign one, and the list of long words another. */
const MOST_LISTS = 25;
const CODES = 65_536;

/**
 * Makes a pass that tells which lists have a mark in a text. A mark is one character, or three of them: letters mean either case, `0` any digit and a
 * blank any character that is no letter, digit, underscore, hyphen, full stop or slash. Case is folded as by the flags `iu` of a pattern. The list that
 * comes behind the last has for its mark 32 or more characters in a row of which long random words are made: letters, digits and `_-+/`.
 *
 * @param lists at most 25
 * @returns a bit for each list, the first the lowest; a bit that is not set says that no mark of the list stands there
 */
export function markFinder(lists: readonly (readonly string[])[]): (text: string) => number {
  if (lists.length > MOST_LISTS) throw new RangeError(`A pass looks for ${MOST_LISTS} lists at most.`);
  const characters = charactersOf(lists);
  const triples = new Int32Array(TRIPLES);
  for (const [index, marks] of lists.entries())
    for (const mark of marks)
      if (mark.length !== 1) triples[tripleOf(mark)] = (triples[tripleOf(mark)] ?? 0) | (1 << index);
  // Few triples are marks, and a table of bytes stays close to the processor.
  const isMark = Uint8Array.from(triples, (found) => (found === 0 ? 0 : 1));
  const long = 1 << lists.length;
  return (text) => {
    let seen = 0;
    let found = 0;
    let triple = 0;
    let run = 0;
    let runs = 0;
    for (let at = 0; at < text.length; at += 1) {
      const character = characters[text.charCodeAt(at)] as number;
      seen |= character;
      // The sign says whether it is part of a long word; a number with a bit above the lowest five is 32 or more.
      run = (run + 1) & (character >> 31);
      runs |= run;
      triple = ((triple << CLASS_BITS) | (character & LOWEST_CLASS)) & (TRIPLES - 1);
      if (isMark[triple] === 1) found |= triples[triple] as number;
    }
    return found | ((seen & ~SIGN) >>> CLASS_BITS) | (runs >= LONG_RUN ? long : 0);
  };
}

/** Of each code its class, above it the lists that have it for a mark, and the sign. */
function charactersOf(lists: readonly (readonly string[])[]): Int32Array {
  const characters = new Int32Array(CODES);
  for (let code = 0; code < 128; code += 1) {
    const character = String.fromCharCode(code);
    characters[code] = classOf(character) | (/[\w+/-]/u.test(character) ? SIGN : 0);
  }
  // What the flags iu take for an s and a k.
  characters[0x17f] = classOf("s") | SIGN;
  characters[0x212a] = classOf("k") | SIGN;
  for (const [index, marks] of lists.entries())
    for (const mark of marks) {
      const code = mark.charCodeAt(0);
      if (mark.length === 1) characters[code] = (characters[code] ?? 0) | (1 << (index + CLASS_BITS));
    }
  return characters;
}

function tripleOf(mark: string): number {
  if (mark.length !== 3) throw new RangeError(`A mark has one character or three, not "${mark}".`);
  return [...mark].reduce((triple, character) => (triple << CLASS_BITS) | classOf(character), 0);
}

function classOf(character: string): number {
  if (/[a-z]/iu.test(character)) return character.toLowerCase().charCodeAt(0) - LETTER_A + 1;
  return /\d/u.test(character) ? DIGIT : (OTHERS[character] ?? OTHER);
}

const OTHERS: Readonly<Record<string, number>> = { _: UNDERSCORE, "-": HYPHEN, ".": FULL_STOP, "/": SLASH };
