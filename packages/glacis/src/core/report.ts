import { eventFault } from "./event-entry.ts";
import type { AuditEvent, AuditRecord, EventContext, EventDetails } from "./event.ts";
import type { Exchange } from "./exchange.ts";
import type { IdentifiedFacts } from "./facts.ts";
import { controlFailed, describeError } from "./pipeline.ts";
import type { Layers } from "./security.ts";

/** Writes an event, with the request's context when it belongs to one. */
export type Report = (event: AuditEvent, exchange?: Exchange) => void;

/** Gives events their context and hands them to the sink. Neither a request nor a control suffers from a sink that fails. */
export function reporter({ audit, interpretation }: Layers): Report {
  return function report(event, exchange) {
    try {
      audit(recordOf(event, exchange, interpretation.sources.now()));
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

/**
 * An event with what is known about the request that it happened in. An event that does not stand in the catalogue as it is says so and is written
 * all the same: better a strange line than none.
 *
 * @param nowMs milliseconds since the epoch
 */
export function recordOf(event: AuditEvent, exchange: Exchange | undefined, nowMs: number): AuditRecord {
  const time = new Date(nowMs).toISOString();
  const invalid = eventFault(event);
  const flagged = invalid === undefined ? event : { ...event, invalid };
  return exchange === undefined ? { time, ...flagged } : { time, ...flagged, ...contextOf(exchange, event) };
}

/** What an event says of the request that it happened in. */
export function contextOf(exchange: IdentifiedFacts, event: EventDetails): EventDetails & Partial<EventContext> {
  const trace = traceIn(exchange.header("traceparent"));
  return {
    ...whoseRequest(event, exchange),
    request_id: exchange.requestId,
    ...(trace !== undefined && { trace_id: trace }),
    ip_address: exchange.client,
    method: exchange.method,
    ...(exchange.pattern !== "" && { route: exchange.pattern }),
  };
}

/** An event may be about somebody else than whoever asks, such as an account that an administrator closes: then the one who asks is the actor. */
function whoseRequest({ user_id, tenant_id, actor_id }: EventDetails, { principal }: IdentifiedFacts): EventDetails {
  if (principal.kind === "anonymous") return {};
  const asking = principal.kind === "user" ? (principal.actor?.id ?? principal.id) : principal.id;
  const subject = user_id ?? principal.id;
  const actor = actor_id ?? (asking === subject ? undefined : asking);
  return {
    user_id: subject,
    tenant_id: tenant_id ?? principal.tenantId,
    ...(actor !== undefined && { actor_id: actor }),
  };
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:$|-)/u;
const LONGEST_TRACEPARENT = 256;

/** W3C Trace Context section 3.2: a header that does not parse is none. A client may write what it likes, so this joins logs and proves nothing. */
function traceIn(header: string | undefined): string | undefined {
  if (header === undefined || header.length > LONGEST_TRACEPARENT) return undefined;
  return TRACEPARENT.exec(header)?.[1];
}
