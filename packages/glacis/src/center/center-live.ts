/** Follows events as they are written, by server-sent events (WHATWG HTML section 9.2). */
import { setTimeout as delay } from "node:timers/promises";
import type { EventFilter } from "./event-filter.ts";
import type { ArchivedEvent } from "./event-record.ts";
import type { EventStore } from "./event-store.ts";
import { detailOf } from "./event-table.ts";
import { visible } from "./widgets.ts";

const POLL_MS = 2000;
/** Then the browser connects anew, and session, role and proof are asked for again. */
const LIFE_MS = 60_000;
const MOST_AT_ONCE = 200;
const MOST_FOLLOWERS = 50;
const MOST_REMEMBERED = 5000;

export interface LiveFeed {
  /** @returns undefined when as many follow as may */
  follow(filter: EventFilter, afterId: string | undefined): AsyncIterable<string> | undefined;
}

/** One feed for the process: it counts who follows. */
export function liveFeed(store: EventStore, pollMs: number = POLL_MS, lifeMs: number = LIFE_MS): LiveFeed {
  let followers = 0;

  async function* stream(filter: EventFilter, afterId: string | undefined): AsyncGenerator<string, void, undefined> {
    try {
      const endsAtMs = Date.now() + lifeMs;
      let last = afterId ?? (await store.newestId());
      // What stood there before somebody began to follow is on the page already.
      const seen = new Set(
        (await store.since(filter, last, MOST_AT_ONCE)).filter(({ id }) => !isAfter(id, last)).map(({ id }) => id),
      );
      yield `retry: 3000\nid: ${last}\n\n`;
      while (Date.now() < endsAtMs) {
        const fresh = (await store.since(filter, last, MOST_AT_ONCE)).filter(({ id }) => !seen.has(id));
        for (const event of fresh) {
          seen.add(event.id);
          if (isAfter(event.id, last)) last = event.id;
          yield `id: ${last}\ndata: ${JSON.stringify(rowOf(event))}\n\n`;
        }
        if (fresh.length === 0) yield ": still here\n\n";
        for (const id of seen) {
          if (seen.size <= MOST_REMEMBERED) break;
          seen.delete(id);
        }
        await delay(pollMs, undefined, { ref: false });
      }
    } finally {
      followers -= 1;
    }
  }

  return {
    follow(filter, afterId) {
      if (followers >= MOST_FOLLOWERS) return undefined;
      followers += 1;
      return stream(filter, afterId);
    },
  };
}

function isAfter(id: string, other: string): boolean {
  return id.length === other.length ? id > other : id.length > other.length;
}

/** What the page's script needs for a row; every value is text that it puts into text. */
function rowOf({ id, timeMs, record }: ArchivedEvent): object {
  return {
    id,
    time: new Date(timeMs).toISOString(),
    severity: visible(record.severity),
    status: visible(record.status),
    event: visible(record.event, 60),
    detail: detailOf(record),
    user: record.user_id === undefined ? "" : visible(record.user_id, 40),
    ip: record.ip_address === undefined ? "" : visible(record.ip_address, 40),
    route: visible([record.method, record.route].filter(Boolean).join(" "), 60),
  };
}
