import type { IncomingMessage, ServerResponse } from "node:http";
import type { Exchange } from "../core/exchange.ts";
import type { Security } from "../core/security.ts";
import type { Decision } from "../core/decision.ts";
import type { RouteRule } from "../core/route.ts";

const STATE: unique symbol = Symbol("glacis.state");

/** What the adapter knows about one request besides the exchange. It hangs on Node's own objects, which every framework passes along. */
export interface RequestState {
  readonly security: Security;
  readonly exchange: Exchange;
  readonly request: GuardedRequest;
  response: GuardedResponse;
  /** The open stage has let the request pass. */
  opened: boolean;
  /** We have answered; whatever the application still writes goes nowhere. */
  answered: boolean;
  /** The rules that have admitted the request, where a framework can pass one over. */
  admitted: RouteRule[] | undefined;
  /** The client waits for `100 Continue` before it sends the body. */
  expectsContinue: boolean;
  receivedBytes: number;
  /** The largest body; undefined until a body byte arrives, so that requests without a body never ask. */
  maxBytes: number | undefined;
  /** Judges multipart chunks as they pass. */
  watch: ((chunk: Uint8Array) => Decision | undefined) | undefined;
  /** The body so far, while we read it. */
  collecting: Buffer[] | undefined;
  /** Takes the complete body, or undefined when it is refused. */
  collected: ((bytes: Buffer | undefined) => void) | undefined;
  /** The headers of the head that the application has written, for whoever keeps its answer. */
  headLines: readonly string[] | undefined;
  /** The body as it arrived, once we have read it. */
  bodyBytes: Buffer | undefined;
}

export interface GuardedRequest extends IncomingMessage {
  [STATE]?: RequestState;
}

export interface GuardedResponse extends ServerResponse {
  [STATE]?: RequestState;
}

export function stateOf(message: IncomingMessage | ServerResponse): RequestState | undefined {
  return (message as GuardedRequest)[STATE];
}

export function keepState(state: RequestState): void {
  state.request[STATE] = state;
  state.response[STATE] = state;
}

/**
 * The exchange of a request that the guard has seen.
 *
 * @throws Error when it has not: a handler that runs outside the guard must not find an anonymous principal and carry on.
 */
export function exchangeOf(message: IncomingMessage | undefined): Exchange {
  const state = message === undefined ? undefined : stateOf(message);
  if (state === undefined) {
    throw new Error(
      "This request did not pass Glacis. Call secureExpress, secureFastify or secureHono before anything else.",
    );
  }
  return state.exchange;
}
