import { fail, skipBlanks, take, takeMatch, type Cursor } from "./filter-pattern-cursor.ts";
import { takeOperator, takeValueTest, type ValueTest } from "./filter-pattern-value.ts";

const NAME = /[A-Za-z0-9_-]+/uy;

/** A field of the pattern. */
interface Slot {
  readonly name: string | undefined;
}

interface Condition {
  readonly name: string;
  readonly test: ValueTest;
}

/** What stands between two commas: a field, and what must hold: one of these, of which each holds where all of its conditions do. */
interface Entry {
  readonly slot: Slot;
  readonly choices: readonly (readonly Condition[])[];
}

export interface DelimitedPattern {
  /** The fields of a line by `$name`, or `$1` and on where a field has no name; undefined when the line does not match. */
  readonly extract: (line: string) => ReadonlyMap<string, string> | undefined;
  readonly names: readonly string[];
  readonly regexes: number;
}

interface Reading {
  readonly cursor: Cursor;
  readonly entries: (Entry | "...")[];
  regexes: number;
}

/** Reads `[a, b = 1, ...]`. @throws FilterPatternError */
export function parseDelimitedPattern(text: string): DelimitedPattern {
  const cursor: Cursor = { text, at: 1 };
  const reading: Reading = { cursor, entries: [], regexes: 0 };
  skipBlanks(cursor);
  if (!take(cursor, "]")) {
    do reading.entries.push(readEntry(reading));
    while (take(cursor, ","));
    if (!take(cursor, "]")) fail(cursor, "A comma or ] is expected.");
  }
  skipBlanks(cursor);
  if (cursor.at < text.length) fail(cursor, "Nothing may follow the closing bracket.");
  const { entries, regexes } = reading;
  const declared = entries.flatMap((entry) => (entry === "..." ? [] : namesOf(entry.slot)));
  if (new Set(declared).size !== declared.length) fail(cursor, "Two fields have the same name.");
  if (entries.filter((entry) => entry === "...").length > 1) fail(cursor, "The ellipsis stands once at most.");
  const slots = slotsOf(entries, new Set(declared));
  const conditions = entries.flatMap((entry) => (entry === "..." || entry.choices.length === 0 ? [] : [entry]));
  const names = slots.flatMap((slot) => (slot === "..." ? [] : namesOf(slot)));
  return { extract: extractor(slots, conditions), names, regexes };
}

function namesOf({ name }: Slot): readonly string[] {
  return name === undefined ? [] : [name];
}

/** A field that only a condition names is the next one of the line: `status = 4* && bytes > 1000` says what `status = 4*, bytes > 1000` says. */
function slotsOf(entries: readonly (Entry | "...")[], declared: Set<string>): readonly (Slot | "...")[] {
  return entries.flatMap((entry): readonly (Slot | "...")[] => {
    if (entry === "...") return [entry];
    const further = entry.choices.flat().flatMap(({ name }) => {
      if (declared.has(name)) return [];
      declared.add(name);
      return [{ name }];
    });
    return [entry.slot, ...further];
  });
}

function readEntry(reading: Reading): Entry | "..." {
  const { cursor } = reading;
  skipBlanks(cursor);
  if (take(cursor, "...") || take(cursor, "…")) {
    skipBlanks(cursor);
    return "...";
  }
  const name = takeMatch(cursor, NAME);
  skipBlanks(cursor);
  const test = name && readTest(reading);
  if (!name || !test) return { slot: { name }, choices: [] };
  // && binds closer than ||.
  const choices: Condition[][] = [[{ name, test }]];
  for (let word = takeConnective(cursor); word !== undefined; word = takeConnective(cursor)) {
    const condition = readCondition(reading);
    if (word === "&&") choices.at(-1)?.push(condition);
    else choices.push([condition]);
  }
  return { slot: { name }, choices };
}

function readCondition(reading: Reading): Condition {
  const { cursor } = reading;
  skipBlanks(cursor);
  const name = takeMatch(cursor, NAME) ?? fail(cursor, "The name of a field is expected.");
  skipBlanks(cursor);
  return { name, test: readTest(reading) ?? fail(cursor, "An operator is expected.") };
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

const BLANK = /\s/u;
const QUOTED = /"((?:[^"\\]|\\.)*)"(?=\s|$)/uy;
const PLAIN = /\S+/uy;

/** Blanks divide a line; quotes and brackets hold a field together and are no part of it. */
function fieldsOf(line: string): readonly Field[] {
  const cursor: Cursor = { text: line, at: 0 };
  const fields: Field[] = [];
  // Looked for once for all brackets that stand before it, so that a line full of them takes no more time than another.
  let closing = -1;
  for (skipBlanks(cursor); cursor.at < line.length; skipBlanks(cursor)) {
    const start = cursor.at;
    const opens = line[start] === "[";
    if (opens && closing < start) closing = indexFrom(line, "]", start);
    const held = opens && closing < line.length && BLANK.test(line[closing + 1] ?? " ");
    if (held) cursor.at = closing + 1;
    const text = held
      ? line.slice(start + 1, closing)
      : (takeMatch(cursor, QUOTED)?.slice(1, -1) ?? takeMatch(cursor, PLAIN) ?? "");
    fields.push({ text, start });
  }
  return fields;
}

function indexFrom(line: string, text: string, start: number): number {
  const found = line.indexOf(text, start);
  return found === -1 ? line.length : found;
}

function extractor(slots: readonly (Slot | "...")[], entries: readonly Entry[]): DelimitedPattern["extract"] {
  const gap = slots.indexOf("...");
  const before = (gap === -1 ? slots : slots.slice(0, gap)) as readonly Slot[];
  const after = (gap === -1 ? [] : slots.slice(gap + 1)) as readonly Slot[];
  // What follows the ellipsis is counted from the end.
  const places = new Map([
    ...before.map(({ name }, at) => [name, at] as const),
    ...after.map(({ name }, at) => [name, at - after.length] as const),
  ]);
  return (line) => {
    const fields = fieldsOf(line);
    const values =
      gap === -1 && slots.length > 0 ? withRest(fields, before.length, line) : fields.map(({ text }) => text);
    if (values.length < before.length + after.length) return undefined;
    const holds = ({ name, test }: Condition): boolean => test(values.at(places.get(name) ?? 0) ?? "");
    if (!entries.every(({ choices }) => choices.some((conditions) => conditions.every(holds)))) return undefined;
    const tail = values.length - after.length;
    const extracted = new Map<string, string>();
    for (const [index, value] of values.entries()) {
      const slot = index < before.length ? before[index] : index >= tail ? after[index - tail] : undefined;
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
