/** Reads what clients send: explicit schemas, unknown fields refused by name, texts that a database and a page can hold. */
import { deny, Refusal, type Exchange } from "glacis";
import { CSRF_FIELD } from "glacis/authentication";
import { z } from "zod";

/** Control characters that no line of text needs; NUL would not even fit into Postgres. */
const CONTROLS = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/u;
const LINE_CONTROLS = /[\u0000-\u001F\u007F\u2028\u2029]/u;

interface TextBounds {
  readonly min?: number;
  readonly max: number;
  readonly missing?: string;
}

/** One line of text: trimmed, NFC, without control characters. */
export function line({ min = 0, max, missing = "Fill this in." }: TextBounds) {
  return z
    .string()
    .refine((text) => !LINE_CONTROLS.test(text), "Remove characters that cannot be shown.")
    .transform((text) => text.normalize("NFC").trim())
    .pipe(z.string().min(min, missing).max(max, `Use at most ${max} characters.`));
}

/** Text with line breaks, which browsers send as CRLF. */
export function prose({ max }: TextBounds) {
  return z
    .string()
    .refine((text) => !CONTROLS.test(text), "Remove characters that cannot be shown.")
    .transform((text) => text.replaceAll("\r\n", "\n").normalize("NFC"))
    .pipe(z.string().max(max, `Use at most ${max} characters.`));
}

/** A message for each field that is wrong; `""` holds what belongs to no field. */
export type FieldErrors = Readonly<Record<string, string>>;

export type Read<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly errors: FieldErrors; readonly values: Readonly<Record<string, string>> };

/** Reads a parsed body by a schema. For a form, what was typed comes back to be shown again. */
export function readBody<Schema extends z.ZodType>(request: Exchange, schema: Schema): Read<z.output<Schema>> {
  const { [CSRF_FIELD]: _token, ...fields } = record(request.body);
  return read(fields, schema);
}

/** @throws Refusal 422 naming each field, for clients that are programs */
export function demand<Value>(result: Read<Value>): Value {
  if (result.ok) return result.value;
  const errors = Object.entries(result.errors).map(([field, message]) => ({ field, message }));
  throw new Refusal(
    deny(
      "input_invalid",
      {
        event_type: "input_validation",
        status: "refused",
        severity: "info",
        event: "input_validation_fail",
        reason: "input_invalid",
      },
      { members: { errors } },
    ),
  );
}

/** @throws Refusal 404, also for what exists and is somebody else's */
export function notFound(): never {
  throw new Refusal(
    deny("not_found", {
      event_type: "authorization_failure",
      status: "refused",
      severity: "info",
      event: "authz_fail",
      reason: "not_found",
    }),
  );
}

/** The query string as fields; a name that occurs twice is refused, because two readers would read it differently. */
export function readQuery<Schema extends z.ZodType>(request: Exchange, schema: Schema): Read<z.output<Schema>> {
  const parameters = [...new URLSearchParams(request.query)];
  const fields = Object.fromEntries(parameters);
  if (Object.keys(fields).length !== parameters.length) {
    return { ok: false, errors: { "": "Name each parameter once." }, values: {} };
  }
  return read(fields, schema);
}

function read<Schema extends z.ZodType>(
  fields: Readonly<Record<string, unknown>>,
  schema: Schema,
): Read<z.output<Schema>> {
  const parsed = schema.safeParse(fields);
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, errors: errorsOf(parsed.error), values: textsOf(fields) };
}

function errorsOf(error: z.ZodError): FieldErrors {
  const errors: Record<string, string> = {};
  for (const issue of error.issues) {
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) errors[key] ??= "This field does not exist.";
    } else errors[issue.path.join(".")] ??= issue.message;
  }
  return errors;
}

function textsOf(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
