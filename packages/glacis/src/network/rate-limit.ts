/** Rate limits: so many requests, in so much time, for each client, user, tenant, key or route (guide A04, Rate Limiting). */
import type { Control } from "../core/control.ts";
import { ALLOW, allow, type Decision } from "../core/decision.ts";
import type { AuditEvent } from "../core/event.ts";
import type { IdentifiedFacts, RequestFacts } from "../core/facts.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import {
  dangerouslyAllowWhenStoreIsDown,
  type Ruling,
  type StoreDownPolicy,
  type Uncounted,
} from "./rate-limit-guard.ts";
import { bindingRate, refusalReporter, refuse, storeDown } from "./rate-limit-refusal.ts";
import { RATE_LIMIT_META, RATE_LIMIT_RULES, checkLimiter, observeLimit } from "./rate-limit-rules.ts";
import type { RateLimitStore } from "./rate-limit-store.ts";
import { subjectOf, type Subject, type SubjectFunction } from "./rate-limit-subject.ts";
import {
  costOf,
  openTiers,
  usageOf,
  type Rates,
  type RateTiers,
  type RateUsage,
  type Tier,
} from "./rate-limit-tier.ts";

interface CommonOptions<Facts extends RequestFacts> {
  /** Stands in response fields, events and counter keys: lower-case letters, digits and hyphens. */
  readonly name: string;
  /** Methods that count, all unless you say otherwise. GET includes HEAD, which makes the server do the same work. */
  readonly methods?: readonly string[];
  /** How much one request takes, 1 unless you say otherwise. A function may return 0 for a request that is free: it passes unasked. */
  readonly cost?: number | ((facts: Facts) => number);
  readonly store: RateLimitStore;
  /** Counts and reports, and refuses nothing: for finding the right numbers. */
  readonly dryRun?: boolean;
  /** What happens while a shared store is away, `local` unless you say otherwise. */
  readonly whenStoreDown?: StoreDownPolicy;
}

/** A limit that needs to know nothing about the user, and fits every slot. */
export interface ClientRateLimitOptions extends CommonOptions<RequestFacts> {
  readonly by: "client" | SubjectFunction<RequestFacts>;
  readonly rates: Rates;
}

/** A limit that needs the principal or the route, and fits only after authentication. */
export interface IdentityRateLimitOptions extends CommonOptions<IdentifiedFacts> {
  readonly by: Subject<IdentifiedFacts>;
  readonly rates: Rates | RateTiers;
}

export interface RateLimit<Facts extends RequestFacts> extends Control<Facts> {
  readonly decide: (facts: Facts) => Decision | Promise<Decision>;
  /**
   * Where the subject of this request stands, without taking anything; undefined when its method does not count.
   *
   * @throws Error when the store is away and the policy is not `local`.
   */
  readonly usage: (facts: Facts) => Promise<RateUsage | undefined>;
}

const OPTION_NAMES = ["name", "rates", "by", "methods", "cost", "store", "dryRun", "whenStoreDown"];

/**
 * Limits how often. Up to the limit may come at once; what was taken returns evenly over the window. A refusal is 429 with Retry-After and takes
 * nothing. Synchronous with the memory store. Two limiters with the same name, methods and rates on one store share their counters.
 *
 * @throws TypeError on a rate that is none, an unknown option or dimension, or a cost that could never pass.
 * @example
 * rateLimit({ name: "login", rates: ["5/m", "100/d"], by: "client", methods: ["POST"], store: memoryRateLimits() });
 */
export function rateLimit(options: ClientRateLimitOptions): RateLimit<RequestFacts>;
export function rateLimit(options: IdentityRateLimitOptions): RateLimit<IdentifiedFacts>;
export function rateLimit(
  options: ClientRateLimitOptions | IdentityRateLimitOptions,
): RateLimit<RequestFacts> | RateLimit<IdentifiedFacts> {
  // The overloads tie `by` and `cost` to the facts that they read; inside, every limiter is one over identified facts.
  return limiter(options);
}

function limiter(options: IdentityRateLimitOptions): RateLimit<IdentifiedFacts> {
  checkOptions(options);
  const { name, store, dryRun = false, whenStoreDown = "local" } = options;
  const methods = methodsOf(options.methods);
  const counts = (method: string): boolean =>
    methods.length === 0 || methods.includes(method === "HEAD" && methods.includes("GET") ? "GET" : method);
  const subject = subjectOf(options.by);
  const tiers = openTiers(options.rates, { name, methods }, store, whenStoreDown);
  const costFor = costOf(options.cost, tiers.all);
  const report = refusalReporter(name, dryRun);

  function conclude(facts: IdentifiedFacts, tier: Tier, cost: number, ruling: Ruling | Uncounted): Decision {
    const transitions = tier.guard === undefined ? NO_EVENTS : tier.guard.takeEvents();
    if (ruling === "refused" && !dryRun) return storeDown(name, transitions);
    if (typeof ruling === "string") return allow([], transitions);
    const { tally, allowances } = ruling;
    if (tally.allowed) {
      return allow(dryRun ? [] : [tier.fields.policy, tier.fields.limit(tally, allowances)], transitions);
    }
    const binding = bindingRate(ruling, cost);
    const events = [...transitions, ...report(facts.receivedAtMs, binding)];
    return dryRun ? allow([], events) : refuse(tier, ruling, binding, events);
  }

  const subjectSource = typeof options.by === "function" ? String(options.by) : undefined;
  const failsOpen = store.shared && whenStoreDown === dangerouslyAllowWhenStoreIsDown;
  return {
    meta: RATE_LIMIT_META,
    rules: RATE_LIMIT_RULES,
    decide(facts) {
      if (!counts(facts.method)) return ALLOW;
      const tier = tiers.of(facts);
      const cost = costFor(facts);
      if (cost === 0) return ALLOW;
      const ruling = tier.consume(subject(facts), cost, microseconds(facts));
      return ruling instanceof Promise
        ? ruling.then((settled) => conclude(facts, tier, cost, settled))
        : conclude(facts, tier, cost, ruling);
    },
    async usage(facts) {
      if (!counts(facts.method)) return undefined;
      const ruling = await tiers.of(facts).peek(subject(facts), microseconds(facts));
      if (typeof ruling === "string") throw new Error(`The store of the rate limit "${name}" does not answer.`);
      return usageOf(ruling, costFor(facts));
    },
    check: (deployment) => checkLimiter({ name, dryRun, failsOpen, shared: store.shared, subjectSource }, deployment),
    observe: observeLimit,
  };
}

const NO_EVENTS: readonly AuditEvent[] = [];

function microseconds({ receivedAtMs }: RequestFacts): number {
  return Math.round(receivedAtMs * 1000);
}

function checkOptions(options: IdentityRateLimitOptions): void {
  rejectUnknownOptions("rateLimit", options, OPTION_NAMES);
  const { name, store, whenStoreDown = "local" } = options;
  if (typeof name !== "string" || !/^[a-z][a-z0-9-]{0,47}$/u.test(name)) {
    throw new TypeError('rateLimit() needs a name of lower-case letters, digits and hyphens, such as "login".');
  }
  if (options.rates === undefined) throw new TypeError('rateLimit() needs rates, such as "5/m" or ["5/m", "100/d"].');
  if (typeof store?.open !== "function") {
    throw new TypeError("rateLimit() needs a store: memoryRateLimits(), redisRateLimits() or postgresRateLimits().");
  }
  if (!["local", "refuse", dangerouslyAllowWhenStoreIsDown].includes(whenStoreDown)) {
    throw new TypeError('rateLimit() needs whenStoreDown as "local" or "refuse".');
  }
}

/** Upper case, sorted, each once: two spellings of one list are one limiter. */
function methodsOf(methods: readonly string[] | undefined): readonly string[] {
  if (methods === undefined) return [];
  const list: readonly string[] = typeof methods === "object" ? methods : [];
  if (list.length === 0 || !list.every((method) => /^[A-Za-z]{1,20}$/u.test(method))) {
    throw new TypeError('rateLimit() needs methods as a list such as ["POST"]; leave it out to count all.');
  }
  return [...new Set(list.map((method) => method.toUpperCase()))].sort((left, right) => (left < right ? -1 : 1));
}
