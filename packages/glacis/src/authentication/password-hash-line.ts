/** Who may hash now, who waits and who is sent away: a flood of sign-ins never takes the thread pool that files and DNS need. */
import { availableParallelism } from "node:os";
import { rejectUnknownOptions } from "../core/options.ts";
import { eventLoopFirst, threadPoolSize } from "./thread-pool.ts";

/** Threads left to files, DNS and zlib, whatever the flood. */
const SPARE_THREADS = 2;
const DEFAULT_WAITING = 50;
const FIRST_GUESS_MS = 100;

export interface HashingLineOptions {
  /** Hashes at a time. One core stays with the event loop and two threads with the pool, unless you say otherwise. */
  readonly concurrency?: number;
  /** How many may wait; whoever comes after them is told to come again. 50 by default. */
  readonly waiting?: number;
}

export interface Busy {
  readonly kind: "busy";
  readonly retryAfterSeconds: number;
}

export type Served<T> = { readonly kind: "served"; readonly value: T } | Busy;

export interface HashingLine {
  readonly concurrency: number;
  readonly waiting: number;
  /** What whoever came now would be told; undefined while there is room. */
  busy(): Busy | undefined;
  /** Runs the job when a place is free. What the job throws is thrown here, and its place is free again. */
  run<T>(job: () => Promise<T>): Promise<Served<T>>;
}

/**
 * A line in front of the hashing threads. All hashing of a process stands in one; make another only to give it other limits.
 *
 * @throws TypeError on an unknown option, or limits that are not whole numbers
 */
export function hashingLine(options: HashingLineOptions = {}): HashingLine {
  rejectUnknownOptions("hashingLine", options, ["concurrency", "waiting"]);
  const { concurrency = defaultConcurrency(), waiting = DEFAULT_WAITING } = options;
  if (!Number.isSafeInteger(concurrency) || concurrency < 1 || concurrency > 1024)
    throw new TypeError("hashingLine() needs concurrency as a whole number from 1 to 1024.");
  if (!Number.isSafeInteger(waiting) || waiting < 0 || waiting > 100_000)
    throw new TypeError("hashingLine() needs waiting as a whole number from 0 to 100000.");
  const queue: (() => void)[] = [];
  let running = 0;
  let typicalMs = FIRST_GUESS_MS;

  const leave = (): void => {
    const next = queue.shift();
    // The place passes on to the next one without becoming free, so that nobody slips in between.
    if (next === undefined) running -= 1;
    else next();
  };
  const busy = (): Busy | undefined =>
    running < concurrency || queue.length < waiting
      ? undefined
      : { kind: "busy", retryAfterSeconds: secondsToClear(queue.length, concurrency, typicalMs) };
  return {
    concurrency,
    waiting,
    busy,
    run: async (job) => {
      const full = busy();
      if (full !== undefined) return full;
      if (running < concurrency) running += 1;
      else await new Promise<void>((resolve) => queue.push(resolve));
      await eventLoopFirst();
      const startedMs = performance.now();
      try {
        return { kind: "served", value: await job() };
      } finally {
        typicalMs = typicalMs * 0.9 + (performance.now() - startedMs) * 0.1;
        leave();
      }
    },
  };
}

function secondsToClear(waiting: number, concurrency: number, typicalMs: number): number {
  return Math.min(60, Math.max(1, Math.ceil(((waiting + 1) * typicalMs) / concurrency / 1000)));
}

function defaultConcurrency(): number {
  return Math.max(1, Math.min(availableParallelism() - 1, threadPoolSize() - SPARE_THREADS));
}

let shared: HashingLine | undefined;

/** The line of this process. */
export function sharedHashingLine(): HashingLine {
  shared ??= hashingLine();
  return shared;
}
