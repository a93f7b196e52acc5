import { randomUUID } from "node:crypto";
import type { AlarmChange } from "./alarm-action.ts";
import { reachSeconds, type AlarmDefinitions } from "./alarm-definition.ts";
import type { AlarmDelivery } from "./alarm-delivery.ts";
import { evaluateAll, type Verdict } from "./alarm-evaluation.ts";
import type { AlarmStore, StoredAlarm } from "./alarm-store.ts";

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
  const keepSeconds = Math.max(3600, ...definitions.alarms.map(reachSeconds)) + 600;

  async function evaluateSlot(end: number): Promise<readonly AlarmChange[] | undefined> {
    const stored = new Map((await store.states()).map((alarm) => [alarm.name, alarm]));
    const stateOf = (name: string): StoredAlarm["state"] => stored.get(name)?.state ?? "INSUFFICIENT_DATA";
    const verdicts = await evaluateAll(definitions, store, end, stateOf);
    const changes: AlarmChange[] = [];
    for (const [name, verdict] of verdicts) {
      const change = await settle(name, verdict, stored.get(name), end * 1000);
      if (change !== undefined) changes.push(change);
    }
    // Noted last: what a crash leaves undone is done again, and a state that is saved already changes nothing.
    return (await store.advance(holder, end)) ? changes : undefined;
  }

  async function settle(
    name: string,
    { state, contributors }: Verdict,
    before: StoredAlarm | undefined,
    atMs: number,
  ): Promise<AlarmChange | undefined> {
    if (before?.state === state) return undefined;
    const after: StoredAlarm = {
      name,
      state,
      previous: before?.state ?? "INSUFFICIENT_DATA",
      sinceMs: atMs,
      contributors,
      pending: delivery.listeners(name, state, before),
      attempts: 0,
      nextAttemptMs: 0,
      version: (before?.version ?? 0) + 1,
    };
    if (!(await store.save(after))) return undefined;
    // The first verdict of a new alarm is no news, unless it rings.
    return before === undefined && state !== "ALARM" ? undefined : delivery.announce(after);
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
