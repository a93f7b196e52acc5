/** Why a policy is open: the ways in which a condition that looks like isolation is none. */
import type { Rule } from "../../core/finding.ts";
import {
  flatten,
  isAlways,
  isColumn,
  isTenant,
  isText,
  levelsOf,
  splitBy,
  unwrap,
  withoutCast,
  type Node,
  type TenantTerms,
} from "./expression.ts";

export const ALWAYS: Rule = {
  id: "tenant-isolation/policy-always-true",
  severity: "error",
  what: "A policy shows every row: its condition is always true.",
  why: "Permissive policies are joined by OR, so this one is the whole rule.",
  fix: "Compare the tenant column with the transaction's tenant, or drop the policy.",
};
export const OR_TRUE: Rule = {
  id: "tenant-isolation/policy-or-true",
  severity: "error",
  what: "A policy has an alternative that is always true.",
  why: "What stands beside it decides nothing; such a branch is usually left from a test.",
  fix: "Take the branch away.",
};
export const NULL_OPENS: Rule = {
  id: "tenant-isolation/policy-missing-tenant-opens",
  severity: "error",
  what: "A policy shows every row where no tenant is set.",
  why: "The forgotten scope is the case that row-level security is there for.",
  fix: "Let a missing tenant match nothing: compare with nullif(current_setting(...), '') and leave IS NULL out.",
};
export const NULL_EQUALS: Rule = {
  id: "tenant-isolation/policy-null-equals-null",
  severity: "error",
  what: "A policy lets a missing tenant match a missing tenant.",
  why: "IS NOT DISTINCT FROM and COALESCE make two nulls equal: rows of nobody belong to everybody.",
  fix: "Compare with =, which is true for no null.",
};
export const FIXED: Rule = {
  id: "tenant-isolation/policy-fixed-tenant",
  severity: "error",
  what: "A policy compares the tenant column with a value that is written in it.",
  why: "Every tenant sees that one tenant's rows.",
  fix: "Compare with the transaction's tenant.",
};
export const BY_ROLE: Rule = {
  id: "tenant-isolation/policy-by-role-name",
  severity: "error",
  what: "A policy decides by the database role.",
  why: "All tenants come through one pool and one role, so it is the same for all of them.",
  fix: "Compare with the transaction's tenant.",
};
export const PATTERN: Rule = {
  id: "tenant-isolation/policy-by-pattern",
  severity: "error",
  what: "A policy matches the tenant as a pattern.",
  why: "A tenant that is set to % or .* matches every row.",
  fix: "Compare with =.",
};
export const OTHER_SETTING: Rule = {
  id: "tenant-isolation/policy-other-setting",
  severity: "error",
  what: "A policy reads another setting than the one that transactions set.",
  why: "It holds whatever a session happens to carry there, which nobody sets, resets or checks.",
  fix: "Read the setting that withTenant() sets, or name yours in the option setting.",
};
export const WRAPPED: Rule = {
  id: "tenant-isolation/policy-column-wrapped",
  severity: "warning",
  what: "A policy compares something made of the tenant column instead of the column.",
  why: "Two tenants may become one by it, and no plain index serves it.",
  fix: "Cast the transaction's tenant to the column's type, and leave the column alone.",
};
export const NOT_TENANT: Rule = {
  id: "tenant-isolation/policy-not-on-tenant",
  severity: "error",
  what: "A policy can hold for a row of another tenant.",
  why: "Its condition does not require that the tenant column equals the transaction's tenant, on every path through it.",
  fix: "Require it, by AND at the top, or by a restrictive policy beneath all others; tenantMigration() makes one.",
};

export const CAUSE_RULES: readonly Rule[] = [
  ALWAYS,
  OR_TRUE,
  NULL_OPENS,
  NULL_EQUALS,
  FIXED,
  BY_ROLE,
  PATTERN,
  OTHER_SETTING,
  WRAPPED,
  NOT_TENANT,
];

const PATTERNS: ReadonlySet<unknown> = new Set(["~~", "~~*", "!~~", "~", "~*", "!~", "like", "ilike", "similar"]);
const ROLE_NAMES = /\b(?:current_user|session_user|current_role|user)\b/u;

/** The most telling reason for which an expression is not bound to the tenant. */
export function causeOf(expression: readonly Node[], terms: TenantTerms): Rule {
  const nodes = unwrap(expression);
  if (nodes.length === 1 && isAlways(nodes)) return ALWAYS;
  const levels = levelsOf(nodes).map(unwrap);
  if (levels.some((level) => hasAlternative(level, isAlways))) return OR_TRUE;
  if (isAlways(nodes)) return ALWAYS;
  if (levels.some((level) => hasAlternative(level, (part) => isMissingTenant(part, terms)))) return NULL_OPENS;
  if (levels.some((level) => treatsNullAsEqual(level))) return NULL_EQUALS;
  if (levels.some((level) => level.some((node) => PATTERNS.has(node)) && flatten(level).includes("current_setting")))
    return PATTERN;
  if (levels.some((level) => comparesColumn(level, terms, isLiteral))) return FIXED;
  if (levels.some((level) => ROLE_NAMES.test(withoutTexts(level)))) return BY_ROLE;
  if (levels.some((level) => comparesColumn(level, terms, (side) => readsSetting(side) && !isTenant(side, terms))))
    return OTHER_SETTING;
  if (levels.some((level) => wrapsColumn(level, terms))) return WRAPPED;
  return NOT_TENANT;
}

/** `null is null`, `= ''` and their like about the tenant of the transaction. */
function isMissingTenant(part: readonly Node[], terms: TenantTerms): boolean {
  const nodes = unwrap(part);
  const at = nodes.indexOf("is");
  if (at > 0 && nodes[at + 1] === "null")
    return readsSetting(nodes.slice(0, at)) || isTenant(nodes.slice(0, at), terms);
  const [left, right] = splitBy(nodes, "=");
  return left !== undefined && right !== undefined && isText(right, "''") && readsSetting(left);
}

/** IS NOT DISTINCT FROM is printed as NOT (a IS DISTINCT FROM b); COALESCE may stand on either side of a comparison. */
function treatsNullAsEqual(level: readonly Node[]): boolean {
  return (level[0] === "not" && flatten(level).includes("is distinct from")) || level.includes("coalesce");
}

function hasAlternative(level: readonly Node[], test: (part: readonly Node[]) => boolean): boolean {
  const parts = splitBy(level, "or");
  return parts.length > 1 && parts.some(test);
}

function comparesColumn(level: readonly Node[], terms: TenantTerms, test: (side: readonly Node[]) => boolean): boolean {
  const sides = splitBy(level, "=");
  if (sides.length !== 2) return false;
  const [left, right] = sides as [readonly Node[], readonly Node[]];
  return (isColumn(left, terms) && test(right)) || (isColumn(right, terms) && test(left));
}

function isLiteral(side: readonly Node[]): boolean {
  const nodes = withoutCast(unwrap(side));
  return nodes.length === 1 && typeof nodes[0] === "string" && /^['\d]/u.test(nodes[0]);
}

function readsSetting(side: readonly Node[]): boolean {
  return withoutTexts(side).includes("current_setting");
}

function wrapsColumn(level: readonly Node[], terms: TenantTerms): boolean {
  const sides = splitBy(level, "=");
  return (
    sides.length === 2 &&
    sides.some(
      (side, index) => !isColumn(side, terms) && mentions(side, terms.column) && readsSetting(sides[1 - index] ?? []),
    )
  );
}

function mentions(nodes: readonly Node[], word: string): boolean {
  return levelsOf(nodes).some((level) => level.includes(word) || level.includes(`"${word}"`));
}

/** As text, without what stands in quotes. */
export function withoutTexts(nodes: readonly Node[]): string {
  return flatten(nodes).replaceAll(/'(?:[^']|'')*'/gu, "''");
}
