/**
 * What a GraphQL document asks for, read from its text in linear time and before any server parses it (GraphQL specification, October 2021,
 * section 2 and appendix B). A scanner of our own rather than a parser's tree: the limits are then the same whatever server stands behind, and a
 * hostile document costs a pass over its characters and nothing more.
 */

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

/** The document is none, or no one could answer it. It quotes nothing. */
export class DocumentError extends Error {
  override readonly name = "DocumentError";
}

const MOST_CHARACTERS = 100_000;
const MOST_TOKENS = 10_000;
/** Braces within braces; what is deeper is too deep for every limit that anybody sets. */
const MOST_NESTING = 100;
/** Costs are compared and never used for anything else: enough is enough. */
const ENDLESS = 1e9;

const TOKEN =
  /[\ufeff\t\n\r ,]+|#[^\n\r]*|([_A-Za-z]\w*)|(\.\.\.|[!$&()[\]{}:=@|])|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]))|("""(?:[^"\\]|\\(?!""")|\\"""|"(?!""))*"""|"(?!"")(?:[^"\\\n\r]|\\[^\n\r])*"|""(?!"))/uy;

type Token =
  | { readonly kind: "name"; readonly text: string }
  | { readonly kind: "mark"; readonly text: string }
  | { readonly kind: "number"; readonly text: string }
  | { readonly kind: "text"; readonly text: "" };

function tokensOf(document: string): readonly Token[] {
  if (document.length > MOST_CHARACTERS) throw new DocumentError("Too long.");
  const tokens: Token[] = [];
  for (let at = 0; at < document.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(document);
    if (found === null) throw new DocumentError("Not a token.");
    const [, name, mark, number, text] = found;
    if (name !== undefined) tokens.push({ kind: "name", text: name });
    else if (mark !== undefined) tokens.push({ kind: "mark", text: mark });
    else if (number !== undefined) tokens.push({ kind: "number", text: number });
    else if (text !== undefined) tokens.push({ kind: "text", text: "" });
    if (tokens.length > MOST_TOKENS) throw new DocumentError("Too many tokens.");
  }
  return tokens;
}

interface Selection {
  readonly name: string;
  readonly kind: "field" | "spread" | "inline";
  readonly aliased: boolean;
  readonly size: Size;
  readonly children: readonly Selection[];
}

/** How many, by an argument: a number, or a variable's name. */
interface Size {
  readonly count: number;
  readonly variables: readonly string[];
}

interface Definition {
  readonly kind: "query" | "mutation" | "subscription" | "fragment";
  readonly name: string;
  readonly defaults: ReadonlyMap<string, number>;
  readonly selections: readonly Selection[];
}

const ONE: Size = { count: 1, variables: [] };

function definitionsOf(document: string, sizeArguments: ReadonlySet<string>): readonly Definition[] {
  const tokens = tokensOf(document);
  let at = 0;

  const peek = (text: string): boolean => tokens[at]?.text === text && tokens[at]?.kind === "mark";
  const take = (text: string): boolean => {
    if (!peek(text)) return false;
    at += 1;
    return true;
  };
  const need = (text: string): void => {
    if (!take(text)) throw new DocumentError("Not where it belongs.");
  };
  const name = (): string => {
    const token = tokens[at];
    if (token?.kind !== "name") throw new DocumentError("A name is missing.");
    at += 1;
    return token.text;
  };

  /** Goes over a balanced list of arguments or of variables. @returns every `name: value` of a size argument within */
  function list(seen: (argument: string, value: Token, variable: Token | undefined) => void): void {
    const open: string[] = ["("];
    need("(");
    while (open.length > 0) {
      const token = tokens[at];
      if (token === undefined || open.length > MOST_NESTING) throw new DocumentError("A list does not close.");
      at += 1;
      if (token.kind === "name" && peek(":") && tokens[at + 1] !== undefined)
        seen(token.text, tokens[at + 1] as Token, tokens[at + 2]);
      if (token.kind !== "mark") continue;
      if (token.text === "(" || token.text === "[" || token.text === "{") open.push(token.text);
      else if (token.text === ")" || token.text === "]" || token.text === "}") {
        if (`${open.pop() ?? ""}${token.text}` in PAIRS) continue;
        throw new DocumentError("Brackets do not match.");
      }
    }
  }

  function sizeOf(): Size {
    if (!peek("(")) return ONE;
    let count = 1;
    const variables: string[] = [];
    list((argument, value, next) => {
      if (!sizeArguments.has(argument)) return;
      if (value.kind === "number") count = Math.max(count, Math.abs(Number(value.text)));
      else if (value.kind === "mark" && value.text === "$" && next?.kind === "name") variables.push(next.text);
    });
    return { count, variables };
  }

  function directives(): void {
    while (take("@")) {
      name();
      if (peek("(")) list(() => undefined);
    }
  }

  function selectionSet(nesting: number): readonly Selection[] {
    if (nesting > MOST_NESTING) throw new DocumentError("Nested too deeply.");
    const selections: Selection[] = [];
    need("{");
    while (!take("}")) selections.push(take("...") ? fragment(nesting) : field(nesting));
    if (selections.length === 0) throw new DocumentError("An empty selection.");
    return selections;
  }

  function fragment(nesting: number): Selection {
    const spread = tokens[at]?.kind === "name" && tokens[at]?.text !== "on" ? name() : undefined;
    if (spread === undefined && tokens[at]?.text === "on") {
      name();
      name();
    }
    directives();
    if (spread !== undefined) return { name: spread, kind: "spread", aliased: false, size: ONE, children: [] };
    return { name: "", kind: "inline", aliased: false, size: ONE, children: selectionSet(nesting + 1) };
  }

  function field(nesting: number): Selection {
    const first = name();
    const aliased = take(":");
    const called = aliased ? name() : first;
    const size = sizeOf();
    directives();
    return { name: called, kind: "field", aliased, size, children: peek("{") ? selectionSet(nesting + 1) : [] };
  }

  /** `($first: Int = 10)`: the default counts where the request names no value. */
  function variableDefaults(): ReadonlyMap<string, number> {
    const defaults = new Map<string, number>();
    if (!peek("(")) return defaults;
    const start = at;
    list(() => undefined);
    for (let index = start; index < at; index += 1) {
      if (tokens[index]?.text !== "$") continue;
      let end = index + 1;
      while (end < at && tokens[end]?.text !== "$" && tokens[end]?.text !== "=") end += 1;
      const value = tokens[end]?.text === "=" ? tokens[end + 1] : undefined;
      if (value?.kind === "number") defaults.set(tokens[index + 1]?.text ?? "", Math.abs(Number(value.text)));
    }
    return defaults;
  }

  function definition(): Definition {
    if (peek("{")) return { kind: "query", name: "", defaults: new Map(), selections: selectionSet(0) };
    const kind = name();
    if (kind === "fragment") {
      const called = name();
      if (called === "on" || name() !== "on") throw new DocumentError("A fragment without a type.");
      name();
      directives();
      return { kind, name: called, defaults: new Map(), selections: selectionSet(0) };
    }
    if (kind !== "query" && kind !== "mutation" && kind !== "subscription") throw new DocumentError("No operation.");
    const called = tokens[at]?.kind === "name" ? name() : "";
    const defaults = variableDefaults();
    directives();
    return { kind, name: called, defaults, selections: selectionSet(0) };
  }

  const definitions: Definition[] = [];
  while (at < tokens.length) definitions.push(definition());
  return definitions;
}

const PAIRS = { "()": true, "[]": true, "{}": true };

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
