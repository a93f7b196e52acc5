import type { AuditRecord, Reason } from "glacis";
import type { Listening, RawResponse, Step } from "./raw-client.ts";

/** What a case may ask of the application that it meets. */
export interface World {
  readonly records: readonly AuditRecord[];
  /** Cookie header of a session. */
  readonly cookie: { readonly ada: string; readonly admin: string; readonly root: string };
  /** A CSRF token of ada's session. */
  readonly token: string;
  /** A CSRF token of the administrator's session. */
  readonly adminToken: string;
  /** An address that no other case uses. */
  readonly client: string;
}

export interface Expected {
  /**
   * The status of the only response, or of every response in order; `none` when there is none; `oneOf` where frameworks may differ on whether
   * a path exists, and none may answer it.
   */
  readonly status: number | readonly number[] | { readonly oneOf: readonly number[] } | "none";
  /** The reason in the problem document. */
  readonly reason?: Reason;
  /** Headers of the last response: a value, a pattern, or `null` for absent. */
  readonly headers?: Readonly<Record<string, string | RegExp | null>>;
  readonly body?: string | RegExp;
  /** Whether the server closed the connection. */
  readonly closed?: boolean;
  /** Whether the last response came whole; true unless said otherwise. */
  readonly complete?: boolean;
  /** An event that must be in the log: its `event`, or its `detail`. */
  readonly event?: string;
  /** A handler that must have run. */
  readonly ran?: string;
  /** No handler may have run. */
  readonly nothingRan?: true;
  /** The head was not ours to write, so the header set is not expected. */
  readonly bareHead?: true;
  /** Raw bytes after an upgrade. */
  readonly rest?: RegExp;
  readonly check?: (response: RawResponse) => void;
}

export interface Case {
  readonly name: string;
  readonly send: readonly Step[] | ((world: World) => readonly Step[]);
  readonly listening?: Listening;
  readonly expect: Expected;
}

export type Headers = Readonly<Record<string, string | null>>;

/** The runner puts the case's own address here. */
export const CLIENT = "{client}";

/**
 * A request as bytes: from a browserless client behind our TLS proxy, unless the headers say otherwise.
 *
 * @param headers `null` takes a header away
 */
export function request(line: string, headers: Headers = {}, body?: string): string {
  const all: Headers = {
    Host: "app.example.com",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": CLIENT,
    ...(body !== undefined && { "Content-Length": String(Buffer.byteLength(body)) }),
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}\r\n`]));
  return `${line} HTTP/1.1\r\n${lines.join("")}\r\n${body ?? ""}`;
}

export const get = (path: string, headers: Headers = {}): string => request(`GET ${path}`, headers);

export const post = (path: string, body: string, headers: Headers = {}): string =>
  request(`POST ${path}`, { "Content-Type": "application/json", ...headers }, body);

/** One chunk of a chunked body; the empty one ends it. */
export const chunk = (data: string): string => `${data.length.toString(16)}\r\n${data}\r\n`;
