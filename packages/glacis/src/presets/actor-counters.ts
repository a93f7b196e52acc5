import type { CounterSpace, Level } from "../audit/actor-ledger.ts";
import { allowanceOf, type Tally } from "../network/gcra.ts";
import type { RateLimitStore } from "../network/rate-limit-store.ts";

/** The counters of rate limits, lent to the scores of actors: they empty evenly, are bounded, and are forgotten by themselves. */
export function actorCounters(store: RateLimitStore): CounterSpace {
  return {
    open(name, capacity, seconds) {
      const allowance = allowanceOf({ limit: capacity, windowSeconds: seconds });
      const counters = store.open({ name, methods: [], allowances: [allowance] });
      const levelOf = ({ allowed, usedUs: [usedUs = 0] }: Tally): Level => ({
        fits: allowed,
        amount: usedUs / allowance.intervalUs,
        emptyInMs: usedUs / 1000,
      });
      const level = (tally: Tally | Promise<Tally>): Level | Promise<Level> =>
        tally instanceof Promise ? tally.then(levelOf) : levelOf(tally);
      return {
        add: (subject, amount, nowMs) => level(counters.consume(subject, amount, nowMs * 1000)),
        read: (subject, nowMs) => level(counters.peek(subject, nowMs * 1000)),
        forget: (subject) => counters.forget(subject),
      };
    },
  };
}
