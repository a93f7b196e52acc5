/** Alarms over the events as they are written, inside the application: CloudWatch's evaluation without CloudWatch (guide A09). */
import type { AuditEvent, AuditSink } from "../core/event.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { AlarmAction, AlarmChange } from "./alarm-action.ts";
import { alarmCounter, ALL_EVENTS, metricKey } from "./alarm-counter.ts";
import type { AlarmDefinitions } from "./alarm-definition.ts";
import { alarmDelivery } from "./alarm-delivery.ts";
import { alarmEvaluator } from "./alarm-evaluator.ts";
import { tryReceivers, type ReceiverTrial } from "./alarm-trial.ts";
import type { AlarmStore, StoredAlarm } from "./alarm-store.ts";
import type { SuppressedBy } from "./alarm-suppression.ts";
import type { AlarmState } from "./alarm.ts";

export interface AlarmEngineOptions {
  /** What `readAlarmDefinitions` returned, such as of `SECURITY_ALARMS`. */
  readonly definitions: AlarmDefinitions;
  /** Where events go on to, such as `eventLog()`. What it has not taken is not counted. */
  readonly sink: AuditSink;
  readonly store: AlarmStore;
  readonly actions?: readonly AlarmAction[];
  /** Seconds between two signs of life, so that silence can be told from peace. 60 unless you say otherwise; 0 for none. */
  readonly heartbeatSeconds?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

export interface AlarmStatus {
  readonly alarm: string;
  readonly state: AlarmState;
  readonly sinceMs: number;
  readonly contributors: readonly string[];
  /** What keeps its last change from being told. */
  readonly suppressedBy?: SuppressedBy;
}

export interface AlarmEngine {
  /** The sink to compose: hands each event on, then counts it. */
  readonly audit: AuditSink;
  readonly options: AlarmEngineOptions;
  /** Stores the counts, and where this process is the evaluator evaluates and tells. Runs by itself after `start`. */
  tick(): Promise<readonly AlarmChange[]>;
  /** Begins to tick; the timer keeps no process alive. */
  start(): void;
  /** Stores what has been counted, and lets another process evaluate. */
  close(): Promise<void>;
  status(): Promise<readonly AlarmStatus[]>;
  /** Sends a test message to every receiver, which is told in the log. */
  tryReceivers(): Promise<readonly ReceiverTrial[]>;
  /** Counts and states in the text format of Prometheus. */
  prometheus(): Promise<string>;
}

const TICK_MS = 10_000;

/**
 * An engine that counts what filters find, evaluates alarms at each end of a minute, and tells of changes. One process evaluates at a time; when
 * it dies, another takes over within a minute. A change is told at least once: a restart tells again what nobody has confirmed.
 *
 * @throws TypeError on an unknown option, or an alarm that names an action which is not there
 * @example
 * const alarms = alarmEngine({ definitions: readAlarmDefinitions(SECURITY_ALARMS), sink: eventLog(), store: memoryAlarms() });
 * alarms.start();
 */
export function alarmEngine(options: AlarmEngineOptions): AlarmEngine {
  rejectUnknownOptions("alarmEngine", options, ["definitions", "sink", "store", "actions", "heartbeatSeconds", "now"]);
  const { definitions, sink, store, actions = [], heartbeatSeconds = 60, now = Date.now } = options;
  const slotSeconds = definitions.alarms.some(({ periodSeconds }) => periodSeconds < 60) ? 10 : 60;
  const counter = alarmCounter(definitions.filters, slotSeconds, sampledMetrics(definitions));
  const report = (event: AuditEvent): void => sink({ time: new Date(now()).toISOString(), ...event });
  const delivery = alarmDelivery(definitions, actions, store, report);
  const evaluator = alarmEvaluator({ definitions, store, delivery, slotSeconds });
  let lastHeartbeatMs = -Infinity;

  const audit: AuditSink = (record) => {
    sink(record);
    counter.add(record, Math.floor(now() / 1000));
  };

  function beat(): void {
    if (heartbeatSeconds === 0 || now() - lastHeartbeatMs < heartbeatSeconds * 1000) return;
    lastHeartbeatMs = now();
    audit({ time: new Date(now()).toISOString(), ...HEARTBEAT });
  }

  async function flush(): Promise<void> {
    const points = counter.drain();
    try {
      await store.add(points);
    } catch (error) {
      const lost = counter.restore(points);
      if (lost > 0) report({ ...STORE_DOWN, detail: "counts_lost", count: lost });
      throw error;
    }
  }

  const ticker = alarmTicker(async () => {
    beat();
    await flush();
    return evaluator.evaluate(now());
  }, report);
  return {
    audit,
    options,
    tick: ticker.tick,
    start: ticker.start,
    async close() {
      await ticker.stop();
      await flush();
      await evaluator.release();
    },
    tryReceivers: async () => tryReceivers(actions, now(), report),
    status: async () =>
      (await store.states()).map(({ name: alarm, state, sinceMs, contributors, suppression }) => ({
        alarm,
        state,
        sinceMs,
        contributors,
        ...(suppression !== undefined && { suppressedBy: suppression.by }),
      })),
    prometheus: async () => exposition(counter.totals(), await store.states()),
  };
}

interface Ticker {
  readonly tick: () => Promise<readonly AlarmChange[]>;
  readonly start: () => void;
  readonly stop: () => Promise<void>;
}

/** One at a time: a slow store must not make ticks pile up. A store that is down is told of once. */
function alarmTicker(run: () => Promise<readonly AlarmChange[]>, report: (event: AuditEvent) => void): Ticker {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<readonly AlarmChange[]> | undefined;
  let isDown = false;
  const tick = async (): Promise<readonly AlarmChange[]> => {
    running ??= run().finally(() => (running = undefined));
    return running;
  };
  async function safeTick(): Promise<void> {
    try {
      await tick();
      isDown = false;
    } catch (error) {
      const cause = error instanceof Error ? `${error.name}: ${error.message}` : typeof error;
      if (!isDown) report({ ...STORE_DOWN, error: cause });
      isDown = true;
    }
  }
  return {
    tick,
    start() {
      timer ??= setInterval(() => void safeTick(), TICK_MS).unref();
      void safeTick();
    },
    async stop() {
      clearInterval(timer);
      timer = undefined;
      await running?.catch(() => undefined);
    },
  };
}

function sampledMetrics({ alarms }: AlarmDefinitions): ReadonlySet<string> {
  const sampled = alarms.filter(({ statistic }) => statistic.startsWith("p"));
  return new Set(sampled.map(({ namespace, metricName }) => metricKey(namespace, metricName)));
}

const HEARTBEAT: AuditEvent = {
  event_type: "system",
  status: "observed",
  severity: "info",
  event: "sys_heartbeat",
  control: "security-alerting",
};

const STORE_DOWN: AuditEvent = {
  event_type: "system",
  status: "failed",
  severity: "error",
  event: "sys_alarm_store_down",
  control: "security-alerting",
};

function exposition(totals: ReadonlyMap<string, number>, alarms: readonly StoredAlarm[]): string {
  const label = (text: string): string =>
    text.replace(/[\\"\n]/gu, (character) => (character === "\n" ? "\\n" : `\\${character}`));
  return [
    "# HELP glacis_security_metric_total What metric filters have added up since the process began.",
    "# TYPE glacis_security_metric_total counter",
    ...[...totals]
      .filter(([metric]) => metric !== ALL_EVENTS)
      .map(([metric, total]) => `glacis_security_metric_total{metric="${label(metric)}"} ${total}`),
    "# HELP glacis_alarm_active Whether an alarm rings.",
    "# TYPE glacis_alarm_active gauge",
    ...alarms.map(({ name, state }) => `glacis_alarm_active{alarm="${label(name)}"} ${state === "ALARM" ? 1 : 0}`),
    "",
  ].join("\n");
}
