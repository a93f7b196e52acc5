import { isUtf8 } from "node:buffer";
import { IncomingMessage } from "node:http";
import { deny, type Decision, type Deny } from "../core/decision.ts";
import { controlFailed } from "../core/pipeline.ts";
import type { AuditEvent } from "../core/event.ts";
import type { Reason } from "../core/reasons.ts";
import { rawHeaderValues } from "../core/wire.ts";
import { abandonBody, send } from "./node-respond.ts";
import { stateOf, type GuardedRequest, type RequestState } from "./node-state.ts";

/** Node reads this much ahead while nobody has asked for the body, so before a route is known less would refuse what no one has judged. */
const READ_AHEAD_BYTES = 128 * 1024;

type Push = (this: IncomingMessage, chunk: unknown, encoding?: BufferEncoding) => boolean;

const { push: nodePush } = IncomingMessage.prototype as unknown as { readonly push: Push };

/**
 * Takes the place of `push`, by which Node's parser hands over body bytes: every reader is bounded, whether it is ours, the framework's or a
 * pipe into a file, and nobody's stream is consumed for it.
 */
export function boundedPush(this: GuardedRequest, chunk: unknown, encoding?: BufferEncoding): boolean {
  const state = stateOf(this);
  if (state === undefined) return nodePush.call(this, chunk, encoding);
  if (!(chunk instanceof Uint8Array)) return endBody(state, chunk);
  const before = state.receivedBytes;
  state.receivedBytes = before + chunk.length;
  if (before > maxBytes(state)) return true;
  if (state.receivedBytes > maxBytes(state)) return refuseBody(state, tooLarge(maxBytes(state)));
  const refusal = watch(state, chunk);
  if (refusal !== undefined) return refuseBody(state, refusal);
  if (state.collecting === undefined) return nodePush.call(this, chunk, encoding);
  state.collecting.push(chunk as Buffer);
  return true;
}

/** The last push is `null`. What we have collected goes into the stream now, so that whoever reads it later finds the body untouched. */
function endBody(state: RequestState, end: unknown): boolean {
  const { collecting, request } = state;
  if (collecting === undefined) return nodePush.call(request, end);
  const bytes = collecting.length === 1 ? (collecting[0] as Buffer) : Buffer.concat(collecting);
  if (bytes.length > 0) nodePush.call(request, bytes);
  nodePush.call(request, end);
  finish(state, bytes);
  return true;
}

/** Called when the route becomes known: its own bounds hold from here on. @returns a refusal when the body is known to exceed them */
export function boundToRoute(state: RequestState): Decision | undefined {
  const { exchange } = state;
  state.maxBytes = undefined;
  if (exchange.method === "GET" || exchange.method === "HEAD") return undefined;
  const announced = Number(exchange.header("content-length") ?? "0");
  if (announced === 0 && state.receivedBytes === 0) return undefined;
  const limit = maxBytes(state);
  return announced > limit || state.receivedBytes > limit ? tooLarge(limit) : undefined;
}

function maxBytes(state: RequestState): number {
  return (state.maxBytes ??= askMaxBytes(state));
}

function askMaxBytes({ security, exchange }: RequestState): number {
  try {
    const limit = security.layers.body.maxBytes(exchange);
    return exchange.entered ? limit : Math.max(limit, READ_AHEAD_BYTES);
  } catch (error) {
    for (const event of controlFailed("request-limits", error).events) security.report(event, exchange);
    return 0;
  }
}

/** A fault here would surface inside Node's parser, where nobody catches: it refuses instead. */
function watch(state: RequestState, chunk: Uint8Array): Decision | undefined {
  const { exchange, security } = state;
  if (!exchange.mediaType.startsWith("multipart/")) return undefined;
  try {
    state.watch ??= security.layers.body.watchMultipart(exchange.header("content-type") ?? "");
    return state.watch(chunk);
  } catch (error) {
    return controlFailed("request-limits", error);
  }
}

/** Answers while the body is still arriving and lets the rest of it go by. @returns true, so that the parser keeps reading */
function refuseBody(state: RequestState, refusal: Decision): boolean {
  state.maxBytes = -1;
  // What still arrives of a request that was refused before is no second outcome.
  if (!state.answered) send(state, { ...state.security.refuse(state.exchange, refusal), close: true });
  abandonBody(state.request);
  finish(state, undefined);
  return true;
}

/**
 * Reads the whole body as strict UTF-8 and hands it on. The bound is kept by `boundedPush`.
 *
 * @param use gets undefined when the body was refused, which is answered already, or when the client left
 */
export function readText<Result>(
  state: RequestState,
  use: (text: string | undefined) => Result | Promise<Result>,
): Result | Promise<Result> {
  const { request, exchange } = state;
  if (rawHeaderValues(exchange.wire.rawHeaders, "content-encoding").some(isEncoded)) {
    return use(refused(state, "media_type_unsupported", "content_encoding"));
  }
  if (exchange.header("transfer-encoding") === undefined && Number(exchange.header("content-length") ?? "0") === 0)
    return use("");
  if (request.readableDidRead) return use(readElsewhere(state));
  return new Promise((resolve, reject) => {
    collect(state, (bytes) => {
      // This runs inside Node's parser, where nobody would catch.
      try {
        resolve(use(decode(state, bytes)));
      } catch (error) {
        reject(error);
      }
    });
  });
}

function isEncoded(coding: string): boolean {
  return coding.toLowerCase() !== "identity";
}

function decode(state: RequestState, bytes: Buffer | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  state.bodyBytes = bytes;
  return isUtf8(bytes) ? bytes.toString("utf8") : refused(state, "body_malformed", "utf8");
}

/** A parser in front of the access rule has read the body: what it made of it is judged in the place of the text. */
function readElsewhere(state: RequestState): string | undefined {
  const { body } = state.request as { readonly body?: unknown };
  if (typeof body === "object" && body !== null && state.request.readableEnded) {
    return state.exchange.mediaType.endsWith("json")
      ? JSON.stringify(body)
      : String(new URLSearchParams(textFields(body)));
  }
  const denial = badBody("control_failed", "body_read_before_access");
  send(state, state.security.refuse(state.exchange, denial));
  return undefined;
}

function textFields(body: object): [string, string][] {
  return Object.entries(body).flatMap(([name, value]) =>
    [value].flat().flatMap((single): [string, string][] => (typeof single === "string" ? [[name, single]] : [])),
  );
}

/** Takes the bytes before the stream gets them, which spares them the way through it. */
function collect(state: RequestState, collected: (bytes: Buffer | undefined) => void): void {
  const { request } = state;
  // While something asynchronous decided, the stream has buffered the beginning, and perhaps everything.
  const buffered = request.readableLength > 0 ? [request.read() as Buffer] : [];
  if (request.complete) {
    for (const bytes of buffered) request.unshift(bytes);
    collected(buffered[0] ?? Buffer.alloc(0));
    return;
  }
  state.collecting = buffered;
  state.collected = collected;
  request.on("close", clientLeft);
}

function clientLeft(this: IncomingMessage): void {
  const state = stateOf(this);
  if (state !== undefined) finish(state, undefined);
}

/** Hands the body over once, whichever comes first: its end, its refusal, or the end of the connection. */
function finish(state: RequestState, bytes: Buffer | undefined): void {
  const { collected } = state;
  state.collected = undefined;
  state.collecting = undefined;
  collected?.(bytes);
}

function refused(state: RequestState, reason: Reason, detail: string): undefined {
  send(state, state.security.refuse(state.exchange, badBody(reason, detail)));
  return undefined;
}

function tooLarge(limit: number): Decision {
  return badBody("body_too_large", "body_bytes", limit);
}

export function badBody(reason: Reason, detail: string, limit?: number): Deny {
  const event: AuditEvent = {
    event_type: "input_validation",
    status: "refused",
    severity: "info",
    event: "input_validation_fail",
    control: "request-limits",
    reason,
    detail,
  };
  return limit === undefined
    ? deny(reason, event)
    : deny(reason, { ...event, limit }, { members: { limit_name: detail, limit } });
}
