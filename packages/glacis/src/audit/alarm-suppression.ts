/** When a composite alarm keeps its change to itself, as the CloudWatch user guide describes it ("Suppressing composite alarm actions"). */
import type { Suppressor } from "./alarm-definition.ts";
import type { AlarmState } from "./alarm.ts";

/** What keeps actions from being taken, in the words of CloudWatch's `ActionsSuppressedBy`. */
export type SuppressedBy = "Alarm" | "WaitPeriod" | "ExtensionPeriod";

/** A change that nobody has been told of. */
export interface Suppression {
  readonly by: SuppressedBy;
  /** The alarm that suppresses. Another one begins anew. */
  readonly alarm: string;
  /** When the period ends; zero while the suppressor rings. */
  readonly untilMs: number;
}

interface Moment {
  readonly atMs: number;
  readonly suppressorState: AlarmState;
  /** Whether the composite changes its state at this moment. */
  readonly changes: boolean;
  readonly before: Suppression | undefined;
}

/**
 * What keeps the actions of a composite quiet that changes, or whose last change is untold. Undefined: nothing does, or there is nothing to tell.
 *
 * A change waits, so that the suppressor has time to ring; a change while another waits begins the wait anew, in an extension as well. When the
 * suppressor falls silent, the change waits for the extension, so that the composite has time to go back.
 */
export function suppression(
  { alarm, waitSeconds, extensionSeconds }: Suppressor,
  { atMs, suppressorState, changes, before }: Moment,
): Suppression | undefined {
  const period = (by: SuppressedBy, seconds: number): Suppression | undefined =>
    seconds === 0 ? undefined : { by, alarm, untilMs: atMs + seconds * 1000 };
  if (!changes && before === undefined) return undefined;
  if (suppressorState === "ALARM") return { by: "Alarm", alarm, untilMs: 0 };
  if (changes) return period("WaitPeriod", waitSeconds);
  if (before?.alarm !== alarm) return undefined;
  if (before.by === "Alarm") return period("ExtensionPeriod", extensionSeconds);
  return atMs < before.untilMs ? before : undefined;
}
