import { EVENT_ENTRIES } from "../core/event-entry.ts";
import type { EventKey } from "../core/event.ts";
import type { AlarmEngine } from "./alarm-engine.ts";
import { logValue } from "./filter-pattern.ts";

/** Whether alarms are defined and none of their filters matches an event of that line, as it is written. Without alarms another control speaks. */
export function unheard(engine: AlarmEngine | undefined, key: EventKey): boolean {
  const entry = EVENT_ENTRIES.find((line) => line.key === key);
  if (engine === undefined || entry === undefined) return false;
  const { filters } = engine.options.definitions;
  const { type: event_type, status, event, severities } = entry;
  const written = logValue({
    time: "2026-01-01T00:00:00.000Z",
    event_type,
    status,
    severity: severities.at(-1),
    event,
    user_id: "u-1",
    ip_address: "192.0.2.1",
  });
  return !filters.some(({ pattern }) => pattern.matches(written));
}
