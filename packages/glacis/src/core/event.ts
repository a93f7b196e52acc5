import type { Reason } from "./reasons.ts";

/**
 * The closed list of event types. The names are the guide's (A09), so that its filter
 * `{ $.event_type = "authentication" && $.status = "failed" }` works as written.
 */
export type EventType =
  | "authentication"
  | "authorization_failure"
  | "data_access"
  | "session"
  | "account"
  | "token"
  | "csrf"
  | "csp_violation"
  | "rate_limit"
  | "input_validation"
  | "upload"
  | "ssrf_blocked"
  | "crypto"
  | "config"
  | "secret"
  | "audit_integrity"
  | "system"
  | "transport"
  | "tenant";

export type EventSeverity = "info" | "warning" | "error" | "critical";

/**
 * One security-relevant outcome: flat, so that one JSON line is searchable in any log store. Values are scalars only; nothing here may
 * hold a secret, a body or a raw credential.
 */
export interface AuditEvent {
  readonly event_type: EventType;
  readonly status: "succeeded" | "failed" | "refused" | "observed";
  readonly severity: EventSeverity;
  /** OWASP logging vocabulary, such as `authn_login_fail` or `excess_rate_limit_exceeded`. */
  readonly event: string;
  readonly control?: string;
  readonly reason?: Reason;
  /** A short developer-facing cause from a closed set per control; never user input verbatim. */
  readonly detail?: string;
  readonly resource_type?: string;
  readonly resource_id?: string;
  readonly action?: string;
  readonly user_id?: string;
  readonly tenant_id?: string;
  /** Who was really at the keyboard, where that was somebody else than `user_id`. */
  readonly actor_id?: string;
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

/** An event with its context, as a sink receives it. */
export interface AuditRecord extends AuditEvent {
  readonly time: string;
  readonly request_id?: string;
  readonly ip_address?: string;
  readonly user_agent?: string;
  readonly method?: string;
  /** The declared route pattern when known, never the raw path: paths carry ids and tokens. */
  readonly route?: string;
}

/** Receives every record. It must not throw and must not block; the root guards against both. */
export type AuditSink = (record: AuditRecord) => void;
