import { rejectUnknownOptions } from "../core/options.ts";
import {
  advance,
  giveBack,
  waitOf,
  type AttemptCounter,
  type Attempted,
  type CounterState,
  type Settlement,
} from "./sign-in-throttle-counter.ts";

/** Where attempts are counted. A store that fails throws, and nobody signs in uncounted. */
export interface SignInThrottleStore {
  readonly kind: "memory" | "shared";
  /** Counts an attempt under every key, or under none when one of them refuses: in one step, whoever asks at the same time. */
  attempt(counters: readonly AttemptCounter[]): Attempted | Promise<Attempted>;
  settle(settlements: readonly Settlement[]): void | Promise<void>;
  /** What is kept and has not been forgotten, in the order of the keys. */
  read(keys: readonly string[]): readonly (CounterState | undefined)[] | Promise<readonly (CounterState | undefined)[]>;
  /** Writes a state as it is. */
  mark(key: string, state: CounterState): void | Promise<void>;
}

export interface MemorySignInThrottleOptions {
  /** How many counters are remembered, 100 000 unless you say otherwise: an attempt by a stranger takes five. */
  readonly maxCounters?: number;
  /** The time in milliseconds. `Date.now`. */
  readonly now?: () => number;
}

export interface MemorySignInThrottle extends SignInThrottleStore {
  readonly size: number;
}

const DEFAULT_COUNTERS = 100_000;
const FEWEST_COUNTERS = 64;
const MOST_COUNTERS = 10_000_000;
/** How many of the oldest counters are looked at for one that may go. */
const CANDIDATES = 16;

/**
 * Counters in this process alone, for development, tests and an application that is one process. Bounded: when it is full, what has expired goes
 * first, then the counter with the fewest failures of sixteen candidates, so that a flood of invented accounts does not clear one that is under attack.
 *
 * @throws TypeError on an unknown option or an impossible number.
 */
export function memorySignInThrottle(options: MemorySignInThrottleOptions = {}): MemorySignInThrottle {
  rejectUnknownOptions("memorySignInThrottle", options, ["maxCounters", "now"]);
  const { maxCounters = DEFAULT_COUNTERS, now = Date.now } = options;
  if (!Number.isSafeInteger(maxCounters) || maxCounters < FEWEST_COUNTERS || maxCounters > MOST_COUNTERS)
    throw new TypeError(
      `memorySignInThrottle() needs maxCounters as a whole number from ${FEWEST_COUNTERS} to ${MOST_COUNTERS}.`,
    );
  const states = new Map<string, CounterState>();

  function write(key: string, state: CounterState, nowMs: number): void {
    if (!states.has(key) && states.size >= maxCounters) makeRoom(states, nowMs);
    states.set(key, state);
  }

  return {
    kind: "memory",
    get size() {
      return states.size;
    },
    attempt(counters) {
      const nowMs = now();
      const waits = counters.map((counter) => waitOf(counter, states.get(counter.key), nowMs));
      const refusing = longestWait(waits);
      if (refusing !== undefined) return { kind: "refused", counter: refusing, waitMs: waits[refusing] as number };
      const after = counters.map((counter) => advance(counter, states.get(counter.key), nowMs));
      for (const [index, { key }] of counters.entries()) write(key, after[index] as CounterState, nowMs);
      return { kind: "counted", untilMs: after.map(({ untilMs }) => untilMs) };
    },
    settle(settlements) {
      for (const { key, untilMs } of settlements) {
        const state = states.get(key);
        const left = state === undefined || untilMs === undefined ? undefined : giveBack(state, untilMs);
        if (left === undefined) states.delete(key);
        else states.set(key, left);
      }
    },
    read(keys) {
      const nowMs = now();
      return keys.map((key) => {
        const state = states.get(key);
        return state !== undefined && state.untilMs > nowMs ? state : undefined;
      });
    },
    mark: (key, state) => write(key, state, now()),
  };
}

/** The counter that refuses: one that waiting does not help first, then the longest wait; undefined when none does. */
function longestWait(waits: readonly number[]): number | undefined {
  const disabled = waits.indexOf(-1);
  if (disabled !== -1) return disabled;
  const longest = Math.max(...waits);
  return longest > 0 ? waits.indexOf(longest) : undefined;
}

function makeRoom(states: Map<string, CounterState>, nowMs: number): void {
  const candidates: [string, CounterState][] = [];
  for (const entry of states) {
    candidates.push(entry);
    if (candidates.length === CANDIDATES) break;
  }
  const least = candidates.reduce((one, other) => (worth(other[1], nowMs) < worth(one[1], nowMs) ? other : one));
  // The others go to the end, so that the next search sees new candidates.
  for (const [key, state] of candidates) {
    states.delete(key);
    if (key !== least[0]) states.set(key, state);
  }
}

function worth({ failures, untilMs }: CounterState, nowMs: number): number {
  return untilMs <= nowMs ? 0 : failures;
}
