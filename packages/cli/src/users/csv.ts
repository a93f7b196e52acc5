/** CSV as databases and spreadsheets write it (RFC 4180), record by record, each bounded. */

export interface CsvRecord {
  /** Where it begins, counted from 1. */
  readonly line: number;
  readonly fields: readonly string[];
  /** What is wrong with it; its fields then mean nothing. */
  readonly problem?: "record_too_long" | "quote_misplaced" | "quote_unclosed";
}

const LONGEST_RECORD = 65_536;
const MOST_FIELDS = 256;

type Place = "start" | "bare" | "quoted" | "closed";

/**
 * Reads records. A quoted field may hold separators, line ends and doubled quotes; lines end in LF, CRLF or CR; empty lines are no records. A
 * record that is longer than 64 KiB, or whose quotes make no sense, is given as a problem, and reading goes on at the next line.
 *
 * @param text the file in pieces, cut anywhere
 */
export async function* csvRecords(text: AsyncIterable<string>): AsyncGenerator<CsvRecord> {
  const reader = new CsvReader();
  for await (const piece of text) yield* reader.read(piece);
  yield* reader.end();
}

class CsvReader {
  #line = 1;
  #startLine = 1;
  #fields: string[] = [];
  #field = "";
  #length = 0;
  #place: Place = "start";
  #problem: CsvRecord["problem"];
  #afterCr = false;

  *read(piece: string): Generator<CsvRecord> {
    for (const character of piece) {
      const isLf = character === "\n";
      const followsCr = this.#afterCr;
      this.#afterCr = character === "\r";
      const endsLine = character === "\r" || (isLf && !followsCr);
      if (isLf && followsCr && this.#place !== "quoted") continue;
      if (endsLine) this.#line += 1;
      this.#length += 1;
      if (this.#length > LONGEST_RECORD || this.#fields.length >= MOST_FIELDS) this.#fail("record_too_long");
      if (this.#problem !== undefined) {
        if (endsLine) yield this.#finish();
      } else if (this.#place === "quoted") this.#quoted(character);
      else if (character === "\r" || isLf) yield* this.#endRecord();
      else this.#plain(character);
    }
  }

  *end(): Generator<CsvRecord> {
    if (this.#place === "quoted") this.#fail("quote_unclosed");
    yield* this.#endRecord();
  }

  #quoted(character: string): void {
    if (character === '"') this.#place = "closed";
    else this.#field += character;
  }

  #plain(character: string): void {
    if (character === ",") {
      this.#fields.push(this.#field);
      this.#field = "";
      this.#place = "start";
    } else if (character !== '"') {
      if (this.#place === "closed") this.#fail("quote_misplaced");
      this.#field += character;
      this.#place = "bare";
    } else if (this.#place === "bare") this.#fail("quote_misplaced");
    else {
      // A second quote is one that stands for itself.
      if (this.#place === "closed") this.#field += '"';
      this.#place = "quoted";
    }
  }

  #fail(problem: NonNullable<CsvRecord["problem"]>): void {
    this.#problem ??= problem;
    this.#field = "";
    this.#fields = [];
    this.#place = "bare";
  }

  *#endRecord(): Generator<CsvRecord> {
    const isEmpty = this.#fields.length === 0 && this.#field === "" && this.#place === "start";
    if (isEmpty && this.#problem === undefined) this.#reset();
    else yield this.#finish();
  }

  #finish(): CsvRecord {
    const record: CsvRecord = {
      line: this.#startLine,
      fields: this.#problem === undefined ? [...this.#fields, this.#field] : [],
      ...(this.#problem !== undefined && { problem: this.#problem }),
    };
    this.#reset();
    return record;
  }

  #reset(): void {
    this.#startLine = this.#line;
    this.#fields = [];
    this.#field = "";
    this.#length = 0;
    this.#place = "start";
    this.#problem = undefined;
  }
}
