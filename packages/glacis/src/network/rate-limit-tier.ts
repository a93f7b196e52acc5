/** One set of rates with its counters, and which of several applies to a request. */
import type { IdentifiedFacts, RequestFacts } from "../core/facts.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Principal } from "../core/principal.ts";
import { allowanceOf, remainingOf, waitOf, type Allowance } from "./gcra.ts";
import { fieldWriter, type FieldWriter } from "./rate-limit-fields.ts";
import { guardStore, type Guard, type Ruling, type StoreDownPolicy, type Uncounted } from "./rate-limit-guard.ts";
import type { LimiterScope, RateLimitStore } from "./rate-limit-store.ts";
import { parseRates, type Rate, type RateText } from "./rate.ts";

/** One rate or several, which all must have room: `"5/m"`, `["5/m", "100/d"]`. */
export type Rates = RateText | Rate | readonly (RateText | Rate)[];

/** Different rates by who asks. */
export interface RateTiers {
  readonly anonymous: Rates;
  readonly user: Rates;
  readonly service: Rates;
}

type Answer = Ruling | Uncounted;

export interface Tier {
  readonly allowances: readonly Allowance[];
  readonly fields: FieldWriter;
  /** Undefined for a store that is part of this process. */
  readonly guard: Guard | undefined;
  readonly consume: (subject: string, cost: number, nowUs: number) => Answer | Promise<Answer>;
  readonly peek: (subject: string, nowUs: number) => Answer | Promise<Answer>;
}

/**
 * Opens the counters of each tier.
 *
 * @returns the tier of a request
 * @throws TypeError on a rate that is none.
 */
export function openTiers(
  rates: Rates | RateTiers,
  scope: Omit<LimiterScope, "allowances">,
  store: RateLimitStore,
  policy: StoreDownPolicy,
): { readonly all: readonly Tier[]; readonly of: (facts: IdentifiedFacts) => Tier } {
  const open = (some: Rates): Tier =>
    openTier({ ...scope, allowances: parseRates(some).map(allowanceOf) }, store, policy);
  if (!isTiers(rates)) {
    const only = open(rates);
    return { all: [only], of: () => only };
  }
  rejectUnknownOptions("rateLimit", rates, ["anonymous", "user", "service"]);
  const tiers: Readonly<Record<Principal["kind"], Tier>> = {
    anonymous: open(rates.anonymous),
    user: open(rates.user),
    service: open(rates.service),
  };
  return { all: Object.values(tiers), of: ({ principal }) => tiers[principal.kind] };
}

function isTiers(rates: Rates | RateTiers): rates is RateTiers {
  return typeof rates === "object" && rates !== null && !Array.isArray(rates) && !("limit" in rates);
}

function openTier(scope: LimiterScope, store: RateLimitStore, policy: StoreDownPolicy): Tier {
  const { allowances } = scope;
  const fields = fieldWriter(scope.name, allowances);
  // One more than the largest limit is refused like any larger cost, and cannot overflow a store's integers.
  const mostCost = Math.max(...allowances.map(({ limit }) => limit)) + 1;
  const bounded = (cost: number): number => Math.min(cost, mostCost);
  if (store.shared) {
    const guard = guardStore(scope, store, policy);
    return {
      allowances,
      fields,
      guard,
      consume: (subject, cost, nowUs) => guard.consume(subject, bounded(cost), nowUs),
      peek: guard.peek,
    };
  }
  const counters = store.open(scope);
  const ruled = (answer: ReturnType<typeof counters.consume>): Answer | Promise<Answer> =>
    answer instanceof Promise ? answer.then((tally) => ({ tally, allowances })) : { tally: answer, allowances };
  return {
    allowances,
    fields,
    guard: undefined,
    consume: (subject, cost, nowUs) => ruled(counters.consume(subject, bounded(cost), nowUs)),
    peek: (subject, nowUs) => ruled(counters.peek(subject, nowUs)),
  };
}

/**
 * What one request takes. Synchronous, because a limit must be decided before anything costly is asked.
 *
 * @throws TypeError at construction when a constant could never pass; the returned function throws on nonsense, which refuses the request.
 */
export function costOf<Facts extends RequestFacts>(
  cost: number | ((facts: Facts) => number) | undefined,
  tiers: readonly Tier[],
): (facts: Facts) => number {
  if (typeof cost === "function") {
    return (facts) => {
      const taken = cost(facts);
      if (!Number.isSafeInteger(taken) || taken < 0) {
        throw new TypeError("The cost function of a rate limit must return a whole number, zero or more.");
      }
      return taken;
    };
  }
  const constant = cost ?? 1;
  const least = Math.min(...tiers.flatMap(({ allowances }) => allowances.map(({ limit }) => limit)));
  if (!Number.isSafeInteger(constant) || constant < 1 || constant > least) {
    throw new TypeError(`rateLimit() needs cost as a whole number from 1 to its smallest limit, ${least}.`);
  }
  return () => constant;
}

/** Where a subject stands. */
export interface RateUsage {
  /** A request like this one would be refused now. */
  readonly limited: boolean;
  /** Seconds until it would pass; 0 when it would pass now. */
  readonly retryAfterSeconds: number;
  /** Each rate, shortest window first. */
  readonly rates: readonly {
    readonly limit: number;
    readonly windowSeconds: number;
    readonly used: number;
    readonly remaining: number;
    /** Seconds until the whole allowance is back. */
    readonly resetSeconds: number;
  }[];
}

export function usageOf({ tally, allowances }: Ruling, cost: number): RateUsage {
  const wait = Math.max(
    ...allowances.map((allowance, index) => secondsUntil(allowance, tally.usedUs[index] as number, cost)),
  );
  const rates = allowances.map((allowance, index) => {
    const { limit, windowSeconds } = allowance;
    const usedUs = tally.usedUs[index] as number;
    const remaining = remainingOf(allowance, usedUs);
    return { limit, windowSeconds, used: limit - remaining, remaining, resetSeconds: Math.ceil(usedUs / 1_000_000) };
  });
  return { limited: wait > 0, retryAfterSeconds: wait, rates };
}

/** Seconds until a request of this cost would pass, rounded up; the whole window for one that never will. */
export function secondsUntil(allowance: Allowance, usedUs: number, cost: number): number {
  const waitUs = waitOf(allowance, usedUs, cost);
  return Number.isFinite(waitUs) ? Math.ceil(waitUs / 1_000_000) : allowance.windowSeconds;
}
