import { EVENT_CATALOGUE, type EventKey } from "./event-catalogue.ts";
import type { AuditEvent, EventDetails, EventSeverity, EventStatus, EventType } from "./event.ts";

/** A line of the catalogue, read. */
export interface EventEntry {
  readonly key: EventKey;
  readonly type: EventType;
  readonly event: string;
  readonly status: EventStatus;
  /** The usual severity first. */
  readonly severities: readonly EventSeverity[];
  /** What it may carry beside `control`, `reason` and `detail`, which any event may. */
  readonly fields: readonly (keyof EventDetails)[];
  /** What happened, in a sentence. */
  readonly about: string;
}

/** Compiles while every line has its three parts. */
const ROWS: Readonly<
  Record<EventType, Readonly<Record<string, `${EventSeverity}${string} | ${string} | ${string}.`>>>
> = EVENT_CATALOGUE;

/** Every line of the catalogue, in its order. */
export const EVENT_ENTRIES: readonly EventEntry[] = Object.entries(ROWS).flatMap(([type, lines]) =>
  Object.entries(lines).map(([name, row]) => readEntry(type as EventType, name, row)),
);

const BY_KEY: ReadonlyMap<string, EventEntry> = new Map(EVENT_ENTRIES.map((line) => [line.key, line]));
const ANY_FIELD = ["control", "reason", "detail", "user_id", "tenant_id", "actor_id"] as const;
const ANY: ReadonlySet<string> = new Set(["event_type", "status", "severity", "event", ...ANY_FIELD]);

type Words<Text> = Text extends `${infer First} ${infer Rest}` ? First | Words<Rest> : Text;
type RowOf<Key> = {
  [Type in EventType]: Key extends `${Type}/${infer Line}`
    ? (typeof EVENT_CATALOGUE)[Type][Line & keyof (typeof EVENT_CATALOGUE)[Type]]
    : never;
}[EventType];
type FieldOf<Key> = RowOf<Key> extends `${string} | ${infer Fields} | ${string}` ? Words<Fields> : never;

/** What an event may carry by its line of the catalogue, and what any event may. */
export type DetailsOf<Key extends EventKey> = Pick<
  EventDetails,
  Extract<keyof EventDetails, (typeof ANY_FIELD)[number] | FieldOf<Key>>
> & { readonly severity?: EventSeverity };

/**
 * An event of the catalogue, with its usual severity unless the details have another.
 *
 * @example
 * report(auditEvent("account/user_disabled/succeeded", { user_id: "u-1" }));
 */
export function auditEvent<Key extends EventKey>(key: Key, details?: DetailsOf<Key>): AuditEvent {
  const { type, status, severities, event } = BY_KEY.get(key) as EventEntry;
  return { event_type: type, status, severity: severities[0], event, ...details } as AuditEvent;
}

/** What is wrong with an event that was made past the compiler, or undefined: `unlisted`, `severity`, or the name of a field. */
export function eventFault(event: AuditEvent): string | undefined {
  const line = BY_KEY.get(`${event.event_type}/${event.event}/${event.status}`);
  if (line === undefined) return "unlisted";
  if (!line.severities.includes(event.severity)) return "severity";
  for (const name in event) {
    if (!ANY.has(name) && !line.fields.includes(name as keyof EventDetails)) return name.slice(0, 64);
    const value: unknown = event[name as keyof AuditEvent];
    if (typeof value === "object" || typeof value === "function" || typeof value === "symbol") return name.slice(0, 64);
  }
  return undefined;
}

function readEntry(type: EventType, name: string, row: string): EventEntry {
  const [event = "", status] = name.split("/");
  const [severities = "", fields = "", about = ""] = row.split(" | ");
  return {
    key: `${type}/${name}` as EventKey,
    type,
    event,
    status: status as EventStatus,
    severities: severities.split(" ") as readonly EventSeverity[],
    fields: (fields === "-" ? [] : fields.split(" ")) as readonly (keyof EventDetails)[],
    about,
  };
}
