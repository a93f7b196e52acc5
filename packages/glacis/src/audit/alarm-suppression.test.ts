/** The examples of the CloudWatch user guide ("Suppressing composite alarm actions"), a minute for each of its units of time. */
import { PGlite } from "@electric-sql/pglite";
import { afterAll, describe, expect, it } from "vitest";
import type { AuditRecord } from "../core/event.ts";
import type { AlarmAction, AlarmChange } from "./alarm-action.ts";
import type { TimedRecord } from "./alarm-attack.ts";
import { readAlarmDefinitions, type AlarmDefinitions } from "./alarm-definition.ts";
import { alarmEngine, type AlarmEngine } from "./alarm-engine.ts";
import { toCdk } from "./alarm-export-cdk.ts";
import { toCloudFormation } from "./alarm-export-cloudformation.ts";
import { toPrometheus } from "./alarm-export-prometheus.ts";
import { toTerraform } from "./alarm-export-terraform.ts";
import { replayAlarms } from "./alarm-replay.ts";
import { ALARM_MIGRATION, postgresAlarms } from "./alarm-store-postgres.ts";
import { memoryAlarms, type AlarmStore } from "./alarm-store.ts";

const pglite = new PGlite();
await pglite.exec(ALARM_MIGRATION);
afterAll(async () => pglite.close());

const watched = (AlarmName: string, event: string): readonly [filter: object, alarm: object] => [
  {
    FilterName: AlarmName,
    FilterPattern: `{ $.event = "${event}" }`,
    MetricTransformations: [{ MetricName: AlarmName, MetricValue: "1", DefaultValue: 0 }],
  },
  { AlarmName, Threshold: 1, Period: 60, EvaluationPeriods: 1, AlarmActions: [], OKActions: [] },
];
const CHILD = watched("Child", "authn_login_fail");
const MAINTENANCE = watched("Maintenance", "sys_overload_began");
const SUPPRESSED = {
  ActionsSuppressor: "Maintenance",
  ActionsSuppressorWaitPeriod: 120,
  ActionsSuppressorExtensionPeriod: 180,
};

function definitionsOf(about: object = SUPPRESSED, others: readonly object[] = []): AlarmDefinitions {
  return readAlarmDefinitions({
    MetricFilters: [CHILD[0], MAINTENANCE[0]],
    Alarms: [CHILD[1], MAINTENANCE[1]],
    CompositeAlarms: [{ AlarmName: "Main", AlarmRule: "ALARM(Child)", ...about }, ...others],
  });
}

const START = Date.UTC(2026, 0, 1);

/** Minutes are numbered from the first that ends after the engine began; both alarms ring in the minutes that are named. */
interface Scene {
  readonly child: readonly number[];
  readonly maintenance: readonly number[];
  readonly minutes?: number;
  readonly definitions?: AlarmDefinitions;
  readonly store?: AlarmStore;
  /** Begins another engine over the same store after this minute. */
  readonly restartAfter?: readonly [minute: number, definitions: AlarmDefinitions];
}

type Told = readonly [minute: number, state: string];

interface Played {
  readonly told: readonly Told[];
  readonly written: readonly AuditRecord[];
  readonly engine: AlarmEngine;
}

async function play(scene: Scene): Promise<Played> {
  const { store = memoryAlarms(), minutes = 14, restartAfter } = scene;
  const graceMs = store.kind === "shared" ? 15_000 : 0;
  const told: Told[] = [];
  const written: AuditRecord[] = [];
  let minute = 0;
  let nowMs = START;
  const action: AlarmAction = {
    name: "page",
    leaves: true,
    notify: ({ state }: AlarmChange) => void told.push([minute, state]),
  };
  const begin = (definitions: AlarmDefinitions): AlarmEngine =>
    alarmEngine({
      definitions,
      sink: (record) => void written.push(record),
      store,
      actions: [action],
      heartbeatSeconds: 10,
      now: () => nowMs,
    });
  let engine = begin(scene.definitions ?? definitionsOf());
  await engine.tick();
  for (minute = 1; minute <= minutes; minute += 1) {
    nowMs = START + minute * 60_000 - 30_000;
    const time = new Date(nowMs).toISOString();
    if (scene.child.includes(minute)) engine.audit({ ...FAILED, time });
    if (scene.maintenance.includes(minute)) engine.audit({ ...OVERLOADED, time });
    await engine.tick();
    nowMs = START + minute * 60_000 + graceMs;
    await engine.tick();
    if (minute !== restartAfter?.[0]) continue;
    await engine.close();
    engine = begin(restartAfter[1]);
  }
  return { told, written, engine };
}

const FAILED = {
  event_type: "authentication",
  status: "failed",
  severity: "warning",
  event: "authn_login_fail",
} as const;
const OVERLOADED = {
  event_type: "system",
  status: "refused",
  severity: "warning",
  event: "sys_overload_began",
} as const;

const span = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

const EXAMPLES: readonly (readonly [title: string, scene: Scene, told: readonly Told[]])[] = [
  ["1: tells once the wait is over", { child: span(2, 14), maintenance: [] }, [[4, "ALARM"]]],
  ["2: tells nobody when the suppressor rings before", { child: span(2, 14), maintenance: span(3, 14) }, []],
  ["3: waits again after a change while it waits", { child: [2], maintenance: [] }, [[5, "OK"]]],
  ["4: tells nobody while the suppressor rings already", { child: span(2, 14), maintenance: span(1, 14) }, []],
  ["5: tells once the extension is over", { child: span(2, 14), maintenance: span(3, 5) }, [[9, "ALARM"]]],
  ["6: waits instead of extending after a change", { child: span(2, 6), maintenance: span(3, 5) }, [[9, "OK"]]],
];

const STORES: readonly (readonly [name: string, open: () => Promise<AlarmStore>])[] = [
  ["memory", async () => Promise.resolve(memoryAlarms())],
  [
    "Postgres",
    async () => {
      await pglite.exec("truncate glacis_alarm_points, glacis_alarm_states, glacis_alarm_evaluator");
      return postgresAlarms(pglite);
    },
  ],
];

describe.each(STORES)("a composite alarm with a suppressor, over %s", (_, open) => {
  it.each(EXAMPLES)("example %s", async (_title, scene, expected) => {
    const { told } = await play({ ...scene, store: await open() });
    expect(told).toEqual(expected);
  });

  it.each(EXAMPLES)("example %s, restarted in the middle of it", async (_title, scene, expected) => {
    for (const minute of [2, 3, 5, 7]) {
      const { told } = await play({ ...scene, store: await open(), restartAfter: [minute, definitionsOf()] });
      expect(told, `restarted after minute ${minute}`).toEqual(expected);
    }
  });
});

describe("a composite alarm with a suppressor", () => {
  it("writes its changes into the log all the same, and says what kept it quiet", async () => {
    const { written, engine } = await play({ child: span(2, 14), maintenance: span(3, 14) });
    const raised = written.filter(({ event, resource_id }) => event === "sys_alarm_raised" && resource_id === "Main");
    expect(raised).toMatchObject([{ detail: "from_OK_suppressed_by_WaitPeriod" }]);
    expect(await engine.status()).toContainEqual(
      expect.objectContaining({ alarm: "Main", state: "ALARM", suppressedBy: "Alarm" }),
    );
  });

  it("has nothing to tell after an extension in which and before which it never changed", async () => {
    expect((await play({ child: span(1, 14), maintenance: span(6, 8) })).told).toEqual([[3, "ALARM"]]);
  });

  it("tells at once where both periods are zero", async () => {
    const definitions = definitionsOf({
      ActionsSuppressor: "Maintenance",
      ActionsSuppressorWaitPeriod: 0,
      ActionsSuppressorExtensionPeriod: 0,
    });
    const { told } = await play({ child: span(2, 14), maintenance: span(2, 5), definitions });
    expect(told).toEqual([[6, "ALARM"]]);
    expect((await play({ child: span(2, 4), maintenance: [], definitions })).told).toEqual([
      [2, "ALARM"],
      [5, "OK"],
    ]);
  });

  it("forgets a running period when its suppressor is replaced or taken away", async () => {
    const other = { ...SUPPRESSED, ActionsSuppressor: "Child" };
    const scene: Scene = { child: span(2, 6), maintenance: span(1, 14) };
    const replaced = await play({ ...scene, restartAfter: [3, definitionsOf(other)] });
    expect(replaced.told).toEqual([[9, "OK"]]);
    const bare = await play({ ...scene, restartAfter: [3, definitionsOf({})] });
    expect(bare.told).toEqual([
      [4, "ALARM"],
      [7, "OK"],
    ]);
  });

  it("shows in a replay when it changed, and when it told", async () => {
    const at = (atSeconds: number): TimedRecord => ({
      atSeconds,
      record: { ...FAILED, time: "" },
    });
    const changes = await replayAlarms(definitionsOf(), [at(30), at(90)]);
    expect(
      changes
        .filter(({ change }) => change.alarm === "Main")
        .map(({ atSeconds, change }) => [atSeconds, change.state, change.suppressedBy]),
    ).toEqual([
      [60, "ALARM", "WaitPeriod"],
      [180, "OK", "WaitPeriod"],
      [300, "OK", undefined],
    ]);
  });

  it("tells nobody where its actions are off, and still changes", async () => {
    const { told, engine } = await play({
      child: span(2, 14),
      maintenance: [],
      definitions: definitionsOf({ ActionsEnabled: false }),
    });
    expect(told).toEqual([]);
    expect(await engine.status()).toContainEqual(expect.objectContaining({ alarm: "Main", state: "ALARM" }));
  });
});

describe("the definition of a suppressor", () => {
  const suppressorOf = (about: object): unknown => definitionsOf(about).composites.at(-1)?.suppressor;

  it("takes a minute for each period that is not given", () => {
    expect(suppressorOf({ ActionsSuppressor: "Maintenance" })).toEqual({
      alarm: "Maintenance",
      waitSeconds: 60,
      extensionSeconds: 60,
    });
  });

  it("takes the name of the resource, in the rule as well", () => {
    const arn = (name: string): string => `arn:aws:cloudwatch:eu-central-1:123456789012:alarm:${name}`;
    expect(
      suppressorOf({ AlarmRule: `ALARM("${arn("Child")}")`, ActionsSuppressor: arn("Maintenance") }),
    ).toMatchObject({ alarm: "Maintenance" });
  });

  it.each([
    ["a suppressor that is not here", { ActionsSuppressor: "Nobody" }, /"Main" names an alarm that is not here/u],
    ["itself as suppressor", { ActionsSuppressor: "Main" }, /names an alarm that is not here, or itself/u],
    ["a period without suppressor", { ActionsSuppressorWaitPeriod: 60 }, /needs ActionsSuppressor/u],
    ["half a second", { ...SUPPRESSED, ActionsSuppressorWaitPeriod: 0.5 }, /whole seconds/u],
    ["less than nothing", { ...SUPPRESSED, ActionsSuppressorExtensionPeriod: -1 }, /whole seconds/u],
    ["a name in another spelling", { ActionSuppressor: "Maintenance" }, /Did you mean "ActionsSuppressor"/u],
  ])("refuses %s", (_, about, message) => {
    expect(() => definitionsOf(about)).toThrow(message);
  });

  it("is judged before the alarm that it keeps quiet", () => {
    const { composites } = definitionsOf({ ActionsSuppressor: "Window" }, [
      { AlarmName: "Window", AlarmRule: "ALARM(Maintenance)" },
    ]);
    expect(composites.map(({ name }) => name)).toEqual(["Window", "Main"]);
  });
});

describe("the exports of a suppressor", () => {
  it("give CloudFormation the three properties, and the order", () => {
    const { Resources } = toCloudFormation(definitionsOf()) as { readonly Resources: Record<string, object> };
    expect(Resources["CompositeMain"]).toMatchObject({
      DependsOn: ["AlarmChild", "AlarmMaintenance"],
      Properties: SUPPRESSED,
    });
  });

  it("give the CDK the same in its spelling", () => {
    const text = toCdk(definitionsOf({ ...SUPPRESSED, ActionsEnabled: false }));
    expect(text).toContain('"actionsSuppressorWaitPeriod": 120');
    expect(text).toContain('"actionsSuppressor": "Maintenance"');
    expect(text).toContain('"actionsEnabled": false');
    expect(text).toContain("CompositeMain.addDependency(AlarmMaintenance);");
  });

  it("give Terraform its block", () => {
    const { resource } = toTerraform(definitionsOf()) as {
      readonly resource: Record<string, Record<string, object>>;
    };
    expect(resource["aws_cloudwatch_composite_alarm"]?.["composite_Main"]).toMatchObject({
      actions_suppressor: { alarm: "Maintenance", wait_period: 120, extension_period: 180 },
      depends_on: ["aws_cloudwatch_metric_alarm.alarm_Child", "aws_cloudwatch_metric_alarm.alarm_Maintenance"],
    });
  });

  it("count for Prometheus how many of a list ring", () => {
    const text = toPrometheus(definitionsOf({ AlarmRule: "AT_LEAST(50%, NOT ALARM, (Child, Maintenance))" }));
    expect(text).toMatch(/expr: "\(\(\(1 - .*Child.*\) \+ \(1 - .*Maintenance.*\)\) >= bool 1\) > 0"/u);
  });

  it("let the rule of Prometheus wait, and be silent for as long as the suppressor and its extension", () => {
    const text = toPrometheus(definitionsOf());
    const rule = text.slice(text.indexOf('- alert: "Main"'));
    expect(rule).toContain("for: 120s");
    expect(rule).toContain(
      String.raw`unless on() max_over_time(ALERTS{alertname=\"Maintenance\",alertstate=\"firing\"}[180s])`,
    );
  });
});
