/** A map that forgets: of more entries than it holds, those that were set longest ago go. */
export interface RecentMap<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
}

/**
 * Two generations, of which the older is dropped whole. Deleting the first key of a `Map` one at a time looks the same and is not: each look for
 * the first key passes all that were deleted before, and a flood of new keys costs the square of their number.
 *
 * @param size at least so many of the latest keys are remembered, and at most twice as many
 */
export function recentMap<Value>(size: number): RecentMap<Value> {
  let current = new Map<string, Value>();
  let former = new Map<string, Value>();
  return {
    get: (key) => current.get(key) ?? former.get(key),
    set(key, value) {
      if (current.size >= size && !current.has(key)) {
        former = current;
        current = new Map();
      }
      current.set(key, value);
    },
  };
}

/** Lets one of a burst through: the first for each subject, then none until the time is over. Bounded. */
export interface Cooldown {
  /** True when this subject has not had its turn within the time; then it has. */
  claim(subject: string, nowMs: number): boolean;
}

/**
 * @param ms how long a subject is quiet
 * @param size how many subjects are remembered; one that is forgotten may speak again
 */
export function cooldown(ms: number, size: number = 5000): Cooldown {
  const quietUntil = recentMap<number>(size);
  return {
    claim(subject, nowMs) {
      if (nowMs < (quietUntil.get(subject) ?? -Infinity)) return false;
      quietUntil.set(subject, nowMs + ms);
      return true;
    },
  };
}
