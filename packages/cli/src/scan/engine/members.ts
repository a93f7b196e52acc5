/** Reading and writing properties. */
import type { Node, SourceFile } from "../parse.ts";
import { KIND, NUMERIC } from "./kinds.ts";
import { bake, type Run } from "./run.ts";
import { methodOfPrototype, prototypeMember, writePrototype } from "./prototypes.ts";
import { memberOfRole } from "./sources.ts";
import { join, madeSafe, mergeTaints, textOf, type Taint, type Value } from "./value.ts";

/** Objects of a request in which every name is a client's. */
const PARAMETERS = /\.(?:query|params|headers|cookies)$|\.(?:body|queryStringParameters)$/u;

/** An object without a prototype: every name is a name of its own. */
export const BARE_OBJECT = "Object.create(null)";

const UPLOADS = /^\w+\.files?(?:\.[\w*]+)*$/u;
const UPLOADED = /^(?:path|filepath|tempFilePath|newFilename|destination|buffer|data|mv)$/u;

/** Parts of a URL: checking one of them says something about the whole. */
const HOST_PARTS = new Set(["hostname", "host", "origin"]);

/**
 * The value of `object.key`.
 *
 * @param key `undefined` where the name is not known
 */
export function readMember(run: Run, node: Node, object: Value, key: string | undefined): Value {
  const value = memberOf(run, node, object, key);
  // Whatever text was put into an element, its markup is escaped.
  return key === "innerHTML" ? safeFor(value, KIND.html | KIND.xml) : value;
}

function memberOf(run: Run, node: Node, object: Value, key: string | undefined): Value {
  if (object.class !== undefined && key !== undefined) {
    const member = memberOfClass(object, key, true);
    if (member !== undefined) return asked(run, member);
  }
  const field = key === undefined ? anyField(object) : (object.fields?.get(key) ?? otherField(object, key));
  if (field !== undefined)
    return named(key !== undefined && object.own?.has(key) === true ? field : inherit(field, object, key), key);
  if (key === "constructor" && object.closure !== undefined) return { taints: [], api: "Function", name: "Function" };
  const prototype = prototypeMember(object, key);
  if (prototype !== undefined) return prototype;
  const method = key === undefined ? undefined : (methodOfInstance(object, key) ?? methodOfPrototype(object, key));
  if (method !== undefined) return asked(run, method);
  if (object.role !== undefined && key !== undefined) {
    const member = memberOfRole(run, node, object, key) ?? carriedMember(run, object, key);
    if (member !== undefined) return member;
  }
  const value: { -readonly [K in keyof Value]: Value[K] } = { taints: memberTaints(object.taints, key) };
  if (key !== undefined) {
    value.name = key;
    if (object.api !== undefined) value.api = `${object.api}.${key}`;
    else if (object.name !== undefined) value.api = `${object.name}.${key}`;
  }
  if (object.reachedBy !== undefined) value.reachedBy = object.reachedBy;
  // A method of a list is none of its elements.
  if (object.element !== undefined && !(object.type === "array" && key !== undefined && !/^\d+$/u.test(key)))
    return { ...join(object.element, value), ...value, taints: mergeTaints(object.element.taints, value.taints) };
  return value;
}

function carriedMember(run: Run, object: Value, key: string): Value | undefined {
  const carried = carriedBy(run.module.file);
  // Response and context have a place for such things, a request is that place.
  const isPlace =
    (object.role === "response" && key === "locals") ||
    (object.role === "context" && (key === "state" || key === "var"));
  if (object.role === "request" && key === "session")
    return { taints: [], type: "object", fields: sessionOf(run.module.file), branch: -1, name: "session" };
  if (isPlace) return { taints: [], type: "object", fields: carried, branch: -1 };
  return object.role === "response" ? undefined : carried.get(key);
}

/** What was put in by a name that is not known may be this. */
function otherField({ fields, type }: Value, key: string): Value | undefined {
  return type === "array" && !/^\d+$/u.test(key) ? undefined : fields?.get("*");
}

function inherit(field: Value, object: Value, key: string | undefined): Value {
  if (object.taints.length === 0) return field;
  return { ...field, taints: mergeTaints(field.taints, memberTaints(object.taints, key)) };
}

function named(value: Value, name: string | undefined): Value {
  return name === undefined ? value : { ...value, name };
}

/** One of the fields: what is guessable in one of them is not therefore guessable in all. */
function anyField(object: Value): Value | undefined {
  const any = allFields(object);
  return any === undefined || object.type === "array"
    ? any
    : { ...any, taints: any.taints.filter(({ source }) => source !== "random") };
}

function allFields(object: Value): Value | undefined {
  if (object.fields === undefined) return undefined;
  let all: Value | undefined = object.element;
  for (const field of object.fields.values()) all = join(all, field);
  return all;
}

function memberTaints(taints: readonly Taint[], key: string | undefined): readonly Taint[] {
  if (taints.length === 0) return taints;
  if (key === "length" || key === "size" || key === "byteLength") {
    // ?size=10 is a text.
    return taints.map((taint) =>
      PARAMETERS.test(taint.label)
        ? { ...taint, label: `${taint.label}.${key}` }
        : {
            ...taint,
            label: `${taint.label}.length`,
            safe: taint.safe | (NUMERIC & ~KIND.shape),
          },
    );
  }
  // Where an upload was put, and how large it is, the server knows best.
  if (key !== undefined && UPLOADED.test(key) && taints.every(({ label }) => UPLOADS.test(label))) return [];
  if (key !== undefined && HOST_PARTS.has(key))
    return taints.map((taint) => ({ ...taint, label: `${taint.label}.${key}` }));
  return taints.map((taint) => ({ ...taint, label: `${taint.label}.${key ?? "*"}` }));
}

/** A label without the part of a URL or the length that was asked of it. */
export function wholeOf(label: string): { readonly whole: string; readonly part: string | undefined } {
  const at = label.lastIndexOf(".");
  const part = label.slice(at + 1);
  return HOST_PARTS.has(part) || part === "length" || part === "protocol" || part === "pathname"
    ? { whole: label.slice(0, at), part }
    : { whole: label, part: undefined };
}

function methodOfInstance(object: Value, key: string): Value | undefined {
  const instanceOf = object.fields?.get("constructor");
  return instanceOf?.class === undefined ? undefined : memberOfClass(instanceOf, key, false, object);
}

/** A getter answers where a method would be called. */
function asked(run: Run, member: Value): Value {
  return isAccessor(member, "get") && member.closure !== undefined ? run.invoke(member.closure, [], undefined) : member;
}

function isAccessor({ closure }: Value, kind: "get" | "set"): boolean {
  return closure?.accessor === kind;
}

/** A method of a class, with what `this` is in it. */
function memberOfClass(
  of: Value,
  key: string,
  isStatic: boolean,
  self: Value = of,
  kind: "get" | "set" = "get",
): Value | undefined {
  const known = of.class;
  if (known === undefined) return undefined;
  for (const member of known.node.body.body) {
    if (member.type !== "MethodDefinition" || member.static !== isStatic || member.computed) continue;
    const { key: name, value } = member;
    const isPrivate = name.type === "PrivateIdentifier";
    if (
      (name.type !== "Identifier" && !isPrivate) ||
      (isPrivate ? `#${name.name}` : name.name) !== key ||
      member.kind === "constructor" ||
      (kind === "set" ? member.kind !== "set" : member.kind === "set")
    )
      continue;
    const { environment, file } = known;
    return {
      taints: [],
      name: key,
      type: "function",
      closure: {
        node: value,
        environment,
        file,
        self,
        ...((member.kind === "get" || member.kind === "set") && { accessor: member.kind }),
      },
    };
  }
  return known.parent === undefined ? undefined : memberOfClass(known.parent, key, isStatic, self, kind);
}

/** `object.key = value`: the object that everybody holds changes. */
export function writeMember(run: Run, object: Value, key: string | undefined, given: Value): void {
  const value = bake(given, run.state);
  // The handlers of a route may stand in several files.
  if (object.role !== undefined && key !== undefined)
    for (const file of [run.module.file, run.root]) carriedBy(file).set(key, value);
  writePrototype(object, key, value);
  if (object.fields === undefined) return;
  const instanceOf = object.fields.get("constructor");
  const setter =
    key !== undefined && instanceOf?.class !== undefined
      ? memberOfClass(instanceOf, key, false, object, "set")
      : undefined;
  if (setter?.closure !== undefined) {
    run.invoke(setter.closure, [value], undefined);
    return;
  }
  if (key === undefined) {
    const present = object.fields.get("*");
    object.fields.set("*", present === undefined ? value : weak(present, value));
    return;
  }
  const certain = object.branch === run.state.branch;
  const present = object.fields.get(key);
  object.fields.set(key, certain || present === undefined ? value : weak(present, value));
}

/** What handlers hang onto a request for those that come after them, such as `req.user` or `res.locals.user`. */
const CARRIED = new WeakMap<SourceFile, Map<string, Value>>();

export function carriedBy(file: SourceFile): Map<string, Value> {
  const present = CARRIED.get(file) ?? new Map<string, Value>();
  CARRIED.set(file, present);
  return present;
}

const SESSIONS = new WeakMap<SourceFile, Map<string, Value>>();

function sessionOf(file: SourceFile): Map<string, Value> {
  const present = SESSIONS.get(file) ?? new Map<string, Value>();
  SESSIONS.set(file, present);
  return present;
}

function weak(present: Value, value: Value): Value {
  return { ...join(present, value), taints: mergeTaints(present.taints, value.taints) };
}

/** The name of the property that an expression in brackets means. */
export function keyOf(value: Value): string | undefined {
  return textOf(value) ?? (typeof value.literal === "number" ? String(value.literal) : undefined);
}

export function elementOf(value: Value): Value {
  const inside = allFields(value) ?? value.element;
  const taints = value.taints.map((taint) => ({ ...taint, label: `${taint.label}.*` }));
  if (inside === undefined) return { taints };
  return taints.length === 0 ? inside : { ...inside, taints: mergeTaints(inside.taints, taints) };
}

export function newObject(run: Run, type: "object" | "array"): Value & { readonly fields: Map<string, Value> } {
  return { taints: [], type, fields: new Map<string, Value>(), branch: run.state.branch };
}

export function safeFor(value: Value, kinds: number): Value {
  return value.taints.length === 0 ? value : { ...value, taints: madeSafe(value.taints, kinds) };
}
