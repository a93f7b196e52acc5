import { hash } from "node:crypto";
import type { AuditEvent } from "../core/event.ts";
import type { AlarmAction, AlarmChange } from "./alarm-action.ts";
import type { AlarmDefinitions, CompositeAlarm, MetricAlarm } from "./alarm-definition.ts";
import type { AlarmStore, StoredAlarm } from "./alarm-store.ts";
import type { AlarmState } from "./alarm.ts";
import { answeredWithin } from "./audit-deadline.ts";

export interface AlarmDelivery {
  /** The actions that must hear of a change. */
  readonly listeners: (name: string, state: AlarmState, before: StoredAlarm | undefined) => readonly string[];
  /** A change as it is told. */
  readonly changeOf: (alarm: StoredAlarm) => AlarmChange;
  /** Writes the change into the log. */
  readonly announce: (alarm: StoredAlarm) => AlarmChange;
  /** Tells whoever has not heard yet. */
  readonly deliver: (nowMs: number) => Promise<void>;
}

const ATTEMPT_SECONDS = 10;
const LONGEST_PAUSE_MS = 600_000;
/** Ten minutes apart: a day, for a change that was told late as well. */
const MOST_ATTEMPTS = 150;

const LOGGED: Readonly<Record<AlarmState, "sys_alarm_raised" | "sys_alarm_cleared" | "sys_alarm_without_data">> = {
  ALARM: "sys_alarm_raised",
  OK: "sys_alarm_cleared",
  INSUFFICIENT_DATA: "sys_alarm_without_data",
};

type AnyAlarm = MetricAlarm | CompositeAlarm;

/** @throws TypeError when an alarm names an action that is neither here nor a resource of AWS */
export function alarmDelivery(
  { alarms, composites }: AlarmDefinitions,
  actions: readonly AlarmAction[],
  store: AlarmStore,
  report: (event: AuditEvent) => void,
): AlarmDelivery {
  const byName = new Map<string, AnyAlarm>([...alarms, ...composites].map((one) => [one.name, one]));
  const byAction = new Map(actions.map((action) => [action.name, action]));
  if (byAction.size !== actions.length) throw new TypeError("alarmEngine() needs actions with different names.");
  for (const alarm of byName.values()) judgeActions(alarm, byAction);

  async function tell(stored: StoredAlarm, nowMs: number): Promise<void> {
    const change = changeOf(stored, byName.get(stored.name));
    const left: string[] = [];
    for (const name of stored.pending) {
      try {
        await answeredWithin(ATTEMPT_SECONDS, `The action ${name}`, byAction.get(name)?.notify(change));
      } catch (error) {
        left.push(name);
        if (stored.attempts === 0) report(undelivered(stored.name, name, "will_retry", error));
      }
    }
    const givenUp = left.length > 0 && stored.attempts >= MOST_ATTEMPTS;
    for (const name of givenUp ? left : []) report(undelivered(stored.name, name, "given_up"));
    await store.save({
      ...stored,
      pending: givenUp ? [] : left,
      attempts: stored.attempts + 1,
      nextAttemptMs: nowMs + Math.min(LONGEST_PAUSE_MS, 10_000 * 2 ** Math.min(10, stored.attempts)),
      version: stored.version + 1,
    });
  }

  return {
    listeners(name, state, before) {
      const alarm = byName.get(name);
      if (alarm?.actionsEnabled === false) return [];
      const everybody = [...byAction.keys()];
      const wanted = {
        ALARM: alarm?.alarmActions,
        OK: alarm?.okActions,
        INSUFFICIENT_DATA: alarm?.insufficientDataActions,
      }[state];
      if (state === "OK" && before === undefined) return [];
      return (wanted ?? everybody).filter((action) => byAction.has(action));
    },
    changeOf: (stored) => changeOf(stored, byName.get(stored.name)),
    announce(stored) {
      const change = changeOf(stored, byName.get(stored.name));
      report(changed(change));
      return change;
    },
    async deliver(nowMs) {
      for (const stored of await store.states())
        if (stored.pending.length > 0 && stored.nextAttemptMs <= nowMs) await tell(stored, nowMs);
    },
  };
}

function judgeActions(
  { name, alarmActions = [], okActions = [], insufficientDataActions }: AnyAlarm,
  known: ReadonlyMap<string, AlarmAction>,
): void {
  const unknown = [...alarmActions, ...okActions, ...insufficientDataActions].find(
    (action) => !known.has(action) && !action.startsWith("arn:"),
  );
  if (unknown === undefined) return;
  throw new TypeError(`The alarm "${name}" names the action "${unknown}", which alarmEngine() was not given.`);
}

function changeOf(
  { name, state, previous, sinceMs, contributors, suppression }: StoredAlarm,
  alarm: AnyAlarm | undefined,
): AlarmChange {
  return {
    id: hash("sha256", JSON.stringify([name, sinceMs, state]), "base64url"),
    alarm: name,
    state,
    previous,
    severity: alarm?.severity ?? "error",
    time: new Date(sinceMs).toISOString(),
    contributors,
    ...(alarm?.description !== undefined && { description: alarm.description }),
    ...(alarm?.runbook !== undefined && { runbook: alarm.runbook }),
    ...(suppression !== undefined && { suppressedBy: suppression.by }),
  };
}

function changed({ alarm, state, previous, severity, suppressedBy }: AlarmChange): AuditEvent {
  return {
    event_type: "system",
    status: "observed",
    severity: state === "ALARM" ? severity : "info",
    event: LOGGED[state],
    control: "security-alerting",
    resource_type: "alarm",
    resource_id: alarm,
    detail: `from_${previous}${suppressedBy === undefined ? "" : `_suppressed_by_${suppressedBy}`}`,
  };
}

function undelivered(alarm: string, action: string, detail: string, error?: unknown): AuditEvent {
  return {
    event_type: "system",
    status: "failed",
    severity: detail === "given_up" ? "critical" : "error",
    event: "sys_alarm_undelivered",
    control: "security-alerting",
    resource_type: "alarm",
    resource_id: alarm,
    action,
    detail,
    ...(error !== undefined && { error: error instanceof Error ? `${error.name}: ${error.message}` : typeof error }),
  };
}
