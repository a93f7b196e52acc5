/** Events where people can search them: a sink that never makes a request wait, and a reader in pages (catalog security-event-log, log-review). */
import type { AuditSink } from "../core/event.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { eventQueue } from "./event-queue.ts";
import type { EventStore } from "./event-store.ts";

const SWEEP_EVERY_MS = 3_600_000;
const SWEPT_AT_ONCE = 5_000;
const DAY_MS = 86_400_000;

export interface EventArchiveOptions {
  /** `postgresEvents(pool)`, or `memoryEvents()` in development. */
  readonly store: EventStore;
  /** How long events are kept. 180 unless you say otherwise. */
  readonly retentionDays?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

export interface EventArchive {
  readonly store: EventStore;
  readonly retentionDays: number;
  /** Queues an event and returns at once. When the queue is full the event is counted as lost, and the archive says so later. */
  readonly sink: AuditSink;
  /** Both sinks, as one: the log first, because it is the one that counts. */
  tee(log: AuditSink): AuditSink;
  /** Writes what is queued, as far as the store takes it. */
  flush(): Promise<void>;
  /** Removes what is older than the retention. Runs by itself once an hour. @returns how many events went */
  sweep(): Promise<number>;
  /** Writes what is queued and stops; for the end of the process. */
  close(): Promise<void>;
  readonly state: { readonly queued: number; readonly lost: number; readonly failing: boolean };
}

/**
 * An archive of events beside the log: rows that the Security Center searches. The log stays the record; a store that is down costs the archive
 * what its queue cannot hold, and no request anything. A write that failed without an answer is tried again, so an event can stand there twice.
 *
 * @throws TypeError on an unknown option or a retention that is not a whole number of days
 * @example
 * const archive = eventArchive({ store: postgresEvents(pool) });
 * const layers = saas({ origin, keys, database: pool, audit: archive.tee(eventLog()) });
 */
export function eventArchive(options: EventArchiveOptions): EventArchive {
  rejectUnknownOptions("eventArchive", options, ["store", "retentionDays", "now"]);
  const { store, retentionDays = 180, now = Date.now } = options;
  if (!(Number.isSafeInteger(retentionDays) && retentionDays > 0))
    throw new TypeError("eventArchive() needs retentionDays as a whole number above zero.");
  let sweptAtMs = now();

  async function sweep(): Promise<number> {
    const beforeMs = now() - retentionDays * DAY_MS;
    let total = 0;
    for (;;) {
      const removed = await store.sweep(beforeMs, SWEPT_AT_ONCE);
      total += removed;
      if (removed < SWEPT_AT_ONCE) return total;
    }
  }

  const queue = eventQueue(store, now, async () => {
    if (now() - sweptAtMs < SWEEP_EVERY_MS) return;
    sweptAtMs = now();
    await sweep().catch(queue.noteFailure);
  });

  return {
    store,
    retentionDays,
    sink: queue.push,
    tee: (log) => (record) => {
      try {
        log(record);
      } finally {
        queue.push(record);
      }
    },
    flush: queue.flush,
    sweep,
    close: queue.close,
    get state() {
      return queue.state();
    },
  };
}
