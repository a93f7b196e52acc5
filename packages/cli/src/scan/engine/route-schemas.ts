/** Schemas that a framework holds a request to before a handler sees it. */
import { bake, source, type Call, type Run } from "./run.ts";
import { KIND, TEXTUAL } from "./kinds.ts";
import { isStrictPattern } from "./guards.ts";
import { applySchema, isSchema } from "./schemas.ts";
import { textOf, type Value } from "./value.ts";

/** By the name that Fastify and hapi have for it, the members of a request that a schema speaks of. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  body: ["body"],
  payload: ["payload"],
  query: ["query"],
  querystring: ["query"],
  params: ["params"],
  headers: ["headers"],
};

/** Members of the request that the schemas of a route have looked at; none where it has none. */
export function checkedMembers({ run, node, args }: Call, owner: string): ReadonlyMap<string, Value> {
  const checked = new Map<string, Value>();
  for (const settings of args.flatMap(({ fields }) => [
    fields,
    fields?.get("options")?.fields,
    fields?.get("config")?.fields,
  ])) {
    const schemas = settings?.get("schema")?.fields ?? settings?.get("validate")?.fields;
    for (const [name, schema] of schemas ?? [])
      for (const member of MEMBERS[name] ?? []) {
        const input = { taints: source(run, node, `${owner}.${member}`, "remote") };
        checked.set(member, isSchema(schema) ? applySchema(schema, input) : applyJsonSchema(run, schema, input));
      }
  }
  return checked;
}

const STRICT_FORMATS = /^(?:uuid|date|time|date-time|duration|ipv4|ipv6|int32|int64|double|float)$/u;
const DEEPEST = 5;

/** JSON Schema, as Ajv reads it: what no schema speaks of stays what it was. */
function applyJsonSchema(run: Run, schema: Value, input: Value, depth = 0): Value {
  const { fields } = schema;
  if (fields === undefined || depth > DEEPEST) return input;
  const type = textOf(fields.get("type"));
  if (fields.has("enum") || fields.has("const") || /^(?:integer|number|boolean|null)$/u.test(type ?? ""))
    return { taints: [], type: type === "integer" || type === "number" ? "number" : "string" };
  if (type === "string") return applyTextSchema(run, fields, input);
  const items = fields.get("items");
  if (type === "array" && items !== undefined)
    return { taints: [], type: "array", element: applyJsonSchema(run, items, memberOf(input, "*"), depth + 1) };
  const properties = fields.get("properties")?.fields;
  if (properties === undefined) return input;
  const known = new Map<string, Value>();
  for (const [name, inner] of properties)
    known.set(name, applyJsonSchema(run, inner, memberOf(input, name), depth + 1));
  // Fastify takes out what the schema does not know, where it is told to.
  const isClosed = fields.get("additionalProperties")?.literal === false;
  return { taints: isClosed ? [] : input.taints, fields: known, own: new Set(known.keys()), type: "object" };
}

function applyTextSchema(run: Run, fields: ReadonlyMap<string, Value>, input: Value): Value {
  const pattern = textOf(fields.get("pattern"));
  const isStrict =
    STRICT_FORMATS.test(textOf(fields.get("format")) ?? "") ||
    (pattern !== undefined && isStrictPattern({ source: pattern, flags: "u" }));
  if (isStrict) return { taints: [], type: "string" };
  const short = fields.has("maxLength") ? KIND.size | KIND.slow : 0;
  const taints = input.taints.map((taint) => ({ ...taint, safe: taint.safe | TEXTUAL | short }));
  return bake({ taints, type: "string" }, run.state);
}

function memberOf({ taints }: Value, name: string): Value {
  return { taints: taints.map((taint) => ({ ...taint, label: `${taint.label}.${name}` })), name };
}

/** `procedure.input(schema).query(({ input }) => ...)` */
export function checkedInput({ run, node, receiver }: Call): Value | undefined {
  const schema = receiver?.input;
  if (schema === undefined) return undefined;
  const input = applySchema(schema, { taints: source(run, node, "input", "remote") });
  return {
    taints: [],
    fields: new Map([
      ["input", input],
      ["parsedInput", input],
    ]),
  };
}

const CHAIN = /^express-validator\.(body|query|param|check|cookie)\(\)/u;
const STRICT_CHECKS =
  /\.(?:isInt|isFloat|isNumeric|isDecimal|isUUID|isMongoId|isAlpha|isAlphanumeric|isHexadecimal|isBoolean|isISO8601|isDate|isIn|isIP|isSlug|isPort|toInt|toFloat|toBoolean|toDate)\(\)/u;
const CHECKED_IN: Readonly<Record<string, readonly string[]>> = {
  param: ["params"],
  cookie: ["cookies"],
  check: ["body", "query", "params"],
};

/** `app.post(path, body("age").isInt(), handler)`: what each chain has left of the field it names. */
export function chainedMembers({ run, node, args }: Call, owner: string): ReadonlyMap<string, Value> {
  const members = new Map<string, Value>();
  if (!/validationResult|matchedData/u.test(run.module.file.text)) return members;
  const chains = args.flatMap((value) => (value.type === "array" ? [...(value.fields?.values() ?? [])] : [value]));
  for (const { api = "", madeOf } of chains) {
    const kind = CHAIN.exec(api)?.[1];
    if (kind === undefined || madeOf === undefined) continue;
    for (const member of CHECKED_IN[kind] ?? [kind]) {
      const whole = members.get(member) ?? {
        taints: source(run, node, `${owner}.${member}`, "remote"),
        fields: new Map<string, Value>(),
        own: new Set<string>(),
      };
      whole.fields?.set(madeOf, afterChain(api, memberOf(whole, madeOf)));
      members.set(member, { ...whole, own: new Set(whole.fields?.keys()) });
    }
  }
  return members;
}

function afterChain(api: string, field: Value): Value {
  if (STRICT_CHECKS.test(api)) return { taints: [], type: "string" };
  const safe =
    (api.includes(".isString()") ? TEXTUAL : 0) | (api.includes(".escape()") ? KIND.html | KIND.attribute : 0);
  return { ...field, taints: field.taints.map((taint) => ({ ...taint, safe: taint.safe | safe })) };
}

/** `matchedData(request)`: the fields that a chain has spoken of. */
export function matchedData({ run, node, args: [request] }: Call): Value {
  const members = [...(request?.fields?.values() ?? [])];
  if (members.length === 0) return { taints: source(run, node, "matchedData()", "remote") };
  const fields = new Map<string, Value>();
  for (const member of members)
    for (const name of member.own ?? []) fields.set(name, member.fields?.get(name) ?? member);
  return { taints: [], fields, type: "object" };
}
