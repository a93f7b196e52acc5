/**
 * Parses request bodies within bounds: JSON (RFC 8259, held to RFC 7493 where the two leave room for two readings) and urlencoded forms.
 * What is malformed, ambiguous, too deep, too wide or uses a reserved key is refused; nothing is repaired.
 */
import { deny, type Decision } from "../core/decision.ts";
import type { Reason } from "../core/reasons.ts";
import type { BodyRules } from "../core/security.ts";
import { formPairs, type FormFlaw } from "../primitives/form-pairs.ts";
import { endOfJsonString, holdsInexactInteger } from "../primitives/json-text.ts";
import { isReservedKey } from "../primitives/reserved-keys.ts";

export interface ParserLimits {
  readonly jsonDepth: number;
  readonly jsonKeys: number;
  readonly parameterCount: number;
}

export type Parsed = ReturnType<BodyRules["parse"]>;

const LONGEST_NAME = 60;
const FORM = "application/x-www-form-urlencoded";

/** JSON by its registered name or by the structured suffix of RFC 6839. `text/plain` is never JSON, whatever it holds. */
function isJson(mediaType: string): boolean {
  return mediaType === "application/json" || mediaType.endsWith("+json");
}

export function isForm(mediaType: string): boolean {
  return mediaType === FORM;
}

/** @param mediaType without parameters, lower case */
export function parsesBody(mediaType: string): boolean {
  return isJson(mediaType) || isForm(mediaType);
}

/**
 * Makes the parser for complete bodies.
 *
 * @example
 * bodyParser({ jsonDepth: 32, jsonKeys: 10_000, parameterCount: 1000 })("application/json", '{"name":"Ada"}');
 */
export function bodyParser(limits: ParserLimits): BodyRules["parse"] {
  return (mediaType, text) => {
    if (isJson(mediaType)) return parseJson(text, limits);
    if (isForm(mediaType)) return parseForm(text, limits);
    return refuse("media_type_unsupported", "media_type");
  };
}

/**
 * An empty body is no body: clients send `Content-Type: application/json` with `Content-Length: 0`. A document at the top must be an
 * object or an array, so that a handler that expects fields never meets `null` or a number.
 */
function parseJson(text: string, limits: ParserLimits): Parsed {
  if (text === "") return { value: undefined };
  const shape = measure(text, limits);
  if ("refusal" in shape) return shape;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse("body_malformed", "json_syntax");
  }
  if (typeof value !== "object" || value === null) return refuse("body_malformed", "json_scalar");
  const refused = inspect(value, shape, text);
  if (refused !== undefined) return refused;
  return holdsInexactInteger(text) ? refuse("body_malformed", "number_inexact") : { value };
}

interface Shape {
  /** Members of objects, counted in the text: `{"a":1,"a":2}` has two, its object has one. */
  readonly members: number;
  /** Only an escape can bring a lone surrogate into a text that was decoded from UTF-8. */
  readonly mayHoldSurrogates: boolean;
}

const QUOTE = 0x22;
const COLON = 0x3a;

/**
 * Depth and members from the text alone, before anything is built: `JSON.parse` does not overflow its stack on 50 000 brackets, but it
 * spends more time on them than a thousand ordinary requests do. Exact for valid JSON; for anything else `JSON.parse` has the last word.
 */
function measure(text: string, limits: ParserLimits): Shape | { readonly refusal: Decision } {
  const { jsonDepth, jsonKeys } = limits;
  let depth = 0;
  let members = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      index = endOfJsonString(text, index + 1);
    } else if (code === COLON) {
      members += 1;
      if (members > jsonKeys) return refuse("body_too_complex", "json_keys");
    } else if ((code | 0x20) === 0x7b) {
      // `[` is 0x5b and `{` is 0x7b; their closing brackets are 0x5d and 0x7d.
      depth += 1;
      if (depth > jsonDepth) return refuse("body_too_deep", "json_depth");
    } else if ((code | 0x20) === 0x7d) {
      depth -= 1;
    }
  }
  return { members, mayHoldSurrogates: /\\u[dD]/u.test(text) };
}

function inspect(root: object, { members, mayHoldSurrogates }: Shape, text: string): Parsed | undefined {
  const { found, seen } = walk(root, mayHoldSurrogates);
  if (found === "prototype_pollution") return refuse("key_forbidden", found);
  if (found !== undefined) return refuse("body_malformed", found, memberWith(root));
  return seen === members ? undefined : refuse("body_malformed", "duplicate_key", memberTwice(text));
}

interface Walked {
  readonly found: string | undefined;
  /** Members of objects. */
  readonly seen: number;
}

/** Walks a parsed document without recursion, to its end or to the first flaw. */
function walk(root: object, mayHoldSurrogates: boolean): Walked {
  const pending: object[] = [root];
  let seen = 0;
  const flaw = (value: unknown): string | undefined => {
    if (typeof value === "object") {
      if (value !== null) pending.push(value);
    } else if (typeof value === "number") {
      if (!Number.isFinite(value)) return "number_out_of_range";
    } else if (mayHoldSurrogates && typeof value === "string" && LONE_SURROGATE.test(value)) {
      return "lone_surrogate";
    }
    return undefined;
  };
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (Array.isArray(node)) {
      for (const value of node) {
        const found = flaw(value);
        if (found !== undefined) return { found, seen };
      }
      continue;
    }
    for (const key of Object.keys(node)) {
      seen += 1;
      if (isReservedKey(key)) return { found: "prototype_pollution", seen };
      const found = flaw((node as Record<string, unknown>)[key]) ?? (mayHoldSurrogates ? flaw(key) : undefined);
      if (found !== undefined) return { found, seen };
    }
  }
  return { found: undefined, seen };
}

/** The first field of a refused document that holds a flaw; an array has no fields. */
function memberWith(root: object): string | undefined {
  if (Array.isArray(root)) return undefined;
  return Object.entries(root).find((member) => walk(member, true).found !== undefined)?.[0];
}

const BEFORE_COLON = /[ \t\r\n]*:/uy;

/** The first field of a refused document that is there twice; undefined when it is one further in. */
function memberTwice(text: string): string | undefined {
  const names = new Set<string>();
  let depth = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      const end = endOfJsonString(text, index + 1);
      BEFORE_COLON.lastIndex = end + 1;
      if (depth === 1 && BEFORE_COLON.test(text)) {
        const name = JSON.parse(text.slice(index, end + 1)) as string;
        if (names.has(name)) return name;
        names.add(name);
      }
      index = end;
    } else if ((code | 0x20) === 0x7b) depth += 1;
    else if ((code | 0x20) === 0x7d) depth -= 1;
  }
  return undefined;
}

/** With the `u` flag a pair is one code point, so only a surrogate without its other half matches. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** A form as a record without a prototype; what checkboxes and multiple selects send several times is a list. */
function parseForm(text: string, limits: ParserLimits): Parsed {
  const read = formPairs(text, limits.parameterCount);
  return read.flaw === undefined ? { value: read.fields } : refuse(FLAW_REASON[read.flaw], read.flaw);
}

const FLAW_REASON: Readonly<Record<FormFlaw, Reason>> = {
  form_fields: "parameters_too_many",
  form_encoding: "body_malformed",
  prototype_pollution: "key_forbidden",
};

function refuse(reason: Reason, detail: string, field?: string): { readonly refusal: Decision } {
  return {
    refusal: deny(
      reason,
      {
        event_type: "input_validation",
        status: "refused",
        severity: reason === "key_forbidden" ? "warning" : "info",
        event: "input_validation_fail",
        control: reason === "key_forbidden" ? "prototype-pollution" : "request-limits",
        reason,
        detail,
      },
      {
        why: WHY[detail] ?? "The body is not of a type that is parsed here.",
        ...(field !== undefined && { members: { errors: [errorOf(field, detail)] } }),
      },
    ),
  };
}

/** As the errors of a form have it: a pointer (RFC 6901) and a message that repeats nothing of the value. */
function errorOf(field: string, detail: string): object {
  const pointer = `/${field.slice(0, LONGEST_NAME).replaceAll("~", "~0").replaceAll("/", "~1")}`;
  return { in: "body", pointer, code: detail, message: WHY[detail] };
}

/** What a developer reads; never a byte of the body. */
const WHY: Readonly<Record<string, string>> = {
  json_syntax: "The body is not JSON (RFC 8259).",
  json_scalar: "A JSON body must be an object or an array.",
  json_depth: "The JSON document is nested deeper than jsonDepth allows.",
  json_keys: "The JSON document has more members than jsonKeys allows.",
  duplicate_key: "A JSON object names a member twice (RFC 7493 section 2.3); readers disagree on which one counts.",
  number_out_of_range: "A JSON number is too large for a double and would become Infinity (RFC 7493 section 2.2).",
  number_inexact:
    "A JSON integer is beyond what a double holds and would become another one (RFC 7493 section 2.2): send it as a string.",
  lone_surrogate: "A JSON string holds half of a surrogate pair (RFC 7493 section 2.1).",
  prototype_pollution: "A field is called __proto__, constructor or prototype.",
  form_fields: "The form has more fields than parameterCount allows.",
  form_encoding: "The form holds a percent-encoding that is incomplete or is not UTF-8.",
};
