/** Counters in this process: exact, synchronous, bounded. */
import { hash } from "node:crypto";
import { rejectUnknownOptions } from "../core/options.ts";
import { decide, usedAt, type Allowance, type Arrivals, type Tally } from "./gcra.ts";
import { openSlots, type Slots } from "./rate-limit-slots.ts";
import { scopeText, type Counters, type LimiterScope, type RateLimitStore } from "./rate-limit-store.ts";

export interface MemoryRateLimitsOptions {
  /**
   * How many subjects each limiter remembers, 100 000 unless you say otherwise. A subject costs about 110 bytes while its allowance is in use.
   */
  readonly maxSubjects?: number;
}

/** Counters of one process, as the memory store opens them. */
export interface MemoryCounters extends Counters {
  readonly consume: (subject: string, cost: number, nowUs: number) => Tally;
  readonly peek: (subject: string, nowUs: number) => Tally;
  readonly forget: (subject: string) => void;
  /** How many subjects are remembered. */
  readonly size: number;
}

export interface MemoryRateLimits extends RateLimitStore {
  readonly open: (scope: LimiterScope) => MemoryCounters;
}

const DEFAULT_SUBJECTS = 100_000;
const FEWEST_SUBJECTS = 16;
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
  if (!Number.isSafeInteger(maxSubjects) || maxSubjects < FEWEST_SUBJECTS || maxSubjects > MOST_SUBJECTS) {
    throw new TypeError(
      `memoryRateLimits() needs maxSubjects as a whole number from ${FEWEST_SUBJECTS} to ${MOST_SUBJECTS}.`,
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

function keyOf(subject: string): string {
  return subject.length <= LONGEST_RAW_SUBJECT ? subject : hash("sha256", subject, "base64url");
}

function openCounters(allowances: readonly Allowance[], maxSubjects: number): MemoryCounters {
  const slots = openSlots(maxSubjects);
  const [first] = allowances;
  const decideFor =
    allowances.length === 1 && first !== undefined
      ? decideByOne(first, slots, maxSubjects)
      : decideByAll(allowances, slots, maxSubjects);
  return {
    consume: (subject, cost, nowUs) => decideFor(keyOf(subject), cost, nowUs),
    peek: (subject, nowUs) => decideFor(keyOf(subject), 0, nowUs),
    forget: (subject) => slots.forget(keyOf(subject)),
    get size() {
      return slots.size();
    },
  };
}

type DecideFor = (key: string, cost: number, nowUs: number) => Tally;

/** `decide` of `gcra.ts` over one rate, without its arrays: this is the path of almost every request. */
function decideByOne({ intervalUs, burstUs }: Allowance, slots: Slots, maxSubjects: number): DecideFor {
  // Untouched pages of a typed array take no memory, so the whole bound can be reserved and nothing ever has to be copied to grow.
  const arrivals = new Float64Array(maxSubjects);
  const arrivalOf = (slot: number | undefined): number => (slot === undefined ? 0 : (arrivals[slot] as number));

  return (key, cost, nowUs) => {
    let slot = slots.find(key);
    const before = usedAt(arrivalOf(slot), nowUs, burstUs);
    const after = before + cost * intervalUs;
    if (!(after <= burstUs)) {
      if (slot !== undefined && arrivalOf(slot) > nowUs + burstUs) arrivals[slot] = nowUs + burstUs;
      return { allowed: false, usedUs: [before] };
    }
    if (cost !== 0) {
      slot ??= slots.take(key, (other) => usedAt(arrivalOf(other), nowUs, burstUs));
      arrivals[slot] = nowUs + after;
    }
    return { allowed: true, usedUs: [after] };
  };
}

/** `decide` of `gcra.ts` over several rates, which stand next to one another. */
function decideByAll(allowances: readonly Allowance[], slots: Slots, maxSubjects: number): DecideFor {
  const rates = allowances.length;
  const stored = new Float64Array(maxSubjects * rates);
  const stranger: Arrivals = allowances.map(() => 0);

  const arrivalsOf = (slot: number | undefined): Arrivals =>
    slot === undefined ? stranger : Array.from(stored.subarray(slot * rates, slot * rates + rates));

  /** From 0, whole, to 1, exhausted: the worst of a subject's rates. */
  const usage = (slot: number, nowUs: number): number =>
    Math.max(
      ...allowances.map(({ burstUs }, rate) => usedAt(stored[slot * rates + rate] as number, nowUs, burstUs) / burstUs),
    );

  return (key, cost, nowUs) => {
    let slot = slots.find(key);
    const { allowed, usedUs, arrivals } = decide(allowances, arrivalsOf(slot), nowUs, cost);
    if (allowed && cost !== 0) slot ??= slots.take(key, (other) => usage(other, nowUs));
    if (slot !== undefined) stored.set(arrivals, slot * rates);
    return { allowed, usedUs };
  };
}
