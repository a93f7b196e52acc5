/** Asks the compiled policy, and never takes a fault for a yes (catalog fail-closed-authorization; guide, fail securely). */
import type { Deny } from "../core/decision.ts";
import type { AuditEvent } from "../core/event.ts";
import type { Principal } from "../core/principal.ts";
import { relationsIn } from "./condition.ts";
import { crossesTenants, decidesTrue, explain, PERMITTED, type Cause, type Outcome } from "./plan.ts";
import { eventOf, raise, refusalOf, type RefusedAction, type RefusedOutcome } from "./policy-refusal.ts";
import type { PolicyRow } from "./predicate.ts";
import type { PolicyModel } from "./read-policy.ts";
import { isReadKind } from "./statements.ts";

type MaybeRow = PolicyRow | null | undefined;

export type PolicyDecision =
  | { readonly permitted: true }
  | { readonly permitted: false; readonly cause: Cause; readonly refusal: Deny };

export interface PolicyJudge {
  readonly permits: (principal: Principal, action: string, row: PolicyRow) => boolean;
  readonly decide: (principal: Principal, action: string, row: MaybeRow, changes?: PolicyRow) => PolicyDecision;
  /** Whether some reading action is permitted. */
  readonly seeing: (principal: Principal, row: MaybeRow) => Outcome;
  /** The action that stands for reading in events. */
  readonly readAction: string;
  /** Raises the event of a fault that no refusal carries. */
  readonly fault: (principal: Principal, action: string, row: PolicyRow, error: unknown) => void;
}

const CROSS_TENANT: RefusedOutcome = Object.freeze({ permitted: false, cause: "cross_tenant" });

export function policyJudge(
  { resource, id, plans }: PolicyModel,
  report: ((event: AuditEvent) => void) | undefined,
): PolicyJudge {
  // Of a handful of names a list finds one faster than a Map.
  const list = [...plans.values()];
  const related = new Set(list.flatMap(({ rule }) => relationsIn(rule)));
  const readActions = [...plans.values()].filter(({ kind }) => isReadKind(kind)).map(({ action }) => action);

  function judge(principal: Principal, action: string, row: MaybeRow): Outcome {
    const plan = plans.get(action);
    if (plan === undefined) return { permitted: false, cause: "unknown_action" };
    if (row === null || row === undefined) return { permitted: false, cause: "no_row" };
    try {
      return decidesTrue(plan, principal, row) ? PERMITTED : explain(plan, principal, row);
    } catch (error) {
      return { permitted: false, cause: "fault", error };
    }
  }

  function seeing(principal: Principal, row: MaybeRow): Outcome {
    let outcome: Outcome = { permitted: false, cause: row === null || row === undefined ? "no_row" : "not_allowed" };
    for (const action of readActions) {
      outcome = judge(principal, action, row);
      if (outcome.permitted) return outcome;
    }
    return outcome;
  }

  /** The row as it will be. What belongs to other tables is not changed with it, whatever the changes say. */
  function changed(row: PolicyRow, changes: PolicyRow): PolicyRow {
    const next: Record<string, unknown> = { ...row, ...changes };
    for (const property of related) next[property] = row[property];
    return next;
  }

  function refused(principal: Principal, action: string, row: MaybeRow): RefusedAction {
    const kind = plans.get(action)?.kind;
    // A create or a list names no row whose existence a refusal could give away.
    const hidden = kind !== "create" && kind !== "list" && !seeing(principal, row).permitted;
    return { resource, action, principal, rowId: row?.[id], hidden };
  }

  function raiseOutcome(principal: Principal, action: string, row: MaybeRow, outcome: RefusedOutcome): void {
    const reason = outcome.cause === "fault" ? "control_failed" : "not_found";
    raise(eventOf({ resource, action, principal, rowId: row?.[id], hidden: true }, outcome, reason), report);
  }

  return {
    readAction: readActions[0] ?? "read",
    seeing,

    permits(principal, action, row) {
      const plan = list.find((each) => each.action === action);
      if (plan === undefined || row === null || row === undefined) return false;
      try {
        if (decidesTrue(plan, principal, row)) return true;
        if (crossesTenants(plan, principal, row)) raiseOutcome(principal, action, row, CROSS_TENANT);
      } catch (error) {
        raiseOutcome(principal, action, row, { permitted: false, cause: "fault", error });
      }
      return false;
    },

    decide(principal, action, row, changes) {
      let outcome = judge(principal, action, row);
      if (outcome.permitted && changes !== undefined)
        outcome = judge(principal, action, changed(row as PolicyRow, changes));
      if (outcome.permitted) return outcome;
      return { permitted: false, cause: outcome.cause, refusal: refusalOf(refused(principal, action, row), outcome) };
    },

    fault: (principal, action, row, error) =>
      raiseOutcome(principal, action, row, { permitted: false, cause: "fault", error }),
  };
}
