import type { AuditRecord } from "../core/event.ts";
import { addBucket, addValue, emptyBucket, type Bucket } from "./alarm-statistic.ts";
import type { SeriesPoint } from "./alarm-store.ts";
import { logValue } from "./filter-pattern.ts";
import type { MetricFilter, MetricTransformation } from "./metric-filter.ts";

/** The metric of all events, matching or not: a minute with events and without a match takes the default value. */
export const ALL_EVENTS = "*";
/** The series of everybody who came after the first thousand in a slot. Together they breach sooner, which is the loud side. */
export const OTHERS = '["(others)"]';

const MOST_SERIES = 1000;
const MOST_SLOTS = 60;

export interface AlarmCounter {
  readonly add: (record: AuditRecord, atSeconds: number) => void;
  /** What has been counted since the last call. */
  readonly drain: () => readonly SeriesPoint[];
  /** Takes back what could not be stored. @returns how many slots were too old to be kept */
  readonly restore: (points: readonly SeriesPoint[]) => number;
  /** How much each metric has taken in since the start, for a scraper. */
  readonly totals: () => ReadonlyMap<string, number>;
}

export function metricKey(namespace: string, metricName: string): string {
  return `${namespace}/${metricName}`;
}

/**
 * Counts what filters find, slot by slot.
 *
 * @param slotSeconds how long a slot is
 * @param sampled metrics whose single values matter, for a percentile
 */
export function alarmCounter(
  filters: readonly MetricFilter[],
  slotSeconds: number,
  sampled: ReadonlySet<string>,
): AlarmCounter {
  const slots = new Map<number, Map<string, Map<string, Bucket>>>();
  const totals = new Map<string, number>();
  const feeds = filters.flatMap(({ pattern, transformations }) =>
    transformations.map((transformation) => ({
      pattern,
      transformation,
      metric: metricKey(transformation.namespace, transformation.metricName),
    })),
  );
  for (const { metric } of feeds) totals.set(metric, 0);

  function bucketOf(metrics: Map<string, Map<string, Bucket>>, metric: string, series: string): Bucket {
    let all = metrics.get(metric);
    if (all === undefined) metrics.set(metric, (all = new Map<string, Bucket>()));
    const key = all.size < MOST_SERIES || all.has(series) || series === "" ? series : OTHERS;
    let bucket = all.get(key);
    if (bucket === undefined) all.set(key, (bucket = emptyBucket(sampled.has(metric))));
    return bucket;
  }

  function slotOf(atSeconds: number): Map<string, Map<string, Bucket>> {
    const start = atSeconds - (atSeconds % slotSeconds);
    let slot = slots.get(start);
    if (slot === undefined) slots.set(start, (slot = new Map<string, Map<string, Bucket>>()));
    return slot;
  }

  return {
    add(record, atSeconds) {
      const slot = slotOf(atSeconds);
      addValue(bucketOf(slot, ALL_EVENTS, ""), 1);
      const line = logValue(record);
      for (const { pattern, transformation, metric } of feeds) {
        if (!pattern.matches(line)) continue;
        const series = seriesOf(transformation, line);
        const value = series === undefined ? undefined : transformation.valueOf(line);
        if (series === undefined || value === undefined) continue;
        addValue(bucketOf(slot, metric, series), value);
        totals.set(metric, (totals.get(metric) ?? 0) + value);
      }
    },
    drain() {
      const points = [...slots].flatMap(([atSeconds, metrics]) =>
        [...metrics].flatMap(([metric, all]) =>
          [...all].map(([series, bucket]) => ({ metric, series, atSeconds, bucket })),
        ),
      );
      slots.clear();
      return points;
    },
    restore(points) {
      for (const { metric, series, atSeconds, bucket } of points)
        addBucket(bucketOf(slotOf(atSeconds), metric, series), bucket);
      const old = [...slots.keys()].toSorted((left, right) => left - right).slice(0, -MOST_SLOTS);
      for (const start of old) slots.delete(start);
      return old.length;
    },
    totals: () => totals,
  };
}

function seriesOf(transformation: MetricTransformation, line: ReturnType<typeof logValue>): string | undefined {
  if (transformation.dimensions.length === 0) return "";
  const values = transformation.dimensionsOf(line);
  return values === undefined ? undefined : JSON.stringify(values);
}
