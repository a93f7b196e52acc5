/** The way of a request through the guard, the same under every framework: attach, open, admit. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Outcome } from "../core/control.ts";
import type { Endpoint } from "../core/endpoint.ts";
import type { Sources } from "../core/facts.ts";
import type { SealedRoute, Security, Verdict } from "../core/security.ts";
import type { Wire, WireTls } from "../core/wire.ts";
import { runInRequest } from "../primitives/request-context.ts";
import { badBody, boundedPush, boundToRoute, readText } from "./node-body.ts";
import { keepAnswer } from "./node-keep.ts";
import { guardedWriteHead } from "./node-head.ts";
import { fail, send } from "./node-respond.ts";
import { keepState, stateOf, type RequestState } from "./node-state.ts";
import { refusesMethod } from "./seal-application.ts";

/** True: go on. False: answered, touch nothing. */
export type Passage = boolean | Promise<boolean>;

export function wireOf(request: IncomingMessage): Wire {
  const socket = request.socket as Socket & Partial<WireTls> & { readonly encrypted?: boolean };
  const encrypted = socket.encrypted === true;
  return {
    method: request.method ?? "",
    target: request.url ?? "",
    httpVersion: request.httpVersion,
    rawHeaders: request.rawHeaders,
    peerAddress: socket.remoteAddress ?? "",
    encrypted,
    // A spread in this literal would cost more than everything else here.
    tls: encrypted ? (socket as unknown as WireTls) : undefined,
    body: request,
  };
}

/** Puts the guard on a request and its response. Idempotent: the server and the framework may both try. */
export function attach(security: Security, request: IncomingMessage, response: ServerResponse): RequestState {
  const known = stateOf(request);
  if (known !== undefined) return known.response === response ? known : answerThrough(known, response);
  const exchange = security.begin(wireOf(request));
  if (exchange.dropped !== undefined) dropHeaders(request, exchange.dropped);
  const state: RequestState = {
    security,
    exchange,
    request,
    response,
    opened: false,
    answered: false,
    admitted: undefined,
    expectsContinue: false,
    receivedBytes: 0,
    maxBytes: undefined,
    watch: undefined,
    collecting: undefined,
    collected: undefined,
    bodyBytes: undefined,
    headLines: undefined,
  };
  keepState(state);
  request.push = boundedPush;
  response.writeHead = guardedWriteHead;
  response.on("close", responseClosed);
  return state;
}

/** Node keeps a request's headers twice, and makes the other forms from the raw ones on demand. */
function dropHeaders({ headers, rawHeaders }: IncomingMessage, names: readonly string[]): void {
  for (const name of names) delete headers[name];
  for (let index = rawHeaders.length - 2; index >= 0; index -= 2) {
    if (names.includes((rawHeaders[index] as string).toLowerCase())) rawHeaders.splice(index, 2);
  }
}

/**
 * A handshake has a response that is never sent, until a framework routes it with one of its own: from then on refusals go out through that.
 * Node has let go of the connection by then and would keep it open behind the answer.
 */
function answerThrough(state: RequestState, response: ServerResponse): RequestState {
  if (state.response.socket !== null) return state;
  const { socket } = response;
  state.response = response;
  keepState(state);
  response.writeHead = guardedWriteHead;
  response.on("finish", () => void (state.answered && socket?.end()));
  return state;
}

function responseClosed(this: ServerResponse): void {
  const state = stateOf(this);
  if (state !== undefined) reportOutcome(state, this.statusCode, !this.writableFinished);
}

/** Tells the controls that a request is over. */
export function reportOutcome({ security, exchange }: RequestState, status: number, aborted: boolean): void {
  security.done(exchange, new Ending(status, aborted, exchange.receivedAtMs, security.layers.interpretation.sources));
}

/** A class, because a getter in a literal is defined anew for each request, and asks the time only where somebody wants to know. */
class Ending implements Outcome {
  readonly status: number;
  readonly aborted: boolean;
  readonly #beganAtMs: number;
  readonly #sources: Sources;

  constructor(status: number, aborted: boolean, beganAtMs: number, sources: Sources) {
    this.status = status;
    this.aborted = aborted;
    this.#beganAtMs = beganAtMs;
    this.#sources = sources;
  }

  get durationMs(): number {
    return this.#sources.now() - this.#beganAtMs;
  }
}

/** Before routing: the network and transport layers, then the library's own endpoints. */
export function open(state: RequestState): Passage {
  const verdict = state.security.open(state.exchange);
  return verdict instanceof Promise ? verdict.then((settled) => opened(state, settled)) : opened(state, verdict);
}

function opened(state: RequestState, verdict: Verdict): boolean {
  if (!proceeds(state, verdict)) return false;
  const { security, exchange } = state;
  // OPTIONS * asks about the server as a whole (RFC 9110 section 9.3.7), which no route answers and some frameworks cannot parse.
  if (exchange.wire.target === "*") return proceeds(state, security.notFound(exchange, []));
  state.opened = true;
  const endpoint = security.endpoint(exchange);
  if (endpoint === undefined) return true;
  void answerEndpoint(state, endpoint);
  return false;
}

/**
 * The route is known: authentication, access rule, body.
 *
 * @param method by which the framework has routed
 */
export function admit(state: RequestState, route: SealedRoute, method: string | undefined): Passage {
  if (refusesMethod(state, method)) return false;
  const verdict = state.security.enter(state.exchange, route);
  return verdict instanceof Promise ? verdict.then((settled) => entered(state, settled)) : entered(state, verdict);
}

function entered(state: RequestState, verdict: Verdict): Passage {
  if (!proceeds(state, verdict)) return false;
  const { exchange, security, response } = state;
  const refusal = boundToRoute(state);
  if (refusal !== undefined) return proceeds(state, security.refuse(exchange, refusal));
  if (state.expectsContinue) {
    state.expectsContinue = false;
    response.writeContinue();
  }
  if (!exchange.awaitsBody) return true;
  return readText(state, (text) => received(state, text));
}

/** Hands the complete text to the composition. @param text undefined when there is none because the request has been answered */
function received(state: RequestState, text: string | undefined): Passage {
  if (text === undefined) return false;
  const { exchange, security } = state;
  const verdict = security.receive(exchange, exchange.mediaType, text);
  return verdict instanceof Promise ? verdict.then((settled) => proceeds(state, settled)) : proceeds(state, verdict);
}

/** Sends what a verdict says unless it says to go on. */
export function proceeds(state: RequestState, verdict: Verdict): boolean {
  if (verdict.kind === "proceed") {
    if (state.exchange.keeper !== undefined && !state.answered) keepAnswer(state, state.exchange.keeper);
    return !state.answered;
  }
  send(state, verdict);
  return false;
}

async function answerEndpoint(state: RequestState, endpoint: Endpoint): Promise<void> {
  const { security, exchange } = state;
  try {
    const route: SealedRoute = { method: endpoint.method, pattern: endpoint.path, rule: endpoint.rule };
    if (!(await admit(state, route, exchange.method))) return;
    const text = await endpointText(state, endpoint);
    if (text !== undefined)
      proceeds(state, await runInRequest(exchange, async () => security.answer(exchange, endpoint, text)));
  } catch (error) {
    fail(state, error);
  }
}

async function endpointText(state: RequestState, endpoint: Endpoint): Promise<string | undefined> {
  const { security, exchange } = state;
  if (endpoint.accepts.length === 0) return "";
  if (!endpoint.accepts.includes(exchange.mediaType)) {
    send(state, security.refuse(exchange, badBody("media_type_unsupported", "endpoint_media_type")));
    return undefined;
  }
  return exchange.bodyText ?? readText(state, (text) => text);
}
