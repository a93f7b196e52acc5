import { KIND } from "../engine/kinds.ts";
import { untrusted, type ScanRule } from "../rule.ts";

/** A pattern that takes the square of the length of a text. */
export const QUADRATIC_PATTERN: ScanRule = {
  id: "scan/quadratic-pattern",
  severity: "warning",
  cwe: ["CWE-1333"],
  owasp: "A04",
  what: "A text from outside is matched against a pattern that starts over at every letter.",
  why: "A hundred thousand spaces take seconds: from each of them the pattern reads to the end, and fails there.",
  fix: "Bound the length of the text first, or use trimEnd() and the like, which read once.",
  bad: 'app.post("/trim", (req, res) => res.json(req.body.text.replace(/\\s+$/, "")));',
  good: 'app.post("/trim", (req, res) => res.json(String(req.body.text).trimEnd()));',
  calls: ({ name, args, receiver, run, node }, report) => {
    const onText = /^(?:match|matchAll|replace|replaceAll|search|split)$/u.test(name);
    const regex = onText ? args[0]?.regex : /^(?:test|exec)$/u.test(name) ? receiver?.regex : undefined;
    if (regex === undefined || !isQuadratic(regex.source)) return;
    const text = onText ? receiver : args[0];
    // Headers and addresses are short: the server says how long they may be.
    const taint = untrusted(run, text, KIND.slow);
    if (taint !== undefined && /body|json|socket|message/iu.test(taint.label))
      report(node, `${taint.label} in ${name}()`, taint);
  },
};

const ATOM = String.raw`(?:\\[swdSWD]|\[(?:[^\]\\]|\\.)+\]|\.)`;
const LEADING = new RegExp(`^\\(?(?:\\?:)?${ATOM}(?:[+*]|\\{\\d+,\\})\\)?\\$$`, "u");
const TWICE = new RegExp(`(${ATOM})[+*]\\1[+*](?!\\)?$)`, "u");

/** `\s+$` without a beginning, `.*.*x`: what is read once may be read from everywhere. */
function isQuadratic(source: string): boolean {
  return source.split(/\|(?![^[]*\])/u).some((part) => LEADING.test(part)) || TWICE.test(source);
}
