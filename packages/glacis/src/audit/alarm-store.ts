import type { AlarmState } from "./alarm.ts";
import type { Suppression } from "./alarm-suppression.ts";
import { addBucket, type Bucket } from "./alarm-statistic.ts";

/** What a metric took in during one slot of time. */
export interface SeriesPoint {
  readonly metric: string;
  /** The values of the dimensions as a JSON list; empty where there are none. */
  readonly series: string;
  /** Where the slot begins, in seconds since the epoch. */
  readonly atSeconds: number;
  readonly bucket: Bucket;
}

/** Where an alarm stands. */
export interface StoredAlarm {
  readonly name: string;
  readonly state: AlarmState;
  readonly previous: AlarmState;
  readonly sinceMs: number;
  /** The dimension values that breach, a few of them. */
  readonly contributors: readonly string[];
  /** Actions that have not heard of it yet, and when they are tried next. */
  readonly pending: readonly string[];
  /** Why nobody has been told, where an alarm has a suppressor. */
  readonly suppression?: Suppression | undefined;
  readonly attempts: number;
  readonly nextAttemptMs: number;
  /** Grows with each change; zero is an alarm that has never been saved. */
  readonly version: number;
}

/** Held by the one process that evaluates. */
export interface EvaluatorLease {
  readonly held: boolean;
  /** Up to when the alarms have been evaluated, in seconds; undefined at the very beginning. */
  readonly evaluatedSeconds: number | undefined;
}

/** Where counts and states live. A store that fails throws, and the engine tries again. */
export interface AlarmStore {
  readonly kind: "memory" | "shared";
  /** Adds to what is there: several processes count into one slot. */
  add(points: readonly SeriesPoint[]): void | Promise<void>;
  /** From the first second on, before the last. */
  read(
    metric: string,
    fromSeconds: number,
    toSeconds: number,
  ): readonly SeriesPoint[] | Promise<readonly SeriesPoint[]>;
  forget(beforeSeconds: number): void | Promise<void>;
  /** Asks to be the evaluator for so long, or to stay it. */
  lease(holder: string, seconds: number): EvaluatorLease | Promise<EvaluatorLease>;
  /** Notes how far the holder has evaluated; false when the lease is somebody else's by now. */
  advance(holder: string, evaluatedSeconds: number): boolean | Promise<boolean>;
  release(holder: string): void | Promise<void>;
  states(): readonly StoredAlarm[] | Promise<readonly StoredAlarm[]>;
  /** Saves when nobody else has since `version - 1`: one of two evaluators tells of a change. */
  save(alarm: StoredAlarm): boolean | Promise<boolean>;
}

/** The store of one process. A restart forgets it. */
export function memoryAlarms(): AlarmStore {
  const points = new Map<string, SeriesPoint>();
  const alarms = new Map<string, StoredAlarm>();
  let evaluatedSeconds: number | undefined;
  return {
    kind: "memory",
    add(added) {
      for (const point of added) {
        const key = `${point.atSeconds}\n${point.metric}\n${point.series}`;
        const known = points.get(key);
        if (known === undefined) points.set(key, point);
        else addBucket(known.bucket, point.bucket);
      }
    },
    read: (metric, from, to) =>
      [...points.values()].filter(
        ({ metric: name, atSeconds }) => name === metric && atSeconds >= from && atSeconds < to,
      ),
    forget(before) {
      for (const [key, { atSeconds }] of points) if (atSeconds < before) points.delete(key);
    },
    lease: () => ({ held: true, evaluatedSeconds }),
    advance(_, seconds) {
      evaluatedSeconds = seconds;
      return true;
    },
    release: () => undefined,
    states: () => [...alarms.values()],
    save(alarm) {
      if ((alarms.get(alarm.name)?.version ?? 0) !== alarm.version - 1) return false;
      alarms.set(alarm.name, alarm);
      return true;
    },
  };
}
