import type { Class, FunctionNode, ArrowFunctionExpression, Node, SourceFile } from "../parse.ts";
import { EVERY } from "./kinds.ts";

/** A variable. Its value is in the state, because it differs from branch to branch. */
export interface Cell {
  readonly name: string;
  /** Its value once its module had been loaded: what functions of the module see when another module calls them. */
  settled?: Value;
}

/** A scope of names. */
export class Environment {
  readonly #names = new Map<string, Cell>();
  readonly #parent: Environment | undefined;

  constructor(parent: Environment | undefined) {
    this.#parent = parent;
  }

  /** The scope of a module. */
  get isOutermost(): boolean {
    return this.#parent === undefined;
  }

  declare(name: string): Cell {
    const present = this.#names.get(name);
    if (present !== undefined) return present;
    const cell = { name };
    this.#names.set(name, cell);
    return cell;
  }

  lookup(name: string): Cell | undefined {
    return this.#names.get(name) ?? this.#parent?.lookup(name);
  }
}

/** Where untrusted text comes from. */
export type SourceKind =
  /** A request, a message, a form: somebody else's. */
  | "remote"
  /** The address and the messages of the page that a script runs in. */
  | "browser"
  /** A parameter of a function that nothing here calls: a library's caller. */
  | "parameter"
  /** The command line. */
  | "argument"
  /** The name of an entry of an archive. */
  | "archive"
  /** What was read from a file. */
  | "file"
  /** What another machine answered. */
  | "network"
  /** What somebody can guess: Math.random(), the time. */
  | "random"
  /** A text of the program that is written so that nobody reads it: in base64, in hexadecimals. */
  | "encoded"
  /** What a database or another server holds, and what somebody may have put there. */
  | "stored";

/** A step of the way from a source to a sink, the last one first. */
export interface Step {
  readonly file: SourceFile;
  readonly node: Node;
  readonly text: string;
  readonly before?: Step;
  readonly length: number;
}

export interface Taint {
  /** Names the source: `req.query.id`. What is checked is checked by this name, whatever variable it has got into. */
  readonly label: string;
  readonly source: SourceKind;
  /** The kinds it can no longer harm. */
  readonly safe: number;
  readonly step: Step;
}

/** A label that is harmless for some kinds, once a condition has been seen to hold. */
export interface Clear {
  readonly label: string;
  readonly kinds: number;
}

export interface Facts {
  readonly yes: readonly Clear[];
  readonly no: readonly Clear[];
}

export interface Closure {
  readonly node: FunctionNode | ArrowFunctionExpression;
  readonly environment: Environment;
  readonly file: SourceFile;
  readonly self: Value | undefined;
  readonly accessor?: "get" | "set";
}

export interface ClassValue {
  readonly node: Class;
  readonly environment: Environment;
  readonly file: SourceFile;
  readonly parent: Value | undefined;
}

export type Role = "request" | "response" | "context" | "reply";

/** What is known of a value without running the program. Everything is optional: an unknown value is `{}`. */
export interface Value {
  readonly taints: readonly Taint[];
  /** Where it comes from in a package or the platform: `node:child_process.exec`, `pg.Pool().query`. */
  readonly api?: string;
  /** The variable or property it was last read from: a hint where nothing better is known. */
  readonly name?: string;
  readonly typeName?: string;
  readonly role?: Role;
  readonly literal?: string | number | boolean | null;
  /** A text that is built: what is known of it, with `undefined` for what is not and `null` for what is untrusted. */
  readonly parts?: readonly Part[];
  /** The first argument of the call that made it, where that is a text of the program: `md5` of a hash. */
  readonly madeOf?: string;
  /** An object that was reached by an untrusted name, and may be the prototype of every other. */
  readonly reachedBy?: readonly Taint[];
  readonly regex?: { readonly source: string; readonly flags: string };
  readonly type?: "string" | "number" | "boolean" | "object" | "array" | "function";
  /** Of objects; grows and changes as the program assigns. */
  readonly fields?: Map<string, Value>;
  /** Fields that hold what they hold, whatever the object was copied from. */
  readonly own?: ReadonlySet<string>;
  /** What a function was bound to. */
  readonly bound?: Value;
  /** Anything else inside: elements of an array, properties by computed names. */
  element?: Value;
  readonly closure?: Closure;
  readonly class?: ClassValue;
  /** A function of the analysis itself, such as the resolve of a promise. */
  readonly native?: (args: readonly Value[]) => Value;
  readonly facts?: Facts;
  /** A pair of a value and the function that replaces it, as hooks make them. */
  readonly state?: true;
  /** The schema of what is handed to the functions that are given to it. */
  readonly input?: Value;
  /** Of a position: what holds where it is the first, as with `path.indexOf(root) === 0`. */
  readonly atStart?: Facts;
  /** What `typeof` was asked of. */
  readonly typeofLabels?: readonly string[];
  /** The branch in which the object was made: later assignments in the same branch replace, others add. */
  readonly branch?: number;
}

/** A piece of a text. */
export type Part = string | undefined | null;

export const UNKNOWN: Value = { taints: [] };

export function textValue(literal: string): Value {
  return { taints: [], literal, parts: [literal], type: "string" };
}

/** The known text of a value, if all of it is known. */
export function textOf(value: Value | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value.literal === "string") return value.literal;
  return value.parts !== undefined && value.parts.every((part) => typeof part === "string")
    ? value.parts.join("")
    : undefined;
}

/** What a text surely starts with. */
export function prefixOf(value: Value): string {
  return value.parts?.[0] ?? "";
}

const MOST_TAINTS = 12;
const MOST_FIELDS = 200;

export function mergeTaints(...lists: readonly (readonly Taint[])[]): readonly Taint[] {
  const filled = lists.filter((list) => list.length > 0);
  if (filled.length <= 1) return filled[0] ?? [];
  const merged: Taint[] = [];
  for (const taint of filled.flat()) {
    const same = merged.findIndex(({ label }) => label === taint.label);
    if (same === -1) merged.push(taint);
    else {
      const other = merged[same] as Taint;
      // Whatever is safe on one way only is not safe.
      if ((other.safe & taint.safe) !== other.safe) merged[same] = { ...taint, safe: other.safe & taint.safe };
    }
  }
  return merged.slice(0, MOST_TAINTS);
}

/** The value of a variable after two ways have met. */
export function join(left: Value | undefined, right: Value | undefined): Value {
  if (left === undefined || left === right) return right ?? UNKNOWN;
  if (right === undefined) return left;
  const known = { ...right, ...left };
  delete known.facts;
  known.taints = mergeTaints(left.taints, right.taints);
  if (left.literal !== right.literal) delete known.literal;
  if (left.parts?.join("\0") !== right.parts?.join("\0"))
    known.parts = samePrefix(left.parts ?? whole(left), right.parts ?? whole(right));
  if (left.fields !== undefined && right.fields !== undefined && left.fields !== right.fields) {
    known.fields = joinFields(left.fields, right.fields);
  }
  if (left.element !== undefined && right.element !== undefined) known.element = join(left.element, right.element);
  return known;
}

function whole(value: Value): readonly Part[] {
  return [value.taints.length > 0 ? null : undefined];
}

function samePrefix(left: readonly Part[], right: readonly Part[]): readonly Part[] {
  const rest = left.includes(null) || right.includes(null) ? null : undefined;
  const [first] = left;
  return typeof first === "string" && first === right[0] ? [first, rest] : [rest];
}

function joinFields(left: ReadonlyMap<string, Value>, right: ReadonlyMap<string, Value>): Map<string, Value> {
  const joined = new Map(left);
  for (const [key, value] of right) {
    if (joined.size > MOST_FIELDS) break;
    joined.set(key, joined.has(key) ? shallowJoin(joined.get(key) as Value, value) : value);
  }
  return joined;
}

/** Objects may contain themselves, so what lies deeper is taken from one side. */
function shallowJoin(left: Value, right: Value): Value {
  return left === right ? left : { ...right, ...left, taints: mergeTaints(left.taints, right.taints) };
}

/** Everything untrusted in a value and, to a depth, inside of it. */
export function deepTaints(value: Value | undefined, depth = 3): readonly Taint[] {
  if (value === undefined) return [];
  if (depth === 0 || (value.fields === undefined && value.element === undefined)) return value.taints;
  const lists: (readonly Taint[])[] = [value.taints];
  if (value.element !== undefined) lists.push(deepTaints(value.element, depth - 1));
  for (const field of value.fields?.values() ?? []) lists.push(deepTaints(field, depth - 1));
  return mergeTaints(...lists);
}

/** The same untrusted texts, harmless for more kinds. */
export function madeSafe(taints: readonly Taint[], kinds: number): readonly Taint[] {
  if (kinds === EVERY) return [];
  return taints.map((taint) => ({ ...taint, safe: taint.safe | kinds }));
}
