/** Who may hash now, who waits and who is sent away: a flood of sign-ins never takes the thread pool that files and DNS need. */
import { availableParallelism } from "node:os";
import { rejectUnknownOptions } from "../core/options.ts";
import { eventLoopFirst, threadPoolSize } from "./thread-pool.ts";

/** Threads left to files, DNS and zlib, whatever the flood. */
const SPARE_THREADS = 2;
const DEFAULT_WAITING = 50;
/** Shorter than the five seconds after which the pipeline gives a request up: a hash that ends later is work for nobody. */
const DEFAULT_LONGEST_WAIT_MS = 3000;
const MOST_LONGEST_WAIT_MS = 60_000;
const FIRST_GUESS_MS = 100;
/** How much the latest hash counts in what the next ones are expected to take. One that stood still meanwhile, with the machine, says little of them. */
const LATEST = 0.2;
const LONGEST_TAKEN_MS = 1000;

export interface HashingLineOptions {
  /** Hashes at a time. One core stays with the event loop and two threads with the pool, unless you say otherwise. */
  readonly concurrency?: number;
  /** How many may wait; whoever comes after them is told to come again. 50 by default. */
  readonly waiting?: number;
  /** How long somebody may have to wait, as hashes go at the moment; whoever would wait longer is told to come again. 3000 by default. */
  readonly longestWaitMs?: number;
}

export interface Busy {
  readonly kind: "busy";
  readonly retryAfterSeconds: number;
}

export type Served<T> = { readonly kind: "served"; readonly value: T } | Busy;

/** A place in the line: whoever has one is served. It is used once, or left. */
export interface HashingPlace {
  readonly kind: "place";
  /** Runs the job when a thread is free. @throws TypeError when the place was used or left before */
  run<T>(job: () => Promise<T>): Promise<T>;
  /** For whoever found something out meanwhile and needs no hash. Nothing once the job runs. */
  leave(): void;
}

export interface HashingLine {
  readonly concurrency: number;
  readonly waiting: number;
  /** Takes a place before what costs something, such as counting an attempt; whoever gets none is told when to come again. */
  enter(): HashingPlace | Busy;
  /** Runs the job when a thread is free. What the job throws is thrown here, and its place is free again. */
  run<T>(job: () => Promise<T>): Promise<Served<T>>;
}

/**
 * A line in front of the hashing threads. All hashing of a process stands in one; make another only to give it other limits.
 *
 * @throws TypeError on an unknown option, or limits that are not whole numbers
 */
export function hashingLine(options: HashingLineOptions = {}): HashingLine {
  rejectUnknownOptions("hashingLine", options, ["concurrency", "waiting", "longestWaitMs"]);
  const { concurrency = defaultConcurrency(), waiting = DEFAULT_WAITING } = options;
  const { longestWaitMs = DEFAULT_LONGEST_WAIT_MS } = options;
  if (!Number.isSafeInteger(concurrency) || concurrency < 1 || concurrency > 1024)
    throw new TypeError("hashingLine() needs concurrency as a whole number from 1 to 1024.");
  if (!Number.isSafeInteger(waiting) || waiting < 0 || waiting > 100_000)
    throw new TypeError("hashingLine() needs waiting as a whole number from 0 to 100000.");
  if (!(longestWaitMs > 0 && longestWaitMs <= MOST_LONGEST_WAIT_MS))
    throw new TypeError(`hashingLine() needs longestWaitMs above zero, up to ${MOST_LONGEST_WAIT_MS}.`);
  const queue: (() => void)[] = [];
  let places = 0;
  let running = 0;
  let typicalMs = FIRST_GUESS_MS;

  const work = async <T>(job: () => Promise<T>): Promise<T> => {
    if (running < concurrency) running += 1;
    else await new Promise<void>((resolve) => queue.push(resolve));
    await eventLoopFirst();
    const startedMs = performance.now();
    try {
      return await job();
    } finally {
      typicalMs += (Math.min(performance.now() - startedMs, LONGEST_TAKEN_MS) - typicalMs) * LATEST;
      const next = queue.shift();
      // The thread passes on to the next one without becoming free, so that nobody slips in between.
      if (next === undefined) running -= 1;
      else next();
    }
  };
  const enter = (): HashingPlace | Busy => {
    const before = places - concurrency + 1;
    if (before > waiting || (before * typicalMs) / concurrency > longestWaitMs)
      return { kind: "busy", retryAfterSeconds: secondsToClear(queue.length, concurrency, typicalMs) };
    places += 1;
    let unused = true;
    return {
      kind: "place",
      async run(job) {
        if (!unused) throw new TypeError("A place in the hashing line is used once.");
        unused = false;
        try {
          return await work(job);
        } finally {
          places -= 1;
        }
      },
      leave() {
        if (unused) places -= 1;
        unused = false;
      },
    };
  };
  return {
    concurrency,
    waiting,
    enter,
    async run(job) {
      const place = enter();
      return place.kind === "busy" ? place : { kind: "served", value: await place.run(job) };
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
