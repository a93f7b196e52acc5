import { fail, skipBlanks, take, takeMatch, type Cursor } from "./filter-pattern-cursor.ts";
import { takeOperator, takeValueTest, type ValueTest } from "./filter-pattern-value.ts";

/** A field of the pattern. */
interface Slot {
  readonly name: string | undefined;
  readonly test: ValueTest | undefined;
}

export interface DelimitedPattern {
  /** The fields of a line by `$name`, or `$1` and on where a field has no name; undefined when the line does not match. */
  readonly extract: (line: string) => ReadonlyMap<string, string> | undefined;
  readonly names: readonly string[];
  readonly regexes: number;
}

interface Reading {
  readonly cursor: Cursor;
  readonly slots: (Slot | "...")[];
  regexes: number;
}

/** Reads `[a, b = 1, ...]`. @throws FilterPatternError */
export function parseDelimitedPattern(text: string): DelimitedPattern {
  const cursor: Cursor = { text, at: 1 };
  const reading: Reading = { cursor, slots: [], regexes: 0 };
  skipBlanks(cursor);
  if (!take(cursor, "]")) {
    do reading.slots.push(readSlot(reading));
    while (take(cursor, ","));
    if (!take(cursor, "]")) fail(cursor, "A comma or ] is expected.");
  }
  skipBlanks(cursor);
  if (cursor.at < text.length) fail(cursor, "Nothing may follow the closing bracket.");
  const { slots, regexes } = reading;
  const names = slots.flatMap((slot) => (slot === "..." || slot.name === undefined ? [] : [slot.name]));
  if (new Set(names).size !== names.length) fail(cursor, "Two fields have the same name.");
  if (slots.filter((slot) => slot === "...").length > 1) fail(cursor, "The ellipsis stands once at most.");
  return { extract: extractor(slots), names, regexes };
}

function readSlot(reading: Reading): Slot | "..." {
  const { cursor } = reading;
  skipBlanks(cursor);
  if (take(cursor, "...") || take(cursor, "…")) {
    skipBlanks(cursor);
    return "...";
  }
  const name = takeMatch(cursor, /[A-Za-z0-9_-]+/uy);
  skipBlanks(cursor);
  if (name === undefined) return { name, test: undefined };
  const first = readTest(reading);
  if (first === undefined) return { name, test: undefined };
  // && binds closer than ||.
  const choices: ValueTest[][] = [[first]];
  for (let word = takeConnective(cursor); word !== undefined; word = takeConnective(cursor)) {
    skipBlanks(cursor);
    const again = takeMatch(cursor, /[A-Za-z0-9_-]+/uy);
    if (again !== name)
      fail(
        cursor,
        `The conditions of one field name it alike: "${name}". Another field stands behind a comma, with its own condition.`,
      );
    skipBlanks(cursor);
    const test = readTest(reading) ?? fail(cursor, "An operator is expected.");
    if (word === "&&") choices.at(-1)?.push(test);
    else choices.push([test]);
  }
  return { name, test: (value) => choices.some((tests) => tests.every((test) => test(value))) };
}

function takeConnective(cursor: Cursor): "&&" | "||" | undefined {
  return takeMatch(cursor, /&&|\|\|/uy) as "&&" | "||" | undefined;
}

function readTest(reading: Reading): ValueTest | undefined {
  const { cursor } = reading;
  const operator = takeOperator(cursor);
  if (operator === undefined) return undefined;
  skipBlanks(cursor);
  const test = takeValueTest(cursor, operator, () => (reading.regexes += 1), true);
  skipBlanks(cursor);
  return test;
}

interface Field {
  readonly text: string;
  readonly start: number;
}

const FIELD = /"(?<quoted>(?:[^"\\]|\\.)*)"(?=\s|$)|\[(?<bracketed>[^\]]*)\](?=\s|$)|(?<plain>\S+)/gu;

/** Blanks divide a line; quotes and brackets hold a field together and are no part of it. */
function fieldsOf(line: string): readonly Field[] {
  return [...line.matchAll(FIELD)].map(({ groups, index }) => ({
    text: groups?.["quoted"] ?? groups?.["bracketed"] ?? groups?.["plain"] ?? "",
    start: index,
  }));
}

function extractor(slots: readonly (Slot | "...")[]): DelimitedPattern["extract"] {
  const gap = slots.indexOf("...");
  const before = (gap === -1 ? slots : slots.slice(0, gap)) as readonly Slot[];
  const after = (gap === -1 ? [] : slots.slice(gap + 1)) as readonly Slot[];
  return (line) => {
    const fields = fieldsOf(line);
    const values =
      gap === -1 && slots.length > 0 ? withRest(fields, before.length, line) : fields.map(({ text }) => text);
    if (values.length < before.length + after.length) return undefined;
    const extracted = new Map<string, string>();
    const tail = values.length - after.length;
    for (const [index, value] of values.entries()) {
      const slot = index < before.length ? before[index] : index >= tail ? after[index - tail] : undefined;
      if (slot?.test !== undefined && !slot.test(value)) return undefined;
      extracted.set(`$${slot?.name ?? index + 1}`, value);
    }
    return extracted;
  };
}

/** Without an ellipsis the last field takes the rest of the line. */
function withRest(fields: readonly Field[], slots: number, line: string): readonly string[] {
  const values = fields.slice(0, slots).map(({ text }) => text);
  const last = fields[slots - 1];
  if (fields.length > slots && last !== undefined) values[slots - 1] = line.slice(last.start).trimEnd();
  return values;
}
