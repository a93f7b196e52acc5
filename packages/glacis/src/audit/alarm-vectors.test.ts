/** Recorded states of CloudWatch alarms: the tables of the user guide about missing data, its figures, and its composite alarms. */
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import type { AuditRecord } from "../core/event.ts";
import { readAlarmDefinitions, type AlarmDefinitions } from "./alarm-definition.ts";
import { alarmEngine } from "./alarm-engine.ts";
import { metricPoints } from "./alarm-evaluation.ts";
import { memoryAlarms } from "./alarm-store.ts";
import { parseAlarmRule, evaluateRule } from "./alarm-rule.ts";
import { hasTooFewSamples } from "./alarm-statistic.ts";
import { evaluateAlarm, evaluationRange, type AlarmRule, type AlarmState } from "./alarm.ts";

interface AlarmCase extends AlarmRule {
  readonly id: string;
  readonly points?: readonly (number | null)[];
  readonly series?: readonly number[];
  readonly current?: AlarmState;
  readonly expect?: AlarmState;
  readonly expect_not?: AlarmState;
  readonly expect_series?: readonly (AlarmState | null)[];
}
interface CompositeCase {
  readonly rule: string;
  readonly states: Readonly<Record<string, AlarmState>>;
  readonly expect: AlarmState;
}
interface SampleCase {
  readonly percentile: number;
  readonly samples: number;
  readonly insufficient: boolean;
}

const recorded = loadVectors("cloudwatch_filters");
const cases = (recorded?.["alarm"] ?? []) as readonly AlarmCase[];

describe.skipIf(recorded === undefined)("evaluateAlarm, by recorded cases", () => {
  it.each(cases.filter(({ points }) => points !== undefined))("reaches the state of $id", (one) => {
    const points = (one.points ?? []).map((point) => point ?? undefined);
    const state = evaluateAlarm(one, points, one.current ?? "INSUFFICIENT_DATA");
    expect(state === one.expect_not).toBe(false);
    expect(state).toBe(one.expect ?? state);
  });

  it.each(cases.filter(({ series }) => series !== undefined))("goes through the states of $id", (one) => {
    let state: AlarmState = "INSUFFICIENT_DATA";
    const states = (one.series ?? []).map((_, index, series) => {
      const points = series.slice(0, index + 1).slice(-evaluationRange(one.evaluationPeriods));
      return (state = evaluateAlarm(one, points, state));
    });
    expect(states).toEqual((one.expect_series ?? []).map((wanted, index) => wanted ?? states[index]));
  });

  it.each((recorded?.["composite"] ?? []) as readonly CompositeCase[])("judges $rule", (one) => {
    const rings = evaluateRule(parseAlarmRule(one.rule), (name) => one.states[name]);
    expect(rings ? "ALARM" : "OK").toBe(one.expect);
  });

  it.each((recorded?.["percentile_low_samples"] ?? []) as readonly SampleCase[])(
    "counts $samples samples of percentile $percentile",
    ({ percentile, samples, insufficient }) => {
      expect(hasTooFewSamples(percentile, samples)).toBe(insufficient);
    },
  );
});

interface TimelineCase {
  readonly id: string;
  readonly period: number;
  readonly evaluationPeriods: number;
  readonly threshold: number;
  readonly perMinuteCounts: readonly number[];
  readonly expect_per_minute_from_5: readonly AlarmState[];
}
interface MetricCase {
  readonly note: string;
  readonly pattern?: string;
  readonly metricValue: string;
  readonly defaultValue?: number;
  readonly minutes?: readonly (readonly string[])[];
  readonly events?: readonly object[];
  readonly expect: readonly (number | null)[];
}

const START_MS = Date.UTC(2026, 0, 1);
const asRecord = (event: object): AuditRecord => event as AuditRecord;

function definitionOf(
  pattern: string,
  { metricValue, defaultValue }: Pick<MetricCase, "metricValue" | "defaultValue">,
  alarms: readonly object[],
): AlarmDefinitions {
  const metric = {
    MetricName: "M",
    MetricValue: metricValue,
    ...(defaultValue !== undefined && { DefaultValue: defaultValue }),
  };
  const filter = { FilterName: "F", FilterPattern: pattern, MetricTransformations: [metric] };
  return readAlarmDefinitions({ MetricFilters: [filter], Alarms: alarms });
}

describe.skipIf(recorded === undefined)("alarmEngine, by recorded cases", () => {
  it.each((recorded?.["alarm_timeline"] ?? []) as readonly TimelineCase[])(
    "slides its window as in $id",
    async (one) => {
      const { period: Period, evaluationPeriods: EvaluationPeriods, threshold: Threshold } = one;
      const alarm = { AlarmName: "A", MetricName: "M", Period, EvaluationPeriods, Threshold };
      let nowMs = START_MS;
      const definitions = definitionOf("{ $.x = 1 }", { metricValue: "1", defaultValue: 0 }, [alarm]);
      const engine = alarmEngine({ definitions, sink: () => undefined, store: memoryAlarms(), now: () => nowMs });
      await engine.tick();
      const states: (AlarmState | undefined)[] = [];
      for (const count of one.perMinuteCounts) {
        for (let index = 0; index < count; index += 1) engine.audit(asRecord({ x: 1 }));
        nowMs += 60_000;
        await engine.tick();
        states.push((await engine.status())[0]?.state);
      }
      expect(states.slice(4)).toEqual(one.expect_per_minute_from_5);
    },
  );

  it.each((recorded?.["metric_values"] ?? []) as readonly MetricCase[])("adds up: $note", async (one) => {
    const minutes = one.minutes?.map((events) => events.map((word) => ({ word }))) ?? [one.events ?? []];
    let nowMs = START_MS;
    const store = memoryAlarms();
    const definitions = definitionOf(one.pattern ?? '{ $.word = "match" }', one, []);
    const engine = alarmEngine({ definitions, sink: () => undefined, store, heartbeatSeconds: 0, now: () => nowMs });
    for (const events of minutes) {
      for (const event of events) engine.audit(asRecord(event));
      nowMs += 60_000;
    }
    await engine.tick();
    const points = await metricPoints(definitions, store, "Glacis/M", START_MS / 1000, nowMs / 1000);
    const sums = minutes.map(
      (_, minute) => points.find(({ atSeconds }) => atSeconds === START_MS / 1000 + minute * 60)?.bucket.sum,
    );
    expect(sums.map((sum) => sum ?? null)).toEqual(one.expect);
  });
});
