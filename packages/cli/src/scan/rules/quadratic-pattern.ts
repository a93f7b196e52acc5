import { KIND } from "../engine/kinds.ts";
import { untrusted, type ScanRule } from "../rule.ts";
import { effortOf } from "./pattern-ambiguity.ts";

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
    if (regex === undefined || !isQuadratic(regex)) return;
    const text = onText ? receiver : args[0];
    // Headers and addresses are short: the server says how long they may be.
    const taint = untrusted(run, text, KIND.slow);
    if (taint !== undefined && /body|json|socket|message/iu.test(taint.label))
      report(node, `${taint.label} in ${name}()`, taint);
  },
};

/** `\s+$` without a beginning: what is read from one letter on is read again from the next. */
const LEADING = /^\(?(?:\?:)?(?:\\.|\[(?:[^\]\\]|\\.)+\]|[^\\()[\]|*+?{}^$])(?:[+*]|\{\d+,\})\)?\$$/u;

function isQuadratic(regex: { readonly source: string; readonly flags: string }): boolean {
  return regex.source.split(/\|(?![^[]*\])/u).some((part) => LEADING.test(part)) || effortOf(regex) === "quadratic";
}
