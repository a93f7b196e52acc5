/** Mass assignment cannot happen: a write names its fields, and whatever else is sent is refused by name (CWE-915; catalog mass-assignment; ASVS 15.3.3). */
import { deny } from "../core/decision.ts";
import { Refusal } from "../core/error-reason.ts";
import { isReservedKey } from "../primitives/reserved-keys.ts";
import type { OutputOf, StandardIssue, StandardResult, StandardSchema } from "../core/standard-schema.ts";

type FieldSchema = StandardSchema<unknown, unknown>;

/** A schema for each field that a client may write in one action. */
export type WriteFields = Readonly<Record<string, FieldSchema>>;

/** A field whose schema takes a missing value may be left out. */
export type Written<Fields extends WriteFields> = {
  readonly [Name in keyof Fields as undefined extends OutputOf<Fields[Name]> ? never : Name]: OutputOf<Fields[Name]>;
} & {
  readonly [Name in keyof Fields as undefined extends OutputOf<Fields[Name]> ? Name : never]?: OutputOf<Fields[Name]>;
};

/** Is a Standard Schema itself, strict by construction whatever the schemas of its fields are made with. */
export interface WriteSchema<Fields extends WriteFields> extends StandardSchema<unknown, Written<Fields>> {
  readonly fields: readonly string[];
}

/** What the server sets from the principal, the clock or a rule, in whatever spelling. */
const SERVER_OWNED: ReadonlySet<string> = new Set(
  (
    "id uuid tenant tenantid org orgid organization organizationid account accountid workspaceid owner ownerid createdby updatedby " +
    "role roles permission permissions scopes isadmin admin issuperuser superuser isstaff createdat updatedat deletedat " +
    "passwordhash emailverified verified verifiedat"
  ).split(" "),
);

const REASON: unique symbol = Symbol("dangerouslyClientDecides");

/** A refusal names at most this many fields; a body may have ten thousand. */
const MOST_ISSUES = 20;
const LONGEST_NAME = 100;
const LONGEST_MESSAGE = 200;
const UNKNOWN = "This field does not exist.";

/**
 * What a client may write in one action, field by field. Create and change are two actions with two schemas. Whatever else is sent is refused
 * with its name, so that nothing of a body can reach a row by being spread into it; ids, tenants, owners and times come from the server.
 *
 * @throws TypeError when a field is no Standard Schema, and for a name that the server owns, unless `dangerouslyClientDecides` says why
 * @example
 * const NewDocument = writeSchema({ title: z.string().max(200), body: z.string().max(50_000) });
 * const document = await parseWrite(NewDocument, request.body);
 * await documents.create({ ...document, tenantId: user.tenantId, ownerId: user.id });
 */
export function writeSchema<const Fields extends WriteFields>(fields: Fields): WriteSchema<Fields> {
  const entries = Object.entries(fields).map(([name, schema]) => {
    rejectField(name, schema);
    return { name, validate: schema["~standard"].validate.bind(schema["~standard"]) };
  });
  if (entries.length === 0) throw new TypeError("writeSchema() needs at least one field.");
  const known = new Set(entries.map(({ name }) => name));

  const validate = (value: unknown): StandardResult<Written<Fields>> | Promise<StandardResult<Written<Fields>>> => {
    if (!isRecord(value)) return { issues: [{ message: "Send an object of fields." }] };
    const unknown = Object.keys(value)
      .filter((name) => !known.has(name))
      .slice(0, MOST_ISSUES)
      .map((name): StandardIssue => ({ message: UNKNOWN, path: [name.slice(0, LONGEST_NAME)] }));
    const results = entries.map(({ name, validate: judge }) =>
      judge(Object.hasOwn(value, name) ? value[name] : undefined),
    );
    const settle = (settled: readonly StandardResult<unknown>[]): StandardResult<Written<Fields>> =>
      collect(entries, settled, unknown) as StandardResult<Written<Fields>>;
    return results.some((result) => result instanceof Promise)
      ? Promise.all(results.map((result) => Promise.resolve(result))).then(settle)
      : settle(results as readonly StandardResult<unknown>[]);
  };
  return { fields: [...known], "~standard": { version: 1, vendor: "glacis", validate } };
}

function rejectField(name: string, schema: FieldSchema): void {
  if (isReservedKey(name)) throw new TypeError(`writeSchema() takes no field "${name}": it reaches the prototype.`);
  if (schema?.["~standard"]?.version !== 1 || typeof schema["~standard"].validate !== "function")
    throw new TypeError(`writeSchema() needs a Standard Schema, version 1, for "${name}", such as z.string().`);
  if (!SERVER_OWNED.has(name.toLowerCase().replaceAll(/[^a-z0-9]/gu, "")) || REASON in schema) return;
  throw new TypeError(
    `writeSchema() leaves "${name}" to the server. If the client does decide it, say why: dangerouslyClientDecides(schema, "reason in words").`,
  );
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
      issues.push(...result.issues.map(({ message, path = [] }) => ({ message, path: [name, ...path] })));
    else if (result.value !== undefined) output[name] = result.value;
  }
  return issues.length > 0 ? { issues: issues.slice(0, MOST_ISSUES) } : { value: output };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Lets a client decide a field that the server usually owns, such as the role in an invitation. Whoever reads the schema reads the reason.
 *
 * @throws TypeError without a reason
 * @example
 * writeSchema({ email, role: dangerouslyClientDecides(z.enum(["member", "viewer"]), "never above the inviter's own, see roles.ts") });
 */
export function dangerouslyClientDecides<Schema extends FieldSchema>(
  schema: Schema,
  reason: string,
): Pick<Schema, "~standard"> {
  if (typeof reason !== "string" || reason.trim() === "")
    throw new TypeError("dangerouslyClientDecides() needs the reason in words.");
  return Object.freeze({ "~standard": schema["~standard"], [REASON]: reason });
}

/**
 * Reads a parsed body by a schema.
 *
 * @param ignore fields of the transport, such as `CSRF_FIELD` of a form
 * @throws Refusal 422 `input_invalid`, with each field that is wrong or unknown by name
 * @example
 * const document = await parseWrite(NewDocument, requestOf(c).body, [CSRF_FIELD]);
 */
export async function parseWrite<Schema extends StandardSchema<unknown, unknown>>(
  schema: Schema,
  body: unknown,
  ignore: readonly string[] = [],
): Promise<OutputOf<Schema>> {
  const fields = isRecord(body)
    ? Object.fromEntries(Object.entries(body).filter(([name]) => !ignore.includes(name)))
    : body;
  const result = await schema["~standard"].validate(fields);
  if (result.issues === undefined) return result.value;
  const errors = result.issues.map(({ message, path = [] }) => ({
    field: path.map((part) => String(typeof part === "object" ? part.key : part)).join("."),
    message: message.slice(0, LONGEST_MESSAGE),
  }));
  throw new Refusal(
    deny(
      "input_invalid",
      {
        event_type: "input_validation",
        status: "refused",
        severity: errors.some(({ message }) => message === UNKNOWN) ? "warning" : "info",
        event: "input_validation_fail",
        control: "mass-assignment",
        reason: "input_invalid",
        count: errors.length,
      },
      { members: { errors } },
    ),
  );
}
