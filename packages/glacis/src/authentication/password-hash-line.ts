/** Who may hash now, who waits and who is sent away: a flood of sign-ins never takes the thread pool that files and DNS need. */
import { availableParallelism } from "node:os";
import { rejectUnknownOptions } from "../core/options.ts";

const DEFAULT_POOL = 4;
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

export type Served<T> =
  | { readonly kind: "served"; readonly value: T }
  | { readonly kind: "busy"; readonly retryAfterSeconds: number };

export interface HashingLine {
  readonly concurrency: number;
  readonly waiting: number;
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
  return {
    concurrency,
    waiting,
    run: async (job) => {
      if (running < concurrency) running += 1;
      else if (queue.length >= waiting)
        return { kind: "busy", retryAfterSeconds: secondsToClear(queue.length, concurrency, typicalMs) };
      else await new Promise<void>((resolve) => queue.push(resolve));
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

/** How many threads libuv has: argon2 and scrypt run there, and so do files and DNS. */
export function threadPoolSize(): number {
  const size = Number(process.env["UV_THREADPOOL_SIZE"] ?? DEFAULT_POOL);
  return Number.isSafeInteger(size) && size > 0 ? size : DEFAULT_POOL;
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
