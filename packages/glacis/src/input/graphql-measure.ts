/**
 * What a GraphQL document asks for, read from its text in linear time and before any server parses it (GraphQL specification, October 2021,
 * section 2 and appendix B). A scanner of our own rather than a parser's tree: the limits are then the same whatever server stands behind, and a
 * hostile document costs a pass over its characters and nothing more.
 */

import { definitionsOf, type Definition, type Selection } from "./graphql-document.ts";
import { DocumentError, MOST_NESTING } from "./graphql-tokens.ts";

/** What a document adds up to, its fragments followed. */
export interface DocumentMeasure {
  readonly depth: number;
  readonly cost: number;
  readonly aliases: number;
  /** It asks for the schema itself: `__schema` or `__type`. */
  readonly introspects: boolean;
  readonly mutates: boolean;
}

export interface MeasureOptions {
  readonly variables: Readonly<Record<string, unknown>>;
  /** Arguments that say how many there will be, such as `first`. */
  readonly sizeArguments: ReadonlySet<string>;
}

/** Costs are compared and never used for anything else: enough is enough. */
const ENDLESS = 1e9;

interface Sum {
  readonly depth: number;
  readonly cost: number;
  readonly aliases: number;
  readonly introspects: boolean;
}

const NOTHING: Sum = { depth: 0, cost: 0, aliases: 0, introspects: false };

/**
 * Adds a document up. Every fragment is added up once, however often it is spread, so that fragments of fragments cost no more than their text.
 *
 * @throws DocumentError for what is no document, spreads a fragment that is missing, or spreads one within itself
 */
export function measureDocument(document: string, { variables, sizeArguments }: MeasureOptions): DocumentMeasure {
  const definitions = definitionsOf(document, sizeArguments);
  const fragments = new Map<string, Definition>();
  for (const definition of definitions) {
    if (definition.kind !== "fragment") continue;
    if (fragments.has(definition.name)) throw new DocumentError("Two fragments of one name.");
    fragments.set(definition.name, definition);
  }
  const operations = definitions.filter(({ kind }) => kind !== "fragment");
  if (operations.length === 0) throw new DocumentError("No operation.");
  const total = operations.map((operation) => sumOf(operation, fragments, variables)).reduce(more);
  return { ...total, mutates: operations.some(({ kind }) => kind === "mutation") };
}

/** The greater of two operations, for one is run: but aliases and costs are counted as if all were. */
function more(one: Sum, other: Sum): Sum {
  return {
    depth: Math.max(one.depth, other.depth),
    cost: Math.min(ENDLESS, one.cost + other.cost),
    aliases: Math.min(ENDLESS, one.aliases + other.aliases),
    introspects: one.introspects || other.introspects,
  };
}

function sumOf(
  operation: Definition,
  fragments: ReadonlyMap<string, Definition>,
  variables: Readonly<Record<string, unknown>>,
): Sum {
  const done = new Map<string, Sum>();
  const open = new Set<string>();

  function ofFragment(name: string): Sum {
    const known = done.get(name);
    if (known !== undefined) return known;
    const fragment = fragments.get(name);
    if (fragment === undefined || open.has(name) || open.size > MOST_NESTING)
      throw new DocumentError("A fragment is missing, spreads itself, or is too deep.");
    open.add(name);
    const sum = ofAll(fragment.selections);
    open.delete(name);
    done.set(name, sum);
    return sum;
  }

  function ofAll(selections: readonly Selection[]): Sum {
    return selections.map(ofOne).reduce(more, NOTHING);
  }

  function ofOne({ name, kind, aliased, size, children }: Selection): Sum {
    if (kind === "spread") return ofFragment(name);
    const inner = ofAll(children);
    if (kind === "inline") return inner;
    const count = Math.max(size.count, ...size.variables.map(valueOf));
    return {
      depth: inner.depth + 1,
      cost: Math.min(ENDLESS, 1 + count * inner.cost),
      aliases: Math.min(ENDLESS, inner.aliases + (aliased ? 1 : 0)),
      introspects: inner.introspects || name === "__schema" || name === "__type",
    };
  }

  function valueOf(variable: string): number {
    const given = Object.hasOwn(variables, variable) ? variables[variable] : undefined;
    const value = given === undefined ? (operation.defaults.get(variable) ?? 1) : Number(given);
    return Number.isFinite(value) ? Math.abs(value) : 1;
  }

  return ofAll(operation.selections);
}
