/** What isolation tells the log, and the errors that callers get in place of Postgres's. */
import { auditEvent } from "../core/event-entry.ts";
import type { AuditEvent, EventDetails, EventKey } from "../core/event.ts";
import type { Exchange } from "../core/exchange.ts";
import { isSafeMethod } from "../core/safe-method.ts";
import { currentRequest } from "../primitives/request-context.ts";
import { TenantIsolationError } from "./tenant-context.ts";
import { sqlState } from "../primitives/prepared-statements.ts";
import { PROOF_REFUSED } from "./tenant-proof.ts";

/** Where events go: `security.report`. */
export type Report = (event: AuditEvent, exchange?: Exchange) => void;

const READ_ONLY_TRANSACTION = "25006";
const INSUFFICIENT_PRIVILEGE = "42501";

/** Writes an event with the request it belongs to, if any. */
export function reportTenant(
  report: Report | undefined,
  key: Extract<EventKey, `tenant/${string}`>,
  details: EventDetails,
): void {
  report?.(auditEvent(key, { control: "tenant-isolation", ...details }), currentRequest());
}

/** An attempt to leave the tenant: one is enough to look at. */
export function reportCrossing(report: Report | undefined, tenantId: string, detail: string): void {
  reportTenant(report, "tenant/tenant_cross_access/refused", { tenant_id: tenantId, detail });
}

/**
 * The error for a query that failed inside a tenant: our own when the database refused to leave the tenant, the driver's otherwise. Both are
 * told to the log.
 */
export function explainFailure(report: Report | undefined, tenantId: string, error: unknown): unknown {
  const code = sqlState(error);
  if (code === PROOF_REFUSED) {
    reportCrossing(report, tenantId, "proof_refused");
    return new TenantIsolationError("The database does not accept the tenant of this transaction.", { cause: error });
  }
  if (code === INSUFFICIENT_PRIVILEGE && error instanceof Error && error.message.includes("row-level security")) {
    reportCrossing(report, tenantId, "row_refused");
  }
  if (code === READ_ONLY_TRANSACTION) {
    const request = currentRequest();
    const safe = request !== undefined && isSafeMethod(request.method);
    reportTenant(report, `tenant/${safe ? "safe_method_write" : "read_only_write"}/refused`, {
      control: safe ? "safe-methods" : "tenant-isolation",
      tenant_id: tenantId,
    });
  }
  return error;
}
