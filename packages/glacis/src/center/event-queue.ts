/** A bounded queue of events before a store: whoever writes never waits, and what does not fit is counted. */
import { redactText } from "../audit/redact.ts";
import type { AuditRecord } from "../core/event.ts";
import { describeError } from "../core/pipeline.ts";
import { draftOf, type EventDraft } from "./event-record.ts";
import type { EventStore } from "./event-store.ts";

const BATCH = 500;
const MOST_QUEUED = 20_000;
const FLUSH_EVERY_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

export interface EventQueue {
  readonly push: (record: AuditRecord) => void;
  /** Writes what is queued. @throws what the store throws; the events stay queued */
  readonly flush: () => Promise<void>;
  /** Takes no more, and writes what there is. */
  readonly close: () => Promise<void>;
  /** Says once for each outage that the store fails, on stderr: the log itself is not affected. */
  readonly noteFailure: (error: unknown) => void;
  readonly state: () => { readonly queued: number; readonly lost: number; readonly failing: boolean };
}

/** @param afterFlush runs after each write that the queue made by itself and that succeeded */
export function eventQueue(store: EventStore, now: () => number, afterFlush: () => Promise<void>): EventQueue {
  const queue: EventDraft[] = [];
  let lost = 0;
  let failures = 0;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  function schedule(): void {
    if (timer !== undefined || isClosed) return;
    const pauseMs = Math.min(FLUSH_EVERY_MS * 2 ** failures, LONGEST_PAUSE_MS);
    timer = setTimeout(() => void tick(), pauseMs).unref();
  }

  async function tick(): Promise<void> {
    timer = undefined;
    try {
      await flush();
      await afterFlush();
    } catch {
      // Noted where it happened; the next attempt is scheduled below.
    }
    if (queue.length > 0) schedule();
  }

  function noteFailure(error: unknown): void {
    failures += 1;
    if (failures === 1)
      process.stderr.write(`glacis: the event archive does not take events: ${redactText(describeError(error))}\n`);
  }

  async function drain(): Promise<void> {
    while (queue.length > 0 || lost > 0) {
      const dropped = lost;
      const batch = queue.slice(0, BATCH);
      const loss = dropped > 0 ? [draftOf(lossOf(dropped, now()), now())] : [];
      try {
        await store.add([...batch, ...loss]);
      } catch (error) {
        noteFailure(error);
        throw error;
      }
      failures = 0;
      lost -= dropped;
      queue.splice(0, batch.length);
    }
  }

  async function flush(): Promise<void> {
    running ??= drain().finally(() => (running = undefined));
    return running;
  }

  return {
    push(record) {
      if (isClosed || queue.length >= MOST_QUEUED) lost += 1;
      else queue.push(draftOf(record, now()));
      schedule();
    },
    flush,
    async close() {
      clearTimeout(timer);
      isClosed = true;
      await flush();
    },
    noteFailure,
    state: () => ({ queued: queue.length, lost, failing: failures > 0 }),
  };
}

function lossOf(count: number, nowMs: number): AuditRecord {
  return {
    time: new Date(nowMs).toISOString(),
    event_type: "audit_integrity",
    status: "failed",
    severity: "error",
    event: "archive_events_lost",
    control: "security-center",
    count,
  };
}
