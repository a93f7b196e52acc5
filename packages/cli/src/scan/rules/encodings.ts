/** Encoding and decoding in the wrong order, and checks that know one spelling of several. */
import type { Node, SourceFile } from "../parse.ts";
import type { ScanRule } from "../rule.ts";
import { nameOf, textAt } from "./names.ts";

/** `&amp;lt;` that becomes `<`, and `<` that becomes `&amp;lt;`. */
export const DOUBLE_UNESCAPING: ScanRule = {
  id: "scan/double-unescaping",
  severity: "warning",
  cwe: ["CWE-116", "CWE-20"],
  owasp: "A03",
  what: "A text is decoded twice, or encoded twice: the sign that starts an escape is replaced at the wrong end.",
  why: "&amp;lt; is a written &lt; and becomes a real <: what had been made harmless is markup again.",
  fix: "When decoding, replace &amp; last; when encoding, replace & first; better, one pass or a library (he).",
  bad: 'export const decode = (text) => text.replace(/&amp;/g, "&").replace(/&lt;/g, "<");',
  good: 'export const decode = (text) => text.replace(/&lt;/g, "<").replace(/&amp;/g, "&");',
  nodes: (node, _parents, file, report) => {
    if (
      node.type !== "FunctionDeclaration" &&
      node.type !== "FunctionExpression" &&
      node.type !== "ArrowFunctionExpression"
    )
      return;
    const text = node.body === null ? "" : textAt(file, node.body);
    if (text.length > 4000 || /=>|\bfunction\b/u.test(text)) return;
    const steps = [...text.matchAll(REPLACING)].map(
      ([, sought = "", double, single, back]) => [bare(sought), double ?? single ?? back ?? ""] as const,
    );
    const unescapes = steps.findIndex(([sought, by]) => sought === "&amp;" && by === "&");
    const escapes = steps.findIndex(([sought, by]) => sought === "&" && by === "&amp;");
    const later = steps.slice(unescapes + 1).some(([sought]) => /^&#?\w+;$/u.test(sought));
    const earlier = steps.slice(0, Math.max(escapes, 0)).some(([, by]) => /^&(?!amp;)#?\w+;$/u.test(by));
    if (unescapes !== -1 && later) report(node, "&amp; is decoded before others");
    else if (earlier) report(node, "& is encoded after others");
  },
};

const REPLACING =
  /\.replace(?:All)?\(\s*(\/(?:\\.|[^/\\])+\/\w*|"[^"]+"|'[^']+')\s*,\s*(?:"([^"]*)"|'([^']*)'|`([^`]*)`)\s*\)/gu;

function bare(sought: string): string {
  return sought
    .replace(/^["'/]/u, "")
    .replace(/["']$|\/\w*$/u, "")
    .replaceAll("\\", "");
}

/** A list of forbidden schemes that lacks some. */
export const INCOMPLETE_SCHEME_CHECK: ScanRule = {
  id: "scan/incomplete-scheme-check",
  severity: "warning",
  cwe: ["CWE-20", "CWE-184"],
  owasp: "A03",
  what: "An address is refused where it starts with javascript:, and taken with every other scheme.",
  why: "data: and vbscript: run scripts as well, and a browser reads java\\nscript: as javascript:.",
  fix: 'Take what you know: ["https:", "http:", "mailto:"].includes(new URL(address).protocol).',
  bad: 'export const safe = (url) => !url.startsWith("javascript:");',
  good: 'export const safe = (url) => ["https:", "mailto:"].includes(new URL(url).protocol);',
  nodes: (node, parents, file, report) => {
    if (node.type !== "Literal") return;
    const isText = typeof node.value === "string" && /^javascript:?$/iu.test(node.value);
    if (!isText && !("regex" in node && /^\^?(?:\\s\*)?javascript:?$/iu.test(node.regex.pattern))) return;
    const parent = parents.at(-1);
    if (parent === undefined || !isCheck(parent, node)) return;
    const around = parents.findLast((one) => /Function|MethodDefinition|Program/u.test(one.type));
    if (!/\b(?:data|vbscript)\b\\?:?/iu.test(textAt(file, around))) report(node, "javascript: alone");
  },
};

function isCheck(parent: Node, node: Node): boolean {
  if (parent.type === "BinaryExpression") return /^[!=]==?$/u.test(parent.operator) && parent.right === node;
  if (parent.type === "MemberExpression") return /^(?:test|exec)$/u.test(nameOf(parent.property) ?? "");
  return (
    parent.type === "CallExpression" &&
    parent.callee.type === "MemberExpression" &&
    /^(?:startsWith|indexOf|includes|match)$/u.test(nameOf(parent.callee.property) ?? "")
  );
}

const TOP_LEVEL = /\.(?:com|org|net|io|dev|app|co|example|test)\b/iu;

/** What is wrong with a pattern for hosts, if anything. */
export function weakHostPattern(pattern: string, parents: readonly Node[], file: SourceFile): string | undefined {
  if (!TOP_LEVEL.test(pattern.replaceAll("\\.", "."))) return undefined;
  if (/^\(?(?:\?:)?(?:\^|https?|[\w-])/u.test(pattern) && hasHalfAnchor(pattern))
    return "one alternative is anchored, not all";
  const [call, member] = [parents.at(-2), parents.at(-1)];
  const asks =
    call?.type === "CallExpression" &&
    member?.type === "MemberExpression" &&
    /^(?:test|exec)$/u.test(nameOf(member.property) ?? "") &&
    /url|uri|origin|host|href|redirect|referr?er|target|link/iu.test(textAt(file, call.arguments[0]));
  return asks && /^https?\??:|^\(?\??:?https?/u.test(pattern) ? "not anchored at its beginning" : undefined;
}

/** `^a|b$`: each anchor holds for one side alone. */
function hasHalfAnchor(pattern: string): boolean {
  let depth = 0;
  let splits = false;
  const plain = pattern.replaceAll(/\\./gu, "__").replaceAll(/\[[^\]]*\]/gu, "_");
  for (const letter of plain) {
    if (letter === "(") depth += 1;
    else if (letter === ")") depth -= 1;
    else if (letter === "|" && depth === 0) splits = true;
  }
  if (!splits) return false;
  const sides = plain.split("|");
  const starts = sides.filter((side) => side.startsWith("^")).length;
  return starts > 0 && starts < sides.length;
}
