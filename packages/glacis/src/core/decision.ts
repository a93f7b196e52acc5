import type { AuditEvent } from "./event.ts";
import type { Reason } from "./reasons.ts";

/** A header as it goes out: lower-case name, value. */
export type HeaderPair = readonly [name: string, value: string];

export interface Allow {
  readonly kind: "allow";
  readonly events: readonly AuditEvent[];
  /** Headers that this decision adds to whatever response follows, such as RateLimit fields. */
  readonly headers: readonly HeaderPair[];
}

export interface Deny {
  readonly kind: "deny";
  readonly reason: Reason;
  readonly events: readonly AuditEvent[];
  readonly headers: readonly HeaderPair[];
  /** Why, for the developer: shown in development and in the log, never to a client in production. */
  readonly why: string | undefined;
  /** What to change, for the developer. */
  readonly fix: string | undefined;
  /** Public members of the problem document, such as `limit` and `remaining` of a rate limit. */
  readonly members: Readonly<Record<string, string | number | readonly object[]>> | undefined;
}

export interface Redirect {
  readonly kind: "redirect";
  readonly status: 301 | 302 | 303 | 307 | 308;
  readonly location: string;
  readonly events: readonly AuditEvent[];
}

/** A complete response that a control gives by itself: a CORS preflight, a stored CSP report. */
export interface Answer {
  readonly kind: "answer";
  readonly status: number;
  readonly headers: readonly HeaderPair[];
  readonly body: string | undefined;
  /** In place of a body: text that is still being made, such as events or a long export. An endpoint's alone. */
  readonly stream?: AsyncIterable<string>;
  readonly events: readonly AuditEvent[];
}

/**
 * What a control says. There is no error kind: a control that throws becomes a refusal, so failing open cannot be written.
 */
export type Decision = Allow | Deny | Redirect | Answer;

const NO_EVENTS: readonly AuditEvent[] = Object.freeze([]);
const NO_HEADERS: readonly HeaderPair[] = Object.freeze([]);

/** The common case, allocated once. */
export const ALLOW: Allow = Object.freeze({ kind: "allow", events: NO_EVENTS, headers: NO_HEADERS });

/** Lets the request pass, with headers for the response or events for the log. */
export function allow(headers: readonly HeaderPair[], events: readonly AuditEvent[] = NO_EVENTS): Allow {
  return { kind: "allow", events, headers };
}

export interface DenyDetails {
  readonly why?: string;
  readonly fix?: string;
  readonly headers?: readonly HeaderPair[];
  readonly members?: Readonly<Record<string, string | number | readonly object[]>>;
}

/** Refuses the request for a reason of the table; the event says what happened in the words of the log. */
export function deny(reason: Reason, event: AuditEvent, details: DenyDetails = {}): Deny {
  return {
    kind: "deny",
    reason,
    events: [event],
    headers: details.headers ?? NO_HEADERS,
    why: details.why,
    fix: details.fix,
    members: details.members,
  };
}

/** Sends the client elsewhere. The location must have passed the redirect guard or be built from the configured origin. */
export function redirect(
  status: Redirect["status"],
  location: string,
  events: readonly AuditEvent[] = NO_EVENTS,
): Redirect {
  return { kind: "redirect", status, location, events };
}

/** Answers in place of the application. */
export function answer(
  status: number,
  headers: readonly HeaderPair[] = NO_HEADERS,
  body?: string,
  events: readonly AuditEvent[] = NO_EVENTS,
): Answer {
  return { kind: "answer", status, headers, body, events };
}
