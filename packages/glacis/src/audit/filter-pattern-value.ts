import { fail, takeMatch, takeQuoted, takeRegexSource, type Cursor } from "./filter-pattern-cursor.ts";
import { compileRegex } from "./filter-pattern-regex.ts";

export type Operator = "=" | "!=" | "<" | "<=" | ">" | ">=";

/** Compares one scalar. */
export type ValueTest = (value: string | number) => boolean;

const NUMBER = /^[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?$/u;
/** What may stand without quotes: an address, a host name, a word, with wildcards. */
const BARE = /[A-Za-z0-9_.*:/+-]+/uy;

/** An operator, of which none is a double equals sign. */
export function takeOperator(cursor: Cursor): Operator | undefined {
  const found = takeMatch(cursor, /!=|<=|>=|=|<|>/uy);
  if (found !== undefined && cursor.text[cursor.at] === "=") return fail(cursor, "Write = once.");
  return found as Operator | undefined;
}

/**
 * Reads what a field is compared with.
 *
 * @param onRegex told of each regular expression, of which a pattern has two at most
 * @param numericText whether a text that reads as a number is compared as one, as in fields that a blank divides
 */
export function takeValueTest(
  cursor: Cursor,
  operator: Operator,
  onRegex: () => void,
  numericText: boolean,
): ValueTest {
  const start = cursor.at;
  if (cursor.text[cursor.at] === "%") {
    if (operator !== "=" && operator !== "!=") return fail(cursor, "A regular expression is compared with = or !=.");
    onRegex();
    const contains = compileRegex(takeRegexSource(cursor), start + 1);
    return operator === "=" ? (value) => contains(String(value)) : (value) => !contains(String(value));
  }
  const quoted = cursor.text[cursor.at] === '"';
  const text = quoted ? takeQuoted(cursor) : takeMatch(cursor, BARE);
  if (text === undefined) {
    return fail(cursor, "A value is expected: a number, a word, a text in double quotes or a %regular expression%.");
  }
  if (operator === "=" || operator === "!=") return equality(text, operator, !quoted && NUMBER.test(text), numericText);
  if (!NUMBER.test(text)) {
    cursor.at = start;
    return fail(cursor, `${operator} compares numbers.`);
  }
  return order(Number(text), operator, numericText);
}

function equality(text: string, operator: "=" | "!=", numeric: boolean, numericText: boolean): ValueTest {
  const same = numeric ? sameNumber(text, numericText) : sameText(text);
  return operator === "=" ? same : (value) => !same(value);
}

function sameNumber(text: string, numericText: boolean): ValueTest {
  const wanted = Number(text);
  return (value) =>
    typeof value === "number"
      ? value === wanted
      : value === text || (numericText && NUMBER.test(value) && Number(value) === wanted);
}

/** A star is a wildcard at the start or at the end; elsewhere it is a star. */
function sameText(text: string): ValueTest {
  if (text === "*") return () => true;
  const open = text.startsWith("*");
  const end = text.endsWith("*");
  const middle = text.slice(open ? 1 : 0, end ? -1 : undefined);
  if (open && end) return (value) => String(value).includes(middle);
  if (open) return (value) => String(value).endsWith(middle);
  if (end) return (value) => String(value).startsWith(middle);
  return (value) => (typeof value === "string" ? value : String(value)) === text;
}

function order(wanted: number, operator: Exclude<Operator, "=" | "!=">, numericText: boolean): ValueTest {
  const compare = ORDERS[operator];
  return (value) => {
    if (typeof value === "number") return compare(value, wanted);
    return numericText && NUMBER.test(value) && compare(Number(value), wanted);
  };
}

const ORDERS: Readonly<Record<Exclude<Operator, "=" | "!=">, (left: number, right: number) => boolean>> = {
  "<": (left, right) => left < right,
  "<=": (left, right) => left <= right,
  ">": (left, right) => left > right,
  ">=": (left, right) => left >= right,
};
