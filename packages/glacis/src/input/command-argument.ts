/** The places in a command line that take a value, and what each lets in (CWE-88). */
import type { ArgumentFault } from "./command-error.ts";

/** A place for a value in a declared command line. */
export interface Argument<Name extends string = string, Value = never> {
  readonly name: Name;
  /** What stands before the value in the same argument, such as `--width=` or `png:`. */
  readonly prefix: string;
  readonly kind: "text" | "integer" | "choice" | "file";
  /** The value as it is passed on, or why not. */
  readonly read: (value: unknown) => { readonly text: string } | ArgumentFault;
  /** For the compiler: what `run` takes. */
  readonly takes?: (value: Value) => void;
}

interface Common {
  readonly prefix?: string;
}

const LONGEST_PATH = 1024;
/** Bytes of a whole argument that Linux takes are 128 Ki; nothing that a user names comes near. */
const LONGEST_TEXT = 4096;
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u;
/** An option, an option taken back, a file of arguments or contents. */
const OPTION_CHARACTER = /^[-+@]/u;
/** Without the characters that programs expand: globs, ImageMagick's `[0]`, `%d` and `coder:`, ffmpeg's `|`. */
const PLAIN_PATH = /^\/[\w./-]+$/u;

/**
 * Text of a declared form. It never starts with `-`, `+` or `@` and holds no control character, whatever the pattern says.
 *
 * @param pattern must match the whole value
 * @param maxLength in UTF-16 units, 255 unless you say otherwise, at most 4096
 * @example
 * textArgument("size", { pattern: /\d{1,4}x\d{1,4}/ });
 */
export function textArgument<const Name extends string>(
  name: Name,
  options: Common & { readonly pattern: RegExp; readonly maxLength?: number },
): Argument<Name, string> {
  const { pattern, maxLength = 255, prefix = "" } = options;
  if (!(pattern instanceof RegExp)) throw new TypeError(`textArgument("${name}") needs a pattern for the whole value.`);
  if (!(Number.isInteger(maxLength) && maxLength > 0 && maxLength <= LONGEST_TEXT))
    throw new TypeError(`textArgument("${name}") needs maxLength as a whole number from 1 to ${LONGEST_TEXT}.`);
  const whole = new RegExp(`^(?:${pattern.source})$`, pattern.flags.replaceAll(/[gmy]/gu, ""));
  return {
    name,
    prefix: checkedPrefix(name, prefix),
    kind: "text",
    read(value) {
      if (typeof value !== "string") return "not-text";
      if (value === "") return "empty";
      if (value.length > maxLength) return "too-long";
      if (CONTROL.test(value)) return "control-character";
      if (OPTION_CHARACTER.test(value)) return "leading-option-character";
      return whole.test(value) ? { text: value } : "pattern";
    },
  };
}

/** A whole number between bounds. Below zero only behind a prefix, where it cannot be taken for an option. */
export function integerArgument<const Name extends string>(
  name: Name,
  options: Common & { readonly min: number; readonly max: number },
): Argument<Name, number> {
  const { min, max, prefix = "" } = options;
  if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || min > max || (min < 0 && prefix === ""))
    throw new TypeError(
      `integerArgument("${name}") needs whole min and max; below zero only with a prefix such as "--offset=".`,
    );
  return {
    name,
    prefix: checkedPrefix(name, prefix),
    kind: "integer",
    read: (value) =>
      typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max
        ? { text: String(value) }
        : "number",
  };
}

/** One of a few words that the program declares itself. */
export function choiceArgument<const Name extends string, const Choice extends string>(
  name: Name,
  choices: readonly Choice[],
  { prefix = "" }: Common = {},
): Argument<Name, Choice> {
  if (choices.length === 0 || choices.some((choice) => choice === "" || CONTROL.test(choice)))
    throw new TypeError(`choiceArgument("${name}") needs at least one word, and none empty.`);
  const known = new Set<unknown>(choices);
  return {
    name,
    prefix: checkedPrefix(name, prefix),
    kind: "choice",
    read: (value) => (known.has(value) ? { text: value as string } : "choice"),
  };
}

/**
 * A file by its absolute path, as the application named it: letters, digits, `.`, `_`, `-` and `/` alone, without `.` and `..` as steps. A name
 * that a user chose does not belong here: store uploads under generated names and pass those.
 *
 * @example
 * fileArgument("source", { prefix: "png:" }); // ImageMagick then reads it as PNG and as nothing else
 */
export function fileArgument<const Name extends string>(
  name: Name,
  { prefix = "" }: Common = {},
): Argument<Name, string> {
  return {
    name,
    prefix: checkedPrefix(name, prefix),
    kind: "file",
    read(value) {
      if (typeof value !== "string") return "not-text";
      if (value.length > LONGEST_PATH) return "too-long";
      if (!value.startsWith("/")) return "path";
      if (!PLAIN_PATH.test(value)) return "special-character";
      const steps = value.split("/").slice(1);
      return steps.some((step) => step === "" || step === "." || step === "..") ? "path" : { text: value };
    },
  };
}

function checkedPrefix(name: string, prefix: string): string {
  if (typeof prefix === "string" && !CONTROL.test(prefix)) return prefix;
  throw new TypeError(`The prefix of the argument "${name}" must be text without control characters.`);
}
