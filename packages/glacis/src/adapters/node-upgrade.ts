import { ServerResponse, type IncomingMessage } from "node:http";
import { deny, type Decision } from "../core/decision.ts";
import type { Exchange } from "../core/exchange.ts";
import type { Security } from "../core/security.ts";
import { rawHeaderValues } from "../core/wire.ts";
import { runInRequest } from "../primitives/request-context.ts";
import { attach, reportOutcome } from "./node-exchange.ts";
import { answerOnSocket } from "./node-raw.ts";
import { markClosing, type ServingSocket } from "./node-respond.ts";

type Forward = () => boolean;

/** 101 Switching Protocols: what a handshake becomes unless its listener says otherwise. */
const SWITCHED = 101;

/**
 * An upgrade leaves HTTP behind, so it is judged before it does: by the open stage, and by its origin. A browser sends cookies with a
 * WebSocket handshake from any page and asks no CORS question first; the Origin header is all there is (RFC 6455 section 10.2, CWE-1385).
 */
export function guardUpgrade(
  security: Security,
  request: IncomingMessage,
  socket: ServingSocket,
  forward: Forward,
): boolean {
  const pending = socket._httpMessage;
  if (pending !== undefined && pending !== null) {
    // Whatever this socket says next is the answer to the request in front: that is given, and nothing after it.
    markClosing(socket);
    pending.once("close", () => socket.destroySoon());
    return true;
  }
  // A framework that routes the handshake meets the same state as for any request; this response is never sent.
  const state = attach(security, request, new ServerResponse(request));
  const { exchange } = state;
  // Until somebody takes the socket over, nobody else listens for its failure.
  const ignoreFailure = (): void => {};
  socket.on("error", ignoreFailure);
  void Promise.resolve(security.open(exchange)).then((opened) => {
    const refusal =
      opened.kind === "proceed" ? (judgeFraming(exchange) ?? judgeOrigin(exchange, security.layers.origin)) : undefined;
    const verdict = refusal === undefined ? opened : security.refuse(exchange, refusal);
    // The response is never sent, so it never closes: whoever counts requests in flight learns the end from here. What follows is no request.
    reportOutcome(state, verdict.kind === "respond" ? verdict.status : SWITCHED, socket.destroyed);
    if (verdict.kind === "respond") return answerOnSocket(security, socket, exchange, verdict);
    state.opened = true;
    socket.off("error", ignoreFailure);
    // How long the other protocol may be silent is its own affair.
    socket.setTimeout(0);
    if (!socket.destroyed) runInRequest(exchange, forward);
  });
  return true;
}

/** A handshake after which a proxy and we would not speak of the same thing. */
function judgeFraming(exchange: Exchange): Decision | undefined {
  const detail = framingFault(exchange);
  if (detail === undefined) return undefined;
  return deny("framing_ambiguous", {
    event_type: "input_validation",
    status: "refused",
    severity: "warning",
    event: "http.framing_rejected",
    control: "http-request-smuggling",
    reason: "framing_ambiguous",
    detail,
  });
}

function framingFault(exchange: Exchange): string | undefined {
  // HTTP/1.0 has no Upgrade, so whoever reads it as what it says stays with HTTP (RFC 9110 section 7.8).
  if (exchange.wire.httpVersion === "1.0") return "upgrade_in_1.0";
  // Requests inside would pass every control in front; RFC 9113 section 3.1 has given this way into HTTP/2 up.
  if (rawHeaderValues(exchange.wire.rawHeaders, "upgrade").some((value) => HTTP2.test(value)))
    return "upgrade_to_http2";
  // Node takes what follows the head for the other protocol, a proxy takes it for a body: they would disagree where the next request begins.
  const bodiless =
    exchange.header("transfer-encoding") === undefined && Number(exchange.header("content-length") ?? "0") === 0;
  return bodiless ? undefined : "upgrade_with_body";
}

/** `h2c`, and `HTTP/2.0` of those who write it out. */
const HTTP2 = /(?:^|,)[\t ]*(?:h2c?|http\/2(?:\.0)?)[\t ]*(?:,|$)/iu;

/** No Origin means no browser, unless cookies say otherwise. */
function judgeOrigin(exchange: Exchange, ours: string): Decision | undefined {
  const origin = exchange.header("origin");
  if (origin === ours) return undefined;
  if (origin === undefined && exchange.header("cookie") === undefined) return undefined;
  return deny(
    "cors_refused",
    {
      event_type: "authorization_failure",
      status: "refused",
      severity: "warning",
      event: "authz_fail",
      control: "websocket-security",
      reason: "cors_refused",
      detail: origin === undefined ? "upgrade_without_origin" : "upgrade_foreign_origin",
    },
    { why: "The upgrade request does not come from this application's own origin." },
  );
}
