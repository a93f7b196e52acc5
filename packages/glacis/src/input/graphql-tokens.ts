/** The tokens of a GraphQL document (GraphQL specification, October 2021, appendix B.2), and a place among them. */

/** The document is none, or no one could answer it. It quotes nothing. */
export class DocumentError extends Error {
  override readonly name = "DocumentError";
}

const MOST_CHARACTERS = 100_000;
const MOST_TOKENS = 10_000;
/** Braces within braces; what is deeper is too deep for every limit that anybody sets. */
export const MOST_NESTING = 100;

const TOKEN =
  /[\ufeff\t\n\r ,]+|#[^\n\r]*|([_A-Za-z]\w*)|(\.\.\.|[!$&()[\]{}:=@|])|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]))|("""(?:[^"\\]|\\(?!""")|\\"""|"(?!""))*"""|"(?!"")(?:[^"\\\n\r]|\\[^\n\r])*"|""(?!"))/uy;

export interface Token {
  readonly kind: "name" | "mark" | "number" | "text";
  /** As written; empty for a text, whose content means nothing here. */
  readonly text: string;
}

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

/** What comes next. Whatever does not come as it must throws a DocumentError. */
export interface Cursor {
  /** The token so many places on. */
  readonly token: (ahead?: number) => Token | undefined;
  readonly isDone: () => boolean;
  readonly peek: (mark: string) => boolean;
  readonly take: (mark: string) => boolean;
  readonly need: (mark: string) => void;
  readonly name: () => string;
  /** Goes over a balanced list in parentheses, as over arguments. @returns its tokens */
  readonly list: () => readonly Token[];
}

export function cursorOf(document: string): Cursor {
  const tokens = tokensOf(document);
  let at = 0;
  const peek = (mark: string): boolean => tokens[at]?.text === mark && tokens[at]?.kind === "mark";
  const take = (mark: string): boolean => {
    if (!peek(mark)) return false;
    at += 1;
    return true;
  };
  const need = (mark: string): void => {
    if (!take(mark)) throw new DocumentError("Not where it belongs.");
  };
  return {
    token: (ahead = 0) => tokens[at + ahead],
    isDone: () => at >= tokens.length,
    peek,
    take,
    need,
    name() {
      const token = tokens[at];
      if (token?.kind !== "name") throw new DocumentError("A name is missing.");
      at += 1;
      return token.text;
    },
    list() {
      const start = at;
      at = endOfList(tokens, at);
      return tokens.slice(start, at);
    },
  };
}

const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

function endOfList(tokens: readonly Token[], start: number): number {
  const open: string[] = [];
  for (let at = start; at < tokens.length; at += 1) {
    const { kind, text } = tokens[at] as Token;
    if (kind !== "mark") continue;
    const closing = CLOSING[text];
    if (closing !== undefined) open.push(closing);
    else if (text === ")" || text === "]" || text === "}") {
      if (open.pop() !== text) throw new DocumentError("Brackets do not match.");
    }
    if (open.length > MOST_NESTING) throw new DocumentError("Nested too deeply.");
    if (open.length === 0) return at + 1;
  }
  throw new DocumentError("A list does not close.");
}
