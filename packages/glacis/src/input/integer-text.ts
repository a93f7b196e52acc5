/** Whole numbers that arrive as text, in a query, a path or a form: within their bounds or not at all (CWE-190, CWE-681). */
import { rejectUnknownOptions } from "../core/options.ts";
import type { StandardResult, StandardSchema } from "../core/standard-schema.ts";

export interface IntegerTextOptions {
  readonly min: number;
  readonly max: number;
}

export interface PageSizeOptions {
  /** What a client gets that asks for nothing. */
  readonly initial: number;
  readonly max: number;
}

/** As JSON writes whole numbers (RFC 8259 section 6), without an exponent: no sign but a minus, no zero in front, ASCII digits, no minus zero. */
const WHOLE = /^(?:0|-?[1-9][0-9]{0,15})$/u;
const LONGEST = 17;

/**
 * Takes `"42"` for 42. `""`, `" 42"`, `"+42"`, `"042"`, `"0x2A"`, `"4e1"`, `"42.0"` and digits of other scripts are no numbers.
 *
 * @throws TypeError when the bounds are no safe integers, or the wrong way round
 * @example
 * input({ query: { year: integerText({ min: 1900, max: 2100 }) } });
 */
export function integerText(options: IntegerTextOptions): StandardSchema<unknown, number> {
  rejectUnknownOptions("integerText", options, ["min", "max"]);
  const { min, max } = options;
  if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || min > max)
    throw new TypeError("integerText() needs min and max as safe integers, the smaller one first.");
  const message = `Write a whole number from ${min} to ${max}.`;
  return schemaOf((value) => {
    if (typeof value !== "string" || !WHOLE.test(value)) return { issues: [{ message }] };
    const number = Number(value);
    return Number.isSafeInteger(number) && number >= min && number <= max
      ? { value: number }
      : { issues: [{ message }] };
  });
}

/**
 * How many rows a client may have at once: what it asks for up to `max`, `initial` when it asks for nothing. A larger number is refused, because
 * a client that got fewer rows than it asked for would take them for all there are.
 *
 * @throws TypeError when the numbers are not 1 or more, or `initial` is above `max`
 * @example
 * const list = input({ query: { size: pageSize({ initial: 20, max: 100 }) } });
 */
export function pageSize(options: PageSizeOptions): StandardSchema<unknown, number> {
  rejectUnknownOptions("pageSize", options, ["initial", "max"]);
  const { initial, max } = options;
  if (!Number.isSafeInteger(initial) || initial < 1 || initial > max)
    throw new TypeError("pageSize() needs initial as a whole number from 1 to max.");
  const { validate } = integerText({ min: 1, max })["~standard"];
  return schemaOf((value) => (value === undefined ? { value: initial } : (validate(value) as StandardResult<number>)));
}

function schemaOf(validate: (value: unknown) => StandardResult<number>): StandardSchema<unknown, number> {
  const input = (): Record<string, unknown> => ({ type: "string", pattern: WHOLE.source, maxLength: LONGEST });
  const output = (): Record<string, unknown> => ({ type: "integer" });
  return { "~standard": { version: 1, vendor: "glacis", validate, jsonSchema: { input, output } } };
}
