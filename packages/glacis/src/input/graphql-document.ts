/** The executable part of GraphQL's grammar (October 2021, appendix B.3), as far as it says how much is asked for. */
import { cursorOf, DocumentError, MOST_NESTING, type Cursor, type Token } from "./graphql-tokens.ts";

/** A field, or a place where the fields of a fragment go. */
export interface Selection {
  readonly name: string;
  readonly kind: "field" | "spread" | "inline";
  readonly aliased: boolean;
  readonly size: Size;
  readonly children: readonly Selection[];
}

/** How many there will be, by an argument: a number, or variables' names. */
export interface Size {
  readonly count: number;
  readonly variables: readonly string[];
}

export interface Definition {
  readonly kind: "query" | "mutation" | "subscription" | "fragment";
  readonly name: string;
  /** `($first: Int = 10)`: what counts where the request names no value. */
  readonly defaults: ReadonlyMap<string, number>;
  readonly selections: readonly Selection[];
}

const ONE: Size = { count: 1, variables: [] };
const NO_DEFAULTS: ReadonlyMap<string, number> = new Map();

/**
 * Reads a document. Recursion is bounded by the nesting that is allowed.
 *
 * @param sizeArguments the arguments that say how many there will be
 * @throws DocumentError
 */
export function definitionsOf(document: string, sizeArguments: ReadonlySet<string>): readonly Definition[] {
  const cursor = cursorOf(document);
  const definitions: Definition[] = [];
  while (!cursor.isDone()) definitions.push(definition(cursor, sizeArguments));
  return definitions;
}

function definition(cursor: Cursor, sizes: ReadonlySet<string>): Definition {
  if (cursor.peek("{"))
    return { kind: "query", name: "", defaults: NO_DEFAULTS, selections: selectionSet(cursor, sizes, 0) };
  const kind = cursor.name();
  if (kind === "fragment") {
    const name = cursor.name();
    if (name === "on" || cursor.name() !== "on") throw new DocumentError("A fragment without a type.");
    cursor.name();
    directives(cursor);
    return { kind, name, defaults: NO_DEFAULTS, selections: selectionSet(cursor, sizes, 0) };
  }
  if (kind !== "query" && kind !== "mutation" && kind !== "subscription") throw new DocumentError("No operation.");
  const name = cursor.token()?.kind === "name" ? cursor.name() : "";
  const defaults = cursor.peek("(") ? defaultsIn(cursor.list()) : NO_DEFAULTS;
  directives(cursor);
  return { kind, name, defaults, selections: selectionSet(cursor, sizes, 0) };
}

function defaultsIn(tokens: readonly Token[]): ReadonlyMap<string, number> {
  const defaults = new Map<string, number>();
  let variable = "";
  for (const [index, { kind, text }] of tokens.entries()) {
    const next = tokens[index + 1];
    if (kind !== "mark" || next === undefined) continue;
    if (text === "$") variable = next.text;
    else if (text === "=" && next.kind === "number") defaults.set(variable, Math.abs(Number(next.text)));
  }
  return defaults;
}

function directives(cursor: Cursor): void {
  while (cursor.take("@")) {
    cursor.name();
    if (cursor.peek("(")) cursor.list();
  }
}

function selectionSet(cursor: Cursor, sizes: ReadonlySet<string>, nesting: number): readonly Selection[] {
  if (nesting > MOST_NESTING) throw new DocumentError("Nested too deeply.");
  const selections: Selection[] = [];
  cursor.need("{");
  while (!cursor.take("}"))
    selections.push(cursor.take("...") ? fragment(cursor, sizes, nesting) : field(cursor, sizes, nesting));
  if (selections.length === 0) throw new DocumentError("An empty selection.");
  return selections;
}

function fragment(cursor: Cursor, sizes: ReadonlySet<string>, nesting: number): Selection {
  const token = cursor.token();
  const named = token?.kind === "name";
  const name = named ? cursor.name() : "";
  if (name === "on") cursor.name();
  directives(cursor);
  if (named && name !== "on") return { name, kind: "spread", aliased: false, size: ONE, children: [] };
  const children = selectionSet(cursor, sizes, nesting + 1);
  return { name: "", kind: "inline", aliased: false, size: ONE, children };
}

function field(cursor: Cursor, sizes: ReadonlySet<string>, nesting: number): Selection {
  const first = cursor.name();
  const aliased = cursor.take(":");
  const name = aliased ? cursor.name() : first;
  const size = cursor.peek("(") ? sizeIn(cursor.list(), sizes) : ONE;
  directives(cursor);
  const children = cursor.peek("{") ? selectionSet(cursor, sizes, nesting + 1) : [];
  return { name, kind: "field", aliased, size, children };
}

/** The largest size among the arguments, at whatever depth. */
function sizeIn(tokens: readonly Token[], sizes: ReadonlySet<string>): Size {
  let count = 1;
  const variables: string[] = [];
  for (const [index, { kind, text }] of tokens.entries()) {
    if (kind !== "name" || !sizes.has(text) || tokens[index + 1]?.text !== ":") continue;
    const [value, next] = tokens.slice(index + 2, index + 4);
    if (value?.kind === "number") count = Math.max(count, Math.abs(Number(value.text)));
    else if (value?.text === "$" && next?.kind === "name") variables.push(next.text);
  }
  return { count, variables };
}
