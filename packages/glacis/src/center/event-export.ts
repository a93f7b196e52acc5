/** Events as a file: pages of bounded length, one after another, so that a million events need the memory of a thousand. */
import type { AuditRecord } from "../core/event.ts";
import type { EventCursor, EventFilter } from "./event-filter.ts";
import type { EventStore } from "./event-store.ts";

export type ExportFormat = "csv" | "jsonl";

const PAGE = 1000;
/** Whoever needs more narrows the time, or reads the log itself. */
export const MOST_EXPORTED = 100_000;

const COLUMNS = [
  "time",
  "event_type",
  "status",
  "severity",
  "event",
  "control",
  "reason",
  "detail",
  "user_id",
  "actor_id",
  "tenant_id",
  "ip_address",
  "request_id",
  "method",
  "route",
  "resource_type",
  "resource_id",
  "action",
] as const satisfies readonly (keyof AuditRecord)[];

/** What a spreadsheet takes for the start of a formula (OWASP CSV injection), white space before it included. */
const FORMULA_START = /^[\s\uFEFF]*[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20]/u;

export async function* exportEvents(
  store: EventStore,
  filter: EventFilter,
  format: ExportFormat,
): AsyncGenerator<string, void, undefined> {
  if (format === "csv") yield `${COLUMNS.join(",")}\r\n`;
  let before: EventCursor | undefined;
  let left = MOST_EXPORTED;
  do {
    // A look is bounded: conditions that seldom meet would otherwise hold a statement until it has read the archive to its end.
    const { events, older } = await store.look(filter, Math.min(PAGE, left), before);
    if (events.length > 0)
      yield events.map(({ record }) => (format === "csv" ? csvLine(record) : `${JSON.stringify(record)}\n`)).join("");
    left -= events.length;
    before = older;
  } while (before !== undefined && left > 0);
}

function csvLine(record: AuditRecord): string {
  return `${COLUMNS.map((name) => csvCell(record[name])).join(",")}\r\n`;
}

/** A cell that stays text in every spreadsheet: quoted, and an apostrophe before what would begin a formula. */
export function csvCell(value: string | number | undefined): string {
  if (value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = FORMULA_START.test(value) ? `'${value}` : value;
  return `"${text.replaceAll('"', '""')}"`;
}
