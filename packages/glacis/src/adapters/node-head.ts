/**
 * The head of every response passes through here: Node calls `writeHead` for explicit and for implicit headers alike, so one shared function
 * in its place sees 404s, 304s, errors, redirects, streams and raw writes.
 */
import { ServerResponse, type OutgoingHttpHeader, type OutgoingHttpHeaders } from "node:http";
import { deny } from "../core/decision.ts";
import { HeadDraft, type HeaderLines } from "./head-draft.ts";
import { canInsert, nodeWriteHead, writeHeadWith } from "./node-constant-headers.ts";
import { stateOf, type GuardedResponse, type RequestState } from "./node-state.ts";

type HeaderArgument = OutgoingHttpHeaders | readonly OutgoingHttpHeader[] | readonly (readonly OutgoingHttpHeader[])[];

interface Methods {
  readonly setHeader: (this: ServerResponse, name: string, value: string | readonly string[]) => ServerResponse;
  readonly getHeader: (this: ServerResponse, name: string) => OutgoingHttpHeader | undefined;
  readonly removeHeader: (this: ServerResponse, name: string) => void;
}

/** Taken from the prototype once, as `nodeWriteHead` is. */
const { setHeader, getHeader, removeHeader } = ServerResponse.prototype as unknown as Methods;

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
  const stored = this.getHeaderNames();
  const lines: HeaderLines = [];
  appendLines(lines, given);
  const before = stored.length === 0 ? lines : storedLines(this, stored);
  if (stored.length > 0) prependStored(lines, before);
  const draft = new HeadDraft(status, lines);
  if (!security.head(exchange, draft)) return writeNothing(this);
  if (stored.length === 0 && exchange.keeper === undefined && canInsert()) {
    writeHeadWith(this, status, message, lines, draft.constants);
    return this;
  }
  draft.spellOut();
  if (exchange.keeper !== undefined) state.headLines = [...lines];
  if (stored.length === 0) return nodeWriteHead.call(this, status, message, lines);
  // Headers that were set one by one stay where the application can read them back; Node ignores a list as soon as there are any.
  storeLines(lines, this, before);
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
  const draft = new HeadDraft(status, lines);
  if (!security.head(exchange, draft)) return writeNothing(response);
  draft.spellOut();
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

/** What `setHeader` has set. */
function storedLines(response: ServerResponse, names: readonly string[]): HeaderLines {
  const lines: HeaderLines = [];
  for (const name of names) appendLine(lines, name, getHeader.call(response, name));
  return lines;
}

/** What is stored comes first, unless `writeHead` got the same name: that replaces it. */
function prependStored(lines: HeaderLines, stored: HeaderLines): void {
  const given = lines.splice(0);
  for (let index = 0; index < stored.length; index += 2) {
    const name = stored[index] as string;
    if (!holds(given, name)) lines.push(name, stored[index + 1] as string);
  }
  for (const line of given) lines.push(line);
}

function holds(lines: HeaderLines, name: string): boolean {
  for (let index = 0; index < lines.length; index += 2) if (lines[index] === name) return true;
  return false;
}

/** Writes back what is new or changed. */
function storeLines(lines: HeaderLines, response: ServerResponse, before: HeaderLines): void {
  for (let index = 0; index < before.length; index += 2) {
    const name = before[index] as string;
    if (!holds(lines, name)) removeHeader.call(response, name);
  }
  const repeated = new Map<string, string[]>();
  for (let index = 0; index < lines.length; index += 2) {
    const name = lines[index] as string;
    const value = lines[index + 1] as string;
    const values = repeated.get(name);
    if (values !== undefined) values.push(value);
    else if (isRepeated(lines, index)) repeated.set(name, [value]);
    else if (soleValue(before, name) !== value) setHeader.call(response, name, value);
  }
  for (const [name, values] of repeated) setHeader.call(response, name, values);
}

/** The value of a name that stands there once. */
function soleValue(lines: HeaderLines, name: string): string | undefined {
  for (let index = 0; index < lines.length; index += 2)
    if (lines[index] === name) return isRepeated(lines, index) ? undefined : lines[index + 1];
  return undefined;
}

function isRepeated(lines: HeaderLines, at: number): boolean {
  for (let index = at + 2; index < lines.length; index += 2) if (lines[index] === lines[at]) return true;
  return false;
}
