/** Looks into schemas before the first request does: which objects are open, and which texts and lists have no longest length. */
import type { StandardIssue, StandardJsonSchema, StandardResult } from "../core/standard-schema.ts";
import { closedFields, heeded, isPlainObject, type FieldSchema } from "./closed-object.ts";
import { takersOf, partsOf } from "./schema-parts.ts";

export interface SchemaShape {
  /** Objects that drop or keep unknown fields in silence. */
  readonly open: readonly string[];
  /** Texts and lists without a longest length, and values of any type. */
  readonly bounds: readonly string[];
  /** Schemas of libraries that show nothing of themselves. */
  readonly unseen: readonly string[];
}

const PROBE = "glacisProbe";

type Node = Readonly<Record<string, unknown>>;

/** Formats that have a longest text by themselves. */
const SHORT_FORMATS: ReadonlySet<unknown> = new Set("uuid date date-time time duration ipv4 ipv6".split(" "));
const OPTIONS = { target: "draft-2020-12", libraryOptions: { unrepresentable: "any" } } as const;

/** @param at a pointer to the schema, for the report */
export function shapeOf(schema: FieldSchema, at: string): SchemaShape {
  const fields = closedFields(schema);
  if (fields !== undefined)
    return joined(Object.entries(fields).map(([name, field]) => shapeOf(field, `${at}/${name}`)));
  const { jsonSchema } = schema["~standard"];
  const taken = jsonSchema && document(jsonSchema, "input");
  if (jsonSchema === undefined || taken === undefined)
    return { open: openWithin(schema, at), bounds: [], unseen: [at] };
  const input = walk(taken, at);
  // What is cut or refused behind a transformation is bounded as well.
  const given = document(jsonSchema, "output");
  const later = given === undefined ? input.bounds : walk(given, at).bounds;
  return { open: input.open, bounds: input.bounds.filter((place) => later.includes(place)), unseen: [] };
}

export function joined(shapes: readonly SchemaShape[]): SchemaShape {
  return {
    open: shapes.flatMap(({ open }) => open),
    bounds: shapes.flatMap(({ bounds }) => bounds),
    unseen: shapes.flatMap(({ unseen }) => unseen),
  };
}

/** A library that shows nothing is asked: does it complain of a field that nobody knows? Of a choice or a list, each part is. */
export function isStrict(schema: FieldSchema): boolean {
  const takers = takersOf(schema);
  if (takers !== undefined) return takers.length > 0 && takers.every(isStrict);
  return (askedAboutUnknown(schema)?.issues ?? []).some(namesProbe);
}

function openWithin(schema: FieldSchema, at: string, opened = new Set<unknown>()): readonly string[] {
  if (letsUnknownBy(schema)) return [at];
  const parts = partsOf(schema, opened);
  return [...new Set(parts.flatMap((part) => openWithin(part.schema, `${at}${part.step}`, opened)))];
}

/**
 * Whether a schema that shows nothing gives itself away as an open object: it asks for fields of its own and not about the one that nobody knows,
 * or takes that one and gives an object without it. A text, a map or a choice among objects does neither.
 */
function letsUnknownBy(schema: FieldSchema): boolean {
  const result = askedAboutUnknown(schema);
  if (result === undefined) return false;
  const { issues } = result;
  if (issues === undefined) return isPlainObject(result.value) && !Object.hasOwn(result.value, PROBE);
  return issues.some(namesField) && !issues.some(namesProbe) && !issues.some(isChoice);
}

/** @returns undefined from a schema that waits, or whose own code fails on an object */
function askedAboutUnknown(schema: FieldSchema): StandardResult<unknown> | undefined {
  try {
    const result = heeded(schema["~standard"].validate({ [PROBE]: PROBE }));
    return result instanceof Promise ? undefined : result;
  } catch {
    return undefined;
  }
}

/** A number is a place in a list, such as one that was made of a single value. */
function namesField({ path = [] }: StandardIssue): boolean {
  const [first] = path;
  return typeof (typeof first === "object" ? first.key : first) === "string";
}

function namesProbe({ path = [] }: StandardIssue): boolean {
  return path.some((part) => (typeof part === "object" ? part.key : part) === PROBE);
}

/** Valibot looks at the field that tells objects apart first, and at nothing else before it fits. */
function isChoice(issue: StandardIssue): boolean {
  return (issue as { readonly type?: unknown }).type === "variant";
}

/** A library throws for what JSON Schema cannot say. */
function document(jsonSchema: StandardJsonSchema, side: "input" | "output"): Node | undefined {
  try {
    return jsonSchema[side](OPTIONS);
  } catch {
    return undefined;
  }
}

function walk(root: Node, start: string): { readonly open: string[]; readonly bounds: string[] } {
  const open: string[] = [];
  const bounds: string[] = [];
  const seen = new Set<unknown>();
  const pending: { readonly node: unknown; readonly at: string }[] = [{ node: root, at: start }];
  const visit = (node: unknown, at: string): void => void pending.push({ node, at });
  while (pending.length > 0) {
    const { node, at } = pending.pop() as { readonly node: unknown; readonly at: string };
    if (!isNode(node) || seen.has(node)) continue;
    seen.add(node);
    if (typeof node["$ref"] === "string") visit(resolve(root, node["$ref"]), at);
    const variants = ["anyOf", "oneOf", "allOf"].flatMap(
      (word) => (node[word] as readonly unknown[] | undefined) ?? [],
    );
    for (const variant of variants) visit(variant, at);
    if (isOpen(node)) open.push(at);
    if (isUnbounded(node, variants.length > 0)) bounds.push(at);
    for (const [name, inner] of Object.entries((node["properties"] as Node | undefined) ?? {}))
      visit(inner, `${at}/${name}`);
    for (const inner of (node["prefixItems"] as readonly unknown[] | undefined) ?? []) visit(inner, `${at}/*`);
    visit(node["items"], `${at}/*`);
    visit(node["additionalProperties"], `${at}/*`);
  }
  return { open, bounds };
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Of a local reference the target; others are nobody's here. */
function resolve(root: Node, reference: string): unknown {
  if (!reference.startsWith("#")) return undefined;
  let node: unknown = root;
  for (const token of reference.slice(1).split("/").filter(Boolean)) {
    node = isNode(node) ? node[token.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
  }
  return node;
}

/** A map of keys to one kind of value says so with a schema for them; everything else that is not closed is open. */
function isOpen(node: Node): boolean {
  if (node["type"] !== "object") return false;
  const { additionalProperties: additional } = node;
  if (additional === false) return false;
  return (
    additional === undefined || additional === true || (isNode(additional) && Object.keys(additional).length === 0)
  );
}

function isUnbounded(node: Node, hasVariants: boolean): boolean {
  if ("const" in node || "enum" in node || "$ref" in node || hasVariants || "not" in node) return false;
  if (node["type"] === "string") return node["maxLength"] === undefined && !SHORT_FORMATS.has(node["format"]);
  if (node["type"] === "array") return node["maxItems"] === undefined && node["prefixItems"] === undefined;
  return node["type"] === undefined;
}
