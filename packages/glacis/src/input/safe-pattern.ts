/** Regular expressions that no text makes slow (catalog regex-safety; CWE-1333; ASVS 1.3.12). */
import { rejectUnknownOptions } from "../core/options.ts";
import type { StandardResult, StandardSchema } from "../core/standard-schema.ts";
import { judgePattern, type PatternFault } from "./pattern-automaton.ts";

export interface SafePatternOptions {
  /** The longest text that is looked at, in UTF-16 code units. Longer ones do not match. */
  readonly maxLength: number;
  /** `i`, `s` or both. `u` is always on. */
  readonly flags?: "" | "i" | "s" | "is";
  /** What a client reads when its text does not match. */
  readonly message?: string;
}

/** A Standard Schema for texts that match as a whole. */
export interface SafePattern extends StandardSchema<unknown, string> {
  readonly source: string;
  readonly maxLength: number;
  /** An upper bound for the characters that a backtracking engine compares. */
  readonly mostSteps: number;
  test(text: string): boolean;
}

const MOST_STEPS = 5_000_000;
const LONGEST_SOURCE = 2000;

const WHY: Readonly<Record<PatternFault, string>> = {
  syntax: "it is no regular expression under the u flag",
  backreference: "it refers back to a group, which no linear engine can",
  lookaround: "it looks ahead or behind; test a second pattern instead",
  too_many_positions: "it has more than 500 positions once repetitions are written out",
  ambiguous:
    "one text can be read in two ways that meet again, so that a text which almost matches is read in all of them",
  unsupported: "it uses syntax that is not judged",
};

/**
 * Compiles a pattern that matches a text as a whole, once it is shown that no text takes more steps than its length times a number that the pattern has.
 * Nested and adjacent repetitions of the same characters (`(a+)+`, `(a|a)*`, `\s*\s*`), backreferences and lookarounds do not pass.
 *
 * For the program's own patterns. A pattern from a client is data of another language: do not take one.
 *
 * @throws TypeError saying what is wrong with the pattern
 * @example
 * const slug = safePattern("[a-z0-9]+(?:-[a-z0-9]+)*", { maxLength: 80 });
 * input({ params: { slug } });
 */
export function safePattern(source: string, options: SafePatternOptions): SafePattern {
  rejectUnknownOptions("safePattern", options, ["maxLength", "flags", "message"]);
  const { maxLength, flags = "", message = "This does not have the right form." } = options;
  if (typeof source !== "string" || source.length > LONGEST_SOURCE)
    throw new TypeError(`safePattern() takes the source of a pattern, ${LONGEST_SOURCE} characters at most.`);
  if (!["", "i", "s", "is"].includes(flags))
    throw new TypeError("safePattern() takes the flags i and s; u is always on.");
  if (!Number.isSafeInteger(maxLength) || maxLength < 1)
    throw new TypeError("safePattern() needs maxLength as a whole number above zero.");
  const judgement = judgePattern(source, `u${flags}`);
  if (judgement.fault !== undefined) throw new TypeError(`safePattern() refuses a pattern: ${WHY[judgement.fault]}.`);
  const mostSteps = 2 * (maxLength + 1) * judgement.links;
  if (mostSteps > MOST_STEPS)
    throw new TypeError(`safePattern() refuses a pattern: ${mostSteps} steps are possible at that maxLength.`);
  const whole = new RegExp(`^(?:${source})$`, `u${flags}`);
  const test = (text: string): boolean => typeof text === "string" && text.length <= maxLength && whole.test(text);
  const validate = (value: unknown): StandardResult<string> =>
    typeof value === "string" && test(value) ? { value } : { issues: [{ message }] };
  const document = (): Record<string, unknown> => ({ type: "string", maxLength, pattern: whole.source });
  return Object.freeze({
    source,
    maxLength,
    mostSteps,
    test,
    "~standard": { version: 1 as const, vendor: "glacis", validate, jsonSchema: { input: document, output: document } },
  });
}

/**
 * A text as a pattern that matches it and nothing else, in any position of a pattern, as `RegExp.escape` of ECMAScript 2025 does.
 *
 * @example
 * new RegExp(escapePattern(words), "giu");
 */
export function escapePattern(text: string): string {
  const first = text.codePointAt(0);
  const start = first !== undefined && /^[0-9A-Za-z]$/u.test(String.fromCodePoint(first)) ? 1 : 0;
  const head = start === 1 ? `\\x${(first as number).toString(16).padStart(2, "0")}` : "";
  return head + text.slice(start).replaceAll(/[\^$\\.*+?()[\]{}|/]|[^\w]/gu, escapeCharacter);
}

function escapeCharacter(character: string): string {
  if (/[\^$\\.*+?()[\]{}|/]/u.test(character)) return `\\${character}`;
  const code = character.codePointAt(0) as number;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  const whitespaceOrSurrogate = /[\s\u200b-\u200f\ufeff\p{Cs}]/u.test(character);
  return whitespaceOrSurrogate ? `\\u${code.toString(16).padStart(4, "0")}` : character;
}
