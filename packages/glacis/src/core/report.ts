import type { AuditEvent, AuditRecord } from "./event.ts";
import type { Exchange } from "./exchange.ts";
import { controlFailed, describeError } from "./pipeline.ts";
import type { Layers } from "./security.ts";

/** Writes an event, with the request's context when it belongs to one. */
export type Report = (event: AuditEvent, exchange?: Exchange) => void;

/** Gives events their context and hands them to the sink. Neither a request nor a control suffers from a sink that fails. */
export function reporter({ audit, interpretation }: Layers): Report {
  return function report(event, exchange) {
    try {
      audit(withContext(event, exchange, interpretation.sources.now()));
    } catch (error) {
      // The sink is the last place to report to: stderr is what is left, and the request must not suffer.
      process.stderr.write(`glacis: the audit sink failed: ${describeError(error)}\n`);
    }
  };
}

/** Reports that a control, or a stage that has no control's name, has failed. */
export function reportFailure(report: Report, id: string, error: unknown, exchange: Exchange): void {
  for (const event of controlFailed(id, error).events) report(event, exchange);
}

function withContext(event: AuditEvent, exchange: Exchange | undefined, nowMs: number): AuditRecord {
  const time = new Date(nowMs).toISOString();
  return exchange === undefined ? { time, ...event } : { time, ...event, ...contextOf(exchange) };
}

/** What an event says of the request that it happened in. */
export function contextOf(exchange: Exchange): Partial<AuditRecord> {
  const { principal } = exchange;
  return {
    request_id: exchange.requestId,
    ip_address: exchange.client,
    method: exchange.method,
    ...(exchange.pattern !== "" && { route: exchange.pattern }),
    ...(principal.kind !== "anonymous" && { user_id: principal.id, tenant_id: principal.tenantId }),
    ...(principal.kind === "user" && principal.actor !== undefined && { actor_id: principal.actor.id }),
  };
}
