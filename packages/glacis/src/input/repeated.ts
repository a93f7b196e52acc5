/** A field that may occur several times. Every other field of a form or a query occurs once or not at all (CWE-235). */
import type { OutputOf, StandardIssue, StandardResult, StandardSchema } from "../core/standard-schema.ts";
import { heeded, MOST_ISSUES, type FieldSchema } from "./closed-object.ts";

export interface RepeatedOptions {
  /** The most values that are taken. */
  readonly most: number;
}

const lists = new WeakSet<object>();

/** Whether a field's schema takes a list. */
export function takesList(schema: FieldSchema): boolean {
  return lists.has(schema);
}

/**
 * Takes a field of a form, a query or a header as a list: `?tag=a&tag=b`, checkboxes. One value is a list of one, none an empty list.
 *
 * @throws TypeError when `most` is no positive whole number
 * @example
 * input({ query: { tag: repeated(z.string().max(40), { most: 20 }) } });
 */
export function repeated<Schema extends FieldSchema>(
  schema: Schema,
  { most }: RepeatedOptions,
): StandardSchema<unknown, readonly OutputOf<Schema>[]> {
  if (!Number.isSafeInteger(most) || most < 1)
    throw new TypeError("repeated() needs most as a whole number above zero.");
  const judge = schema["~standard"].validate.bind(schema["~standard"]);
  type Result = StandardResult<readonly OutputOf<Schema>[]>;

  const settle = (results: readonly StandardResult<unknown>[]): Result => {
    const issues = results.flatMap((result, index) =>
      (result.issues ?? []).map(({ message, path = [] }): StandardIssue => ({ message, path: [index, ...path] })),
    );
    if (issues.length > 0) return { issues: issues.slice(0, MOST_ISSUES) };
    return { value: results.map((result) => (result as { readonly value: OutputOf<Schema> }).value) };
  };
  const validate = (value: unknown): Result | Promise<Result> => {
    const values: readonly unknown[] = value === undefined ? [] : Array.isArray(value) ? value : [value];
    if (values.length > most) return { issues: [{ message: `Send at most ${most} of these.` }] };
    const results = values.map((each) => heeded(judge(each)));
    return results.some((result) => result instanceof Promise)
      ? Promise.all(results.map((result) => Promise.resolve(result))).then(settle)
      : settle(results as readonly StandardResult<unknown>[]);
  };
  const list = { "~standard": { version: 1, vendor: "glacis", validate } } as const;
  lists.add(list);
  return list;
}
