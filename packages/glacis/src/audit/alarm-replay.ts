/** Runs the engine over recorded or synthetic events on a clock of its own: which alarm rings, and when. */
import type { AlarmChange } from "./alarm-action.ts";
import type { TimedRecord } from "./alarm-attack.ts";
import type { AlarmDefinitions } from "./alarm-definition.ts";
import { alarmEngine } from "./alarm-engine.ts";
import { memoryAlarms } from "./alarm-store.ts";

export interface ReplayedChange {
  /** Since the beginning of the replay. */
  readonly atSeconds: number;
  readonly change: AlarmChange;
}

/** 1 January 2026: every replay begins there, so that its output is the same each time. */
const BEGIN_SECONDS = 1_767_225_600;
const STEP_SECONDS = 10;
const QUIET_SECONDS = 900;
const LONGEST_SECONDS = 7 * 86_400;

/**
 * Replays events, ten seconds of time at a step, and a quarter of an hour of quiet after the last.
 *
 * @param records times in seconds from the beginning
 * @throws RangeError when they last longer than a week
 */
export async function replayAlarms(
  definitions: AlarmDefinitions,
  records: readonly TimedRecord[],
): Promise<readonly ReplayedChange[]> {
  const ordered = records.toSorted((left, right) => left.atSeconds - right.atSeconds);
  const lastSeconds = (ordered.at(-1)?.atSeconds ?? 0) + QUIET_SECONDS;
  if (lastSeconds > LONGEST_SECONDS) throw new RangeError("A replay lasts a week at most.");
  let nowSeconds = BEGIN_SECONDS;
  const engine = alarmEngine({
    definitions,
    sink: () => undefined,
    store: memoryAlarms(),
    now: () => nowSeconds * 1000,
  });
  const changes: ReplayedChange[] = [];
  let next = 0;
  for (let at = 0; at <= lastSeconds; at += STEP_SECONDS) {
    for (let one = ordered[next]; one !== undefined && one.atSeconds < at; one = ordered[next]) {
      nowSeconds = BEGIN_SECONDS + one.atSeconds;
      engine.audit({ ...one.record, time: new Date(nowSeconds * 1000).toISOString() });
      next += 1;
    }
    nowSeconds = BEGIN_SECONDS + at;
    for (const change of await engine.tick()) changes.push({ atSeconds: at, change });
  }
  return changes;
}
