/** What a limiter does while its shared store is away. */
import { auditEvent } from "../core/event-entry.ts";
import type { AuditEvent } from "../core/event.ts";
import { describeError } from "../core/pipeline.ts";
import { allowanceOf, type Allowance, type Tally } from "./gcra.ts";
import { memoryRateLimits, type MemoryCounters } from "./rate-limit-memory.ts";
import type { LimiterScope, RateLimitStore } from "./rate-limit-store.ts";

/**
 * Lets every request pass, uncounted, while the store is away. An attacker who can stop or slow the store then has no limit at all, so `check`
 * reports it as an error.
 */
export const dangerouslyAllowWhenStoreIsDown: unique symbol = Symbol("dangerouslyAllowWhenStoreIsDown");

/**
 * `local`: each process counts by itself, against a quarter of each limit. `refuse`: 503, for sign-in and for what costs money.
 */
export type StoreDownPolicy = "local" | "refuse" | typeof dangerouslyAllowWhenStoreIsDown;

/** A tally and the allowances that it speaks of: the declared ones, or the smaller ones of an outage. */
export interface Ruling {
  readonly tally: Tally;
  readonly allowances: readonly Allowance[];
}

/** What happens to a request that nobody could count. */
export type Uncounted = "refused" | "passed";

/** The budget of one process while it counts alone. The other processes count alone as well, so it must be less than the whole. */
const LOCAL_SHARE = 4;
/** Longer than any healthy round trip, shorter than a person notices. */
const TIMEOUT_MS = 250;
const PROBE_EVERY_MS = 1000;

/** The state of one store, shared by every limiter on it: they learn together that it is away, and one event says so. */
interface Circuit {
  readonly down: boolean;
  /** Asks the store, for a bounded time; undefined means that it did not answer. Never throws. */
  readonly ask: (work: () => Tally | Promise<Tally>, settled: (tally: Tally | undefined) => void) => void;
  /** Asks in the background whether the store is back, at most once a second. */
  readonly probe: (work: () => Tally | Promise<Tally>) => void;
  readonly takeEvents: () => readonly AuditEvent[];
}

const circuits = new WeakMap<RateLimitStore, Circuit>();

function circuitOf(store: RateLimitStore): Circuit {
  let circuit = circuits.get(store);
  if (circuit === undefined) {
    circuit = openCircuit(store.kind);
    circuits.set(store, circuit);
  }
  return circuit;
}

const NO_EVENTS: readonly AuditEvent[] = [];

function openCircuit(kind: string): Circuit {
  let events: AuditEvent[] = [];
  let down = false;
  let probing = false;
  let nextProbeMs = 0;

  function note(away: boolean, error: unknown): void {
    if (away) nextProbeMs = performance.now() + PROBE_EVERY_MS;
    if (down === away) return;
    down = away;
    events.push(transitionEvent(kind, away, error));
  }

  function ask(
    work: () => Tally | Promise<Tally>,
    settled: (tally: Tally | undefined) => void,
    isProbe: boolean = false,
  ): void {
    let open = true;
    const finish = (tally: Tally | undefined, error?: unknown): void => {
      if (!open) return;
      open = false;
      clearTimeout(timer);
      // While the circuit is open only a probe may close it: an answer to an older question says nothing about now.
      if (tally === undefined || isProbe || !down) note(tally === undefined, error);
      settled(tally);
    };
    const timer = setTimeout(() => finish(undefined, new Error(`No answer within ${TIMEOUT_MS} ms.`)), TIMEOUT_MS);
    try {
      const answer = work();
      if (!(answer instanceof Promise)) finish(answer);
      else answer.then(finish, (error: unknown) => finish(undefined, error));
    } catch (error) {
      finish(undefined, error);
    }
  }

  return {
    get down() {
      return down;
    },
    ask: (work, settled) => ask(work, settled),
    probe(work) {
      if (probing || performance.now() < nextProbeMs) return;
      probing = true;
      ask(work, () => (probing = false), true);
    },
    takeEvents() {
      if (events.length === 0) return NO_EVENTS;
      const taken = events;
      events = [];
      return taken;
    },
  };
}

export interface Guard {
  /** The store's ruling or, while it is away, what the policy says. Never throws or rejects, and never outlasts the timeout. */
  readonly consume: (subject: string, cost: number, nowUs: number) => Ruling | Uncounted | Promise<Ruling | Uncounted>;
  readonly peek: (subject: string, nowUs: number) => Ruling | Uncounted | Promise<Ruling | Uncounted>;
  /** Events of the store since anybody asked: one when it goes, one when it is back. */
  readonly takeEvents: () => readonly AuditEvent[];
}

/**
 * Puts a bounded wait and a circuit between a limiter and its shared store. The first failure opens the circuit: from then on nobody waits. Once
 * a second a request that is itself decided without the store also asks it in the background, and its answer closes the circuit.
 */
export function guardStore(scope: LimiterScope, store: RateLimitStore, policy: StoreDownPolicy): Guard {
  const counters = store.open(scope);
  const circuit = circuitOf(store);
  const { allowances } = scope;
  const smaller = allowances.map(localAllowance);
  const local: MemoryCounters | undefined =
    policy === "local" ? memoryRateLimits().open({ ...scope, allowances: smaller }) : undefined;

  function without(subject: string, cost: number, nowUs: number): Ruling | Uncounted {
    if (local !== undefined) return { tally: local.consume(subject, cost, nowUs), allowances: smaller };
    return policy === dangerouslyAllowWhenStoreIsDown ? "passed" : "refused";
  }

  function attempt(
    subject: string,
    cost: number,
    nowUs: number,
    work: () => Tally | Promise<Tally>,
  ): Promise<Ruling | Uncounted> {
    return new Promise((resolve) => {
      circuit.ask(work, (tally) =>
        resolve(tally === undefined ? without(subject, cost, nowUs) : { tally, allowances }),
      );
    });
  }

  return {
    consume: (subject, cost, nowUs) => {
      const work = () => counters.consume(subject, cost, nowUs);
      if (!circuit.down) return attempt(subject, cost, nowUs, work);
      // Only what counts asks whether the store is back: one that has lost its right to write still answers what only reads.
      circuit.probe(work);
      return without(subject, cost, nowUs);
    },
    peek: (subject, nowUs) =>
      circuit.down ? without(subject, 0, nowUs) : attempt(subject, 0, nowUs, () => counters.peek(subject, nowUs)),
    takeEvents: circuit.takeEvents,
  };
}

/** A quarter of the limit over the same window, and never nothing. */
function localAllowance({ limit, windowSeconds }: Allowance): Allowance {
  return allowanceOf({ limit: Math.max(1, Math.floor(limit / LOCAL_SHARE)), windowSeconds });
}

function transitionEvent(kind: string, away: boolean, error: unknown): AuditEvent {
  const details = { control: "rate-limit", detail: kind };
  return away
    ? auditEvent("rate_limit/sys_rate_limit_store_down/failed", { ...details, error: describeError(error) })
    : auditEvent("rate_limit/sys_rate_limit_store_up/succeeded", details);
}
