/** Which events a reader wants, read from a query string within bounds. */
import type { AuditRecord, EventSeverity, EventType } from "../core/event.ts";

/** Every condition must hold; an absent one does not ask. */
export interface EventFilter {
  readonly type?: EventType;
  readonly status?: AuditRecord["status"];
  readonly severity?: EventSeverity;
  readonly event?: string;
  readonly user?: string;
  readonly tenant?: string;
  readonly ip?: string;
  /** Anything that identifies: an event's name, a user, a tenant, an address, a request. Compared as a whole, so that an index finds it. */
  readonly search?: string;
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** A place in the order of events: newest first, the id decides between equal times. */
export interface EventCursor {
  readonly timeMs: number;
  readonly id: string;
}

export const EVENT_TYPES: readonly EventType[] = [
  "account",
  "audit_integrity",
  "authentication",
  "authorization_failure",
  "config",
  "crypto",
  "csp_violation",
  "csrf",
  "data_access",
  "input_validation",
  "rate_limit",
  "secret",
  "session",
  "ssrf_blocked",
  "system",
  "tenant",
  "token",
  "transport",
  "upload",
];
export const STATUSES: readonly AuditRecord["status"][] = ["succeeded", "failed", "refused", "observed"];
export const SEVERITIES: readonly EventSeverity[] = ["info", "warning", "error", "critical"];

/** What `search` is compared with; each has an index. */
export const SEARCHED = ["event", "user_id", "tenant_id", "ip_address", "request_id"] as const;

/** Names in a query string, in the order of the form. */
export const FILTER_NAMES = [
  "search",
  "type",
  "status",
  "severity",
  "event",
  "user",
  "tenant",
  "ip",
  "from",
  "to",
] as const;
export type FilterName = (typeof FILTER_NAMES)[number];

const LONGEST_VALUE = 200;
const CURSOR = /^(\d{1,15})-(\d{1,18})$/u;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?)?$/u;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** A filter, and the names of what was asked for and means nothing. */
export interface ReadFilter {
  readonly filter: EventFilter;
  /** As text, to fill the form again. */
  readonly values: Readonly<Partial<Record<FilterName, string>>>;
  readonly invalid: readonly FilterName[];
}

/** Reads a filter. What is no value of its field is left out and named, so that a page can say so instead of showing something else. */
export function readFilter(parameters: URLSearchParams): ReadFilter {
  const values: Partial<Record<FilterName, string>> = {};
  const invalid: FilterName[] = [];
  const filter: Record<string, string | number> = {};
  for (const name of FILTER_NAMES) {
    const text = (parameters.get(name) ?? "").trim();
    if (text === "") continue;
    const value = readValue(name, text);
    if (value === undefined) {
      invalid.push(name);
      continue;
    }
    values[name] = text;
    filter[name === "from" || name === "to" ? `${name}Ms` : name] = value;
  }
  return { filter, values, invalid };
}

function readValue(name: FilterName, text: string): string | number | undefined {
  switch (name) {
    case "type":
      return EVENT_TYPES.find((one) => one === text);
    case "status":
      return STATUSES.find((one) => one === text);
    case "severity":
      return SEVERITIES.find((one) => one === text);
    case "from":
      return readTime(text, 0);
    case "to":
      return readTime(text, text.includes("T") ? MINUTE_MS - 1 : DAY_MS - 1);
    case "search":
    case "event":
    case "user":
    case "tenant":
    case "ip":
      return text.length <= LONGEST_VALUE && !text.includes("\0") && text.isWellFormed() ? text : undefined;
  }
}

/** A time of a form's field, in UTC. */
function readTime(text: string, addMs: number): number | undefined {
  if (!DATE_TIME.test(text)) return undefined;
  const ms = Date.parse(text.includes("T") ? `${text}Z` : `${text}T00:00:00Z`);
  // The 30th of February is read as a day of March.
  return Number.isFinite(ms) && new Date(ms).toISOString().startsWith(text) ? ms + addMs : undefined;
}

/** A cursor from a query string; undefined for anything that is none. */
export function readCursor(text: string | null): EventCursor | undefined {
  const [, time, id] = CURSOR.exec(text ?? "") ?? [];
  return time === undefined || id === undefined ? undefined : { timeMs: Number(time), id };
}

export function cursorText({ timeMs, id }: EventCursor): string {
  return `${timeMs}-${id}`;
}
