/**
 * A regular expression as the automaton of its positions (Glushkov), in which every path is a way for a backtracking engine to read a text.
 * Where no text leads to one position by two paths, an engine that tries them all compares at most length times links characters, or twice as
 * many where a required repetition may read nothing.
 */
import { RegExpParser, type AST } from "@eslint-community/regexpp";

export type PatternFault =
  | "syntax"
  | "backreference"
  | "lookaround"
  | "too_many_positions"
  | "ambiguous"
  | "unsupported";

export type PatternJudgement =
  | { readonly fault: PatternFault; readonly links?: undefined }
  | { readonly fault?: undefined; readonly links: number };

const MOST_POSITIONS = 500;

class Refused extends Error {
  readonly fault: PatternFault;

  constructor(fault: PatternFault) {
    super(fault);
    this.fault = fault;
  }
}

/** A part of the pattern: where reading it can begin and end, and in how many ways it reads nothing. */
interface Part {
  readonly first: readonly number[];
  readonly last: readonly number[];
  readonly empty: boolean;
}

const NOTHING: Part = { first: [], last: [], empty: true };

/** @param flags `u`, and perhaps `i` and `s` */
export function judgePattern(source: string, flags: string): PatternJudgement {
  try {
    const tree = new RegExpParser({ ecmaVersion: 2024 }).parsePattern(source, 0, source.length, { unicode: true });
    const made: Positions = { atoms: [""], follow: [new Set()], flags };
    link(made, [0], readPattern(made, tree.alternatives).first);
    return isAmbiguous(made) ? { fault: "ambiguous" } : { links: linksOf(made) };
  } catch (error) {
    return { fault: error instanceof Refused ? error.fault : "syntax" };
  }
}

interface Positions {
  /** The atom of each position; position 0 stands before the text and has none. */
  readonly atoms: string[];
  readonly follow: Set<number>[];
  readonly flags: string;
}

/** From each position, the positions that can come next. */
function linksOf({ follow }: Positions): number {
  return follow.reduce((sum, { size }) => sum + size, 0);
}

function readPattern(made: Positions, alternatives: readonly AST.Alternative[]): Part {
  const parts = alternatives.map(({ elements }) =>
    sequence(
      made,
      elements.map((element) => () => readElement(made, element)),
    ),
  );
  if (parts.filter(({ empty }) => empty).length > 1) throw new Refused("ambiguous");
  return {
    first: parts.flatMap(({ first }) => first),
    last: parts.flatMap(({ last }) => last),
    empty: parts.some(({ empty }) => empty),
  };
}

function sequence(made: Positions, makers: readonly (() => Part)[]): Part {
  return makers.reduce((before, make) => concatenate(made, before, make()), NOTHING);
}

function concatenate(made: Positions, before: Part, after: Part): Part {
  link(made, before.last, after.first);
  return {
    first: before.empty ? [...before.first, ...after.first] : before.first,
    last: after.empty ? [...before.last, ...after.last] : after.last,
    empty: before.empty && after.empty,
  };
}

/** A second way from one position to the next without reading is a second path for every text that passes here. */
function link(made: Positions, from: readonly number[], to: readonly number[]): void {
  for (const start of from) {
    const follow = made.follow[start] as Set<number>;
    for (const end of to) {
      if (follow.has(end)) throw new Refused("ambiguous");
      follow.add(end);
    }
  }
}

function readElement(made: Positions, element: AST.Element): Part {
  switch (element.type) {
    case "Character":
    case "CharacterSet":
    case "CharacterClass":
      return addAtom(made, element.raw);
    case "Group":
      if (element.modifiers !== null) throw new Refused("unsupported");
      return readPattern(made, element.alternatives);
    case "CapturingGroup":
      return readPattern(made, element.alternatives);
    case "Quantifier":
      return repeat(made, element);
    case "Assertion":
      if (element.kind === "lookahead" || element.kind === "lookbehind") throw new Refused("lookaround");
      return NOTHING;
    case "Backreference":
      throw new Refused("backreference");
    case "ExpressionCharacterClass":
      throw new Refused("unsupported");
  }
}

function addAtom(made: Positions, raw: string): Part {
  const position = made.atoms.push(raw) - 1;
  if (position > MOST_POSITIONS) throw new Refused("too_many_positions");
  made.follow.push(new Set());
  return { first: [position], last: [position], empty: false };
}

/** Copies as many as there may be, so that `\d{1,3}` is three positions; only what has no end is a loop. */
function repeat(made: Positions, { min, max, element }: AST.Quantifier): Part {
  const copy = (): Part => readElement(made, element);
  if (max === 0) return NOTHING;
  if (min > MOST_POSITIONS || (Number.isFinite(max) && max > MOST_POSITIONS)) throw new Refused("too_many_positions");
  const required = Array.from({ length: Math.max(min - (max === Infinity ? 1 : 0), 0) }, () => copy);
  const before = sequence(made, required);
  if (max === Infinity) {
    const loop = copy();
    link(made, loop.last, loop.first);
    return concatenate(made, before, min === 0 ? { ...loop, empty: true } : loop);
  }
  return concatenate(made, before, optional(made, copy, max - min));
}

/** `x{0,3}` as `(x(x(x)?)?)?`. An engine lets no repetition beyond the required ones read nothing. */
function optional(made: Positions, copy: () => Part, count: number): Part {
  if (count === 0) return NOTHING;
  const one = { ...copy(), empty: false };
  return { ...concatenate(made, one, optional(made, copy, count - 1)), empty: true };
}

/** Two paths over one text that have parted and meet again: then each such place doubles the paths. */
function isAmbiguous(made: Positions): boolean {
  const meet = overlaps(made.atoms, made.flags);
  const size = made.atoms.length;
  const seen = new Set<number>();
  const pending: (readonly [number, number])[] = [];
  const step = (left: number, right: number): boolean => {
    for (const one of made.follow[left] as Set<number>) {
      for (const other of made.follow[right] as Set<number>) {
        if (left === right && one >= other) continue;
        if (!meet(one, other)) continue;
        if (one === other) return true;
        const pair = Math.min(one, other) * size + Math.max(one, other);
        if (seen.has(pair)) continue;
        seen.add(pair);
        pending.push([one, other]);
      }
    }
    return false;
  };
  for (let position = 0; position < size; position += 1) if (step(position, position)) return true;
  for (let pair = pending.pop(); pair !== undefined; pair = pending.pop()) if (step(...pair)) return true;
  return false;
}
/** Whether two atoms can read the same character, judged on characters that tell atoms apart and on those that the pattern names. */
function overlaps(atoms: readonly string[], flags: string): (one: number, other: number) => boolean {
  const distinct = [...new Set(atoms)].filter((raw) => raw !== "");
  const samples = samplesOf(distinct);
  const sets = new Map(
    distinct.map((raw) => {
      const atom = new RegExp(`^(?:${raw})$`, flags);
      const read = new Set(samples.filter((sample) => atom.test(sample)));
      // A class with a property reads characters that are not sampled, and so may another one.
      if (/\\[pP]\{/u.test(raw)) read.add("property");
      return [raw, read] as const;
    }),
  );
  const known = new Map<string, boolean>();
  return (one, other) => {
    const [left, right] = [atoms[one] as string, atoms[other] as string];
    if (left === right) return true;
    const key = `${left}\0${right}`;
    let meet = known.get(key);
    if (meet === undefined) {
      const [small, large] = [sets.get(left) as Set<string>, sets.get(right) as Set<string>];
      meet = [...small].some((sample) => large.has(sample));
      known.set(key, meet);
    }
    return meet;
  };
}

/** ASCII, one of each kind beyond it, and every character that the pattern names with its neighbours, in both cases. */
function samplesOf(atoms: readonly string[]): readonly string[] {
  const codes = new Set<number>(Array.from({ length: 0x180 }, (_, code) => code));
  const kinds =
    "\u017f\u212a\u0391\u03b1\u0410\u0430\u05d0\u0661\u0e01\u200b\u2028\u2029\u2003\u4e00\uac00\ufeff\uff10\u{10400}\u{1f600}\u{20000}";
  for (const character of kinds) codes.add(character.codePointAt(0) as number);
  const parser = new RegExpParser({ ecmaVersion: 2024 });
  for (const raw of atoms) {
    for (const code of namedCodes(parser.parsePattern(raw, 0, raw.length, { unicode: true })))
      for (const near of [code - 1, code, code + 1]) if (near >= 0 && near <= 0x10ffff) codes.add(near);
  }
  const characters = [...codes].map((code) => String.fromCodePoint(code));
  return [...new Set(characters.flatMap((each) => [each, each.toLowerCase(), each.toUpperCase()]))].filter(
    (each) => [...each].length === 1,
  );
}

function namedCodes(node: unknown): readonly number[] {
  if (Array.isArray(node)) return node.flatMap(namedCodes);
  if (typeof node !== "object" || node === null) return [];
  const { type, value, alternatives, elements, min, max } = node as Readonly<Record<string, unknown>>;
  if (type === "Character") return [value as number];
  return [alternatives, elements, min, max].flatMap(namedCodes);
}
