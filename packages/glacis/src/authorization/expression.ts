/** The text form of a condition: names joined by `and`, `or`, `not` and parentheses, as the guide's access policies write it. */

export type Expression =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "not"; readonly operand: Expression }
  | { readonly kind: "and" | "or"; readonly operands: readonly Expression[] };

const TOKEN = /\s*(?:([A-Za-z0-9_:.*]+)|([()]))/uy;
const NAME = /^[A-Za-z0-9_:.*]{1,256}$/u;
const KEYWORDS: ReadonlySet<string> = new Set(["and", "or", "not"]);
const LONGEST_EXPRESSION = 4096;
const DEEPEST_NESTING = 64;

/** Whether a condition may have this name: it could be written in an expression. */
export function isConditionName(name: string): boolean {
  return NAME.test(name) && !KEYWORDS.has(name);
}

/**
 * Parses the whole text or nothing. `not` binds tighter than `and`, `and` tighter than `or`; keywords are lower case.
 *
 * @throws TypeError saying where it stops making sense
 */
export function parseExpression(text: string): Expression {
  const tokens = tokenize(text);
  const state: State = { text, tokens, next: 0 };
  const expression = parseOr(state, 0);
  const rest = tokens[state.next];
  if (rest !== undefined) throw misread(text, `"${rest}" follows a complete condition`);
  return expression;
}

interface State {
  readonly text: string;
  readonly tokens: readonly string[];
  next: number;
}

function tokenize(text: string): readonly string[] {
  if (text.length > LONGEST_EXPRESSION) throw misread(text, `it is longer than ${LONGEST_EXPRESSION} characters`);
  const tokens: string[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const start = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (found === null) throw misread(text, `character ${start + 1} begins no name`);
    tokens.push((found[1] ?? found[2]) as string);
  }
  return tokens;
}

function parseOr(state: State, depth: number): Expression {
  return parseChain(state, "or", () => parseChain(state, "and", () => parseNot(state, depth)));
}

function parseChain(state: State, keyword: "and" | "or", parseOperand: () => Expression): Expression {
  const operands = [parseOperand()];
  while (state.tokens[state.next] === keyword) {
    state.next += 1;
    operands.push(parseOperand());
  }
  return operands.length === 1 ? (operands[0] as Expression) : { kind: keyword, operands };
}

function parseNot(state: State, depth: number): Expression {
  if (depth > DEEPEST_NESTING) throw misread(state.text, `it nests deeper than ${DEEPEST_NESTING} levels`);
  const token = state.tokens[state.next];
  state.next += 1;
  if (token === "not") return { kind: "not", operand: parseNot(state, depth + 1) };
  if (token === "(") {
    const inner = parseOr(state, depth + 1);
    if (state.tokens[state.next] !== ")") throw misread(state.text, "a parenthesis is not closed");
    state.next += 1;
    return inner;
  }
  if (token === undefined) throw misread(state.text, "a name is missing at the end");
  if (token === ")" || !isConditionName(token)) throw misread(state.text, `"${token}" stands where a name belongs`);
  return { kind: "name", name: token };
}

function misread(text: string, problem: string): TypeError {
  return new TypeError(
    `The condition "${text.slice(0, 200)}" cannot be read: ${problem}. Write names, and, or, not, ( ).`,
  );
}
