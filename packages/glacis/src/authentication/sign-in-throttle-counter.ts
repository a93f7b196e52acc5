/** The one algorithm behind every store of the sign-in throttle. All times are whole milliseconds of the store's own clock. */

/** How failures are counted under one key. */
export interface AttemptCounter {
  /** Opaque: no account and no address can be read from it. */
  readonly key: string;
  /** So many attempts begin freely; from then on each failure costs a wait. */
  readonly limit: number;
  /** The first wait; each further failure doubles it. Zero for no wait. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** When the count is forgotten. */
  readonly forgetMs: number;
  /** `failure`: that long after the last failure. `start`: that long after the first, so that slow failures do not add up for ever. */
  readonly forgetAfter: "failure" | "start";
  /** So many failures and nothing begins any more until the counter is reset. Zero for no end. */
  readonly cap: number;
}

/** What a store keeps for one key. */
export interface CounterState {
  readonly failures: number;
  /** No attempt begins before. */
  readonly opensMs: number;
  readonly untilMs: number;
}

/** What beginning an attempt came to: counted under every key, or refused and counted under none. */
export type Attempted =
  | { readonly kind: "counted"; readonly untilMs: readonly number[] }
  /** @property counter the place in the list of the counter that refuses; @property waitMs -1 when waiting does not help */
  | { readonly kind: "refused"; readonly counter: number; readonly waitMs: number };

/** What follows a success. With `untilMs` one attempt of that very count is given back; without it the counter is forgotten. */
export interface Settlement {
  readonly key: string;
  readonly untilMs?: number;
}

/** Later than every date that JavaScript knows, and exact as a double. */
export const NEVER_MS = 8_640_000_000_000_000;
/** Further doublings change nothing: the longest wait is reached. */
export const MOST_DOUBLINGS = 30;

/** How long a counter refuses: 0 when an attempt may begin, -1 when waiting does not help. */
export function waitOf({ cap }: AttemptCounter, state: CounterState | undefined, nowMs: number): number {
  if (state === undefined || state.untilMs <= nowMs) return 0;
  if (cap > 0 && state.failures >= cap) return -1;
  return Math.max(0, state.opensMs - nowMs);
}

/** The counter after one more attempt. */
export function advance(counter: AttemptCounter, state: CounterState | undefined, nowMs: number): CounterState {
  const { limit, firstWaitMs, longestWaitMs, forgetMs, forgetAfter, cap } = counter;
  const known = state !== undefined && state.untilMs > nowMs ? state : undefined;
  const failures = (known?.failures ?? 0) + 1;
  const quietMs = nowMs + forgetMs;
  const keptMs =
    known === undefined ? quietMs : forgetAfter === "failure" ? Math.max(known.untilMs, quietMs) : known.untilMs;
  const untilMs = cap > 0 && failures >= cap ? NEVER_MS : keptMs;
  const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(failures - limit, MOST_DOUBLINGS));
  return { failures, opensMs: failures >= limit ? Math.min(untilMs, nowMs + waitMs) : 0, untilMs };
}

/** The counter after one attempt of the count that ends at `untilMs` was given back. A count that began since is left alone. */
export function giveBack(state: CounterState, untilMs: number): CounterState | undefined {
  if (state.untilMs !== untilMs) return state;
  return state.failures > 1 ? { failures: state.failures - 1, opensMs: 0, untilMs } : undefined;
}
