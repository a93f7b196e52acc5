/** The parts of a request as a schema sees them: each read from its own source, decoded once, with nothing merged (CWE-235, CWE-843). */
import { deny, type Deny } from "../core/decision.ts";
import type { InputFacts } from "../core/facts.ts";
import type { Reason } from "../core/reasons.ts";
import type { StandardIssue, StandardResult } from "../core/standard-schema.ts";
import { CSRF_FIELD } from "../primitives/csrf-field.ts";
import { formPairs } from "../primitives/form-pairs.ts";
import {
  closedObject,
  heeded,
  isPlainObject,
  isSchema,
  UNKNOWN_FIELD,
  type Fields,
  type FieldSchema,
} from "./closed-object.ts";
import type { InputPlace } from "./issue-report.ts";
import { writeSchema } from "./mass-assignment.ts";
import { takesList } from "./repeated.ts";

export interface Reading {
  readonly place: InputPlace;
  readonly value: unknown;
  readonly result: StandardResult<unknown>;
}

export interface InputPart {
  readonly place: InputPlace;
  readonly schema: FieldSchema;
  readonly read: (facts: InputFacts) => Reading | Deny;
}

const FORM = "application/x-www-form-urlencoded";
const MOST_PARAMETERS = 1000;
const DUPLICATE = "Send this once.";
const NUL = "Remove the null character.";
const HEADER_NAME = /^[a-z0-9-]+$/u;
/** What the library reads for the application. */
const OWN_HEADERS: ReadonlySet<string> = new Set(["authorization", "cookie", "host", "content-type", "content-length"]);

const isJson = (mediaType: string): boolean => mediaType === "application/json" || mediaType.endsWith("+json");

/** A JSON document. Its numbers are numbers and its texts are texts: nothing is converted. */
export function bodyPart(declared: Fields | FieldSchema): InputPart {
  const schema = isSchema(declared) ? declared : writeSchema(declared);
  return {
    place: "body",
    schema,
    read({ mediaType, body, bodyText }) {
      if (mediaType !== "" && !isJson(mediaType)) return refuse("media_type_unsupported", "media_type");
      const mayHoldNul = bodyText === undefined || bodyText.includes("\\u0000");
      return judged("body", body, schema, mayHoldNul ? nulIssues(body) : []);
    },
  };
}

/** An urlencoded form; the token against cross-site requests is passed by. */
export function formPart(fields: Fields): InputPart {
  const schema = writeSchema(fields);
  return {
    place: "form",
    schema,
    read({ mediaType, body }) {
      if (mediaType !== "" && mediaType !== FORM) return refuse("media_type_unsupported", "media_type");
      return judgeTexts("form", withoutToken(body ?? {}), fields, schema);
    },
  };
}

export function queryPart(fields: Fields): InputPart {
  const schema = closedObject("input", fields);
  return {
    place: "query",
    schema,
    read({ query }) {
      const read = formPairs(query, MOST_PARAMETERS);
      return read.flaw === undefined
        ? judgeTexts("query", read.fields, fields, schema)
        : refuse(REASON[read.flaw], read.flaw);
    },
  };
}

/** What the framework's router matched: its reading is the one that chose the handler. */
export function paramsPart(fields: Fields): InputPart {
  const schema = closedObject("input", fields);
  return { place: "params", schema, read: ({ params }) => judgeTexts("params", { ...params }, fields, schema) };
}

/** @throws TypeError for a header that the library reads, and for a name in upper case */
export function headersPart(fields: Fields): InputPart {
  const schema = closedObject("input", fields);
  const names = Object.keys(fields);
  for (const name of names) {
    if (!HEADER_NAME.test(name)) throw new TypeError(`input() names headers in lower case; "${name}" is not.`);
    if (OWN_HEADERS.has(name))
      throw new TypeError(`input() takes no header "${name}": the library has read it already.`);
  }
  return {
    place: "headers",
    schema,
    read: ({ wire }) => judgeTexts("headers", namedHeaders(wire.rawHeaders, names), fields, schema),
  };
}

/** What came although nobody declared it. */
export function strayIssues(facts: InputFacts, declared: ReadonlySet<InputPlace>): readonly Reading[] {
  const stray: Reading[] = [];
  if (!declared.has("query") && facts.query !== "") {
    const read = formPairs(facts.query, MOST_PARAMETERS);
    const names = read.flaw === undefined ? Object.keys(read.fields) : [];
    const issues = unknownFields(names);
    if (names.length > 0 || read.flaw !== undefined)
      stray.push(reading("query", undefined, issues.length > 0 ? issues : [{ message: "This route takes no query." }]));
  }
  if (!declared.has("body") && !declared.has("form")) {
    const { body } = facts;
    const rest = isPlainObject(body) && facts.mediaType === FORM ? withoutToken(body) : body;
    const issues = isPlainObject(rest) ? unknownFields(Object.keys(rest)) : [{ message: "This route takes no body." }];
    if (rest !== undefined && issues.length > 0) stray.push(reading("body", undefined, issues));
  }
  return stray;
}

function unknownFields(names: readonly string[]): readonly StandardIssue[] {
  return names.map((name) => ({ message: UNKNOWN_FIELD, path: [name] }));
}

function reading(place: InputPlace, value: unknown, issues: readonly StandardIssue[]): Reading {
  return { place, value, result: { issues } };
}

function judgeTexts(place: InputPlace, value: unknown, fields: Fields, schema: FieldSchema): Reading {
  if (!isPlainObject(value)) return judged(place, value, schema, []);
  const doubled = Object.keys(value).filter((name) => {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    return Array.isArray(value[name]) && field !== undefined && !takesList(field);
  });
  const issues = [...nulIssues(value), ...doubled.map((name): StandardIssue => ({ message: DUPLICATE, path: [name] }))];
  const single = Object.fromEntries(Object.entries(value).filter(([name]) => !doubled.includes(name)));
  return { ...judged(place, single, schema, issues, doubled), value };
}

/** @param passed fields about which enough has been said */
function judged(
  place: InputPlace,
  value: unknown,
  schema: FieldSchema,
  before: readonly StandardIssue[],
  passed: readonly string[] = [],
): Reading {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) {
    void heeded(result);
    throw new AsynchronousSchemaError(place);
  }
  if (before.length === 0) return { place, value, result };
  const later = (result.issues ?? []).filter(({ path = [] }) => !passed.includes(firstOf(path)));
  return { place, value, result: { issues: [...before, ...later] } };
}

/**
 * A schema wanted to wait. zod starts such a check before it knows, and nobody hears that promise when it fails, which ends the process; what
 * one would wait for, such as whether a name is taken, is for a constraint of the database to say. zod also answers so when a check throws.
 */
export class AsynchronousSchemaError extends TypeError {
  override readonly name = "AsynchronousSchemaError";

  constructor(place: InputPlace) {
    super(
      `A schema of ${place} is asynchronous, or failed. Check the shape here, and ask the database in the handler.`,
    );
  }
}

function firstOf(path: NonNullable<StandardIssue["path"]>): string {
  const [first] = path;
  return String(typeof first === "object" ? first.key : first);
}

function withoutToken(body: unknown): unknown {
  if (!isPlainObject(body) || !Object.hasOwn(body, CSRF_FIELD)) return body;
  return Object.fromEntries(Object.entries(body).filter(([name]) => name !== CSRF_FIELD));
}

function namedHeaders(rawHeaders: readonly string[], names: readonly string[]): Readonly<Record<string, unknown>> {
  const found: Record<string, string | string[]> = {};
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] as string).toLowerCase();
    if (!names.includes(name)) continue;
    const value = rawHeaders[index + 1] as string;
    const earlier = found[name];
    found[name] = earlier === undefined ? value : [earlier, value].flat();
  }
  return found;
}

/** Postgres has no text with a null character, and C has none that goes on behind it (CWE-158). */
function nulIssues(root: unknown): readonly StandardIssue[] {
  const issues: StandardIssue[] = [];
  const pending: { readonly value: unknown; readonly path: readonly PropertyKey[] }[] = [{ value: root, path: [] }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value, path } = next;
    if (typeof value === "string" && value.includes("\0")) issues.push({ message: NUL, path });
    if (typeof value !== "object" || value === null) continue;
    for (const [key, inner] of Object.entries(value)) pending.push({ value: inner, path: [...path, key] });
  }
  return issues;
}

const REASON: Readonly<Record<"form_fields" | "form_encoding" | "prototype_pollution", Reason>> = {
  form_fields: "parameters_too_many",
  form_encoding: "request_malformed",
  prototype_pollution: "key_forbidden",
};

function refuse(reason: Reason, detail: string): Deny {
  return deny(reason, {
    event_type: "input_validation",
    status: "refused",
    severity: reason === "key_forbidden" ? "warning" : "info",
    event: "input_validation_fail",
    control: "input-validation",
    reason,
    detail,
  });
}
