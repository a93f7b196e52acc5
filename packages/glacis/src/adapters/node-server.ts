/** Guards a Node HTTP server: its limits, and every event by which a request can reach the application. */
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { deny, type Decision } from "../core/decision.ts";
import type { Reason } from "../core/reasons.ts";
import type { Security } from "../core/security.ts";
import type { Wire } from "../core/wire.ts";
import { LEFT_EARLY, reasonOfClientError } from "../primitives/client-error.ts";
import { runInRequest } from "../primitives/request-context.ts";
import { attach, open, proceeds } from "./node-exchange.ts";
import { answerOnSocket } from "./node-raw.ts";
import { isClosing, lingeringClose, markClosing, type ServingSocket } from "./node-respond.ts";
import { answerSilence } from "./node-silence.ts";
import { stateOf } from "./node-state.ts";
import { guardUpgrade } from "./node-upgrade.ts";

const guarded = new WeakSet<Server>();

/**
 * Options for `http.createServer` and `https.createServer`.
 *
 * @example
 * https.createServer({ ...serverOptions(security), key, cert }, app);
 */
export function serverOptions(security: Security): ServerOptions {
  const { server } = security.layers;
  return {
    maxHeaderSize: server.maxHeaderBytes,
    headersTimeout: server.headersTimeoutMs,
    requestTimeout: server.requestTimeoutMs,
    keepAliveTimeout: server.keepAliveTimeoutMs,
    connectionsCheckingInterval: server.connectionsCheckingIntervalMs,
    insecureHTTPParser: false,
    // Node's own answer to a missing Host is bare; the request shape refuses it with the full header set.
    requireHostHeader: false,
  };
}

/**
 * Puts the guard in front of a server, so that it sees every request before the framework does, and answers what never becomes one:
 * parser errors, late clients, unknown expectations, cross-origin upgrades. Idempotent. Call it before `listen`.
 *
 * The framework's listeners stay where they are: events are intercepted on their way, so a listener that is added later is guarded as well.
 *
 * @example
 * guardServer(https.createServer({ ...serverOptions(security), key, cert }, app), security).listen(443);
 */
export function guardServer<S extends Server>(server: S, security: Security): S {
  if (guarded.has(server)) return server;
  guarded.add(server);
  // Node keeps these options as properties of the server and reads them per connection.
  Object.assign(server, serverOptions(security));
  server.maxHeadersCount = security.layers.server.maxHeaderCount;
  server.maxRequestsPerSocket = security.layers.server.maxRequestsPerSocket;
  // Zero is Node's word for never. What the application itself has set shorter stays.
  server.timeout = Math.min(server.timeout || Number.POSITIVE_INFINITY, security.layers.server.responseTimeoutMs);
  // Without a listener Node answers these by itself, or hangs up, before anybody has looked at the request.
  server.on("checkContinue", noListener);
  server.on("checkExpectation", noListener);
  server.on("connect", noListener);
  const emit = server.emit.bind(server) as Emit;
  const guardedEmit: Emit = (event, ...values) => {
    const [first, second] = values;
    switch (event) {
      case "request":
        return guardRequest(security, emit, first as IncomingMessage, second as ServerResponse);
      case "checkContinue":
        return guardContinue(security, server, emit, first as IncomingMessage, second as ServerResponse);
      case "checkExpectation":
        return refuseExpectation(security, first as IncomingMessage, second as ServerResponse);
      case "upgrade":
        return guardUpgrade(security, first as IncomingMessage, second as Socket, () => emit(event, ...values));
      case "connect":
        return guardUpgrade(security, first as IncomingMessage, second as Socket, () => {
          if (server.listenerCount("connect") === 1) (second as Socket).destroy();
          return emit(event, ...values);
        });
      case "dropRequest":
        dressDropped(security, first as IncomingMessage, second as Socket);
        return emit(event, ...values);
      case "timeout":
        return answerSilence(first as ServingSocket) || emit(event, ...values);
      case "clientError":
        return answerClientError(security, first as ClientError, second as Socket);
      default:
        return emit(event, ...values);
    }
  };
  server.emit = guardedEmit as typeof server.emit;
  return server;
}

type Emit = (event: string, ...values: readonly unknown[]) => boolean;

function noListener(): void {}

function guardRequest(security: Security, emit: Emit, request: IncomingMessage, response: ServerResponse): boolean {
  if (isClosing(request.socket)) return ignore(request);
  const state = attach(security, request, response);
  const passage = open(state);
  if (passage instanceof Promise) {
    void passage.then((opened) => opened && runInRequest(state.exchange, emit, "request", request, response));
  } else if (passage) runInRequest(state.exchange, emit, "request", request, response);
  return true;
}

/** `100 Continue` waits until the access rule has admitted the request: a refused client need not send its body. */
function guardContinue(
  security: Security,
  server: Server,
  emit: Emit,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (isClosing(request.socket)) return ignore(request);
  if (server.listenerCount("checkContinue") > 1) {
    const forward: Emit = () => emit("checkContinue", request, response);
    return guardRequest(security, forward, request, response);
  }
  attach(security, request, response).expectsContinue = true;
  return guardRequest(security, emit, request, response);
}

function refuseExpectation(security: Security, request: IncomingMessage, response: ServerResponse): boolean {
  if (isClosing(request.socket)) return ignore(request);
  const state = attach(security, request, response);
  proceeds(state, security.refuse(state.exchange, malformed("expectation_failed", "expect")));
  return true;
}

/** What follows a closing answer on the same connection is not trusted to be a request. */
function ignore(request: IncomingMessage): boolean {
  request.resume();
  return true;
}

type ClientError = Error & { readonly code?: string };

function answerClientError(security: Security, error: ClientError, socket: ServingSocket): boolean {
  // While a connection closes, its client may say what it likes: each piece of it is a fault of its own, and cutting the connection for one
  // would let the reset overtake the answer.
  if (isClosing(socket)) return true;
  if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
  if (socket.destroyed) return true;
  const exchange = security.begin(unreadWire(socket));
  const reason = reasonOfClientError(error);
  const decision =
    error.code === LEFT_EARLY ? incomplete(reason) : malformed(reason, error.code?.toLowerCase() ?? "unknown");
  const verdict = security.refuse(exchange, decision);
  const pending = socket._httpMessage;
  if (pending?.req.complete === true && !pending.writableFinished) {
    // The fault is in what follows a request that is still being answered: that answer is due, ours would be taken for it.
    markClosing(socket);
    pending.once("close", () => socket.destroy());
  } else if (pending?.headersSent === true) socket.destroy();
  else if (hasItsAnswer(socket.parser?.incoming)) lingeringClose(socket);
  else answerOnSocket(security, socket, exchange, verdict);
  return true;
}

/** A fault in the rest of a request that was answered before all of it was there: a second answer would be taken for the next one's. */
function hasItsAnswer(request: IncomingMessage | null | undefined): boolean {
  return request !== null && request !== undefined && stateOf(request)?.response.headersSent === true;
}

/** What is known of a request that could not be read. */
function unreadWire(socket: Socket): Wire {
  return {
    method: "",
    target: "",
    httpVersion: "1.1",
    rawHeaders: [],
    peerAddress: socket.remoteAddress ?? "",
    encrypted: (socket as Socket & { readonly encrypted?: boolean }).encrypted === true,
  };
}

/** Node answers one request too many on a connection with a bare 503; this gives it the header set. */
function dressDropped(security: Security, request: IncomingMessage, socket: ServingSocket): void {
  const response = socket._httpMessage;
  if (response?.req === request) attach(security, request, response);
}

/** What Node's parser refused is the same outcome as what the shape of a request is refused for. */
const EVENTS: {
  readonly [Name in Reason]?: "http.framing_rejected" | "http.method_rejected" | "http.request_rejected";
} = {
  framing_ambiguous: "http.framing_rejected",
  method_unknown: "http.method_rejected",
  request_malformed: "http.request_rejected",
};

function malformed(reason: Reason, detail: string): Decision {
  return deny(reason, {
    event_type: "input_validation",
    status: "refused",
    severity: "warning",
    event: EVENTS[reason] ?? "input_validation_fail",
    control: "http-request-smuggling",
    reason,
    detail,
  });
}

/** No attack, and nothing that anybody should be woken for. */
function incomplete(reason: Reason): Decision {
  return deny(reason, {
    event_type: "input_validation",
    status: "refused",
    severity: "info",
    event: "http.request_incomplete",
    control: "http-request-smuggling",
    reason,
  });
}
