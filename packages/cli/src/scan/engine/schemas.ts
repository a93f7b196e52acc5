/** Schemas: what has been parsed has the shape that was asked for, and where the schema says so, harmless values. */
import { EVERY, KIND, TEXTUAL } from "./kinds.ts";
import { isStrictPattern } from "./guards.ts";
import { madeSafe } from "./value.ts";
import type { Call } from "./run.ts";
import type { Taint, Value } from "./value.ts";

const LIBRARIES =
  /^(?:zod|z|zod\/\w+|valibot|joi|Joi|yup|Yup|@hapi\/joi|superstruct|@sinclair\/typebox|arktype|io-ts|runtypes|@effect\/schema|glacis\/input)(?:\.|$)/u;
const PARSERS = new Set([
  "parse",
  "safeParse",
  "parseAsync",
  "safeParseAsync",
  "validate",
  "validateAsync",
  "validateSync",
  "attempt",
  "decode",
  "assert",
  "create",
  "cast",
  "Check",
]);
/** Of what a schema is made that leaves no free text. */
const STRICT =
  /\.(?:number|int|bigint|boolean|bool|date|enum|nativeEnum|literal|uuid|uuidv\d|guid|cuid2?|ulid|nanoid|hex|alphanum|valid|oneOf|picklist|isoDate|datetime|jwt|base64|ip|ipv4|ipv6|token|guid)\(\)/u;
const SHAPED = KIND.key;

export function parseSchema({ api, name, receiver, args, run }: Call): Value | undefined {
  const origin = receiver?.api ?? "";
  const named = /(?:schema|validator|dto|shape|model)$/iu.test(receiver?.name ?? "");
  if (PARSERS.has(name)) {
    if (!LIBRARIES.test(origin) && !(named && receiver?.taints.length === 0)) return undefined;
    const isFunctional = /^(?:valibot|superstruct|@sinclair)/u.test(origin) || (origin === "joi" && name === "attempt");
    const [schema, input] = isFunctional
      ? origin.startsWith("valibot")
        ? [args[0], args[1]]
        : [args[1], args[0]]
      : [receiver, args[0]];
    if (input === undefined) return undefined;
    const parsed = applySchema(schema, input);
    if (!/^safe|^validate/u.test(name)) return parsed;
    return {
      taints: [],
      fields: new Map([
        ["data", parsed],
        ["value", parsed],
        ["output", parsed],
      ]),
      type: "object",
      branch: run.state.branch,
    };
  }
  if (!LIBRARIES.test(api)) return undefined;
  const pattern = args[0]?.regex;
  const strict =
    (name === "regex" || name === "pattern" || name === "matches") && pattern !== undefined && isStrictPattern(pattern);
  const shape = args.find(({ type, fields }) => type === "object" && fields !== undefined)?.fields ?? receiver?.fields;
  const kept = /^(?:valibot)\.(?:pipe|optional|nullable|array)$/u.test(api)
    ? args.map(({ api: inner = "" }) => inner).join("+")
    : "";
  const parts = `${api}()${strict ? ".token()" : ""}${kept}`;
  return { taints: [], api: parts, ...(shape !== undefined && { fields: shape }), type: "object" };
}

/** Is it made by one of the libraries of schemas? */
export function isSchema({ api = "" }: Value): boolean {
  return LIBRARIES.test(api);
}

/** The value with the schema's word for each property. */
export function applySchema(schema: Value | undefined, input: Value): Value {
  if (schema !== undefined && STRICT.test(schema.api ?? ""))
    return { taints: [], type: /\.max\(\)|\.lte?\(\)|enum|literal/u.test(schema.api ?? "") ? "string" : "number" };
  const taints = madeSafe(input.taints, TEXTUAL | SHAPED);
  if (schema?.fields === undefined) return { ...input, taints };
  const fields = new Map<string, Value>();
  for (const [key, of] of schema.fields) fields.set(key, applySchema(of, memberOf(taints, input, key)));
  return { taints: [], fields, type: "object" };
}

function memberOf(taints: readonly Taint[], input: Value, key: string): Value {
  return (
    input.fields?.get(key) ?? {
      taints: taints
        .map((taint) => ({ ...taint, label: `${taint.label}.${key}` }))
        .filter(({ safe }) => (safe & EVERY) !== EVERY),
    }
  );
}
