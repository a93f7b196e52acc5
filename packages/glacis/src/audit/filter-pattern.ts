/** The filter patterns of CloudWatch Logs: terms, a regular expression, JSON and space-delimited (guide A09). */
import {
  fail,
  skipBlanks,
  take,
  takeMatch,
  takeQuoted,
  takeRegexSource,
  type Cursor,
} from "./filter-pattern-cursor.ts";
import { parseDelimitedPattern } from "./filter-pattern-delimited.ts";
import { FilterPatternError } from "./filter-pattern-error.ts";
import { parseJsonPattern, type Comparison } from "./filter-pattern-json.ts";
import { compileRegex } from "./filter-pattern-regex.ts";

/** A log event: its text, and what the text says if it is JSON. Each is made once, when the first pattern asks. */
export interface LogLine {
  readonly text: () => string;
  /** Undefined when the text is no JSON object. */
  readonly value: () => object | undefined;
}

export interface FilterPattern {
  readonly kind: "all" | "terms" | "regex" | "json" | "delimited";
  readonly source: string;
  readonly matches: (line: LogLine) => boolean;
  /** The fields of a line that matches, by `$name` or `$1`; empty for every kind but space-delimited. Undefined when it does not match. */
  readonly extract: (line: LogLine) => ReadonlyMap<string, string> | undefined;
  /** Of a JSON pattern, what it compares. */
  readonly comparisons: readonly Comparison[];
  /** Of a space-delimited pattern, the names of its fields. */
  readonly fields: readonly string[];
  readonly regexes: number;
  /** What the pattern says and does not mean, such as optional terms beside others. */
  readonly remarks: readonly string[];
}

const MOST_CHARACTERS = 1024;
const MOST_REGEXES = 2;
const NOTHING: ReadonlyMap<string, string> = new Map();

/** A line of text as a log event. */
export function logLine(text: string): LogLine {
  let value: object | undefined;
  let parsed = false;
  return {
    text: () => text,
    value() {
      if (!parsed) value = parseObject(text);
      parsed = true;
      return value;
    },
  };
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** An object that has been written as one line of JSON. */
export function logValue(value: object): LogLine {
  let text: string | undefined;
  return { text: () => (text ??= JSON.stringify(value)), value: () => value };
}

/**
 * Compiles a filter pattern as the CloudWatch Logs user guide describes them ("Filter pattern syntax for metric filters").
 *
 * @throws FilterPatternError naming the place, on every pattern that CloudWatch Logs refuses
 * @example
 * const failed = filterPattern('{ $.event_type = "authentication" && $.status = "failed" }');
 * failed.matches(logValue({ event_type: "authentication", status: "failed" })); // true
 */
export function filterPattern(source: string): FilterPattern {
  if (source.length > MOST_CHARACTERS)
    throw new FilterPatternError(`A filter pattern has ${MOST_CHARACTERS} characters at most.`, MOST_CHARACTERS);
  const text = source.trim();
  const pattern = compile(text, source);
  if (pattern.regexes > MOST_REGEXES)
    throw new FilterPatternError(`A filter pattern has ${MOST_REGEXES} regular expressions at most.`, 0);
  return pattern;
}

const BASE = { comparisons: [], fields: [], regexes: 0, remarks: [] } as const;

function simple(kind: FilterPattern["kind"], source: string, matches: FilterPattern["matches"]): FilterPattern {
  return { ...BASE, kind, source, matches, extract: (line) => (matches(line) ? NOTHING : undefined) };
}

function compile(text: string, source: string): FilterPattern {
  if (text === "" || text === '" "') return simple("all", source, () => true);
  if (text.startsWith("{")) return compileJson(text, source);
  if (text.startsWith("[")) return compileDelimited(text, source);
  return text.startsWith("%") ? compileWholeRegex(text, source) : compileTerms(text, source);
}

function compileJson(text: string, source: string): FilterPattern {
  const { test, comparisons, regexes } = parseJsonPattern(text);
  const matches = (line: LogLine): boolean => {
    const value = line.value();
    return value !== undefined && test(value);
  };
  return { ...simple("json", source, matches), comparisons, regexes };
}

function compileDelimited(text: string, source: string): FilterPattern {
  const { extract, names, regexes } = parseDelimitedPattern(text);
  const fields = (line: LogLine): ReadonlyMap<string, string> | undefined => extract(line.text());
  return {
    ...simple("delimited", source, (line) => fields(line) !== undefined),
    extract: fields,
    fields: names,
    regexes,
  };
}

function compileWholeRegex(text: string, source: string): FilterPattern {
  const cursor: Cursor = { text, at: 0 };
  const contains = compileRegex(takeRegexSource(cursor), 1);
  if (cursor.at < text.length) fail(cursor, "A regular expression stands alone.");
  return { ...simple("regex", source, (line) => contains(line.text())), regexes: 1 };
}

interface Term {
  readonly kind: "required" | "optional" | "excluded";
  readonly text: string;
}

function compileTerms(text: string, source: string): FilterPattern {
  const cursor: Cursor = { text, at: 0 };
  const terms: Term[] = [];
  while (cursor.at < text.length) {
    terms.push(readTerm(cursor));
    if (!skipBlanks(cursor) && cursor.at < text.length)
      fail(cursor, "A term of other characters than letters, digits and _ stands in double quotes.");
  }
  const of = (kind: Term["kind"]): readonly string[] =>
    terms.filter((term) => term.kind === kind).map((term) => term.text);
  const [required, optional, excluded] = [of("required"), of("optional"), of("excluded")];
  const alone = optional.length === terms.length;
  const remarks = optional.length > 0 && !alone ? ["Optional terms (?) beside others are ignored."] : [];
  const matches = alone
    ? ({ text: message }: LogLine) => optional.some((term) => message().includes(term))
    : ({ text: message }: LogLine) =>
        required.every((term) => message().includes(term)) && !excluded.some((term) => message().includes(term));
  return { ...simple("terms", source, matches), remarks };
}

function readTerm(cursor: Cursor): Term {
  const kind = take(cursor, "?") ? "optional" : take(cursor, "-") ? "excluded" : "required";
  // The guide writes `"ERROR" - "Exiting"` too.
  if (kind === "excluded") skipBlanks(cursor);
  if (cursor.text[cursor.at] === '"') return { kind, text: takeQuoted(cursor) };
  const word = takeMatch(cursor, /[A-Za-z0-9_]+/uy);
  return {
    kind,
    text: word ?? fail(cursor, "A term of other characters than letters, digits and _ stands in double quotes."),
  };
}
