import type { EventCursor } from "./event-filter.ts";
import type { ArchivedEvent } from "./event-record.ts";
import type { EventPage } from "./event-store.ts";

/** @param found one more than the page holds, where there is one  @param horizon how far back was looked, unless to the end */
export function pageOf(found: readonly ArchivedEvent[], limit: number, horizon: EventCursor | undefined): EventPage {
  const events = found.slice(0, limit);
  const last = events.at(-1);
  if (found.length <= limit || last === undefined) return { events, older: horizon };
  return { events, older: { timeMs: last.timeMs, id: last.id } };
}
