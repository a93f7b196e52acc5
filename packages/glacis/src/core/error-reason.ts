import { deny, type Decision } from "./decision.ts";
import { describeError } from "./pipeline.ts";
import type { Reason } from "./reasons.ts";

/** Statuses that a framework's own error may choose; every other throw is our 500. */
const REASON_OF_STATUS: ReadonlyMap<number, Reason> = new Map([
  [400, "body_malformed"],
  [401, "unauthenticated"],
  [403, "forbidden"],
  [404, "not_found"],
  [405, "method_not_allowed"],
  [408, "request_timeout"],
  [409, "conflict"],
  [411, "length_required"],
  [412, "precondition_failed"],
  [413, "body_too_large"],
  [414, "target_too_long"],
  [415, "media_type_unsupported"],
  [416, "range_unsatisfiable"],
  [422, "input_invalid"],
  [429, "rate_limited"],
  [431, "headers_too_large"],
  [503, "overloaded"],
]);

/** A refusal thrown from application code: `throw new Refusal(deny(...))` ends the request as if a control had refused it. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly decision: Extract<Decision, { kind: "deny" }>;

  constructor(decision: Extract<Decision, { kind: "deny" }>) {
    super(`Refused: ${decision.reason}`);
    this.decision = decision;
  }
}

/**
 * What a thrown value becomes: a refusal's own decision, the client error that a framework meant, or an opaque 500. The message of an error
 * goes to the log and never to the client.
 */
export function reasonOfError(error: unknown): Decision {
  if (error instanceof Refusal) return error.decision;
  const reason = REASON_OF_STATUS.get(statusOf(error)) ?? "internal_error";
  const ours = reason === "internal_error";
  // What `eval` and `new Function` throw where the process forbids them: somebody tried to run a text.
  const code = ours && error instanceof EvalError;
  return deny(
    reason,
    {
      event_type: "system",
      status: "failed",
      severity: code ? "critical" : ours ? "error" : "info",
      event: code ? "sys_code_generation_blocked" : ours ? "sys_error" : "http_client_error",
      reason,
      error: describeError(error),
    },
    { why: describeError(error) },
  );
}

function statusOf(error: unknown): number {
  if (typeof error !== "object" || error === null) return 500;
  const { status, statusCode } = error as { readonly status?: unknown; readonly statusCode?: unknown };
  if (typeof status === "number") return status;
  return typeof statusCode === "number" ? statusCode : 500;
}
