/** Which patterns a text gives a reason to try: one pass over its characters, two at a time, answers for all of them. */
import { CLASS_BITS, CLASS_OF, markSequences, type ClassSet } from "./redact-mark-source.ts";

/**
 * What a text must have for a pattern to match: one character, or what the source of a pattern says, of which only a part of the syntax is
 * understood (see `markSequences`); with `stands`, and what a look around that place must agree to.
 */
export type Mark =
  | string
  | {
      readonly source: string;
      /** @param at where the source begins in the text; -1 when what it begins with is the text's beginning */
      readonly stands: (text: Uint8Array, at: number) => boolean;
    };

/** What is tried where three characters of a sequence stand. */
interface Candidate {
  /** Of the lists that have it. */
  readonly bits: number;
  readonly sequence: readonly ClassSet[];
  /** Where the three begin in it. */
  readonly offset: number;
  readonly stands: ((text: Uint8Array, at: number) => boolean) | undefined;
}

type Lists = readonly (readonly Mark[])[];

const CLASSES = 1 << CLASS_BITS;
const TRIPLES = CLASSES ** 3;
const COUPLE_MASK = CLASSES ** 2 - 1;
const WINDOW_MASK = CLASSES ** 4 - 1;
/** Of a couple's 32 bits the classes take ten, the sign one, and what asks for every list another. */
const MOST_SINGLES = 20;
const MOST_LISTS = 30;
const EVERY = 1 << 30;
const IN_WORD = 1 << 31;
/** A word of 32 characters has so many couples at least, wherever it begins; the count begins with one. */
const COUPLES_OF_WORD = 16;

/** In the place of controls that nobody writes: a character beyond Latin-1, one that is a mark, and one that the flags `iu` take for an ASCII letter. */
const BEYOND = 0x80;
const MARK_BEYOND = 0x81;
const FOLDED = 0x82;

/**
 * Makes a pass that tells which lists have a mark in a text. The list that comes behind the last has for its mark 30 or more characters in a row of
 * which long random words are made: letters, digits and `_-+/`.
 *
 * @param lists at most 30; of these at most 20 with a mark of one character
 * @returns a bit for each list, the first the lowest; a bit that is not set says that no mark of the list stands there
 */
export function markFinder(lists: Lists): (text: string) => number {
  const singles = lists.flatMap((marks, index) => (marks.some(isSingle) ? [index] : []));
  if (lists.length > MOST_LISTS || singles.length > MOST_SINGLES)
    throw new RangeError(
      `A pass looks for ${MOST_LISTS} lists at most, ${MOST_SINGLES} of them with single characters.`,
    );
  const bytesOf = foldedBytes(lists);
  const couples = coupleBits(lists, singles);
  const candidates = candidatesOf(lists);
  const isCandidate = Uint8Array.from(candidates, (all) => (all.length === 0 ? 0 : 1));
  const long = 1 << lists.length;

  function listsOf(seen: number): number {
    if ((seen & EVERY) !== 0) return long * 2 - 1;
    let found = 0;
    for (const [order, index] of singles.entries())
      if ((seen & (1 << (order + 2 * CLASS_BITS))) !== 0) found |= 1 << index;
    return found;
  }

  function standing(triple: number, bytes: Uint8Array, at: number, found: number): number {
    let bits = found;
    const all = candidates[triple] as readonly Candidate[];
    for (let index = 0; index < all.length; index += 1) {
      const candidate = all[index] as Candidate;
      if ((bits & candidate.bits) !== candidate.bits && stands(candidate, bytes, at)) bits |= candidate.bits;
    }
    return bits;
  }

  return (text) => {
    const { bytes, pairs } = bytesOf(text);
    const count = (text.length >> 1) + 1;
    // Names of this function's own: it calls others, and would look up those around it anew each time.
    const bitsOf = couples;
    const mayBegin = isCandidate;
    let seen = 0;
    let found = 0;
    let window = 0;
    let run = 1;
    let runs = 0;
    for (let index = 0; index < count; index += 1) {
      const couple = bitsOf[pairs[index] as number] as number;
      seen |= couple;
      // The sign says whether both are part of a long word; a number with a bit above the lowest four is 16 or more.
      run = (run & (couple >> 31)) + 1;
      runs |= run;
      window = ((window << (2 * CLASS_BITS)) | (couple & COUPLE_MASK)) & WINDOW_MASK;
      const earlier = window >> CLASS_BITS;
      const later = window & (TRIPLES - 1);
      if (((mayBegin[earlier] as number) | (mayBegin[later] as number)) === 0) continue;
      if (mayBegin[earlier] === 1) found = standing(earlier, bytes, 2 * index - 2, found);
      if (mayBegin[later] === 1) found = standing(later, bytes, 2 * index - 1, found);
    }
    return found | listsOf(seen) | (runs >= COUPLES_OF_WORD ? long : 0);
  };
}

function isSingle(mark: Mark): mark is string {
  return typeof mark === "string" && mark.length === 1;
}

function stands({ sequence, offset, stands: agrees }: Candidate, bytes: Uint8Array, at: number): boolean {
  const begin = at - offset;
  for (let index = 0; index < sequence.length; index += 1)
    if ((((sequence[index] as number) >>> (CLASS_OF[bytes[begin + index] ?? 0] as number)) & 1) === 0) return false;
  return agrees === undefined || agrees(bytes, begin);
}

/** For two characters as one number of 16 bits, as this processor orders them: their classes, the lists they are marks of, and the sign. */
function coupleBits(lists: Lists, singles: readonly number[]): Int32Array {
  const bits = Int32Array.from({ length: 256 }, (_, byte) => (byte === FOLDED ? EVERY : 0));
  for (const [order, index] of singles.entries())
    for (const mark of (lists[index] as readonly Mark[]).filter(isSingle)) {
      const byte = byteOfMark(mark);
      bits[byte] = (bits[byte] as number) | (1 << (order + 2 * CLASS_BITS));
    }
  const inWord = Int32Array.from(bits, (_, byte) => (/[\w+/-]/u.test(String.fromCharCode(byte)) ? IN_WORD : 0));
  const couples = new Int32Array(65_536);
  const isLittleEndian = new Uint16Array(Uint8Array.of(1, 0).buffer)[0] === 1;
  for (let first = 0; first < 256; first += 1)
    for (let second = 0; second < 256; second += 1)
      couples[isLittleEndian ? first | (second << 8) : (first << 8) | second] =
        ((CLASS_OF[first] as number) << CLASS_BITS) |
        (CLASS_OF[second] as number) |
        (bits[first] as number) |
        (bits[second] as number) |
        ((inWord[first] as number) & (inWord[second] as number));
  return couples;
}

/** For each triple of classes what is tried where it stands: of a sequence one triple is looked for, which is rare in ordinary lines. */
function candidatesOf(lists: Lists): readonly (readonly Candidate[])[] {
  const candidates: Candidate[][] = Array.from({ length: TRIPLES }, () => NONE);
  for (const [mark, bits] of bitsByMark(lists)) {
    const { source, stands: agrees } = typeof mark === "string" ? { source: mark, stands: undefined } : mark;
    for (const sequence of markSequences(source)) {
      const offset = rarestTriple(sequence, source);
      const candidate: Candidate = { bits, sequence, offset, stands: agrees };
      for (const triple of triplesOf(sequence.slice(offset, offset + 3)))
        candidates[triple] = [...(candidates[triple] ?? NONE), candidate];
    }
  }
  return candidates;
}

const NONE: Candidate[] = [];

function bitsByMark(lists: Lists): ReadonlyMap<Mark, number> {
  const bits = new Map<Mark, number>();
  for (const [index, marks] of lists.entries())
    for (const mark of marks) if (!isSingle(mark)) bits.set(mark, (bits.get(mark) ?? 0) | (1 << index));
  return bits;
}

/** The classes from the commonest to the rarest in lines of a log. */
const BY_FREQUENCY = Array.from('" et1a2io.nsr-dl_cmuphgbyfvwkxjz', (character) => CLASS_OF[character.charCodeAt(0)]);

function rarestTriple(sequence: readonly ClassSet[], source: string): number {
  if (sequence.length < 3) throw new RangeError(`A mark has one character or three and more, not ${source}.`);
  const commonness = sequence.map((set) =>
    BY_FREQUENCY.reduce((sum: number, one, rank) => sum + ((set >>> (one as number)) & 1) * (CLASSES - rank), 0),
  );
  const costs = commonness
    .slice(2)
    .map((last, at) => (commonness[at] as number) * (commonness[at + 1] as number) * last);
  return costs.indexOf(Math.min(...costs));
}

function triplesOf(sets: readonly ClassSet[]): readonly number[] {
  return sets.reduce<readonly number[]>(
    (triples, set) => triples.flatMap((before) => classesIn(set).map((one) => (before << CLASS_BITS) | one)),
    [0],
  );
}

function classesIn(set: ClassSet): readonly number[] {
  return Array.from({ length: CLASSES }, (_, one) => one).filter((one) => ((set >>> one) & 1) === 1);
}

interface Room {
  readonly bytes: Buffer;
  /** The same memory. */
  readonly pairs: Uint16Array;
}

/** An ordinary line has room in it, and so has what `redactFields` takes of a longer text. */
const KEPT_CHARACTERS = 1 << 16;
/** For two zeros behind the text, and so that a text with a character of several bytes is not taken for one without. */
const SPARE = 8;
const encoder = new TextEncoder();

/** One byte for each character, and zeros behind the last. The room is used again by the next text. */
function foldedBytes(lists: Lists): (text: string) => Room {
  const folded = new Uint8Array(65_536).fill(BEYOND);
  for (let code = 0; code < 256; code += 1) folded[code] = code;
  for (const mark of lists.flat().filter(isSingle)) folded[mark.charCodeAt(0)] = byteOfMark(mark);
  folded[0x17f] = FOLDED;
  folded[0x212a] = FOLDED;
  const kept = roomFor(KEPT_CHARACTERS);
  return (text) => {
    const room = text.length <= KEPT_CHARACTERS ? kept : roomFor(text.length);
    const { bytes } = room;
    // As many bytes as characters: all of them are ASCII.
    if (encoder.encodeInto(text, bytes).written !== text.length)
      if (BEYOND_LATIN.test(text))
        for (let at = 0; at < text.length; at += 1) bytes[at] = folded[text.charCodeAt(at)] as number;
      else bytes.write(text, "latin1");
    bytes[text.length] = 0;
    bytes[text.length + 1] = 0;
    return room;
  };
}

const BEYOND_LATIN = /[^\u0000-\u00ff]/u;

function byteOfMark(mark: string): number {
  const code = mark.charCodeAt(0);
  return code < 256 ? code : MARK_BEYOND;
}

function roomFor(characters: number): Room {
  const memory = new ArrayBuffer(2 * Math.ceil((characters + SPARE) / 2));
  return { bytes: Buffer.from(memory), pairs: new Uint16Array(memory) };
}
