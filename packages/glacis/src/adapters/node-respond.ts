import { ServerResponse, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { Refusal } from "../core/error-reason.ts";
import type { Respond } from "../core/security.ts";
import type { HeaderLines } from "./head-draft.ts";
import { guardedWriteHead } from "./node-head.ts";
import type { RequestState } from "./node-state.ts";
import { writeStream } from "./node-stream.ts";

/** How long we listen to a client that we have answered and that still sends, before the connection is cut. */
const LINGER_MS = 1000;

/** A socket that Node serves. */
export interface ServingSocket extends Socket {
  /** Node's parser, and the request that it is reading. */
  readonly parser?: { readonly incoming?: IncomingMessage | null } | null;
  /** The response that Node is writing on this socket; its documentation of `clientError` relies on it. */
  readonly _httpMessage?: ServerResponse | null;
}

const closing = new WeakSet<Socket>();

/** From here on, whatever arrives on this connection is not a request. */
export function markClosing(socket: Socket): void {
  closing.add(socket);
}

/** Whether the last answer of this connection has been given or is due. */
export function isClosing(socket: Socket): boolean {
  return closing.has(socket);
}

/**
 * Sends a verdict of ours in place of whatever the application has prepared, and takes the response out of its hands. Once the
 * application's own head is out there is nothing honest left to send: the connection is cut, so that the client sees that it broke.
 */
export function send(state: RequestState, verdict: Respond): void {
  const { request, response } = state;
  if (state.answered) return;
  if (response.headersSent) {
    if (!response.writableEnded) response.destroy();
    return;
  }
  state.answered = true;
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  const lines: HeaderLines = verdict.headers.flat();
  const { status, body = "", stream } = verdict;
  if (stream !== undefined && request.method !== "HEAD") return startStream(state, status, lines, stream);
  // Nobody reads it, and one without end would keep the connection from its next request.
  void stream?.[Symbol.asyncIterator]().return?.();
  if (status !== 204 && status !== 304 && stream === undefined)
    lines.push("content-length", String(Buffer.byteLength(body)));
  if (verdict.close) {
    lines.push("connection", "close");
    closeAfterAnswer(request.socket);
  }
  const content = request.method === "HEAD" ? "" : body;
  try {
    response.writeHead(status, lines);
    response.end(content);
  } catch (error) {
    // A middleware has put its own there, such as one that adds a header at the end, and that is too late now.
    state.security.fail(state.exchange, error);
    if (!response.headersSent) guardedWriteHead.call(response, status, lines);
    nodeEnd.call(response, content);
  }
  takeAway(response);
}

const { end: nodeEnd } = ServerResponse.prototype as unknown as {
  readonly end: (this: ServerResponse, content: string) => void;
};

/**
 * Answers for something that was thrown. Where the request has been refused already, such as for its body, a refusal that comes of it is no
 * second outcome; and where the client has gone, what its reader or writer throws for that is no failure of the application.
 */
export function fail(state: RequestState, error: unknown): void {
  if (state.answered && error instanceof Refusal) return;
  if (comesOfDeparture(state, error)) return void state.response.destroy();
  send(state, state.security.fail(state.exchange, error));
}

/** What Node's streams say when their other end goes away: a body is cut short, an answer finds nobody. */
const DEPARTURES: ReadonlySet<unknown> = new Set([
  "ERR_STREAM_PREMATURE_CLOSE",
  "ERR_STREAM_UNABLE_TO_PIPE",
  "ABORT_ERR",
]);

/** Anybody can hang up at any time. If that were an error of the application, strangers could fill its log and ring its alarms. */
function comesOfDeparture({ request, response }: RequestState, error: unknown): boolean {
  const gone = request.socket.destroyed || response.destroyed;
  if (!gone || !(error instanceof Error)) return false;
  return error === request.errored || DEPARTURES.has((error as NodeJS.ErrnoException).code);
}

function startStream(
  { security, exchange, response }: RequestState,
  status: number,
  lines: HeaderLines,
  stream: AsyncIterable<string>,
): void {
  response.writeHead(status, lines);
  // The head says nothing more: a reader that waits for the first event knows that it is connected.
  response.flushHeaders();
  void writeStream(response, stream, (error) => void security.fail(exchange, error));
  takeAway(response);
}

/**
 * Closes a connection so that its last answer arrives: stop sending, keep reading for a moment, then cut. Cutting while the client still
 * sends makes the kernel reset the connection, and the reset overtakes the answer (RFC 9112 section 9.6).
 */
export function lingeringClose(socket: Socket): void {
  closing.add(socket);
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
  socket.once("end", () => socket.destroySoon());
  socket.end();
}

/** Node ends a connection with `destroySoon` once the last response is out; on this one it lingers. */
function closeAfterAnswer(socket: Socket): void {
  closing.add(socket);
  socket.destroySoon = function lingering() {
    delete (this as { destroySoon?: unknown }).destroySoon;
    lingeringClose(this);
  };
}

/** Lets the rest of a refused body flow away unseen; whoever is reading it learns that it broke when the connection closes. */
export function abandonBody(request: IncomingMessage): void {
  request.unpipe();
  request.removeAllListeners("data");
  request.resume();
  request.socket.once("close", () => request.destroy());
}

const callBack = (...values: readonly unknown[]): void => {
  const last = values.at(-1);
  if (typeof last === "function") queueMicrotask(last as () => void);
};

const DEAF = {
  writeHead(this: ServerResponse): ServerResponse {
    return this;
  },
  setHeader(this: ServerResponse): ServerResponse {
    return this;
  },
  appendHeader(this: ServerResponse): ServerResponse {
    return this;
  },
  setHeaders(this: ServerResponse): ServerResponse {
    return this;
  },
  removeHeader: (): void => {},
  addTrailers: (): void => {},
  flushHeaders: (): void => {},
  writeContinue: callBack,
  writeProcessing: callBack,
  writeEarlyHints: callBack,
  write(...values: readonly unknown[]): boolean {
    callBack(...values);
    return true;
  },
  end(this: ServerResponse, ...values: readonly unknown[]): ServerResponse {
    callBack(...values);
    return this;
  },
};

/** The application may still be running and may still write; nothing of it reaches the client, and nothing of it throws. */
function takeAway(response: ServerResponse): void {
  Object.assign(response, DEAF);
}
