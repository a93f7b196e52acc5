/** A regular expression as the automaton of its positions (Glushkov): from each character that it names, those that may come next. */

/** Characters as ranges of code points. */
export type Letters = readonly (readonly [number, number])[];

export interface Position {
  readonly letters: Letters;
  readonly next: Set<number>;
  /** Positions that come next in more than one way, such as by an inner and an outer repetition. */
  readonly twice: Set<number>;
  /** It may repeat without end. */
  readonly endless: boolean;
  /** What comes after it cannot fail: the engine never turns back. */
  readonly last: boolean;
}

interface Part {
  readonly first: readonly number[];
  readonly last: readonly number[];
  readonly empty: boolean;
  /** Something in it can fail to match: a character or an anchor. */
  readonly fails: boolean;
}

const NOTHING: Part = { first: [], last: [], empty: true, fails: false };
const MOST = 120;
const ALL: Letters = [[0, 0xff_ff]];
const CLASSES: Readonly<Record<string, Letters>> = {
  d: [[48, 57]],
  w: [
    [48, 57],
    [65, 90],
    [95, 95],
    [97, 122],
  ],
  s: [
    [9, 13],
    [32, 32],
    [160, 160],
  ],
};
const ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, v: 11, f: 12, "0": 0 };

/** Thrown for what is not understood, and then nothing is said about the pattern. */
class NotUnderstood extends Error {}

/** @returns undefined for patterns that are too long or use what an automaton does not know */
export function readPattern(source: string, flags: string): readonly Position[] | undefined {
  try {
    return new Reader(source, flags).read();
  } catch (error) {
    if (error instanceof NotUnderstood) return undefined;
    throw error;
  }
}

class Reader {
  readonly #source: string;
  readonly #flags: string;
  readonly #positions: { letters: Letters; next: Set<number>; twice: Set<number>; endless: boolean; last: boolean }[] =
    [];
  #at = 0;

  constructor(source: string, flags: string) {
    this.#source = source;
    this.#flags = flags;
  }

  read(): readonly Position[] {
    const whole = this.#alternatives();
    if (this.#at < this.#source.length) throw new NotUnderstood();
    // Where the whole ends without an anchor, the engine is content with whatever it has.
    if (!this.#endsInAnchor()) for (const last of whole.last) (this.#positions[last] as { last: boolean }).last = true;
    return this.#positions;
  }

  #endsInAnchor(): boolean {
    return /(?<!\\)(?:\\\\)*(?:\$\)*|\\b|\))$/u.test(this.#source) && /\$|\\b|\(\?!/u.test(this.#source.slice(-6));
  }

  #alternatives(): Part {
    const parts = [this.#sequence()];
    while (this.#source[this.#at] === "|") {
      this.#at += 1;
      parts.push(this.#sequence());
    }
    return {
      first: parts.flatMap(({ first }) => first),
      last: parts.flatMap(({ last }) => last),
      empty: parts.some(({ empty }) => empty),
      fails: parts.every(({ fails }) => fails),
    };
  }

  #sequence(): Part {
    let whole = NOTHING;
    while (this.#at < this.#source.length && !/[|)]/u.test(this.#source[this.#at] as string)) {
      const from = this.#positions.length;
      const atom = this.#atom();
      whole = this.#concatenate(whole, this.#repeated(atom, from));
    }
    return whole;
  }

  #concatenate(before: Part, after: Part): Part {
    for (const last of before.last) for (const first of after.first) this.#link(last, first);
    return {
      first: before.empty ? [...before.first, ...after.first] : before.first,
      last: after.empty ? [...after.last, ...before.last] : after.last,
      empty: before.empty && after.empty,
      fails: before.fails || after.fails,
    };
  }

  #link(from: number, to: number): void {
    const { next, twice } = this.#positions[from] as Position;
    if (next.has(to)) twice.add(to);
    next.add(to);
  }

  #atom(): Part {
    const letter = this.#source[this.#at] as string;
    if (letter === "(") return this.#group();
    this.#at += 1;
    switch (letter) {
      case "^":
      case "$":
        return { ...NOTHING, fails: true };
      case ".":
        return this.#position(this.#flags.includes("s") ? ALL : without([[10, 10]]));
      case "[":
        return this.#position(this.#class());
      case "\\": {
        const escaped = this.#escape(false);
        return escaped === undefined ? { ...NOTHING, fails: true } : this.#position(escaped);
      }
      case "*":
      case "+":
      case "?":
        throw new NotUnderstood();
      default:
        return this.#position(one(letter));
    }
  }

  #group(): Part {
    const [opening = "("] = /^\((?:\?(?:[:=!]|<[=!]|<[^>]*>))?/u.exec(this.#source.slice(this.#at)) ?? [];
    this.#at += opening.length;
    const from = this.#positions.length;
    const inside = this.#alternatives();
    if (this.#source[this.#at] !== ")") throw new NotUnderstood();
    this.#at += 1;
    if (!/[=!]$/u.test(opening)) return inside;
    // What is looked at is not read.
    this.#positions.length = from;
    return { ...NOTHING, fails: true };
  }

  #repeated(part: Part, from: number): Part {
    const [quantifier = ""] = /^(?:[*+?]|\{\d+(?:,\d*)?\})\??/u.exec(this.#source.slice(this.#at)) ?? [];
    if (quantifier === "") return part;
    this.#at += quantifier.length;
    const [, least = "", comma = "", most = ""] = /^\{(\d+)(,?)(\d*)\}/u.exec(quantifier) ?? [];
    const optional = /^[*?]/u.test(quantifier) || least === "0";
    const unbounded = /^[*+]/u.test(quantifier) || (comma !== "" && most === "") || Number(most || least) > 20;
    if (unbounded && from === this.#positions.length) throw new NotUnderstood();
    if (unbounded || Number(most) > Math.max(Number(least), 1)) {
      for (const last of part.last)
        for (const first of part.first) {
          this.#link(last, first);
          if (unbounded && last === first) (this.#positions[last] as { endless: boolean }).endless = true;
        }
    }
    return { ...part, empty: part.empty || optional, fails: part.fails && !optional };
  }

  #position(letters: Letters): Part {
    if (this.#positions.length >= MOST) throw new NotUnderstood();
    const index = this.#positions.length;
    this.#positions.push({
      letters: this.#flags.includes("i") ? folded(letters) : letters,
      next: new Set(),
      twice: new Set(),
      endless: false,
      last: false,
    });
    return { first: [index], last: [index], empty: false, fails: true };
  }

  /** @returns undefined for \b, which reads nothing */
  #escape(inClass: boolean): Letters | undefined {
    const letter = this.#source[this.#at] ?? "";
    this.#at += 1;
    const known = CLASSES[letter.toLowerCase()];
    if (known !== undefined) return letter === letter.toLowerCase() ? known : without(known);
    if (letter === "b" || letter === "B") return inClass ? one("\b") : undefined;
    const hex = /^(?:x([\da-f]{2})|u([\da-f]{4})|u\{([\da-f]+)\})/iu.exec(this.#source.slice(this.#at - 1));
    if (hex !== null) {
      this.#at += hex[0].length - 1;
      const code = Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? "0", 16);
      return [[code, code]];
    }
    if (/[1-9kpP]/u.test(letter)) throw new NotUnderstood();
    const code = ESCAPES[letter];
    return code === undefined ? one(letter) : [[code, code]];
  }

  #class(): Letters {
    const negated = this.#source[this.#at] === "^";
    if (negated) this.#at += 1;
    const letters: (readonly [number, number])[] = [];
    while (this.#source[this.#at] !== "]") {
      if (this.#at >= this.#source.length) throw new NotUnderstood();
      const from = this.#member();
      const isRange = this.#source[this.#at] === "-" && this.#source[this.#at + 1] !== "]" && isSingle(from);
      if (!isRange) {
        letters.push(...from);
        continue;
      }
      this.#at += 1;
      const to = this.#member();
      letters.push([from[0]?.[0] ?? 0, to[0]?.[1] ?? 0]);
    }
    this.#at += 1;
    return negated ? without(letters) : letters;
  }

  #member(): Letters {
    const letter = this.#source[this.#at];
    if (letter === undefined) throw new NotUnderstood();
    this.#at += 1;
    return letter === "\\" ? (this.#escape(true) ?? []) : one(letter);
  }
}

function isSingle(letters: Letters): boolean {
  return letters.length === 1 && letters[0]?.[0] === letters[0]?.[1];
}

function one(letter: string): Letters {
  const code = letter.codePointAt(0) ?? 0;
  return [[code, code]];
}

function without(letters: Letters): Letters {
  const rest: (readonly [number, number])[] = [];
  let from = 0;
  for (const [low, high] of letters.toSorted(([left], [right]) => left - right)) {
    if (low > from) rest.push([from, low - 1]);
    from = Math.max(from, high + 1);
  }
  return from > 0xff_ff ? rest : [...rest, [from, 0xff_ff]];
}

function folded(letters: Letters): Letters {
  return letters.flatMap(([low, high]) => [
    [low, high] as const,
    ...(
      [
        [65, 90, 32],
        [97, 122, -32],
      ] as const
    ).flatMap(([from, to, by]) => {
      const [start, end] = [Math.max(low, from), Math.min(high, to)];
      return start > end ? [] : [[start + by, end + by] as const];
    }),
  ]);
}

export function common(left: Letters, right: Letters): Letters {
  return left.flatMap(([low, high]) =>
    right.flatMap(([from, to]) => {
      const [start, end] = [Math.max(low, from), Math.min(high, to)];
      return start > end ? [] : [[start, end] as const];
    }),
  );
}
