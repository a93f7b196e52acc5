/** An object of named fields and nothing else, strict whatever library the schemas of its fields are made with. */
import type { OutputOf, StandardIssue, StandardResult, StandardSchema } from "../core/standard-schema.ts";
import { isReservedKey } from "../primitives/reserved-keys.ts";

export type FieldSchema = StandardSchema<unknown, unknown>;

/** A schema for each field. */
export type Fields = Readonly<Record<string, FieldSchema>>;

/** A field whose schema takes a missing value may be left out. */
export type FieldValues<Named extends Fields> = {
  readonly [Name in keyof Named as undefined extends OutputOf<Named[Name]> ? never : Name]: OutputOf<Named[Name]>;
} & {
  readonly [Name in keyof Named as undefined extends OutputOf<Named[Name]> ? Name : never]?: OutputOf<Named[Name]>;
};

export type ClosedObject<Named extends Fields> = StandardSchema<unknown, FieldValues<Named>>;

export const UNKNOWN_FIELD = "This field does not exist.";

/** A refusal names at most this many fields; a body may have ten thousand. */
export const MOST_ISSUES = 20;
const LONGEST_NAME = 100;

const fieldsOfSchema = new WeakMap<object, Fields>();

/** The fields of a schema that was made here, for whoever looks into it. */
export function closedFields(schema: FieldSchema): Fields | undefined {
  return fieldsOfSchema.get(schema["~standard"]);
}

/**
 * @param owner the public function that is asked for it, for its errors
 * @throws TypeError when a field is no Standard Schema, is named after what reaches the prototype, or when there is none
 */
export function closedObject<const Named extends Fields>(owner: string, fields: Named): ClosedObject<Named> {
  const entries = Object.entries(fields).map(([name, schema]) => {
    rejectField(owner, name, schema);
    return { name, validate: schema["~standard"].validate.bind(schema["~standard"]) };
  });
  if (entries.length === 0) throw new TypeError(`${owner}() needs at least one field.`);
  const known = new Set(entries.map(({ name }) => name));

  const validate = (
    value: unknown,
  ): StandardResult<FieldValues<Named>> | Promise<StandardResult<FieldValues<Named>>> => {
    if (!isPlainObject(value)) return { issues: [{ message: "Send an object of fields." }] };
    const unknown = Object.keys(value)
      .filter((name) => !known.has(name))
      .slice(0, MOST_ISSUES)
      .map((name): StandardIssue => ({ message: UNKNOWN_FIELD, path: [name.slice(0, LONGEST_NAME)] }));
    const results = entries.map(({ name, validate: judge }) =>
      heeded(judge(Object.hasOwn(value, name) ? value[name] : undefined)),
    );
    const settle = (settled: readonly StandardResult<unknown>[]): StandardResult<FieldValues<Named>> =>
      collect(entries, settled, unknown) as StandardResult<FieldValues<Named>>;
    return results.some((result) => result instanceof Promise)
      ? Promise.all(results.map((result) => Promise.resolve(result))).then(settle)
      : settle(results as readonly StandardResult<unknown>[]);
  };
  const standard = { version: 1, vendor: "glacis", validate } as const;
  fieldsOfSchema.set(standard, { ...fields });
  return { "~standard": standard };
}

/** A rejection that comes after another field has thrown would otherwise be nobody's, and end the process. */
export function heeded<Result>(result: Result): Result {
  if (result instanceof Promise) result.catch(() => undefined);
  return result;
}

function rejectField(owner: string, name: string, schema: FieldSchema): void {
  if (isReservedKey(name)) throw new TypeError(`${owner}() takes no field "${name}": it reaches the prototype.`);
  if (!isSchema(schema))
    throw new TypeError(`${owner}() needs a Standard Schema, version 1, for "${name}", such as z.string().`);
}

export function isSchema(schema: unknown): schema is FieldSchema {
  if ((typeof schema !== "object" && typeof schema !== "function") || schema === null) return false;
  const standard = (schema as Partial<FieldSchema>)["~standard"];
  return standard?.version === 1 && typeof standard.validate === "function";
}

function collect(
  entries: readonly { readonly name: string }[],
  results: readonly StandardResult<unknown>[],
  unknown: readonly StandardIssue[],
): StandardResult<Readonly<Record<string, unknown>>> {
  const issues = [...unknown];
  const output: Record<string, unknown> = {};
  for (const [index, { name }] of entries.entries()) {
    const result = results[index] as StandardResult<unknown>;
    if (result.issues !== undefined)
      issues.push(...result.issues.slice(0, MOST_ISSUES).map((issue) => within(name, issue)));
    else if (result.value !== undefined) output[name] = result.value;
  }
  return issues.length > 0 ? { issues: issues.slice(0, MOST_ISSUES) } : { value: output };
}

/** An object that a literal or a parser has made, and no instance of a class. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Only what the standard names is carried on, and the names by which zod calls unknown fields. */
function within(name: string, issue: StandardIssue): StandardIssue {
  const { keys } = issue as { readonly keys?: readonly unknown[] };
  return { message: issue.message, path: [name, ...(issue.path ?? [])], ...(Array.isArray(keys) && { keys }) };
}
