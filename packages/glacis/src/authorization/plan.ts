/** A policy made ready: for each action and each kind of principal the one function that decides. */
import type { Principal } from "../core/principal.ts";
import { holdsForKind, isDecidable } from "./caller.ts";
import type { Column } from "./columns.ts";
import { all, any, anyAsked, knowing, not, TRUE, type Condition } from "./condition.ts";
import { predicate, type PolicyRow, type Predicate } from "./predicate.ts";
import type { ActionKind, ReadStatement } from "./statements.ts";

/** Why an action is refused. */
export type Cause =
  | "unknown_action"
  | "undecidable_principal"
  | "no_row"
  | "cross_tenant"
  | "denied"
  | "not_allowed"
  | "fault";

export type Outcome =
  | { readonly permitted: true }
  | { readonly permitted: false; readonly cause: Exclude<Cause, "fault"> }
  | { readonly permitted: false; readonly cause: "fault"; readonly error: unknown };

export const PERMITTED: Outcome = Object.freeze({ permitted: true });

export interface ActionPlan {
  readonly action: string;
  readonly kind: ActionKind;
  /** Everything that must hold: the tenant, no denial, one allowance. */
  readonly rule: Condition;
  readonly decide: Readonly<Record<Principal["kind"], Predicate>>;
  readonly tenant: Predicate;
  readonly denied: Predicate;
  /** Could the principal be permitted for some row? */
  readonly couldPermit: (principal: Principal) => boolean;
}

/** The tenant of a row is the caller's, or there is no tenant to it. */
export function tenantFence(column: Column | undefined): Condition {
  if (column === undefined) return TRUE;
  return { kind: "compare", column, operator: "=", operand: { kind: "attribute", name: "tenantId" } };
}

export function planAction(
  action: string,
  kind: ActionKind,
  fence: Condition,
  statements: readonly ReadStatement[],
): ActionPlan {
  const mine = statements.filter(({ actions }) => actions.includes(action));
  const conditionsOf = (effect: ReadStatement["effect"]): readonly Condition[] =>
    mine.filter((statement) => statement.effect === effect).map(({ condition }) => condition);
  const denial = any(conditionsOf("deny"));
  const rule = all([fence, not(denial), anyAsked(conditionsOf("allow"))]);
  return {
    action,
    kind,
    rule,
    decide: byKind(rule),
    tenant: predicate(fence),
    denied: predicate(denial),
    couldPermit: possibility(mine, fence),
  };
}

/** What is the same for every principal of a kind is worked out once. */
export function byKind(condition: Condition): Readonly<Record<Principal["kind"], Predicate>> {
  const compile = (kind: Principal["kind"]): Predicate =>
    predicate(knowing(condition, (pattern) => holdsForKind(pattern, kind)));
  return { anonymous: compile("anonymous"), user: compile("user"), service: compile("service") };
}

function possibility(statements: readonly ReadStatement[], fence: Condition): ActionPlan["couldPermit"] {
  const parts = statements.map(({ effect, who, conditional }) => ({ effect, who: predicate(who), conditional }));
  const tenantBound = fence.kind !== "constant";
  return (principal) => {
    if (!isDecidable(principal) || (tenantBound && principal.kind === "anonymous")) return false;
    const mine = parts.filter(({ who }) => who(principal, NO_ROW) === true);
    return (
      mine.some(({ effect }) => effect === "allow") && !mine.some((part) => part.effect === "deny" && !part.conditional)
    );
  };
}

const NO_ROW: PolicyRow = Object.freeze({});

/** The hot path: two lookups and one call. */
export function decidesTrue(plan: ActionPlan, principal: Principal, row: PolicyRow): boolean {
  return isDecidable(principal) && plan.decide[principal.kind](principal, row) === true;
}

/** Why not, once the answer is no. */
export function explain(plan: ActionPlan, principal: Principal, row: PolicyRow): Exclude<Outcome, { permitted: true }> {
  if (!isDecidable(principal)) return { permitted: false, cause: "undecidable_principal" };
  const inTenant = plan.tenant(principal, row);
  if (inTenant === false) return { permitted: false, cause: "cross_tenant" };
  if (inTenant === undefined) return { permitted: false, cause: "not_allowed" };
  return { permitted: false, cause: plan.denied(principal, row) === false ? "not_allowed" : "denied" };
}
