/** The members of one JSON array, such as Django's dumpdata writes, one at a time. */

export interface ArrayMember {
  /** Where it begins, counted from 1. */
  readonly line: number;
  readonly value: unknown;
  readonly problem?: "record_too_long" | "record_malformed";
}

const LONGEST_MEMBER = 65_536;

/**
 * Reads the members of the array that the text is. A member that is no JSON is a problem and the rest is read; so is one longer than 64 KiB.
 *
 * @param text the file in pieces, cut anywhere
 * @throws SyntaxError when the text is no array, or ends inside one
 */
export async function* arrayMembers(text: AsyncIterable<string>): AsyncGenerator<ArrayMember> {
  const reader = new ArrayReader();
  for await (const piece of text) yield* reader.read(piece);
  reader.end();
}

class ArrayReader {
  #line = 1;
  #startLine = 1;
  #depth = 0;
  #isOver = false;
  #inText = false;
  #escaped = false;
  #member = "";
  #length = 0;

  *read(piece: string): Generator<ArrayMember> {
    for (const character of piece) {
      if (character === "\n") this.#line += 1;
      if (this.#inText) this.#insideText(character);
      else yield* this.#outsideText(character);
    }
  }

  end(): void {
    if (!this.#isOver) throw new SyntaxError("The file is no JSON array, or ends before the array does.");
  }

  #insideText(character: string): void {
    this.#keep(character);
    if (this.#escaped) this.#escaped = false;
    else if (character === "\\") this.#escaped = true;
    else if (character === '"') this.#inText = false;
  }

  *#outsideText(character: string): Generator<ArrayMember> {
    if (this.#depth === 0) this.#outside(character);
    else if (this.#depth === 1 && (character === "," || character === "]")) {
      if (this.#length > 0) yield this.#finish();
      if (character === "]") [this.#depth, this.#isOver] = [0, true];
    } else {
      if (character === "{" || character === "[") this.#depth += 1;
      if (character === "}" || character === "]") this.#depth = Math.max(1, this.#depth - 1);
      if (character === '"') this.#inText = true;
      if (this.#length > 0 || !/\s/u.test(character)) this.#keep(character);
    }
  }

  #outside(character: string): void {
    if (/\s/u.test(character)) return;
    if (character !== "[" || this.#isOver) throw new SyntaxError("The file is no JSON array.");
    this.#depth = 1;
  }

  #keep(character: string): void {
    if (this.#length === 0) this.#startLine = this.#line;
    this.#length += 1;
    if (this.#length <= LONGEST_MEMBER) this.#member += character;
  }

  #finish(): ArrayMember {
    const text = this.#length > LONGEST_MEMBER ? undefined : this.#member;
    const line = this.#startLine;
    this.#member = "";
    this.#length = 0;
    if (text === undefined) return { line, value: undefined, problem: "record_too_long" };
    try {
      return { line, value: JSON.parse(text) as unknown };
    } catch {
      return { line, value: undefined, problem: "record_malformed" };
    }
  }
}
