/** The access policies of an application as a control: what they leave open is a finding (catalog object-level-authorization; guide A01). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { ANONYMOUS } from "../core/principal.ts";
import { isReadKind } from "./statements.ts";
import { DRIFT_RULES } from "./policy-drift.ts";
import type { CompilablePolicy } from "./row-security.ts";

const META: ControlMeta = {
  id: "object-level-authorization",
  title: "Object access goes through one policy: in the handler, in the list and in the database",
  layer: "authorization",
  guide: ["A01", "checklist: Object-level permissions enforced"],
  owasp2021: ["A01"],
  owasp2025: ["A01"],
  asvs: ["v5.0.0-8.2.2", "v5.0.0-8.2.3", "v5.0.0-8.4.1", "v5.0.0-16.5.3"],
  cwe: ["CWE-284", "CWE-566", "CWE-639"],
};

export const NO_POLICIES: Rule = {
  id: "object-level-authorization/no-policies",
  severity: "warning",
  what: "The application names no access policy.",
  why: "Then each handler decides by itself whose row it hands out, and one of them will forget to.",
  fix: "Write one accessPolicy for each kind of row, and pass them all to objectLevelAuthorization.",
};
export const ACROSS_TENANTS: Rule = {
  id: "object-level-authorization/across-tenants",
  severity: "warning",
  what: "An access policy is not bound to a tenant.",
  why: "Nothing but its conditions keeps one customer's rows from another.",
  fix: "Name the tenant's column, or waive this with the reason for which the rows are everybody's.",
};
export const ANONYMOUS_WRITE: Rule = {
  id: "object-level-authorization/anonymous-write",
  severity: "error",
  what: "An access policy lets callers change rows without having signed in.",
  why: "Nobody can be asked who did it, and a program can do it without end.",
  fix: 'Name "authenticated" or a role as principal of what writes.',
};

/**
 * Judges the application's policies. It decides nothing by itself: handlers, lists and the database do.
 *
 * @param posture what `policyPosture()` has found in the live database; other findings are left out
 * @example
 * const layers = withControls(saas(options), objectLevelAuthorization([documentPolicy, userPolicy]));
 */
export function objectLevelAuthorization(
  policies: readonly CompilablePolicy[],
  posture: readonly Finding[] = [],
): Control {
  if (!Array.isArray(policies)) throw new TypeError("objectLevelAuthorization() needs a list of access policies.");
  const drift = posture.filter(({ rule }) => DRIFT_RULES.includes(rule));
  const written = policies.length === 0 ? [finding(NO_POLICIES, setting("policies"))] : policies.flatMap(assess);
  const findings = [...written, ...drift];
  return {
    meta: META,
    rules: [NO_POLICIES, ACROSS_TENANTS, ANONYMOUS_WRITE, ...DRIFT_RULES],
    check: () => findings,
  };
}

function setting(name: string): Location {
  return { kind: "setting", name };
}

function assess({ resource, model }: CompilablePolicy): readonly Finding[] {
  const at = setting(`accessPolicy("${resource}")`);
  const { tenant, plans } = model;
  const open = [...plans.values()]
    .filter(({ kind, couldPermit }) => !isReadKind(kind) && couldPermit(ANONYMOUS))
    .map(({ action }) => finding(ANONYMOUS_WRITE, at, action));
  return "acrossTenants" in tenant ? [finding(ACROSS_TENANTS, at, tenant.acrossTenants), ...open] : open;
}
