import type { AuditRecord } from "../core/event.ts";
import type { EventFilter } from "./event-filter.ts";
import { SEARCHED } from "./event-filter.ts";
import type { ArchivedEvent } from "./event-record.ts";
import { pageOf } from "./event-page.ts";
import { BUCKET_MS, LOOK_BACK, MOST_COUNTED, type EventCount, type EventStore, type TopValue } from "./event-store.ts";

/**
 * Events in this process alone, for development and tests: the latest ones, the rest is forgotten.
 *
 * @param most how many are kept
 */
export function memoryEvents(most = 20_000): EventStore {
  /** By time and id, ascending. */
  let events: ArchivedEvent[] = [];
  let lastId = 0;

  const newestFirst = (wanted: (event: ArchivedEvent) => boolean): readonly ArchivedEvent[] =>
    events.filter(wanted).toReversed();

  const page: EventStore["page"] = async (filter, limit, before) => {
    const isBefore = ({ timeMs, id }: ArchivedEvent): boolean =>
      before === undefined || timeMs < before.timeMs || (timeMs === before.timeMs && Number(id) < Number(before.id));
    return newestFirst((event) => isBefore(event) && matches(event, filter)).slice(0, limit);
  };

  return {
    kind: "memory",
    async add(drafts) {
      for (const draft of drafts) events.push({ ...draft, id: String((lastId += 1)) });
      events.sort((a, b) => a.timeMs - b.timeMs || Number(a.id) - Number(b.id));
      if (events.length > most) events = events.slice(-most);
    },
    page,
    look: async (filter, limit, before) => pageOf(await page(filter, limit + 1, before), limit, undefined),
    async since(filter, afterId, limit) {
      const floor = Number(afterId) - LOOK_BACK;
      return events
        .filter((event) => Number(event.id) > floor && matches(event, filter))
        .toSorted((a, b) => Number(a.id) - Number(b.id))
        .slice(-limit);
    },
    one: async (id) => events.find((event) => event.id === id),
    newestId: async () => String(lastId),
    async counts({ fromMs, toMs, tenant }, stretchMs) {
      const counts = new Map<number, { -readonly [Key in keyof EventCount]: EventCount[Key] }>();
      for (const { timeMs, record } of events) {
        const bucketMs = timeMs - (timeMs % BUCKET_MS);
        if (bucketMs < fromMs || bucketMs > toMs || (tenant !== undefined && record.tenant_id !== tenant)) continue;
        const start = bucketMs - (bucketMs % stretchMs);
        const count = counts.get(start) ?? { fromMs: start, ...NOTHING };
        counts.set(start, count);
        count[record.status] += 1;
        if (record.event_type === "authentication" && record.status === "failed") count.failedSignIns += 1;
        if (record.severity === "error" || record.severity === "critical") count.severe += 1;
      }
      return [...counts.values()].toSorted((a, b) => a.fromMs - b.fromMs);
    },
    async top(field, { fromMs, toMs, tenant }, limit) {
      const filter: EventFilter = { fromMs, toMs, ...(tenant !== undefined && { tenant }) };
      const refused = newestFirst((event) => isRefusal(event.record) && matches(event, filter)).slice(0, MOST_COUNTED);
      const found = new Map<string, { value: string; count: number; lastMs: number }>();
      for (const { timeMs, record } of refused) {
        const value = record[field];
        if (value === undefined) continue;
        const known = found.get(value);
        if (known === undefined) found.set(value, { value, count: 1, lastMs: timeMs });
        else known.count += 1;
      }
      return [...found.values()].toSorted(byCount).slice(0, limit);
    },
    async sweep(beforeMs, atMost) {
      const old = events.filter(({ timeMs }) => timeMs < beforeMs).slice(0, atMost);
      events = events.slice(old.length);
      return old.length;
    },
  };
}

const NOTHING = { succeeded: 0, observed: 0, refused: 0, failed: 0, failedSignIns: 0, severe: 0 } as const;

function byCount(a: TopValue, b: TopValue): number {
  return b.count - a.count || (a.value < b.value ? -1 : 1);
}

function isRefusal({ status }: AuditRecord): boolean {
  return status === "refused" || status === "failed";
}

function matches({ timeMs, record }: ArchivedEvent, filter: EventFilter): boolean {
  const equal = (wanted: string | undefined, value: string | undefined): boolean =>
    wanted === undefined || wanted === value;
  return (
    equal(filter.type, record.event_type) &&
    equal(filter.status, record.status) &&
    equal(filter.severity, record.severity) &&
    equal(filter.event, record.event) &&
    equal(filter.user, record.user_id) &&
    equal(filter.tenant, record.tenant_id) &&
    equal(filter.ip, record.ip_address) &&
    (filter.fromMs === undefined || timeMs >= filter.fromMs) &&
    (filter.toMs === undefined || timeMs <= filter.toMs) &&
    (filter.search === undefined || SEARCHED.some((name) => record[name] === filter.search))
  );
}
