/** A policy made ready: for each action and each kind of principal the one function that decides. */
import type { Principal } from "../core/principal.ts";
import { holdsForKind, isDecidable } from "./caller.ts";
import type { Column } from "./columns.ts";
import { all, any, anyAsked, knowing, not, opaqueIn, TRUE, type Condition } from "./condition.ts";
import { fails, holds, type PolicyRow, type Predicate } from "./predicate.ts";
import { decideInTenant } from "./row-decision.ts";
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

/** What decides for principals of one kind: everything about them that is the same for all has been worked out. */
interface KindPlan {
  readonly decide: Predicate;
  readonly undenied: Predicate;
}

export interface ActionPlan {
  readonly action: string;
  readonly kind: ActionKind;
  /** Everything that must hold: the tenant, no denial, one allowance. The SQL is made of it. */
  readonly rule: Condition;
  readonly anonymous: KindPlan;
  readonly user: KindPlan;
  readonly service: KindPlan;
  /** The property of the tenant, where there is one. */
  readonly tenant: string | undefined;
  readonly crosses: Predicate;
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
  const allowance = anyAsked(conditionsOf("allow"));
  const plan = (of: Principal["kind"]): KindPlan => planKind(of, fence, denial, allowance);
  return {
    action,
    kind,
    rule: all([fence, not(denial), allowance]),
    anonymous: plan("anonymous"),
    user: plan("user"),
    service: plan("service"),
    tenant: propertyOf(fence),
    crosses: fails(fence),
    couldPermit: possibility(mine, fence),
  };
}

function planKind(kind: Principal["kind"], fence: Condition, denial: Condition, allowance: Condition): KindPlan {
  const no = forKind(denial, kind);
  const yes = forKind(allowance, kind);
  const undenied = fails(no);
  const inside = holds(fence);
  const tenant = propertyOf(fence);
  if (tenant !== undefined && kind !== "anonymous" && opaqueIn(any([no, yes])) === undefined)
    return { decide: decideInTenant(kind, tenant, inside, no, yes), undenied };
  const allowed = holds(yes);
  return {
    decide: (principal, row) =>
      isDecidable(principal) && inside(principal, row) && undenied(principal, row) && allowed(principal, row),
    undenied,
  };
}

function propertyOf(fence: Condition): string | undefined {
  return fence.kind === "compare" ? fence.column.property : undefined;
}

function forKind(condition: Condition, kind: Principal["kind"]): Condition {
  return knowing(condition, (pattern) => holdsForKind(pattern, kind));
}

/** What is the same for every principal of a kind is worked out once. */
export function byKind(condition: Condition): Readonly<Record<Principal["kind"], Predicate>> {
  const compile = (kind: Principal["kind"]): Predicate => holds(forKind(condition, kind));
  return { anonymous: compile("anonymous"), user: compile("user"), service: compile("service") };
}

function possibility(statements: readonly ReadStatement[], fence: Condition): ActionPlan["couldPermit"] {
  const parts = statements.map(({ effect, who, conditional }) => ({ effect, who: holds(who), conditional }));
  const tenantBound = fence.kind !== "constant";
  return (principal) => {
    if (!isDecidable(principal) || (tenantBound && principal.kind === "anonymous")) return false;
    const mine = parts.filter(({ who }) => who(principal, NO_ROW));
    return (
      mine.some(({ effect }) => effect === "allow") && !mine.some((part) => part.effect === "deny" && !part.conditional)
    );
  };
}

export const NO_ROW: PolicyRow = Object.freeze({});

export function decidesTrue(plan: ActionPlan, principal: Principal, row: PolicyRow): boolean {
  return kindOf(plan, principal).decide(principal, row);
}

function kindOf(plan: ActionPlan, { kind }: Principal): KindPlan {
  return kind === "user" ? plan.user : kind === "service" ? plan.service : plan.anonymous;
}

/** Whether the row is known to be another tenant's. */
export function crossesTenants(plan: ActionPlan, principal: Principal, row: PolicyRow): boolean {
  const { tenant, crosses } = plan;
  if (tenant === undefined || principal.kind === "anonymous" || row[tenant] === principal.tenantId) return false;
  return isDecidable(principal) && crosses(principal, row);
}

/** Why not, once the answer is no. */
export function explain(plan: ActionPlan, principal: Principal, row: PolicyRow): Exclude<Outcome, { permitted: true }> {
  if (!isDecidable(principal)) return { permitted: false, cause: "undecidable_principal" };
  if (crossesTenants(plan, principal, row)) return { permitted: false, cause: "cross_tenant" };
  return { permitted: false, cause: kindOf(plan, principal).undenied(principal, row) ? "not_allowed" : "denied" };
}
