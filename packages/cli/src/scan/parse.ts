/** The one file that knows the parser. oxc-parser: native, some hundred times as fast as the compiler's own, and it knows TypeScript and JSX. */
import { parseSync, visitorKeys, type Comment, type Node, type Program } from "oxc-parser";

export type {
  ArrowFunctionExpression,
  AssignmentExpression,
  BinaryExpression,
  BindingPattern,
  CallExpression,
  Class,
  Function as FunctionNode,
  MemberExpression,
  NewExpression,
  Node,
  ObjectExpression,
  ParamPattern,
  Program,
  PropertyKey,
  Statement,
  TSType,
} from "oxc-parser";

/** A file as the analysis sees it. */
export interface SourceFile {
  /** As it is reported: relative to the working directory, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly program: Program;
  readonly comments: readonly Comment[];
  /** Of pages and templates, the text around the scripts too. */
  readonly markup?: string;
  /** The offset at which each line starts. */
  readonly lines: readonly number[];
}

const LANGUAGES = ["js", "jsx", "ts", "tsx"] as const;

/**
 * Parses a file. Files lie about what they hold: JSX in `.js`, types in `.jsx`; the extension is tried first and the others after it.
 *
 * @returns the tree, or the parser's message with its line
 */
export function parseSource(path: string, text: string): SourceFile | { readonly error: string } {
  return MARKUP.test(path) ? parsePage(path, text) : parseScript(path, text);
}

function parseScript(path: string, text: string): SourceFile | { readonly error: string } {
  const extension = /\.[cm]?([jt]sx?)$/u.exec(path)?.[1];
  const likely = LANGUAGES.find((language) => language === extension) ?? "tsx";
  const order = [likely, ...LANGUAGES.filter((language) => language !== likely).toReversed()];
  const lines = lineStarts(text);
  let message: string | undefined;
  for (const lang of order) {
    const { program, comments, errors } = parseSync(path, text, { lang, sourceType: "module" });
    // The parser goes on after what is merely not allowed, such as a return outside of functions.
    if (program.body.length > 0 || errors.length === 0) return { path, text, program, comments, lines };
    const [first] = errors;
    const line = first?.labels[0] === undefined ? 1 : positionOf(lines, first.labels[0].start).line;
    message ??= `${path}:${line}: ${first?.message ?? "it does not parse"}`;
  }
  return { error: message ?? path };
}

const MARKUP = /\.(?:vue|svelte|astro|html?|ejs|eta|hbs|handlebars|mustache|njk|nunjucks|pug|jade)$/u;

/** A page or a template: its scripts at their places, everything else left blank. What a template puts into a script may not parse, and is read as text alone. */
function parsePage(path: string, markup: string): SourceFile {
  let script = "";
  for (const { 0: tag, 1: body = "", index } of markup.matchAll(/<script\b[^>]*>([^]*?)<\/script\s*>/giu)) {
    const start = index + tag.indexOf(">") + 1;
    script += `${blank(markup.slice(script.length, start))}${body}`;
  }
  const parsed = parseScript(`${path}.tsx`, script);
  const file = "error" in parsed ? parseScript(`${path}.tsx`, "") : parsed;
  if ("error" in file) throw new SyntaxError(file.error);
  const comments = [...markup.matchAll(/<!--([^]*?)-->/gu)].map(({ 0: whole, 1: value = "", index }) => ({
    type: "Block" as const,
    value,
    start: index,
    end: index + whole.length,
  }));
  return { ...file, path, markup, comments: [...file.comments, ...comments], lines: lineStarts(markup) };
}

function blank(text: string): string {
  return text.replaceAll(/[^\n]/gu, " ");
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** Line and column, both from 1, in UTF-16 units. */
export function positionOf(
  lines: readonly number[],
  offset: number,
): { readonly line: number; readonly column: number } {
  let low = 0;
  let high = lines.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((lines[middle] as number) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (lines[low] as number) + 1 };
}

/** The nodes directly inside a node, in the order of the text. */
export function childrenOf(node: Node): readonly Node[] {
  const children: Node[] = [];
  for (const key of visitorKeys[node.type] ?? []) {
    const child = (node as unknown as Readonly<Record<string, unknown>>)[key];
    if (Array.isArray(child)) {
      for (const one of child as readonly (Node | null)[]) if (one !== null && one !== undefined) children.push(one);
    } else if (child !== null && child !== undefined) children.push(child as Node);
  }
  return children;
}
