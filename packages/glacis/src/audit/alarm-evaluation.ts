import { evaluateAlarm, evaluationRange, type AlarmState } from "./alarm.ts";
import { ALL_EVENTS, metricKey } from "./alarm-counter.ts";
import { reachSeconds, type AlarmDefinitions, type MetricAlarm } from "./alarm-definition.ts";
import { evaluateRule } from "./alarm-rule.ts";
import {
  addBucket,
  emptyBucket,
  hasTooFewSamples,
  percentile,
  statisticOf,
  type Bucket,
  type Statistic,
} from "./alarm-statistic.ts";
import type { AlarmStore, SeriesPoint } from "./alarm-store.ts";

/** What an alarm says at one moment. */
export interface Verdict {
  readonly state: AlarmState;
  /** The dimension values that breach, ten at most. */
  readonly contributors: readonly string[];
}

const MOST_CONTRIBUTORS = 10;

/**
 * Evaluates every alarm at the end of one slot: each over its own window that ends there, composites last.
 *
 * @param stateOf the states so far
 */
export async function evaluateAll(
  definitions: AlarmDefinitions,
  store: AlarmStore,
  endSeconds: number,
  stateOf: (name: string) => AlarmState,
): Promise<ReadonlyMap<string, Verdict>> {
  const { alarms, composites } = definitions;
  const verdicts = new Map<string, Verdict>();
  for (const alarm of alarms) {
    const metric = metricKey(alarm.namespace, alarm.metricName);
    const from = endSeconds - reachSeconds(alarm);
    const points = await metricPoints(definitions, store, metric, from, endSeconds);
    const seen = alarm.perSeries ? await store.read(ALL_EVENTS, from, endSeconds) : [];
    verdicts.set(alarm.name, evaluateMetric({ alarm, endSeconds, current: stateOf(alarm.name), seen }, points));
  }
  for (const { name, rule } of composites) {
    const rings = evaluateRule(rule, (child) => verdicts.get(child)?.state);
    verdicts.set(name, { state: rings ? "ALARM" : "OK", contributors: [] });
  }
  return verdicts;
}

/** The datapoints of a metric, slot by slot: a slot with events and none that matched counts as the filter's default. */
export async function metricPoints(
  { filters }: AlarmDefinitions,
  store: AlarmStore,
  metric: string,
  fromSeconds: number,
  toSeconds: number,
): Promise<readonly SeriesPoint[]> {
  const points = await store.read(metric, fromSeconds, toSeconds);
  const value = filters
    .flatMap(({ transformations }) => transformations)
    .find(({ namespace, metricName }) => metricKey(namespace, metricName) === metric)?.defaultValue;
  if (value === undefined) return points;
  const matched = new Set(points.map(({ atSeconds }) => atSeconds));
  const bucket: Bucket = { count: 1, sum: value, least: value, most: value, values: { [value]: 1 } };
  const quiet = (await store.read(ALL_EVENTS, fromSeconds, toSeconds)).filter(
    ({ atSeconds }) => !matched.has(atSeconds),
  );
  return [...points, ...quiet.map((point) => ({ ...point, series: "", bucket }))];
}

interface Evaluation {
  readonly alarm: MetricAlarm;
  readonly endSeconds: number;
  readonly current: AlarmState;
  /** All events, matching or not. */
  readonly seen: readonly SeriesPoint[];
}

function evaluateMetric(evaluation: Evaluation, points: readonly SeriesPoint[]): Verdict {
  const { alarm } = evaluation;
  const bySeries = new Map<string, SeriesPoint[]>();
  for (const point of points) {
    const series = alarm.perSeries ? point.series : "";
    const own = bySeries.get(series);
    if (own === undefined) bySeries.set(series, [point]);
    else own.push(point);
  }
  if (bySeries.size === 0) bySeries.set("", []);
  // CloudWatch takes no default for dimensions. Where everybody was seen, nothing of one of them is a sum of zero.
  const quiet =
    alarm.perSeries && alarm.statistic === "Sum" ? windowsOf(alarm, evaluation.seen, evaluation.endSeconds) : [];
  const states = [...bySeries].map(([series, own]) => ({ series, state: evaluateSeries(evaluation, own, quiet) }));
  const of = (wanted: AlarmState): readonly string[] =>
    states.filter(({ state }) => state === wanted).map(({ series }) => series);
  const ringing = of("ALARM");
  const contributors = ringing.filter((series) => series !== "").slice(0, MOST_CONTRIBUTORS);
  if (ringing.length > 0) return { state: "ALARM", contributors };
  return { state: of("OK").length > 0 ? "OK" : "INSUFFICIENT_DATA", contributors: [] };
}

/** The evaluation range as one bucket for each period, the oldest first. */
function windowsOf(alarm: MetricAlarm, points: readonly SeriesPoint[], endSeconds: number): readonly Bucket[] {
  const range = evaluationRange(alarm.evaluationPeriods);
  const windows = Array.from({ length: range }, () => emptyBucket());
  for (const { atSeconds, bucket } of points) {
    const window = windows[range - 1 - Math.floor((endSeconds - 1 - atSeconds) / alarm.periodSeconds)];
    if (window !== undefined) addBucket(window, bucket);
  }
  return windows;
}

function evaluateSeries(
  { alarm, endSeconds, current }: Evaluation,
  points: readonly SeriesPoint[],
  quiet: readonly Bucket[],
): AlarmState {
  const { statistic, lowSamples } = alarm;
  const windows = windowsOf(alarm, points, endSeconds);
  const samples = windows.at(-1)?.count ?? 0;
  const isUncertain =
    isPercentile(statistic) &&
    lowSamples === "ignore" &&
    samples > 0 &&
    hasTooFewSamples(percentile(statistic), samples);
  if (isUncertain) return current;
  const values = windows.map((window, index) => {
    const value = statisticOf(window, statistic);
    return value === undefined && (quiet[index]?.count ?? 0) > 0 ? 0 : value;
  });
  return evaluateAlarm(alarm, values, current);
}

function isPercentile(statistic: Statistic): statistic is `p${number}` {
  return statistic.startsWith("p");
}
