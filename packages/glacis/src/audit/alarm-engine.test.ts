import { PGlite } from "@electric-sql/pglite";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import type { AuditRecord } from "../core/event.ts";
import { mailAction, webhookAction, type AlarmAction, type AlarmChange, type AlarmMail } from "./alarm-action.ts";
import { readAlarmDefinitions } from "./alarm-definition.ts";
import { alarmEngine, type AlarmEngine } from "./alarm-engine.ts";
import { ALARM_MIGRATION, postgresAlarms } from "./alarm-store-postgres.ts";
import { memoryAlarms, type AlarmStore } from "./alarm-store.ts";

const postgres = await testDatabase("alarms");
const pglite = new PGlite();
await pglite.exec(ALARM_MIGRATION);
await postgres?.pool.query(ALARM_MIGRATION);
afterAll(async () => {
  await pglite.close();
  await postgres?.drop();
});

const definitions = readAlarmDefinitions({
  MetricFilters: [
    {
      FilterName: "FailedLogins",
      FilterPattern: '{ $.event_type = "authentication" && $.status = "failed" }',
      MetricTransformations: [{ MetricName: "Failed", MetricValue: "1", DefaultValue: 0 }],
    },
    {
      FilterName: "ByAddress",
      FilterPattern: "{ $.ip_address = * }",
      MetricTransformations: [{ MetricName: "ByAddress", MetricValue: "1", Dimensions: { ip: "$.ip_address" } }],
    },
    {
      FilterName: "Lines",
      FilterPattern: "{ $.count = * }",
      MetricTransformations: [{ MetricName: "Count", MetricValue: "$.count" }],
    },
  ],
  Alarms: [
    { AlarmName: "FailedLogins", MetricName: "Failed", Threshold: 10, Period: 300, EvaluationPeriods: 1 },
    { AlarmName: "OneAddress", MetricName: "ByAddress", Threshold: 5, Period: 60, EvaluationPeriods: 1 },
    {
      AlarmName: "SlowTail",
      MetricName: "Count",
      ExtendedStatistic: "p90",
      Threshold: 100,
      Period: 60,
      EvaluationPeriods: 1,
    },
  ],
});

const START = Date.UTC(2026, 0, 1);
let nowMs = START;
beforeEach(() => {
  nowMs += 86_400_000 - (nowMs % 60_000);
});

function engineOver(store: AlarmStore, actions: readonly AlarmAction[] = [], written: AuditRecord[] = []): AlarmEngine {
  return alarmEngine({ definitions, sink: (record) => void written.push(record), store, actions, now: () => nowMs });
}

function failed(about: Partial<AuditRecord> = {}): AuditRecord {
  return {
    time: new Date(nowMs).toISOString(),
    event_type: "authentication",
    status: "failed",
    severity: "warning",
    event: "authn_login_fail",
    ...about,
  } as AuditRecord;
}

/** Past the end of the minute, and past the time that other processes have to store what they counted. */
async function minuteLater(engine: AlarmEngine): Promise<readonly AlarmChange[]> {
  nowMs += nowMs % 60_000 === 0 ? 75_000 : 60_000;
  return engine.tick();
}

const collected = (): { readonly action: AlarmAction; readonly changes: AlarmChange[] } => {
  const changes: AlarmChange[] = [];
  return { action: { name: "page", leaves: true, notify: (change) => void changes.push(change) }, changes };
};

const STORES: readonly (readonly [string, () => AlarmStore | Promise<AlarmStore>])[] = [
  ["memory", memoryAlarms],
  ["PGlite", async () => (await pglite.exec(EMPTY), postgresAlarms(pglite))],
  ...(postgres === undefined
    ? []
    : [["Postgres", async () => (await postgres.pool.query(EMPTY), postgresAlarms(postgres.pool))] as const]),
];
const EMPTY = "truncate glacis_alarm_points, glacis_alarm_states, glacis_alarm_evaluator";

describe.each(STORES)("alarmEngine over %s", (kind, open) => {
  it("rings when the threshold is reached, tells once, and clears", async () => {
    const { action, changes } = collected();
    const engine = engineOver(await open(), [action]);
    await engine.tick();
    for (let index = 0; index < 10; index += 1) engine.audit(failed());
    await minuteLater(engine);
    await minuteLater(engine);
    expect(changes.filter(({ alarm }) => alarm === "FailedLogins")).toMatchObject([{ state: "ALARM" }]);
    for (let minute = 0; minute < 6; minute += 1) await minuteLater(engine);
    expect(changes.filter(({ alarm }) => alarm === "FailedLogins").map(({ state }) => state)).toEqual(["ALARM", "OK"]);
  });

  it("looks at each dimension value for itself, and names who stands out", async () => {
    const { action, changes } = collected();
    const engine = engineOver(await open(), [action]);
    await engine.tick();
    for (let index = 0; index < 4; index += 1)
      for (const host of [1, 2, 3]) engine.audit(failed({ ip_address: `192.0.2.${host}` }));
    engine.audit(failed({ ip_address: "192.0.2.2" }));
    await minuteLater(engine);
    expect(changes.filter(({ alarm }) => alarm === "OneAddress")).toMatchObject([{ contributors: ['["192.0.2.2"]'] }]);
  });

  it("compares a percentile of the values of a field", async () => {
    const { action, changes } = collected();
    const engine = engineOver(await open(), [action]);
    await engine.tick();
    for (const count of [1, 2, 3, 4, 5, 6, 7, 8, 500, 900]) engine.audit(failed({ count }));
    await engine.tick();
    engine.audit(failed({ count: 700 }));
    await minuteLater(engine);
    expect(changes.filter(({ alarm }) => alarm === "SlowTail")).toHaveLength(1);
  });

  it.skipIf(kind === "memory")("adds up what several processes count, and one of them tells", async () => {
    const store = await open();
    const told = [collected(), collected(), collected()];
    const engines = told.map(({ action }) => engineOver(store, [action]));
    await Promise.all(engines.map(async (engine) => engine.tick()));
    for (const engine of engines) for (let index = 0; index < 4; index += 1) engine.audit(failed());
    for (const engine of engines) await engine.tick();
    nowMs += 75_000;
    await Promise.all(engines.map(async (engine) => engine.tick()));
    expect(told.flatMap(({ changes }) => changes.filter(({ alarm }) => alarm === "FailedLogins"))).toHaveLength(1);
  });

  it.skipIf(kind === "memory")(
    "goes on after a restart where it stood, and tells what nobody had confirmed",
    async () => {
      const store = await open();
      const broken: AlarmAction = { name: "page", leaves: true, notify: () => Promise.reject(new Error("down")) };
      const written: AuditRecord[] = [];
      const first = engineOver(store, [broken], written);
      await first.tick();
      for (let index = 0; index < 10; index += 1) first.audit(failed());
      await minuteLater(first);
      await first.close();
      expect(written.map(({ event }) => event)).toEqual(
        expect.arrayContaining(["sys_alarm_raised", "sys_alarm_undelivered"]),
      );
      const { action, changes } = collected();
      const second = engineOver(store, [action]);
      nowMs += 15_000;
      await second.tick();
      expect(await second.status()).toContainEqual(expect.objectContaining({ alarm: "FailedLogins", state: "ALARM" }));
      expect(changes.map(({ alarm, state }) => [alarm, state])).toContainEqual(["FailedLogins", "ALARM"]);
      nowMs += 10_000;
      await second.tick();
      expect(changes.filter(({ alarm }) => alarm === "FailedLogins")).toHaveLength(1);
    },
  );
});

describe("alarmEngine", () => {
  it("counts nothing that the log has not taken", async () => {
    const store = memoryAlarms();
    const engine = alarmEngine({
      definitions,
      store,
      heartbeatSeconds: 0,
      now: () => nowMs,
      sink: () => {
        throw new Error("disk full");
      },
    });
    expect(() => engine.audit(failed())).toThrow("disk full");
    await engine.tick();
    expect(await store.read("*", 0, Infinity)).toEqual([]);
  });

  it("keeps at most a thousand series of a minute apart, and the rest together", async () => {
    const store = memoryAlarms();
    const engine = engineOver(store);
    for (let index = 0; index < 5000; index += 1)
      engine.audit(failed({ ip_address: `10.0.${index >> 8}.${index & 255}` }));
    await engine.tick();
    const points = await store.read("Glacis/ByAddress", 0, Infinity);
    expect(points).toHaveLength(1001);
    expect(points.reduce((sum, { bucket }) => sum + bucket.count, 0)).toBe(5000);
  });

  it("keeps counts while the store is down, and stores them once", async () => {
    const store = memoryAlarms();
    let down = true;
    const engine = engineOver({
      ...store,
      add: (points) => {
        if (down) throw new Error("down");
        return store.add(points);
      },
    });
    engine.audit(failed());
    await expect(engine.tick()).rejects.toThrow("down");
    engine.audit(failed());
    down = false;
    await engine.tick();
    const [point] = await store.read("Glacis/Failed", 0, Infinity);
    expect(point?.bucket.sum).toBe(2);
  });

  it("writes what rings, what is over, what has no data any more, and a store that is away, once each", async () => {
    const written: AuditRecord[] = [];
    const store = memoryAlarms();
    let isAway = false;
    const quiet = readAlarmDefinitions({
      MetricFilters: [
        {
          FilterName: "F",
          FilterPattern: "{ $.ip_address = * }",
          MetricTransformations: [{ MetricName: "M", MetricValue: "1" }],
        },
      ],
      Alarms: [{ AlarmName: "F", Threshold: 3, Period: 60, EvaluationPeriods: 1, TreatMissingData: "missing" }],
    });
    const engine = alarmEngine({
      definitions: quiet,
      sink: (record) => void written.push(record),
      store: { ...store, add: (points) => (isAway ? Promise.reject(new Error("away")) : store.add(points)) },
      heartbeatSeconds: 0,
      now: () => nowMs,
    });
    await engine.tick();
    for (const times of [3, 1, 0, 0, 0]) {
      for (let time = 0; time < times; time += 1) engine.audit(failed({ ip_address: "192.0.2.1" }));
      await minuteLater(engine);
    }
    isAway = true;
    engine.start();
    await expect.poll(() => written.some(({ event }) => event === "sys_alarm_store_down")).toBe(true);
    isAway = false;
    await engine.close();
    expect(written.map(({ event }) => event).filter((event) => event.startsWith("sys_alarm"))).toEqual([
      "sys_alarm_raised",
      "sys_alarm_cleared",
      "sys_alarm_without_data",
      "sys_alarm_store_down",
    ]);
  });

  it("refuses an alarm that names an action which is not there", () => {
    const named = readAlarmDefinitions({
      MetricFilters: [
        { FilterName: "F", FilterPattern: "", MetricTransformations: [{ MetricName: "M", MetricValue: "1" }] },
      ],
      Alarms: [{ AlarmName: "F", Threshold: 1, Period: 60, EvaluationPeriods: 1, AlarmActions: ["pager"] }],
    });
    expect(() => alarmEngine({ definitions: named, sink: () => undefined, store: memoryAlarms() })).toThrow(/"pager"/u);
  });

  it("exposes counters and states to Prometheus", async () => {
    const engine = engineOver(memoryAlarms());
    engine.audit(failed());
    await engine.tick();
    await minuteLater(engine);
    const text = await engine.prometheus();
    expect(text).toContain('glacis_security_metric_total{metric="Glacis/Failed"} 1');
    expect(text).toContain('glacis_alarm_active{alarm="FailedLogins"} 0');
  });
});

describe("actions", () => {
  const change: AlarmChange = {
    id: "id-1",
    alarm: "A",
    state: "ALARM",
    previous: "OK",
    severity: "critical",
    time: "2026-01-01T00:00:00.000Z",
    contributors: [],
  };

  it("post a signed message, and fail when it is not taken", async () => {
    const received: { readonly headers: NodeJS.Dict<string | string[]>; readonly body: string }[] = [];
    let status = 204;
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        received.push({ headers: request.headers, body });
        response.writeHead(status).end();
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const action = webhookAction({
      url: "https://hooks.example.com/x",
      // The real fetch, led to the test's own server.
      fetch: (url, init) => fetch(url.replace("https://hooks.example.com", `http://127.0.0.1:${port}`), init),
      secret: new Uint8Array(32).fill(7),
    });
    await action.notify(change);
    expect(JSON.parse(received[0]?.body ?? "")).toEqual(change);
    expect(received[0]?.headers["webhook-signature"]).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/u);
    status = 500;
    await expect(action.notify(change)).rejects.toThrow("500");
    server.close();
  });

  it("refuse a URL without TLS or with credentials", () => {
    for (const url of ["http://hooks.example.com", "https://user:pass@hooks.example.com", "nothing"])
      expect(() => webhookAction({ url, fetch })).toThrow(/HTTPS/u);
  });

  it("send a mail that says what rang", async () => {
    const mails: AlarmMail[] = [];
    await mailAction({ to: ["ops@example.com"], sendMail: (mail) => void mails.push(mail) }).notify(change);
    expect(mails).toMatchObject([
      { subject: "[ALARM] A", text: expect.stringContaining("from OK to ALARM") as string },
    ]);
  });
});
