import { isRecord } from "../primitives/is-record.ts";
import { fail, skipBlanks, take, takeMatch, type Cursor } from "./filter-pattern-cursor.ts";
import { selects, takeSelector, type Selector } from "./filter-pattern-selector.ts";
import { takeOperator, takeValueTest, type Operator } from "./filter-pattern-value.ts";

/** One comparison of a pattern, as those who look at patterns see it. */
export interface Comparison {
  readonly selector: Selector;
  readonly operator: Operator | "IS" | "NOT EXISTS";
  /** What stands to the right, as written. */
  readonly value: string;
}

export type JsonTest = (event: unknown) => boolean;

export interface JsonPattern {
  readonly test: JsonTest;
  readonly comparisons: readonly Comparison[];
  readonly regexes: number;
}

interface Reading {
  readonly cursor: Cursor;
  readonly comparisons: Comparison[];
  regexes: number;
  depth: number;
}

const MOST_WILDCARDS = 3;
const DEEPEST = 100;

/** Reads `{ ... }`. @throws FilterPatternError */
export function parseJsonPattern(text: string): JsonPattern {
  const cursor: Cursor = { text, at: 0 };
  const reading: Reading = { cursor, comparisons: [], regexes: 0, depth: 0 };
  take(cursor, "{");
  const test = readOr(reading);
  skipBlanks(cursor);
  if (!take(cursor, "}")) fail(cursor, "&&, || or } is expected.");
  skipBlanks(cursor);
  if (cursor.at < text.length) fail(cursor, "Nothing may follow the closing brace.");
  const wildcards = reading.comparisons.reduce((sum, { selector }) => sum + selector.wildcards, 0);
  if (wildcards > MOST_WILDCARDS) fail(cursor, `A pattern has ${MOST_WILDCARDS} wildcards at most.`);
  return { test, comparisons: reading.comparisons, regexes: reading.regexes };
}

function readOr(reading: Reading): JsonTest {
  const tests = [readAnd(reading)];
  while (takeAfterBlanks(reading.cursor, "||")) tests.push(readAnd(reading));
  return tests.length === 1 ? (tests[0] as JsonTest) : (event) => tests.some((test) => test(event));
}

function readAnd(reading: Reading): JsonTest {
  const tests = [readPrimary(reading)];
  while (takeAfterBlanks(reading.cursor, "&&")) tests.push(readPrimary(reading));
  return tests.length === 1 ? (tests[0] as JsonTest) : (event) => tests.every((test) => test(event));
}

function takeAfterBlanks(cursor: Cursor, text: string): boolean {
  skipBlanks(cursor);
  return take(cursor, text);
}

function readPrimary(reading: Reading): JsonTest {
  const { cursor } = reading;
  if (!takeAfterBlanks(cursor, "(")) return readComparison(reading);
  reading.depth += 1;
  if (reading.depth > DEEPEST) fail(cursor, "The pattern is nested too deeply.");
  const test = readOr(reading);
  if (!takeAfterBlanks(cursor, ")")) fail(cursor, "A closing parenthesis is missing.");
  reading.depth -= 1;
  return test;
}

function readComparison(reading: Reading): JsonTest {
  const { cursor, comparisons } = reading;
  const selector = takeSelector(cursor);
  const spaced = skipBlanks(cursor);
  const operator = takeOperator(cursor);
  if (operator === undefined) return spaced ? readKeyword(reading, selector) : fail(cursor, "An operator is expected.");
  skipBlanks(cursor);
  const start = cursor.at;
  const test = takeValueTest(cursor, operator, () => (reading.regexes += 1), false);
  comparisons.push({ selector, operator, value: cursor.text.slice(start, cursor.at) });
  // An object, a list, a boolean and null are no scalars that a comparison could hold for.
  const holds = (value: unknown): boolean => (typeof value === "string" || typeof value === "number") && test(value);
  const [name] = selector.steps;
  if (selector.steps.length !== 1 || typeof name !== "string") return (event) => selects(event, selector, holds);
  return (event) => isRecord(event) && Object.hasOwn(event, name) && holds(event[name]);
}

const CONSTANTS: Readonly<Record<string, null | boolean>> = { NULL: null, TRUE: true, FALSE: false };

function readKeyword({ cursor, comparisons }: Reading, selector: Selector): JsonTest {
  if (takeMatch(cursor, /NOT\s+EXISTS\b/uy) !== undefined) {
    comparisons.push({ selector, operator: "NOT EXISTS", value: "" });
    return (event) => !selects(event, selector, () => true);
  }
  const value = takeMatch(cursor, /IS\s+(?:NULL|TRUE|FALSE)\b/uy)?.replace(/^IS\s+/u, "");
  if (value === undefined)
    return fail(cursor, "An operator is expected: = != < <= > >=, IS NULL, IS TRUE, IS FALSE or NOT EXISTS.");
  const wanted = CONSTANTS[value];
  comparisons.push({ selector, operator: "IS", value });
  return (event) => selects(event, selector, (found) => found === wanted);
}
