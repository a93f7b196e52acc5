/** Counters in this process: exact, synchronous, bounded. */
import { hash, randomInt } from "node:crypto";
import { rejectUnknownOptions } from "../core/options.ts";
import { usedAt, type Allowance, type Tally } from "./gcra.ts";
import { scopeText, type Counters, type LimiterScope, type RateLimitStore } from "./rate-limit-store.ts";

export interface MemoryRateLimitsOptions {
  /**
   * How many subjects each limiter remembers, 100 000 unless you say otherwise. A subject costs about 110 bytes while its allowance is in use.
   */
  readonly maxSubjects?: number;
}

/** Counters of one process, as the memory store opens them. */
export interface MemoryCounters extends Counters {
  consume(subject: string, cost: number, nowUs: number): Tally;
  peek(subject: string, nowUs: number): Tally;
  /** How many subjects are remembered. */
  readonly size: number;
}

export interface MemoryRateLimits extends RateLimitStore {
  open(scope: LimiterScope): MemoryCounters;
}

const DEFAULT_SUBJECTS = 100_000;
const MOST_SUBJECTS = 16_000_000;

/**
 * A store for one process. Two processes count separately: with several instances use Redis or Postgres.
 *
 * Memory is bounded by `maxSubjects`. An allowance that is whole again is forgotten without loss. Only when every remembered subject is still in
 * use does a new one displace another, and then the least used of sixteen candidates: a subject at its limit stays until all of its neighbours
 * are as exhausted as it is. Buying one's way out of a limit therefore takes in the order of `maxSubjects` other subjects, each driven to its
 * own limit within the window. That is the floor.
 *
 * @throws TypeError on an unknown option or an impossible number.
 * @example
 * const store = memoryRateLimits({ maxSubjects: 250_000 });
 */
export function memoryRateLimits(options: MemoryRateLimitsOptions = {}): MemoryRateLimits {
  rejectUnknownOptions("memoryRateLimits", options, ["maxSubjects"]);
  const { maxSubjects = DEFAULT_SUBJECTS } = options;
  if (!Number.isSafeInteger(maxSubjects) || maxSubjects < CANDIDATES || maxSubjects > MOST_SUBJECTS) {
    throw new TypeError(
      `memoryRateLimits() needs maxSubjects as a whole number from ${CANDIDATES} to ${MOST_SUBJECTS}.`,
    );
  }
  const opened = new Map<string, MemoryCounters>();
  return {
    kind: "memory",
    shared: false,
    open(scope) {
      const name = scopeText(scope);
      let counters = opened.get(name);
      if (counters === undefined) {
        counters = openCounters(scope.allowances, maxSubjects);
        opened.set(name, counters);
      }
      return counters;
    },
  };
}

/** A longer subject is kept as its digest, so that a request cannot choose how much memory it takes. */
const LONGEST_RAW_SUBJECT = 64;
/** V8 makes a substring of this length or more a view that keeps the whole parent alive, a 16 KiB header for instance. */
const SHORTEST_VIEW = 13;
/** Slots looked at for whole allowances when a new subject arrives: more than one, so that forgetting outruns remembering. */
const SWEEP = 4;
/** Slots compared when somebody must be displaced. */
const CANDIDATES = 16;
/** Subjects per hash table, on average. A table that grows or shrinks is rebuilt at one go: 100 ms for a million entries, 1 ms for this many. */
const SHARD_SUBJECTS = 2048;
const PAGE = 4096;

function openCounters(allowances: readonly Allowance[], maxSubjects: number): MemoryCounters {
  const rates = allowances.length;
  // Untouched pages of a typed array take no memory, so the whole bound can be reserved and nothing ever has to be copied to grow.
  const arrivals = new Float64Array(maxSubjects * rates);
  const intervals = Float64Array.from(allowances, ({ intervalUs }) => intervalUs);
  const bursts = Float64Array.from(allowances, ({ burstUs }) => burstUs);
  const interval = intervals[0] as number;
  const burst = bursts[0] as number;
  const slots = openSlots(maxSubjects);

  /** From 0, whole, to 1, exhausted: the worst of a slot's rates. */
  function usage(slot: number, nowUs: number): number {
    let most = 0;
    for (let rate = 0; rate < rates; rate += 1) {
      const limit = bursts[rate] as number;
      most = Math.max(most, usedAt(arrivals[slot * rates + rate] as number, nowUs, limit) / limit);
    }
    return most;
  }

  function remember(key: string, nowUs: number): number {
    const slot = slots.take(key, (candidate) => usage(candidate, nowUs));
    arrivals.fill(0, slot * rates, slot * rates + rates);
    return slot;
  }

  function consumeOne(key: string, cost: number, nowUs: number): Tally {
    let slot = slots.find(key);
    const before = usedAt(slot === undefined ? 0 : (arrivals[slot] as number), nowUs, burst);
    const after = before + cost * interval;
    if (!(after <= burst)) return { allowed: false, usedUs: [before] };
    if (cost !== 0) {
      slot ??= remember(key, nowUs);
      arrivals[slot] = nowUs + after;
    }
    return { allowed: true, usedUs: [after] };
  }

  function consumeAll(key: string, cost: number, nowUs: number): Tally {
    let slot = slots.find(key);
    const before: number[] = [];
    let allowed = true;
    for (let rate = 0; rate < rates; rate += 1) {
      const limit = bursts[rate] as number;
      const used = usedAt(slot === undefined ? 0 : (arrivals[slot * rates + rate] as number), nowUs, limit);
      before.push(used);
      if (!(used + cost * (intervals[rate] as number) <= limit)) allowed = false;
    }
    if (!allowed || cost === 0) return { allowed, usedUs: before };
    slot ??= remember(key, nowUs);
    const first = slot * rates;
    const usedUs = before.map((used, rate) => {
      const after = used + cost * (intervals[rate] as number);
      arrivals[first + rate] = nowUs + after;
      return after;
    });
    return { allowed: true, usedUs };
  }

  const decideFor = rates === 1 ? consumeOne : consumeAll;
  return {
    consume: (subject, cost, nowUs) => decideFor(keyOf(subject), cost, nowUs),
    peek: (subject, nowUs) => decideFor(keyOf(subject), 0, nowUs),
    get size() {
      return slots.size();
    },
  };
}

function keyOf(subject: string): string {
  return subject.length <= LONGEST_RAW_SUBJECT ? subject : hash("sha256", subject, "base64url");
}

interface Slots {
  find(key: string): number | undefined;
  /** A slot for a new key: a fresh one, a forgotten one, or that of the least used candidate. */
  take(key: string, usage: (slot: number) => number): number;
  size(): number;
}

/**
 * Numbers for keys. Each new key advances a hand over a few slots and frees those whose allowance is whole, so that the work per request is the
 * same whether ten or ten million subjects are remembered.
 */
function openSlots(maxSubjects: number): Slots {
  const shards = openShards(maxSubjects);
  const pages: (string | undefined)[][] = [];
  const free = new Int32Array(maxSubjects);
  let freeCount = 0;
  let fresh = 0;
  let hand = 0;

  const keyAt = (slot: number): string | undefined => (pages[(slot / PAGE) | 0] as (string | undefined)[])[slot % PAGE];

  function release(slot: number): void {
    shards.of(keyAt(slot) as string).delete(keyAt(slot) as string);
    (pages[(slot / PAGE) | 0] as (string | undefined)[])[slot % PAGE] = undefined;
  }

  function advance(): number {
    const slot = hand;
    hand = hand + 1 < fresh ? hand + 1 : 0;
    return slot;
  }

  function sweep(usage: (slot: number) => number): void {
    for (let step = Math.min(SWEEP, fresh); step > 0; step -= 1) {
      const slot = advance();
      if (keyAt(slot) !== undefined && usage(slot) === 0) {
        release(slot);
        free[freeCount] = slot;
        freeCount += 1;
      }
    }
  }

  function displace(usage: (slot: number) => number): number {
    let least = advance();
    let leastUsage = usage(least);
    for (let step = 1; step < CANDIDATES; step += 1) {
      const slot = advance();
      const used = usage(slot);
      if (used < leastUsage) {
        least = slot;
        leastUsage = used;
      }
    }
    release(least);
    return least;
  }

  function extend(): number {
    if (fresh % PAGE === 0) pages.push(new Array<string | undefined>(Math.min(PAGE, maxSubjects - fresh)));
    fresh += 1;
    return fresh - 1;
  }

  function reuse(): number {
    freeCount -= 1;
    return free[freeCount] as number;
  }

  return {
    find: (key) => shards.of(key).get(key),
    take(key, usage) {
      sweep(usage);
      const slot = freeCount > 0 ? reuse() : fresh < maxSubjects ? extend() : displace(usage);
      const own = key.length < SHORTEST_VIEW ? key : Buffer.from(key, "utf16le").toString("utf16le");
      (pages[(slot / PAGE) | 0] as (string | undefined)[])[slot % PAGE] = own;
      shards.of(own).set(own, slot);
      return slot;
    },
    size: () => fresh - freeCount,
  };
}

/**
 * Many small maps in place of a large one. The spread is seeded per process and decides speed alone: keys that crowd into one map are found and
 * displaced like any others.
 */
function openShards(maxSubjects: number): { of(key: string): Map<string, number> } {
  let count = 1;
  while (count * SHARD_SUBJECTS < maxSubjects) count *= 2;
  const maps = Array.from({ length: count }, () => new Map<string, number>());
  const mask = count - 1;
  const seed = randomInt(2 ** 31);
  return {
    of(key) {
      let spread = seed;
      for (let index = 0; index < key.length; index += 1) {
        spread = Math.imul(spread ^ key.charCodeAt(index), 0x0100_0193);
      }
      return maps[(spread ^ (spread >>> 15)) & mask] as Map<string, number>;
    },
  };
}
