/** No text becomes code (catalog dynamic-code; CWE-95; guide A03). */
import type { Control, ControlMeta, Deployment } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";

const META: ControlMeta = {
  id: "dynamic-code",
  title: "No dynamic code execution",
  layer: "input",
  guide: ["A03"],
  owasp2021: ["A03"],
  owasp2025: ["A05"],
  asvs: ["v5.0.0-1.3.2"],
  cwe: ["CWE-94", "CWE-95", "CWE-470"],
};

export const CODE_FROM_STRINGS: Rule = {
  id: "dynamic-code/allowed",
  severity: "note",
  what: "The process can turn a text into code: eval and new Function work.",
  why: "Wherever input reaches one of them, in a template engine or in an expression of a dependency, its sender runs code in this process.",
  fix: "Start node with --disallow-code-generation-from-strings, on the command line or in NODE_OPTIONS, once your dependencies run without.",
};

/**
 * Judges how Node was started. With the flag, `eval` and `new Function` throw an `EvalError`; the request gets 500 and the log
 * `sys_code_generation_blocked`. The browser's side of the same is Trusted Types, in the Content-Security-Policy.
 *
 * @example
 * dynamicCode();
 */
export function dynamicCode(): Control {
  return { meta: META, rules: [CODE_FROM_STRINGS], check: assess };
}

const FLAG = /^--disallow[-_]code[-_]generation[-_]from[-_]strings$/u;

function assess({ nodeOptions }: Deployment): readonly Finding[] {
  const blocked = nodeOptions.some((flag) => FLAG.test(flag));
  return blocked ? [] : [finding(CODE_FROM_STRINGS, { kind: "setting", name: "NODE_OPTIONS" })];
}
