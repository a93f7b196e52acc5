/** What a route takes, declared beside it and judged before its handler runs (catalog input-validation; ASVS 2.2.1, 2.2.2; guide "Forms and serializers"). */
import { ALLOW, allow, deny, type Decision, type Deny } from "../core/decision.ts";
import { Refusal } from "../core/error-reason.ts";
import type { AuditEvent } from "../core/event.ts";
import type { InputFacts, RouteInput } from "../core/facts.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { PerRequest } from "../core/per-request.ts";
import type { OutputOf } from "../core/standard-schema.ts";
import { CSRF_FIELD } from "../primitives/csrf-field.ts";
import { isSchema, UNKNOWN_FIELD, type Fields, type FieldSchema, type FieldValues } from "./closed-object.ts";
import {
  AsynchronousSchemaError,
  bodyPart,
  formPart,
  headersPart,
  paramsPart,
  queryPart,
  strayIssues,
  type InputPart,
  type Reading,
} from "./input-part.ts";
import { pointerOf, reportIssues, type InputError, type InputPlace } from "./issue-report.ts";
import { isStrict, joined, shapeOf } from "./schema-shape.ts";

/** A schema for each part of a request that the route reads. What is not declared must not be sent. */
export interface InputParts {
  /** A JSON document: its fields, or one closed schema for the whole of it. */
  readonly body?: Fields | FieldSchema;
  /** An urlencoded form, in the place of `body`. */
  readonly form?: Fields;
  readonly query?: Fields;
  readonly params?: Fields;
  /** Headers that the route reads, in lower case. Others are not looked at. */
  readonly headers?: Fields;
}

type PartValue<Part> = Part extends FieldSchema ? OutputOf<Part> : Part extends Fields ? FieldValues<Part> : never;

export type InputValues<Parts extends InputParts> = { readonly [Place in keyof Parts]: PartValue<Parts[Place]> };

export interface Input<Values> extends RouteInput {
  /**
   * What the request sent, typed.
   *
   * @throws Error when the route of this request does not declare this input
   */
  of(request: InputFacts): Values;
}

export interface InputOptions {
  /**
   * What a path is answered with whose parameters do not fit: 422 with the errors, or `not_found`, because a path that cannot name anything names
   * nothing. The second tells a thing that is not there from one that could not be there to nobody.
   */
  readonly unfitParams?: "input_invalid" | "not_found";
}

export type FormOutcome<Values> =
  | { readonly ok: true; readonly value: Values }
  | {
      readonly ok: false;
      readonly errors: readonly InputError[];
      /** The parts that are right, such as the parameters of the path. */
      readonly valid: Partial<Values>;
      /** What was typed into the form, to be shown again in the fields that are no secret. */
      readonly typed: Readonly<Record<string, string>>;
    };

const PLACES: readonly InputPlace[] = ["body", "form", "query", "params", "headers"];
const MOST_ERRORS = 20;

/**
 * Declares what a route takes. Unknown fields, a scalar that is sent twice, a null character and whatever the schemas refuse are answered 422
 * `input_invalid`, with all errors at once, twenty at most, each a part, a JSON pointer and a message that repeats nothing of what was sent.
 *
 * The schemas are Standard Schemas: zod, Valibot, ArkType. They answer at once: an asynchronous one refuses every request, and the log says so.
 *
 * @throws TypeError for an open object, which would drop or keep unknown fields in silence, and for names that the server owns
 * @example
 * const rename = input({ params: { id: z.uuid() }, body: { title: z.string().min(1).max(200) } });
 * app.put("/documents/:id", access(authenticated(), { input: rename }), (c) => {
 *   const { params, body } = rename.of(requestOf(c));
 * });
 */
export function input<const Parts extends InputParts>(
  parts: Parts,
  options: InputOptions = {},
): Input<InputValues<Parts>> {
  const { openness, judgeParts } = compile("input", parts, options);
  const values = new PerRequest<InputValues<Parts>>();
  const conclude = (facts: InputFacts, outcome: Outcome): Decision => {
    if ("decision" in outcome) return outcome.decision;
    if (outcome.errors.length > 0) return refused(outcome);
    values.set(facts, outcome.values as InputValues<Parts>);
    return ALLOW;
  };
  return {
    openness,
    judge: (facts) => conclude(facts, judgeParts(facts)),
    of: (request) => valuesOf(values, request),
  };
}

/**
 * As `input()`, for a page whose handler shows the form again: what is wrong is handed to the handler. What no browser sends, such as another
 * content type or a reserved key, is still refused.
 *
 * @example
 * const signUp = formInput({ form: { email: z.email().max(254), name: z.string().max(100) } });
 * app.post("/sign-up", access(publicAccess("sign-up"), { input: signUp }), (c) => {
 *   const form = signUp.of(requestOf(c));
 *   if (!form.ok) return c.html(signUpPage(form.errors, form.typed), 422);
 * });
 */
export function formInput<const Parts extends InputParts>(
  parts: Parts,
  options: InputOptions = {},
): Input<FormOutcome<InputValues<Parts>>> {
  const { openness, judgeParts } = compile("formInput", parts, options);
  const values = new PerRequest<FormOutcome<InputValues<Parts>>>();
  const conclude = (facts: InputFacts, outcome: Outcome): Decision => {
    if ("decision" in outcome) return outcome.decision;
    const { errors } = outcome;
    if (errors.length === 0) {
      values.set(facts, { ok: true, value: outcome.values as InputValues<Parts> });
      return ALLOW;
    }
    const valid = outcome.values as Partial<InputValues<Parts>>;
    values.set(facts, { ok: false, errors, valid, typed: typedIn(facts.body) });
    return allow([], [eventOf(outcome)]);
  };
  return {
    openness,
    judge: (facts) => conclude(facts, judgeParts(facts)),
    of: (request) => valuesOf(values, request),
  };
}

/**
 * The refusal that `input()` gives, for what only the handler can know, such as whether there is such a colleague.
 *
 * @example
 * if (colleague === undefined) throw inputRefusal([{ in: "body", path: ["userId"], message: "There is no such colleague." }]);
 */
export function inputRefusal(
  issues: readonly { readonly in: InputPlace; readonly path: readonly string[]; readonly message: string }[],
): Refusal {
  const errors = issues
    .slice(0, MOST_ERRORS)
    .map(({ in: place, path, message }) => ({ in: place, pointer: pointerOf(path), message }));
  return new Refusal(refused({ errors, values: {} }));
}

type Outcome =
  | { readonly decision: Decision }
  | {
      readonly errors: readonly InputError[];
      readonly values: Readonly<Record<string, unknown>>;
      readonly fault?: string;
    };

function compile(owner: "input" | "formInput", parts: InputParts, options: InputOptions) {
  rejectUnknownOptions(owner, parts, PLACES);
  rejectUnknownOptions(owner, options, ["unfitParams"]);
  const { unfitParams = "input_invalid" } = options;
  if (unfitParams !== "input_invalid" && unfitParams !== "not_found")
    throw new TypeError(`${owner}() needs unfitParams as "input_invalid" or "not_found".`);
  if (parts.body !== undefined && parts.form !== undefined)
    throw new TypeError(`${owner}() takes body or form: a route that took both would read the same field in two ways.`);
  const readers = [
    ...(parts.params === undefined ? [] : [paramsPart(parts.params)]),
    ...(parts.query === undefined ? [] : [queryPart(parts.query)]),
    ...(parts.headers === undefined ? [] : [headersPart(parts.headers)]),
    ...(parts.body === undefined ? [] : [bodyPart(parts.body)]),
    ...(parts.form === undefined ? [] : [formPart(parts.form)]),
  ];
  const shape = joined(readers.map(({ place, schema }) => shapeOf(schema, place)));
  if (shape.open.length > 0) throw openObject(owner, shape.open);
  const { body } = parts;
  if (body !== undefined && isSchema(body) && shape.unseen.includes("body") && !isStrict(body))
    throw openObject(owner, ["body"]);
  const declared = new Set(readers.map(({ place }) => place));
  return {
    openness: { bounds: shape.bounds, unseen: shape.unseen },
    judgeParts: (facts: InputFacts): Outcome => {
      const readings = readAll(facts, readers, declared);
      if (!Array.isArray(readings)) return readings;
      const unfit = readings.some(({ place, result }) => place === "params" && result.issues !== undefined);
      return unfit && unfitParams === "not_found"
        ? { decision: nothingNamed() }
        : gather(readings, owner === "formInput");
    },
  };
}

function openObject(owner: string, places: readonly string[]): TypeError {
  return new TypeError(
    `${owner}() needs closed objects: ${places.join(", ")} would drop or keep unknown fields in silence. ` +
      'Write z.strictObject({ ... }), v.strictObject({ ... }), type({ "+": "reject", ... }), or writeSchema({ ... }).',
  );
}

function readAll(
  facts: InputFacts,
  readers: readonly InputPart[],
  declared: ReadonlySet<InputPlace>,
): Outcome | Reading[] {
  const [param] = declared.has("params") ? [] : Object.keys(facts.params);
  if (param !== undefined)
    throw new Error(`The input of ${facts.method} ${facts.pattern} says nothing about the parameter "${param}".`);
  const readings: Reading[] = [...strayIssues(facts, declared)];
  for (const { place, read } of readers) {
    try {
      const found = read(facts);
      if ("kind" in found) return { decision: found };
      readings.push(found);
    } catch (error) {
      return faulty(place, error);
    }
  }
  return readings;
}

/** @param shown whether the errors go to a page that shows again what was typed, so that a message may well repeat it */
function gather(readings: readonly Reading[], shown: boolean): Outcome {
  const errors: InputError[] = [];
  const values: Record<string, unknown> = {};
  for (const { place, value, result } of readings) {
    if (result.issues === undefined) values[place] = result.value;
    else errors.push(...reportIssues(place, value, result.issues, shown));
  }
  return { errors: errors.slice(0, MOST_ERRORS), values };
}

/** A schema's own code failed on what was sent. Its message may repeat that, so the log gets the class and the place alone. */
function faulty(place: InputPlace, error: unknown): Outcome {
  const frames = error instanceof Error ? (error.stack ?? "").split("\n").filter((line) => /^\s+at /u.test(line)) : [];
  const own = error instanceof AsynchronousSchemaError ? `: ${error.message}` : "";
  const head = error instanceof Error ? `${error.name}${own}` : "Non-error thrown";
  const fault = [head, ...frames.slice(0, 20)].join("\n");
  return { errors: [{ in: place, pointer: "", message: "This value is not valid." }], values: {}, fault };
}

function refused(outcome: Extract<Outcome, { readonly errors: unknown }>): Deny {
  return deny("input_invalid", eventOf(outcome), { members: { errors: outcome.errors } });
}

function nothingNamed(): Deny {
  return deny("not_found", {
    event_type: "input_validation",
    status: "refused",
    severity: "info",
    event: "input_validation_fail",
    control: "input-validation",
    reason: "not_found",
    detail: "unfit_params",
  });
}

function eventOf({ errors, fault }: Extract<Outcome, { readonly errors: unknown }>): AuditEvent {
  const unknown = errors.some(({ message }) => message === UNKNOWN_FIELD);
  return {
    event_type: "input_validation",
    status: "refused",
    severity: fault === undefined ? (unknown ? "warning" : "info") : "error",
    event: "input_validation_fail",
    control: "input-validation",
    reason: "input_invalid",
    detail: fault === undefined ? (unknown ? "unknown_field" : "invalid_value") : "validator_failed",
    count: errors.length,
    ...(fault !== undefined && { error: fault }),
  };
}

function valuesOf<Values>(values: PerRequest<Values>, request: InputFacts): Values {
  const found = values.get(request);
  if (found === undefined)
    throw new Error("This input was not judged: declare it on the route, access(rule, { input }).");
  return found;
}

function typedIn(body: unknown): Readonly<Record<string, string>> {
  if (typeof body !== "object" || body === null) return {};
  return Object.fromEntries(
    Object.entries(body).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string" && entry[0] !== CSRF_FIELD,
    ),
  );
}
