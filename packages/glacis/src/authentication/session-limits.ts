import { rejectUnknownOptions } from "../core/options.ts";
import type { AssuranceLevel } from "../core/principal.ts";
import type { SessionRecord } from "./session-record.ts";

/** How long a session of one assurance level lives, in seconds. */
export interface SessionLimits {
  /** Ends a session that nobody uses. */
  readonly idleSeconds: number;
  /** Ends a session, used or not, counted from the sign-in. */
  readonly absoluteSeconds: number;
}

export type LimitsByLevel = Readonly<Record<AssuranceLevel, SessionLimits>>;

/**
 * NIST SP 800-63B-4, sections 2.1.3, 2.2.3 and 2.3.3. It would let a single factor go on for 30 days; here the weaker sign-in lives no longer than
 * the stronger one.
 */
export const DEFAULT_LIMITS: LimitsByLevel = {
  1: { idleSeconds: 3_600, absoluteSeconds: 86_400 },
  2: { idleSeconds: 3_600, absoluteSeconds: 86_400 },
  3: { idleSeconds: 900, absoluteSeconds: 43_200 },
};

/** What the standard allows at most. Level 1 has no idle limit there; ours for level 2 stands in. */
const MOST: LimitsByLevel = {
  1: { idleSeconds: 43_200, absoluteSeconds: 2_592_000 },
  2: { idleSeconds: 3_600, absoluteSeconds: 86_400 },
  3: { idleSeconds: 900, absoluteSeconds: 43_200 },
};

export const LEVELS: readonly AssuranceLevel[] = [1, 2, 3];
const LONGEST_SECONDS = 2_592_000;

/**
 * The limits of every level.
 *
 * @throws TypeError on an unknown level, limits that contradict each other, or more than 30 days.
 */
export function limitsOf(given: Partial<LimitsByLevel> = {}): LimitsByLevel {
  rejectUnknownOptions("sessions({ limits })", given, ["1", "2", "3"]);
  for (const limits of Object.values(given)) {
    rejectUnknownOptions("sessions({ limits })", limits, ["idleSeconds", "absoluteSeconds"]);
    const { idleSeconds, absoluteSeconds } = limits;
    if (!(idleSeconds > 0 && absoluteSeconds >= idleSeconds && absoluteSeconds <= LONGEST_SECONDS)) {
      throw new TypeError(
        "sessions({ limits }) needs idleSeconds above zero, absoluteSeconds no smaller than idleSeconds, and at most 30 days.",
      );
    }
  }
  return { ...DEFAULT_LIMITS, ...given };
}

/** When a session ends unless it is used again, in milliseconds since the epoch. NaN, which is never later, where a time is unreadable. */
export function endsAtMs(record: SessionRecord, limits: LimitsByLevel): number {
  const { idleSeconds, absoluteSeconds } = limits[record.assurance] ?? { idleSeconds: 0, absoluteSeconds: 0 };
  return Math.min(record.seenAtMs + idleSeconds * 1000, record.createdAtMs + absoluteSeconds * 1000);
}

/** Written so that a missing or unreadable time compares false, which is expired. */
export function isAlive(record: SessionRecord, limits: LimitsByLevel, nowMs: number): boolean {
  return nowMs < endsAtMs(record, limits);
}

/** The levels whose sessions live longer than the standard allows, in words. */
export function overlong(limits: LimitsByLevel): string | undefined {
  const long = LEVELS.filter(
    (level) =>
      limits[level].idleSeconds > MOST[level].idleSeconds ||
      limits[level].absoluteSeconds > MOST[level].absoluteSeconds,
  );
  if (long.length === 0) return undefined;
  return long
    .map((level) => `level ${level}: idle ${limits[level].idleSeconds} s, absolute ${limits[level].absoluteSeconds} s`)
    .join("; ");
}

/** The longest idle limit, in milliseconds: what has been unused for longer has ended, whatever its level. */
export function longestIdleMs(limits: LimitsByLevel): number {
  return Math.max(...LEVELS.map((level) => limits[level].idleSeconds)) * 1000;
}
