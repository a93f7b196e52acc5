/**
 * The one algorithm behind every store: the generic cell rate algorithm (ITU-T I.371 appendix A), a token bucket kept as a single time.
 * All times are whole microseconds, so that a JavaScript number, a Lua number and a Postgres bigint agree to the last digit.
 */
import type { Rate } from "./rate.ts";

/** A rate in the unit of the clock. */
export interface Allowance extends Rate {
  /** How long it takes to win back one request, in microseconds. Rounded up: the refill is never faster than the declared rate. */
  readonly intervalUs: number;
  /** The whole allowance as refill time: exactly `limit` requests, whatever the rounding. */
  readonly burstUs: number;
}

/** What one decision came to. */
export interface Tally {
  readonly allowed: boolean;
  /** For each rate the part of its allowance that is in use after the decision, as refill time in microseconds. */
  readonly usedUs: readonly number[];
}

/** What the next decision has to remember: for each rate the time at which its allowance is whole again. Zero for a stranger. */
export type Arrivals = readonly number[];

export function allowanceOf({ limit, windowSeconds }: Rate): Allowance {
  const intervalUs = Math.ceil((windowSeconds * 1_000_000) / limit);
  return { limit, windowSeconds, intervalUs, burstUs: limit * intervalUs };
}

/**
 * How much of an allowance is in use: from 0 to `burstUs`. A clock that stepped back makes it larger and never larger than the whole, so a step
 * grants nothing. A clock that is not a number reads as all used.
 */
export function usedAt(arrivalUs: number, nowUs: number, burstUs: number): number {
  const ahead = arrivalUs - nowUs;
  if (ahead <= 0) return 0;
  return ahead < burstUs ? ahead : burstUs;
}

/**
 * Decides one request of a given cost against all rates together: it takes from every one or from none.
 *
 * @returns the tally, and what to remember. A refusal changes one thing: an arrival further away than the whole allowance comes from a clock that
 *   has since stepped back, and is brought near, so that the step locks nobody out for longer than one window.
 */
export function decide(
  allowances: readonly Allowance[],
  arrivals: Arrivals,
  nowUs: number,
  cost: number,
): Tally & { readonly arrivals: Arrivals } {
  const before = allowances.map(({ burstUs }, index) => usedAt(arrivals[index] as number, nowUs, burstUs));
  const after = allowances.map(({ intervalUs }, index) => (before[index] as number) + cost * intervalUs);
  const allowed = allowances.every(({ burstUs }, index) => (after[index] as number) <= burstUs);
  if (!allowed)
    return {
      allowed,
      usedUs: before,
      arrivals: arrivals.map((arrival, index) => near(arrival, nowUs, allowances[index] as Allowance)),
    };
  if (cost === 0) return { allowed, usedUs: before, arrivals };
  return { allowed, usedUs: after, arrivals: after.map((used) => nowUs + used) };
}

function near(arrivalUs: number, nowUs: number, { burstUs }: Allowance): number {
  return arrivalUs > nowUs + burstUs ? nowUs + burstUs : arrivalUs;
}

/** How many requests of cost one would pass now. */
export function remainingOf({ burstUs, intervalUs }: Allowance, usedUs: number): number {
  return Math.floor((burstUs - usedUs) / intervalUs);
}

/** How long until a request of this cost would pass, in microseconds; zero when it would pass now, infinite when it never will. */
export function waitOf({ limit, burstUs, intervalUs }: Allowance, usedUs: number, cost: number): number {
  if (cost > limit) return Number.POSITIVE_INFINITY;
  return Math.max(0, usedUs + cost * intervalUs - burstUs);
}
