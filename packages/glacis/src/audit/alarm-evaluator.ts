import { randomUUID } from "node:crypto";
import type { AlarmChange } from "./alarm-action.ts";
import { reachSeconds, type AlarmDefinitions, type Suppressor } from "./alarm-definition.ts";
import type { AlarmDelivery } from "./alarm-delivery.ts";
import { evaluateAll, type Verdict } from "./alarm-evaluation.ts";
import type { AlarmStore, StoredAlarm } from "./alarm-store.ts";
import { suppression, type Suppression } from "./alarm-suppression.ts";

export interface AlarmEvaluator {
  /** Evaluates every slot that has ended since the last time, when this process holds the lease, and tells of what changed. */
  readonly evaluate: (nowMs: number) => Promise<readonly AlarmChange[]>;
  readonly release: () => Promise<void>;
}

interface Evaluating {
  readonly definitions: AlarmDefinitions;
  readonly store: AlarmStore;
  readonly delivery: AlarmDelivery;
  readonly slotSeconds: number;
}

const LEASE_SECONDS = 60;
/** How long the other processes have to store what they counted before a slot is judged. */
const GRACE_SECONDS = { memory: 0, shared: 15 } as const;
/** After an outage: more slots than this are too old to wake anybody for. */
const MOST_CATCH_UP = 240;

export function alarmEvaluator({ definitions, store, delivery, slotSeconds }: Evaluating): AlarmEvaluator {
  const holder = randomUUID();
  const suppressors = new Map(definitions.composites.map(({ name, suppressor }) => [name, suppressor]));
  const keepSeconds = Math.max(3600, ...definitions.alarms.map(reachSeconds)) + 600;

  async function evaluateSlot(end: number): Promise<readonly AlarmChange[] | undefined> {
    const stored = new Map((await store.states()).map((alarm) => [alarm.name, alarm]));
    const stateOf = (name: string): StoredAlarm["state"] => stored.get(name)?.state ?? "INSUFFICIENT_DATA";
    const verdicts = await evaluateAll(definitions, store, end, stateOf);
    const changes: AlarmChange[] = [];
    for (const [name, verdict] of verdicts) {
      const before = stored.get(name);
      const suppressed = suppressedNow(suppressors.get(name), verdicts, verdict, before, end * 1000);
      const change = await settle(name, verdict, before, { atMs: end * 1000, suppressed });
      if (change !== undefined) changes.push(change);
    }
    // Noted last: what a crash leaves undone is done again, and a state that is saved already changes nothing.
    return (await store.advance(holder, end)) ? changes : undefined;
  }

  async function settle(
    name: string,
    { state, contributors }: Verdict,
    before: StoredAlarm | undefined,
    { atMs, suppressed }: Moment,
  ): Promise<AlarmChange | undefined> {
    const changes = before?.state !== state;
    if (!changes && isSame(before.suppression, suppressed)) return undefined;
    // The first verdict of a new alarm is no news, unless it rings.
    const isNews = before !== undefined || state === "ALARM";
    const stands = changes ? { previous: before?.state ?? "INSUFFICIENT_DATA", sinceMs: atMs, contributors } : before;
    const after: StoredAlarm = {
      ...stands,
      name,
      state,
      pending: isNews && suppressed === undefined ? delivery.listeners(name, state, before) : [],
      suppression: isNews ? suppressed : undefined,
      attempts: 0,
      nextAttemptMs: 0,
      version: (before?.version ?? 0) + 1,
    };
    if (!(await store.save(after)) || !isNews) return undefined;
    if (changes) return delivery.announce(after);
    // It stands in the log since it changed. From now on it is told.
    return suppressed === undefined ? delivery.changeOf(after) : undefined;
  }

  return {
    async evaluate(nowMs) {
      const { held, evaluatedSeconds } = await store.lease(holder, LEASE_SECONDS);
      if (!held) return [];
      const beginOf = (seconds: number): number => seconds - (seconds % slotSeconds);
      const nowSeconds = Math.floor(nowMs / 1000);
      const last = beginOf(nowSeconds - GRACE_SECONDS[store.kind]);
      // At the very beginning the slot that runs is the first: before it nobody could have given a sign of life.
      const begin = Math.max(evaluatedSeconds ?? beginOf(nowSeconds), last - MOST_CATCH_UP * slotSeconds);
      if (evaluatedSeconds === undefined) await store.advance(holder, begin);
      const changes: AlarmChange[] = [];
      for (let end = begin + slotSeconds; end <= last; end += slotSeconds) {
        const found = await evaluateSlot(end);
        if (found === undefined) return changes;
        changes.push(...found);
      }
      if (last > begin) await store.forget(last - keepSeconds);
      await delivery.deliver(nowMs);
      return changes;
    },
    release: async () => store.release(holder),
  };
}

interface Moment {
  readonly atMs: number;
  readonly suppressed: Suppression | undefined;
}

function suppressedNow(
  suppressor: Suppressor | undefined,
  verdicts: ReadonlyMap<string, Verdict>,
  { state }: Verdict,
  before: StoredAlarm | undefined,
  atMs: number,
): Suppression | undefined {
  const suppressorState = verdicts.get(suppressor?.alarm ?? "")?.state ?? "INSUFFICIENT_DATA";
  const changes = before?.state !== state;
  return suppressor && suppression(suppressor, { atMs, suppressorState, changes, before: before?.suppression });
}

function isSame(left: Suppression | undefined, right: Suppression | undefined): boolean {
  return left?.by === right?.by && left?.alarm === right?.alarm && left?.untilMs === right?.untilMs;
}
