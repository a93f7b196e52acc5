/** Mass assignment cannot happen: a write names its fields, and whatever else is sent is refused by name (CWE-915; catalog mass-assignment; ASVS 15.3.3). */
import { deny } from "../core/decision.ts";
import { Refusal } from "../core/error-reason.ts";
import type { OutputOf, StandardSchema } from "../core/standard-schema.ts";
import { closedObject, isPlainObject, UNKNOWN_FIELD, type Fields, type FieldValues } from "./closed-object.ts";

type FieldSchema = StandardSchema<unknown, unknown>;

/** Is a Standard Schema itself, strict by construction whatever the schemas of its fields are made with. */
export interface WriteSchema<Written extends Fields> extends StandardSchema<unknown, FieldValues<Written>> {
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

const LONGEST_MESSAGE = 200;

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
export function writeSchema<const Written extends Fields>(fields: Written): WriteSchema<Written> {
  for (const [name, schema] of Object.entries(fields)) rejectServerOwned(name, schema);
  return { ...closedObject("writeSchema", fields), fields: Object.keys(fields) };
}

function rejectServerOwned(name: string, schema: FieldSchema): void {
  if (!SERVER_OWNED.has(name.toLowerCase().replaceAll(/[^a-z0-9]/gu, "")) || REASON in schema) return;
  throw new TypeError(
    `writeSchema() leaves "${name}" to the server. If the client does decide it, say why: dangerouslyClientDecides(schema, "reason in words").`,
  );
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
  const fields = isPlainObject(body)
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
        severity: errors.some(({ message }) => message === UNKNOWN_FIELD) ? "warning" : "info",
        event: "input_validation_fail",
        control: "mass-assignment",
        reason: "input_invalid",
        count: errors.length,
      },
      { members: { errors } },
    ),
  );
}
