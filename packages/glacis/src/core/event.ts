import type { EventKey, EventSeverity } from "./event-catalogue.ts";
import type { Reason } from "./reasons.ts";

export type { EventKey, EventSeverity, EventType } from "./event-catalogue.ts";

export type EventStatus = "succeeded" | "failed" | "refused" | "observed";

/** What an event says beside its line in the catalogue: scalars only, and nothing that is a secret, a body or a raw credential. */
export interface EventDetails {
  readonly control?: string;
  readonly reason?: Reason;
  /** A short developer-facing cause from a closed set per control; never user input verbatim. */
  readonly detail?: string;
  readonly resource_type?: string;
  readonly resource_id?: string;
  readonly action?: string;
  /** Whose account it is about; whoever asks, unless an event says otherwise. */
  readonly user_id?: string;
  readonly tenant_id?: string;
  /** Who was really at the keyboard, where that was somebody else than `user_id`. */
  readonly actor_id?: string;
  /** What staff said it was for: one line of their own, for the customer to read. */
  readonly purpose?: string;
  /** A keyed hash of the name that somebody typed to sign in, where no account is known to be theirs: tells attempts apart, and names nobody. */
  readonly login_hash?: string;
  /** What a browser's violation report says: a directive's name, and addresses without query, fragment or anything that looks like an id. */
  readonly directive?: string;
  readonly blocked?: string;
  readonly document?: string;
  readonly source?: string;
  readonly line?: number;
  readonly limit?: number;
  readonly count?: number;
  /** An error's class name and stack, for the log alone. */
  readonly error?: string;
}

type Outcome<Key extends EventKey> = Key extends `${infer Type}/${infer Name}/${infer Status}`
  ? {
      readonly event_type: Type;
      readonly status: Extract<Status, EventStatus>;
      /** OWASP logging vocabulary, such as `authn_login_fail` or `excess_rate_limit_exceeded`. */
      readonly event: Name;
      readonly severity: EventSeverity;
    } & EventDetails
  : never;

/** One security-relevant outcome of the catalogue: flat, so that one JSON line is searchable in any log store. */
export type AuditEvent = Outcome<EventKey>;

/** Where and when something happened, and who asked. */
export interface EventContext {
  /** RFC 3339, in UTC, with milliseconds. */
  readonly time: string;
  readonly request_id?: string;
  /** The trace that the request belongs to: 32 hexadecimal digits (W3C Trace Context). */
  readonly trace_id?: string;
  readonly ip_address?: string;
  readonly user_agent?: string;
  readonly method?: string;
  /** The declared route pattern when known, never the raw path: paths carry ids and tokens. */
  readonly route?: string;
  /** What is wrong with an event that does not stand in the catalogue as it is. */
  readonly invalid?: string;
}

/** An event with its context, as a sink receives it. */
export type AuditRecord = AuditEvent & EventContext;

/** Receives every record. It must not throw and must not block; the root guards against both. */
export type AuditSink = (record: AuditRecord) => void;
