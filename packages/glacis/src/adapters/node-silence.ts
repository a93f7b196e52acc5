/** Ends what nobody moves any more: an answer that does not come, and one that is not read. */
import { deny, type Decision } from "../core/decision.ts";
import { send, type ServingSocket } from "./node-respond.ts";
import { stateOf } from "./node-state.ts";

/**
 * Called when a connection has been silent in both directions for as long as a response may take.
 *
 * A request whose handler has not begun to answer is answered in its place: its client would wait, and its place among the requests in flight
 * would be taken, for ever. A response that its client does not take is cut off, because a client that reads nothing makes the server keep what
 * it is owed (slow read, CWE-400). A response that has begun and has nothing to say is left alone: events are like that.
 *
 * @returns whether the silence is dealt with; otherwise it is one between two requests
 */
export function answerSilence(socket: ServingSocket): boolean {
  const response = socket._httpMessage;
  const state = response === undefined || response === null ? undefined : stateOf(response);
  if (state === undefined) return false;
  if (socket.writableLength > 0) {
    socket.destroy();
    return true;
  }
  const { security, exchange, request, answered } = state;
  if (state.response.headersSent || answered) return true;
  send(state, { ...security.refuse(exchange, request.complete ? LATE : STALLED), close: true });
  return true;
}

const LATE: Decision = deny(
  "overloaded",
  {
    event_type: "system",
    status: "failed",
    severity: "error",
    event: "sys_response_late",
    control: "request-limits",
    reason: "overloaded",
  },
  {
    headers: [["retry-after", "30"]],
    why: "The handler has not begun to answer within responseTimeoutMs.",
    fix: "Give what it waits for a time limit, begin a long answer early, or hand long work to a job and answer 202.",
  },
);

const STALLED: Decision = deny("request_timeout", {
  event_type: "input_validation",
  status: "refused",
  severity: "warning",
  event: "input_validation_fail",
  control: "request-limits",
  reason: "request_timeout",
  detail: "body_stalled",
});
