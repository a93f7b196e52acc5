/** Grades a Content-Security-Policy with Google's csp_evaluator: known bypasses, missing directives, misspelt keywords. */
import { createRequire } from "node:module";
import type * as EvaluatorModule from "csp_evaluator";
import type * as ParserModule from "csp_evaluator/dist/parser.js";
import { CSP_KEYWORDS } from "./csp-directives.ts";
import { splitPolicies } from "./csp-policy.ts";

/** The evaluator's severities. The lower the number the worse. */
export const CSP_SEVERITY = {
  high: 10,
  syntax: 20,
  medium: 30,
  highMaybe: 40,
  strictCsp: 45,
  mediumMaybe: 50,
  info: 60,
} as const;

export interface CspWeakness {
  /** One of `CSP_SEVERITY`. */
  readonly severity: number;
  readonly directive: string;
  readonly description: string;
}

/**
 * A: nothing worse than a missing fallback for old browsers, and Trusted Types are required. B: the same without Trusted Types.
 * C: a host or keyword that may be abused. D: medium, or a mistake in the text. F: a known way around it, or no policy.
 */
export type CspLetter = "A" | "B" | "C" | "D" | "F";

export interface CspGrade {
  readonly letter: CspLetter;
  readonly weaknesses: readonly CspWeakness[];
}

/** A finding of the evaluator with its enums as the numbers that they are. */
interface EvaluatorFinding extends CspWeakness {
  readonly type: number;
  readonly value?: string | undefined;
}

type Evaluate = (policy: string) => readonly EvaluatorFinding[];

let evaluatePolicy: Evaluate | undefined;

/** The library carries long lists of bypasses: loaded when something is graded, not when a server starts. */
function loadEvaluator(): Evaluate {
  const require = createRequire(import.meta.url);
  const { CspEvaluator, DEFAULT_CHECKS, STRICTCSP_CHECKS } = require("csp_evaluator") as typeof EvaluatorModule;
  const { CspParser } = require("csp_evaluator/dist/parser.js") as typeof ParserModule;
  const checks = [...DEFAULT_CHECKS, ...STRICTCSP_CHECKS];
  return (policy) => new CspEvaluator(new CspParser(policy).csp).evaluate(undefined, checks).filter(isRight);
}

/** The library takes what level 3 has added since for a misspelling. */
function isRight({ severity, directive, value }: EvaluatorFinding): boolean {
  const keyword = /^'(.+)'$/u.exec(value?.toLowerCase() ?? "")?.[1];
  return (
    severity !== CSP_SEVERITY.syntax || keyword === undefined || CSP_KEYWORDS.get(keyword)?.test(directive) !== true
  );
}

/**
 * Grades what a response carries. A weakness counts when every policy has it, because a browser obeys them all; a mistake in the text
 * counts wherever it stands.
 *
 * @param headerValues every value of the enforced header
 */
export function gradeCsp(headerValues: readonly string[]): CspGrade {
  const policies = splitPolicies(headerValues);
  if (policies.length === 0) return { letter: "F", weaknesses: [] };
  evaluatePolicy ??= loadEvaluator();
  const findings = policies.map(evaluatePolicy);
  const [first = [], ...others] = findings;
  const shared = first.filter(({ type }) => others.every((other) => other.some((found) => found.type === type)));
  const mistakes = findings.flat().filter(({ severity }) => severity === CSP_SEVERITY.syntax);
  const weaknesses = [...new Set([...shared, ...mistakes])].map(({ severity, directive, description }) => ({
    severity,
    directive,
    description,
  }));
  return { letter: letterOf(weaknesses), weaknesses };
}

function letterOf(weaknesses: readonly CspWeakness[]): CspLetter {
  const has = (...severities: readonly number[]): boolean =>
    weaknesses.some(({ severity }) => severities.includes(severity));
  if (has(CSP_SEVERITY.high)) return "F";
  if (has(CSP_SEVERITY.syntax, CSP_SEVERITY.medium, CSP_SEVERITY.highMaybe)) return "D";
  if (has(CSP_SEVERITY.mediumMaybe)) return "C";
  return weaknesses.some(({ directive }) => directive === "require-trusted-types-for") ? "B" : "A";
}
