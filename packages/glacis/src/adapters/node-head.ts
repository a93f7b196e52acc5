/**
 * The head of every response passes through here: Node calls `writeHead` for explicit and for implicit headers alike, so one shared function
 * in its place sees 404s, 304s, errors, redirects, streams and raw writes.
 */
import { ServerResponse, type OutgoingHttpHeader, type OutgoingHttpHeaders } from "node:http";
import { deny } from "../core/decision.ts";
import type { ResponseDraft } from "../core/response.ts";
import { stateOf, type GuardedResponse, type RequestState } from "./node-state.ts";

/** Name, value, name, value ...; names in lower case. The form that Node writes fastest. */
export type HeaderLines = string[];

type HeaderArgument = OutgoingHttpHeaders | readonly OutgoingHttpHeader[] | readonly (readonly OutgoingHttpHeader[])[];

type NodeWriteHead = (
  this: ServerResponse,
  status: number,
  reason: string | undefined,
  headers?: readonly string[],
) => GuardedResponse;

const { writeHead: nodeWriteHead } = ServerResponse.prototype as unknown as { readonly writeHead: NodeWriteHead };

/** Takes the place of `writeHead` on every guarded response. */
export function guardedWriteHead(
  this: GuardedResponse,
  status: number,
  reason?: string | HeaderArgument,
  headers?: HeaderArgument,
): GuardedResponse {
  const message = typeof reason === "string" ? reason : undefined;
  const given = typeof reason === "string" ? headers : (headers ?? reason);
  const state = stateOf(this);
  // A second head is the application's mistake; Node has the words for it.
  if (state === undefined || this.headersSent) return nodeWriteHead.call(this, status, message);
  const { exchange, security } = state;
  if (!exchange.decided && status < 400) return refuseUndecided(this, state);
  const lines: HeaderLines = [];
  appendLines(lines, given);
  if (this.getHeaderNames().length === 0) {
    if (!security.head(exchange, flatDraft(status, lines))) return writeNothing(this);
    return nodeWriteHead.call(this, status, message, lines);
  }
  // Headers that were set one by one stay where Node keeps them; Node merges nothing once `writeHead` gets a list.
  replaceStored(this, lines);
  if (!security.head(exchange, storedDraft(status, this))) return writeNothing(this);
  return nodeWriteHead.call(this, status, message);
}

/** The application answered a request that no access rule has allowed. Its content stays inside; the developer reads why in the log. */
function refuseUndecided(response: GuardedResponse, state: RequestState): GuardedResponse {
  const { exchange, security } = state;
  const denial = deny(
    "access_undecided",
    {
      event_type: "authorization_failure",
      status: "failed",
      severity: "critical",
      event: "authz_undecided",
      control: "access-rule",
      reason: "access_undecided",
    },
    {
      why: "The application answered before an access rule had allowed the request.",
      fix: "Put access(...) in front of whatever answers here: a static folder, a mounted handler, an early response.",
    },
  );
  const { status } = security.refuse(exchange, denial);
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  const lines: HeaderLines = ["content-length", "0"];
  if (!security.head(exchange, flatDraft(status, lines))) return writeNothing(response);
  withholdBody(response);
  return nodeWriteHead.call(response, status, undefined, lines);
}

/** A control failed while it wrote the head, and is already in the log: no header of the application goes out, and no content. */
function writeNothing(response: GuardedResponse): GuardedResponse {
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  withholdBody(response);
  return nodeWriteHead.call(response, 500, undefined, ["content-length", "0", "connection", "close"]);
}

/** From now on Node drops every body byte, as it does for 304, also those of the `end(chunk)` that is on the stack right now. */
function withholdBody(response: ServerResponse): void {
  (response as ServerResponse & { _hasBody: boolean })._hasBody = false;
}

/** Node takes headers as an object, as a flat list or as a list of pairs, and values alone or in a list. */
function appendLines(lines: HeaderLines, given: HeaderArgument | undefined): void {
  if (given === undefined || given === null) return;
  if (!Array.isArray(given)) {
    const record = given as OutgoingHttpHeaders;
    for (const name of Object.keys(record)) appendLine(lines, name, record[name]);
  } else if (Array.isArray(given[0])) {
    for (const [name, value] of given as readonly (readonly OutgoingHttpHeader[])[]) appendLine(lines, name, value);
  } else {
    const list = given as readonly OutgoingHttpHeader[];
    for (let index = 0; index < list.length; index += 2) appendLine(lines, list[index], list[index + 1]);
  }
}

function appendLine(lines: HeaderLines, name: unknown, value: OutgoingHttpHeader | undefined): void {
  const lower = String(name).toLowerCase();
  if (Array.isArray(value)) for (const single of value) lines.push(lower, single);
  else lines.push(lower, typeof value === "number" ? String(value) : (value as string));
}

/** What `writeHead` gets replaces what `setHeader` set. */
function replaceStored(response: ServerResponse, lines: HeaderLines): void {
  for (let index = 0; index < lines.length; index += 2) response.removeHeader(lines[index] as string);
  for (let index = 0; index < lines.length; index += 2)
    response.appendHeader(lines[index] as string, lines[index + 1] as string);
}

/** A draft over header lines that Node has not seen yet. */
export function flatDraft(status: number, lines: HeaderLines): ResponseDraft {
  const remove = (name: string, start = 0): void => {
    for (let index = lines.length - 2; index >= start; index -= 2) if (lines[index] === name) lines.splice(index, 2);
  };
  const values = (name: string): string[] => lines.filter((_, index) => index % 2 === 1 && lines[index - 1] === name);
  return {
    status,
    mediaType: mediaTypeOf(valueIn(lines, "content-type")),
    get setCookies() {
      return values("set-cookie");
    },
    get: (name) => (valueIn(lines, name) === undefined ? undefined : values(name).join(", ")),
    set(name, value) {
      let index = 0;
      while (index < lines.length && lines[index] !== name) index += 2;
      if (index < lines.length) remove(name, index + 2);
      lines[index] = name;
      lines[index + 1] = value;
    },
    remove: (name) => remove(name),
    setCookieLines(cookies) {
      remove("set-cookie");
      for (const cookie of cookies) lines.push("set-cookie", cookie);
    },
  };
}

/** A draft over headers that are stored in the response already. */
function storedDraft(status: number, response: ServerResponse): ResponseDraft {
  return {
    status,
    mediaType: mediaTypeOf(joined(response.getHeader("content-type"))),
    get setCookies() {
      const value = response.getHeader("set-cookie");
      if (value === undefined) return [];
      return Array.isArray(value) ? value : [String(value)];
    },
    get: (name) => joined(response.getHeader(name)),
    set: (name, value) => void response.setHeader(name, value),
    remove: (name) => response.removeHeader(name),
    setCookieLines(cookies) {
      if (cookies.length === 0) response.removeHeader("set-cookie");
      else response.setHeader("set-cookie", cookies);
    },
  };
}

function valueIn(lines: HeaderLines, name: string): string | undefined {
  for (let index = 0; index < lines.length; index += 2) if (lines[index] === name) return lines[index + 1];
  return undefined;
}

function joined(value: OutgoingHttpHeader | undefined): string | undefined {
  return value === undefined ? undefined : Array.isArray(value) ? value.join(", ") : String(value);
}

function mediaTypeOf(contentType: string | undefined): string {
  if (contentType === undefined) return "";
  const end = contentType.indexOf(";");
  return (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}
