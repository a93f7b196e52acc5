/**
 * Reads the expressions of policies as Postgres prints them (`pg_get_expr`): canonical, fully parenthesised SQL. It answers one question soundly,
 * whether an expression can be true for a row of another tenant, and recognises the usual ways of getting it wrong. What it does not understand
 * it does not vouch for.
 */

/** A token, or what stands between parentheses. */
export type Node = string | readonly Node[];

/** Which column holds the tenant and what stands for the tenant of the transaction. */
export interface TenantTerms {
  readonly column: string;
  readonly setting: string;
  /** Functions that answer with the tenant, such as `glacis.current_tenant`. */
  readonly functions: readonly string[];
}

const TOKEN =
  /\s+|(?<string>(?:[EeBbXx]|[Uu]&)?'(?:[^'\\]|''|\\.)*')|(?<quoted>"(?:[^"]|"")*")|(?<word>[\p{L}_][\p{L}\p{N}_$]*)|(?<number>\d+(?:\.\d+)?)|(?<operator>::|[-+*/<>=~!@#%^&|`?]+|.)/gsu;

/** Tokens nested by parentheses. Words are in lower case unless they were quoted; brackets count as parentheses. */
export function readExpression(text: string): readonly Node[] {
  const stack: Node[][] = [[]];
  for (const { 0: raw, groups } of text.matchAll(TOKEN)) {
    if (raw.trim() === "") continue;
    const token = groups?.["word"] === undefined ? raw : raw.toLowerCase();
    if (token === "(" || token === "[") {
      const inner: Node[] = [];
      (stack.at(-1) as Node[]).push(inner);
      stack.push(inner);
    } else if (token === ")" || token === "]") {
      if (stack.length > 1) stack.pop();
    } else {
      (stack.at(-1) as Node[]).push(token);
    }
  }
  return stack[0] as readonly Node[];
}

/** True when the expression holds for no row of another tenant, and for none at all where no tenant is set. */
export function isBound(expression: readonly Node[], terms: TenantTerms): boolean {
  const nodes = unwrap(expression);
  const alternatives = splitBy(nodes, "or");
  if (alternatives.length > 1) return alternatives.every((part) => isBound(part, terms));
  const conditions = splitBy(nodes, "and");
  if (conditions.length > 1) return conditions.some((part) => isBound(part, terms));
  const sides = splitBy(nodes, "=");
  if (sides.length !== 2) return false;
  const [left, right] = sides as [readonly Node[], readonly Node[]];
  return (isColumn(left, terms) && isTenant(right, terms)) || (isColumn(right, terms) && isTenant(left, terms));
}

/** The tenant's column, bare or after its table. A cast around it makes another value of it, and leaves the index unused. */
export function isColumn(expression: readonly Node[], { column }: TenantTerms): boolean {
  const nodes = unwrap(expression);
  const last = nodes.at(-1);
  const qualified =
    nodes.length === 1 || (nodes.length === 3 && nodes[1] === ".") || (nodes.length === 5 && nodes[3] === ".");
  return qualified && typeof last === "string" && unquote(last) === column;
}

/** The transaction's tenant: the setting or a function that answers with it, through casts, NULLIF with the empty text, a CASE that is null otherwise, and scalar subselects. */
export function isTenant(expression: readonly Node[], terms: TenantTerms): boolean {
  const whole = unwrap(expression);
  // A cast inside of it is no cast of the whole.
  const nodes = whole[0] === "case" ? whole : withoutCast(whole);
  const [head, next, ...rest] = nodes;
  if (head === "case") return isTenant(guarded(nodes), terms);
  if (head === "select") return isTenant(withoutAlias(nodes.slice(1)), terms);
  if (nodes.length === 1) return Array.isArray(head) && isTenant(head as readonly Node[], terms);
  if (head === "nullif" && Array.isArray(next) && rest.length === 0) {
    const [value, empty] = splitBy(next as readonly Node[], ",");
    return value !== undefined && empty !== undefined && isText(empty, "''") && isTenant(value, terms);
  }
  if (head === "current_setting" && Array.isArray(next) && rest.length === 0) {
    return isText(splitBy(next as readonly Node[], ",")[0] ?? [], `'${terms.setting}'`);
  }
  const call = nodes.at(-1);
  if (!Array.isArray(call) || call.length > 0) return false;
  const name = nodes
    .slice(0, -1)
    .map((node) => (typeof node === "string" ? unquote(node) : "?"))
    .join("");
  return terms.functions.includes(name);
}

/** The value of a CASE with one branch: that or null. Of any other nothing. */
function guarded(nodes: readonly Node[]): readonly Node[] {
  const [then, otherwise] = [nodes.indexOf("then"), nodes.indexOf("else")];
  const rest = withoutCast(nodes.slice(otherwise + 1, -1));
  const single = nodes.filter((node) => node === "when" || node === "case").length === 2;
  return single && then > 0 && otherwise > then && rest.length === 1 && rest[0] === "null" && nodes.at(-1) === "end"
    ? nodes.slice(then + 1, otherwise)
    : [];
}

/** The same expression without parentheses around the whole of it. */
export function unwrap(expression: readonly Node[]): readonly Node[] {
  let nodes = expression;
  while (nodes.length === 1 && Array.isArray(nodes[0])) nodes = nodes[0] as readonly Node[];
  return nodes;
}

/** The parts between a word or an operator, on this level and outside of CASE. */
export function splitBy(nodes: readonly Node[], separator: string): readonly (readonly Node[])[] {
  const parts: Node[][] = [[]];
  let depth = 0;
  for (const node of nodes) {
    if (node === "case") depth += 1;
    if (node === "end") depth -= 1;
    if (depth === 0 && node === separator) parts.push([]);
    else (parts.at(-1) as Node[]).push(node);
  }
  return parts;
}

/** Every level of the expression, the outermost first. */
export function levelsOf(nodes: readonly Node[]): readonly (readonly Node[])[] {
  return [nodes, ...nodes.flatMap((node) => (Array.isArray(node) ? levelsOf(node as readonly Node[]) : []))];
}

/** The expression as one text without spaces, for looking at its shape. */
export function flatten(nodes: readonly Node[]): string {
  return nodes
    .map((node) => (Array.isArray(node) ? `(${flatten(node as readonly Node[])})` : (node as string)))
    .join(" ");
}

/** A literal, with its cast taken off. */
export function isText(expression: readonly Node[], literal: string): boolean {
  const nodes = withoutCast(unwrap(expression));
  return nodes.length === 1 && nodes[0] === literal;
}

/** True when the whole is the literal `true`, or compares a literal with itself. */
export function isAlways(expression: readonly Node[]): boolean {
  const nodes = unwrap(expression);
  if (nodes.length === 1) return nodes[0] === "true";
  const alternatives = splitBy(nodes, "or");
  if (alternatives.length > 1) return alternatives.some(isAlways);
  const conditions = splitBy(nodes, "and");
  if (conditions.length > 1) return conditions.every(isAlways);
  const sides = splitBy(nodes, "=").map((side) => withoutCast(unwrap(side)));
  if (sides.length !== 2) return false;
  const [left, right] = sides.map((side) => (side.length === 1 && typeof side[0] === "string" ? side[0] : undefined));
  return left !== undefined && left === right && /^['\d]/u.test(left);
}

/** The value under a cast. Something that goes on behind the type is no cast of the whole, and stays. */
export function withoutCast(expression: readonly Node[]): readonly Node[] {
  const at = expression.indexOf("::");
  if (at === -1 || !expression.slice(at + 1).every(isTypeWord)) return expression;
  return withoutCast(unwrap(expression.slice(0, at)));
}

/** A type may have a schema, several words, a length and brackets. */
function isTypeWord(node: Node): boolean {
  if (typeof node === "string") return node === "." || /^[\p{L}_"]/u.test(node);
  return node.every((inner) => typeof inner === "string" && /^[\d,]+$/u.test(inner));
}

function withoutAlias(nodes: readonly Node[]): readonly Node[] {
  const at = nodes.lastIndexOf("as");
  return at > 0 && at === nodes.length - 2 ? nodes.slice(0, at) : nodes;
}

function unquote(token: string): string {
  return token.startsWith('"') ? token.slice(1, -1).replaceAll('""', '"') : token;
}
