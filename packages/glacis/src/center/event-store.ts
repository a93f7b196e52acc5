import type { EventCursor, EventFilter } from "./event-filter.ts";
import type { ArchivedEvent, EventDraft } from "./event-record.ts";

/** Counts are kept by quarters of an hour. */
export const BUCKET_MS = 900_000;

/** What happened in one stretch of time. */
export interface EventCount {
  readonly fromMs: number;
  readonly succeeded: number;
  readonly observed: number;
  readonly refused: number;
  readonly failed: number;
  readonly failedSignIns: number;
  /** Of severity error or critical. */
  readonly severe: number;
}

/** What refused and failed events are counted by. */
export type TopField = "ip_address" | "user_id" | "event" | "route";

export interface TopValue {
  readonly value: string;
  readonly count: number;
  readonly lastMs: number;
}

export interface CountRange {
  readonly fromMs: number;
  readonly toMs: number;
  /** Every tenant without it. */
  readonly tenant?: string | undefined;
}

export interface EventPage {
  /** Newest first. */
  readonly events: readonly ArchivedEvent[];
  /** Where to go on; with fewer events than asked for, how far back was looked. Undefined when there is nothing older. */
  readonly older: EventCursor | undefined;
}

/** Where archived events live. Every answer is bounded by its `limit`; a store that fails throws. */
export interface EventStore {
  readonly kind: "memory" | "shared";
  add(drafts: readonly EventDraft[]): Promise<void>;
  /** Newest first, those that come after the cursor in that order. */
  page(filter: EventFilter, limit: number, before?: EventCursor): Promise<readonly ArchivedEvent[]>;
  /**
   * A page for somebody who waits: looks at `MOST_LOOKED_AT` events for each index at most, and says where to go on. Conditions that seldom meet
   * would otherwise read the archive to its end.
   */
  look(filter: EventFilter, limit: number, before?: EventCursor): Promise<EventPage>;
  /**
   * Oldest first, what was stored after an id, and a few from before it: numbers are given before rows are seen, so a reader that never looks back
   * would miss some. Whoever follows leaves out what it has.
   */
  since(filter: EventFilter, afterId: string, limit: number): Promise<readonly ArchivedEvent[]>;
  one(id: string): Promise<ArchivedEvent | undefined>;
  /** The highest id, `"0"` when there is none. */
  newestId(): Promise<string>;
  /** Oldest first; stretches without events are left out. @param stretchMs a multiple of a quarter of an hour */
  counts(range: CountRange, stretchMs: number): Promise<readonly EventCount[]>;
  /** The most frequent values among the latest refused and failed events. */
  top(field: TopField, range: CountRange, limit: number): Promise<readonly TopValue[]>;
  /** Removes at most `most` events older than a time, and says how many. */
  sweep(beforeMs: number, most: number): Promise<number>;
}

/** How many events `look` looks at, for each index that it follows. */
export const MOST_LOOKED_AT = 2000;

/** How far `since` looks back, in ids. */
export const LOOK_BACK = 2000;

/** How many of the latest refused and failed events `top` counts. */
export const MOST_COUNTED = 4000;

/** How far `since` goes back at most, however long ago somebody was last here. */
export const LONGEST_GAP = 20_000;
