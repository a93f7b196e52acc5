import type { AuditEvent } from "../core/event.ts";
import type { Deny } from "../core/decision.ts";
import type { Exchange } from "../core/exchange.ts";
import { CSRF_FIELD } from "../primitives/csrf-field.ts";

/** What is wrong with one field. What was sent is not repeated. */
export interface FieldError {
  readonly field: string;
  readonly code: string;
  readonly message: string;
}

/** A field of a form: its longest value in characters, whether it is one line without control characters, and whether it may be missing. */
export interface FieldRule {
  readonly most: number;
  readonly line?: boolean;
  readonly optional?: boolean;
}

export type FieldRules = Readonly<Record<string, FieldRule>>;

export type ReadFields =
  | { readonly ok: true; readonly values: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

const MOST_ERRORS = 20;
/** What no form sends by itself, however it is filled in: somebody tries what the route does with it. */
const NEVER_TYPED = new Set(["unknown", "repeated", "not_text", "not_characters", "not_a_line", "not_an_object"]);
const NOT_AN_OBJECT: FieldError = { field: "", code: "not_an_object", message: "Send the fields as an object." };

/**
 * The fields of a form or a JSON object, each one text within its bounds, and no other: a list, a number, a null character, half a surrogate pair or a
 * field that nobody asked for is named, never passed on. The CSRF token is not among them.
 */
export function readFields({ body }: Exchange, rules: FieldRules): ReadFields {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return { ok: false, errors: [NOT_AN_OBJECT] };
  const errors = strayFields(body, Object.keys(rules));
  const values: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [field, rule] of Object.entries(rules)) {
    const value: unknown = Object.hasOwn(body, field) ? (body as Record<string, unknown>)[field] : undefined;
    const flaw = flawOf(value, rule);
    if (flaw !== undefined) errors.push({ field, ...flaw });
    // A form sends what was left empty; it is missing all the same.
    else if (typeof value === "string" && value !== "") values[field] = value;
  }
  return errors.length === 0 ? { ok: true, values } : { ok: false, errors: errors.slice(0, MOST_ERRORS) };
}

function strayFields(body: object, known: readonly string[]): FieldError[] {
  return Object.keys(body)
    .filter((name) => name !== CSRF_FIELD && !known.includes(name))
    .map((name) => ({ field: name.slice(0, 60), code: "unknown", message: "There is no such field." }));
}

/**
 * For a route that reads no field, or judges those itself that it knows: any other is named in the refusal, and nothing is done. A field that is
 * passed by in silence is one that somebody believes in.
 */
export function takingOnly<Reply>(
  known: readonly string[],
  act: (request: Exchange) => Reply | Promise<Reply>,
): (request: Exchange) => Deny | Reply | Promise<Reply> {
  return (request) => {
    const { body = {} } = request;
    if (typeof body !== "object" || body === null || Array.isArray(body)) return fieldsInvalid([NOT_AN_OBJECT]);
    const errors = strayFields(body, known);
    return errors.length === 0 ? act(request) : fieldsInvalid(errors.slice(0, MOST_ERRORS));
  };
}

function flawOf(
  value: unknown,
  { most, line = false, optional = false }: FieldRule,
): Omit<FieldError, "field"> | undefined {
  if (value === undefined || value === "")
    return optional ? undefined : { code: "required", message: "This field is needed." };
  if (Array.isArray(value)) return { code: "repeated", message: "Send this field once." };
  if (typeof value !== "string") return { code: "not_text", message: "This field is text." };
  if (value.length > most) return { code: "too_long", message: `At most ${most} characters.` };
  if (value.includes("\0") || !value.isWellFormed())
    return { code: "not_characters", message: "This field holds something that is no character." };
  if (line && /\p{Cc}/u.test(value)) return { code: "not_a_line", message: "This field is one line of text." };
  return undefined;
}

/** 422 with the name of each field, and an event where it was more than a slip. */
export function fieldsInvalid(errors: readonly FieldError[]): Deny {
  return refusal("input_invalid", {
    events: errors.some(({ code }) => NEVER_TYPED.has(code)) ? [triedEvent(errors)] : [],
    members: {
      errors: errors.map(({ field, code, message }) => ({ in: "body", pointer: pointerTo(field), code, message })),
    },
  });
}

function triedEvent(errors: readonly FieldError[]): AuditEvent {
  const isStray = errors.some(({ code }) => code === "unknown");
  return {
    event_type: "input_validation",
    status: "refused",
    severity: isStray ? "warning" : "info",
    event: "input_validation_fail",
    control: "input-validation",
    reason: "input_invalid",
    detail: isStray ? "unknown_field" : "invalid_value",
    count: errors.length,
  };
}

/** A refusal whose event the flow has written already, or that is not worth one. */
export function refusal(
  reason: Deny["reason"],
  details: Partial<Pick<Deny, "events" | "headers" | "members">> = {},
): Deny {
  return {
    kind: "deny",
    reason,
    events: [],
    headers: [],
    why: undefined,
    fix: undefined,
    members: undefined,
    ...details,
  };
}

/** RFC 6901. */
function pointerTo(field: string): string {
  return field === "" ? "" : `/${field.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

export const PASSKEY_FIELDS = ["answer", "name"] as const;

/** What `passkeyScript` posts: an object of the browser's, which the verifier judges, and a name for it. */
export function passkeyPost({ body }: Exchange): { readonly answer: unknown; readonly name: unknown } {
  const { answer, name } = (body ?? {}) as { readonly answer?: unknown; readonly name?: unknown };
  return { answer, name };
}
