/** YAML, of lockfiles and workflows: the one importer of its parser, and its bounds. */
import { isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type Node as YamlNode } from "yaml";

/** An alias that stands for ten others, nine times over, is a billion nodes. */
const MOST_ALIASES = 100;
/** Brackets that are open at once, those of texts included. */
const DEEPEST = 200;

/** A place in a document, both counted from 1. */
export interface YamlPlace {
  readonly line: number;
  readonly column: number;
}

export interface YamlDocument {
  readonly value: unknown;
  /** Where a path leads, or the nearest place on the way there. */
  readonly placeOf: (path: readonly (string | number)[]) => YamlPlace;
}

/**
 * Every document of a text, of YAML 1.2: `on` stays a word.
 *
 * @throws Error with the parser's own reason and no content of the text
 */
export function parseYaml(text: string): readonly YamlDocument[] {
  boundDepth(text);
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: false, logLevel: "silent" });
  if (!Array.isArray(documents)) return [];
  return documents.map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new Error(`${error.code} in line ${error.linePos?.[0].line ?? 1}`);
    refuseDuplicates(document.contents);
    return {
      value: document.toJS({ maxAliasCount: MOST_ALIASES }) as unknown,
      placeOf: (path) => placeIn(document.contents, path, lines),
    };
  });
}

/** What stands twice means one thing to one reader and another to the next. The parser's own check compares each key with every other. */
function refuseDuplicates(contents: unknown): void {
  const waiting: unknown[] = [contents];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (isSeq(node)) for (const item of node.items) if (item !== null) waiting.push(item);
    if (!isMap(node)) continue;
    const keys = new Set<unknown>();
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? key.value : key;
      if (keys.has(name)) throw new Error("DUPLICATE_KEY");
      keys.add(name);
      if (value !== null) waiting.push(value);
    }
  }
}

/** The parser is recursive: what is nested deeper than anybody writes would end it in another way than by an error. */
function boundDepth(text: string): void {
  let depth = 0;
  for (const character of text) {
    if (character === "[" || character === "{") depth += 1;
    else if (character === "]" || character === "}") depth = Math.max(0, depth - 1);
    if (depth > DEEPEST) throw new Error("it is nested too deeply");
  }
  if (/^ {400}/mu.test(text) || /(?:[-?] ){100}/u.test(text)) throw new Error("it is nested too deeply");
}

function placeIn(contents: unknown, path: readonly (string | number)[], lines: LineCounter): YamlPlace {
  let node = contents as YamlNode | null | undefined;
  let offset = node?.range?.[0] ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => (isScalar(key) ? key.value : key) === step);
      if (pair === undefined) break;
      offset = (pair.key as YamlNode | null)?.range?.[0] ?? offset;
      node = pair.value as YamlNode | null;
    } else if (isSeq(node)) {
      node = node.items[Number(step)] as YamlNode | undefined;
      offset = node?.range?.[0] ?? offset;
    } else break;
  }
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}
