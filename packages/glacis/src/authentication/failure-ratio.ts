/** The share of sign-in attempts that fail, against what is usual here. */
export interface FailureRatio {
  /** True once for each surge: when the share of the current five minutes is far above the usual one. */
  add(failed: boolean, nowMs: number): boolean;
  elevatedAt(nowMs: number): boolean;
  /** Failures of the current five minutes. */
  readonly failures: number;
}

const BUCKET_MS = 300_000;
/** A week of buckets: the weight of what is usual. */
const BASELINE_BUCKETS = 2016;
/** Fewer attempts than this say nothing. */
const FEWEST_ATTEMPTS = 50;
const FACTOR = 3;
/** Some people mistype: below this share nothing is a surge. Above the other one everything is, or a small base could never be tripled. */
const LEAST_SURGE = 0.4;
const MOST_USUAL = 0.95;

/**
 * Compares buckets of five minutes with the mean of a week. A bucket with a surge does not count towards what is usual, so that an attack does
 * not become the custom. A surge lasts for the rest of its bucket and the whole of the next.
 */
export function failureRatio(): FailureRatio {
  let bucket = { startMs: 0, attempts: 0, failures: 0, surged: false };
  let usual = 0;
  let buckets = 0;
  let elevatedUntilMs = 0;

  function turn(nowMs: number): void {
    if (bucket.attempts >= FEWEST_ATTEMPTS && !bucket.surged) {
      buckets = Math.min(BASELINE_BUCKETS, buckets + 1);
      usual += (bucket.failures / bucket.attempts - usual) / buckets;
    }
    bucket = { startMs: nowMs, attempts: 0, failures: 0, surged: false };
  }

  return {
    add(failed, nowMs) {
      // A clock that stepped back begins a new bucket too.
      if (nowMs >= bucket.startMs + BUCKET_MS || nowMs < bucket.startMs) turn(nowMs);
      bucket.attempts += 1;
      if (failed) bucket.failures += 1;
      if (bucket.surged || bucket.attempts < FEWEST_ATTEMPTS) return false;
      const bound = Math.min(MOST_USUAL, Math.max(LEAST_SURGE, FACTOR * usual));
      if (bucket.failures / bucket.attempts <= bound) return false;
      bucket.surged = true;
      const told = nowMs >= elevatedUntilMs;
      elevatedUntilMs = bucket.startMs + 2 * BUCKET_MS;
      return told;
    },
    elevatedAt: (nowMs) => nowMs < elevatedUntilMs,
    get failures() {
      return bucket.failures;
    },
  };
}
