import { describe, expect, it } from "vitest";
import type { Deployment } from "../core/control.ts";
import { mailAction } from "./alarm-action.ts";
import { readAlarmDefinitions } from "./alarm-definition.ts";
import { alarmEngine, type AlarmEngine } from "./alarm-engine.ts";
import { SECURITY_ALARMS } from "./alarm-set.ts";
import { postgresAlarms } from "./alarm-store-postgres.ts";
import { memoryAlarms, type AlarmStore } from "./alarm-store.ts";
import { securityAlerting } from "./security-alerting.ts";

const production: Deployment = {
  mode: "production",
  nodeVersion: "v22.0.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: 0,
};
const shared = postgresAlarms({ query: async () => ({ rows: [] }) });
const rules = (engine?: AlarmEngine): readonly string[] =>
  securityAlerting(engine)
    .check(production)
    .map(({ rule }) => rule.id);

function engineOf(store: AlarmStore, definitions: object = SECURITY_ALARMS, told = true): AlarmEngine {
  const actions = told ? [mailAction({ to: ["ops@example.com"], sendMail: () => undefined })] : [];
  return alarmEngine({ definitions: readAlarmDefinitions(definitions), sink: () => undefined, store, actions });
}

describe("securityAlerting", () => {
  it("has nothing to say about the shipped alarms on a shared store with somebody to tell", () => {
    expect(rules(engineOf(shared))).toEqual([]);
  });

  it("says that nothing watches, that nobody hears, and that a restart forgets", () => {
    expect(rules()).toEqual(["security-alerting/no-alarms"]);
    expect(rules(engineOf(memoryAlarms(), SECURITY_ALARMS, false))).toEqual([
      "security-alerting/no-destination",
      "security-alerting/memory-store",
    ]);
  });

  it("finds filters that can never match, and silence that nobody would notice", () => {
    const definitions = {
      MetricFilters: [
        {
          FilterName: "Logins",
          FilterPattern: '{ $.event_type = "login" }',
          MetricTransformations: [{ MetricName: "M", MetricValue: "1" }],
        },
      ],
      Alarms: [{ AlarmName: "Logins", Threshold: 1, Period: 60, EvaluationPeriods: 1 }],
    };
    expect(rules(engineOf(shared, definitions))).toEqual([
      "security-alerting/filter-matches-nothing",
      "security-alerting/no-silence-alarm",
    ]);
  });
});
