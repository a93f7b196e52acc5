/** What a client reads about its input: where (RFC 6901), and why; never a value that it sent, whatever a schema's message repeats. */
import type { StandardIssue } from "../core/standard-schema.ts";
import { MOST_ISSUES, UNKNOWN_FIELD } from "./closed-object.ts";

export type InputPlace = "body" | "form" | "query" | "params" | "headers";

export interface InputError {
  readonly in: InputPlace;
  /** A JSON pointer into that part; empty for the part as a whole. */
  readonly pointer: string;
  readonly message: string;
}

const LONGEST_TOKEN = 100;
const LONGEST_MESSAGE = 200;
const MOST_TOKENS = 32;
const MOST_LEAVES = 1000;
const GENERAL = "This value is not valid.";
/** ArkType and Valibot end their own messages with what they received. */
const RECEIVED = / \(was [\s\S]*\)$| but received [\s\S]*$/u;
const CONTROLS = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;
const WORD = /[\p{L}\p{N}]/u;

/**
 * @param value the part as it came
 * @param shown whether the messages stand beside what was sent, on a page for whoever sent it: words of an author that happen to be among what
 * was typed are no echo there
 */
export function reportIssues(
  place: InputPlace,
  value: unknown,
  issues: readonly StandardIssue[],
  shown: boolean = false,
): readonly InputError[] {
  const sent = shown ? [] : leavesOf(value);
  return issues
    .slice(0, MOST_ISSUES)
    .flatMap((issue) => expandKeys(issue))
    .map(({ message, path = [] }) => ({ in: place, pointer: pointerOf(path), message: publicMessage(message, sent) }))
    .slice(0, MOST_ISSUES);
}

/** zod says of an object which of its keys it does not know; each is an error of its own here. */
function expandKeys(issue: StandardIssue): readonly StandardIssue[] {
  const { keys, code } = issue as { readonly keys?: unknown; readonly code?: unknown };
  if (!Array.isArray(keys) || (code !== undefined && code !== "unrecognized_keys")) return [issue];
  const { path = [] } = issue;
  return (keys as readonly unknown[])
    .slice(0, MOST_ISSUES)
    .map((key) => ({ message: UNKNOWN_FIELD, path: [...path, String(key)] }));
}

/** RFC 6901 section 3. */
export function pointerOf(path: NonNullable<StandardIssue["path"]>): string {
  return Array.from(path, (part) => String(typeof part === "object" ? part.key : part))
    .slice(0, MOST_TOKENS)
    .map((token) => `/${token.slice(0, LONGEST_TOKEN).replaceAll("~", "~0").replaceAll("/", "~1")}`)
    .join("");
}

/** A message of a library or an author, unless it repeats something that was sent. */
function publicMessage(message: string, sent: readonly string[] | undefined): string {
  const text = message.replace(RECEIVED, "").replaceAll(CONTROLS, " ").slice(0, LONGEST_MESSAGE);
  if (sent === undefined || text === "" || sent.some((leaf) => mentions(text, leaf))) return GENERAL;
  return text;
}

/** A short value counts where it stands as a word of its own; of a long one its beginning is enough, because libraries cut. */
function mentions(message: string, leaf: string): boolean {
  const shown = leaf.replaceAll(CONTROLS, " ").slice(0, 16);
  if (shown.trim() === "") return false;
  for (let at = message.indexOf(shown); at !== -1; at = message.indexOf(shown, at + 1)) {
    if (shown.length > 3) return true;
    if (!WORD.test(message[at - 1] ?? "") && !WORD.test(message[at + shown.length] ?? "")) return true;
  }
  return false;
}

/** Every scalar of the part as text; undefined when there are too many to compare. */
function leavesOf(root: unknown): readonly string[] | undefined {
  const leaves: string[] = [];
  const pending: unknown[] = [root];
  let seen = 0;
  while (pending.length > 0) {
    const value = pending.pop();
    seen += 1;
    if (seen > MOST_LEAVES) return undefined;
    if (typeof value === "object" && value !== null) {
      for (const inner of Object.values(value)) pending.push(inner);
    } else if (typeof value === "string" || typeof value === "number") leaves.push(String(value));
  }
  return leaves;
}
