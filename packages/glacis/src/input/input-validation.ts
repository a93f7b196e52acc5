/** Holds the route table against its declared inputs (catalog input-validation; CWE-20). */
import type { Control, ControlMeta, DeclaredRoute } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";

const META: ControlMeta = {
  id: "input-validation",
  title: "Every part of a request is held to a schema before a handler sees it",
  layer: "input",
  guide: ["checklist: All user input validated", "checklist: Django forms/serializers used for validation"],
  owasp2021: ["A03", "A04"],
  owasp2025: ["A05", "A06", "A10"],
  asvs: ["v5.0.0-2.2.1", "v5.0.0-2.2.2", "v5.0.0-2.2.3"],
  cwe: ["CWE-20", "CWE-1284", "CWE-1287"],
};

export const INPUT_UNDECLARED: Rule = {
  id: "input-validation/undeclared",
  severity: "warning",
  what: "A route takes input and does not declare it.",
  why: "Whatever its handler forgets to check is not checked: unknown fields, other types, texts without end.",
  fix: "Declare it beside the access rule: access(rule, { input: input({ params, query, body }) }), or input({}) where it takes nothing.",
};
export const INPUT_UNBOUNDED: Rule = {
  id: "input-validation/unbounded",
  severity: "warning",
  what: "A declared input has a text or a list without a longest length, or a value of any type.",
  why: "Only the limit of the whole body holds there: one field may be all of it, and is stored, indexed and matched at that length.",
  fix: "Give texts .max(characters) and lists .max(items), and every value a type.",
};
export const INPUT_UNSEEN: Rule = {
  id: "input-validation/unseen",
  severity: "note",
  what: "A declared input uses a schema that nobody can look into.",
  why: "Whether nested objects are closed and texts bounded cannot be checked; the library has no JSON Schema for it.",
  fix: "Use a schema with Standard JSON Schema: zod 4, ArkType, or Valibot through toStandardJsonSchema of @valibot/to-json-schema.",
};

const CHANGES = /^(?:POST|PUT|PATCH|DELETE|ALL)$/u;
const PARAMETER = /[:*{]/u;

/**
 * Finds routes that take input and do not declare it, and what declared inputs leave open. `saas()` mounts it.
 *
 * @example
 * inputValidation();
 */
export function inputValidation(): Control {
  return {
    meta: META,
    rules: [INPUT_UNDECLARED, INPUT_UNBOUNDED, INPUT_UNSEEN],
    check: () => [],
    checkRoutes: (routes) => routes.flatMap(judgeRoute),
  };
}

function judgeRoute({ method, pattern, rule }: DeclaredRoute): readonly Finding[] {
  const at: Location = { kind: "route", method, pattern };
  if (rule.input === undefined) {
    const takes = CHANGES.test(method.toUpperCase()) || PARAMETER.test(pattern);
    return takes ? [finding(INPUT_UNDECLARED, at)] : [];
  }
  const { bounds, unseen } = rule.input.openness;
  return [
    ...(bounds.length === 0 ? [] : [finding(INPUT_UNBOUNDED, at, bounds.slice(0, 10).join(", "))]),
    ...(unseen.length === 0 ? [] : [finding(INPUT_UNSEEN, at, unseen.slice(0, 10).join(", "))]),
  ];
}
