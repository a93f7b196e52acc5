/** What a refused action becomes: a reason that tells a stranger nothing, and an event that tells the operator enough. */
import { hash } from "node:crypto";
import { deny, type Deny } from "../core/decision.ts";
import type { AuditEvent } from "../core/event.ts";
import { describeError } from "../core/pipeline.ts";
import type { Principal } from "../core/principal.ts";
import type { Reason } from "../core/reasons.ts";
import { currentRequest } from "../primitives/request-context.ts";
import type { Outcome } from "./plan.ts";

export type RefusedOutcome = Exclude<Outcome, { readonly permitted: true }>;

export interface RefusedAction {
  readonly resource: string;
  readonly action: string;
  readonly principal: Principal;
  /** The row's id as it stands; only its hash is written. */
  readonly rowId: unknown;
  /** The principal may not even know that the row exists. */
  readonly hidden: boolean;
}

export const CONTROL = "object-level-authorization";

/** A reason, an event, and for the developer why. */
export function refusalOf(refused: RefusedAction, outcome: RefusedOutcome): Deny {
  const { resource, action } = refused;
  const reason = reasonOf(refused, outcome);
  return deny(reason, eventOf(refused, outcome, reason), {
    why: `The policy of "${resource}" refuses the action "${action}": ${outcome.cause}.`,
    fix: "Allow it in a statement, or do not ask for it.",
  });
}

function reasonOf({ hidden, principal }: RefusedAction, { cause }: RefusedOutcome): Reason {
  if (cause === "fault") return "control_failed";
  if (hidden || cause === "cross_tenant" || cause === "no_row") return "not_found";
  return principal.kind === "anonymous" ? "unauthenticated" : "forbidden";
}

export function eventOf(refused: RefusedAction, outcome: RefusedOutcome, reason: Reason): AuditEvent {
  const { resource, action, rowId } = refused;
  const id =
    typeof rowId === "string" || typeof rowId === "number" || typeof rowId === "bigint" ? `${rowId}` : undefined;
  const about = {
    control: CONTROL,
    reason,
    detail: outcome.cause,
    resource_type: resource,
    action,
    ...(id !== undefined && { resource_id: hash("sha256", id, "base64url") }),
  } as const;
  switch (outcome.cause) {
    case "fault":
      return {
        event_type: "system",
        status: "failed",
        severity: "critical",
        event: "sys_control_failed",
        ...about,
        error: describeError(outcome.error),
      };
    case "cross_tenant":
      return { event_type: "tenant", status: "refused", severity: "critical", event: "tenant_cross_access", ...about };
    case "no_row":
      return { event_type: "data_access", status: "failed", severity: "info", event: "data_not_found", ...about };
    case "unknown_action":
    case "undecidable_principal":
    case "denied":
    case "not_allowed":
      return {
        event_type: "authorization_failure",
        status: "refused",
        severity: "warning",
        event: "authz_fail",
        ...about,
      };
  }
}

/** Where events go that no refusal carries: to whoever was named, to the request that is running, or to stderr, but never nowhere. */
export function raise(event: AuditEvent, report: ((event: AuditEvent) => void) | undefined): void {
  if (report !== undefined) return report(event);
  const request = currentRequest();
  if (request !== undefined) return request.note(event);
  process.stderr.write(`${JSON.stringify(event)}\n`);
}
