import { AsyncLocalStorage } from "node:async_hooks";
import type { Exchange } from "../core/exchange.ts";

/** Node 20 pays for this at every asynchronous step of every request, a quarter of what Glacis costs, so it waits until somebody needs it. */
let storage: AsyncLocalStorage<Exchange | undefined> | undefined;
/** Until then: the request whose code is on the stack. */
let running: Exchange | undefined;

/**
 * Makes a request known to everything asynchronous that it starts, from here on. Whoever calls `currentRequest` later calls this when it is
 * composed; without it the first call begins it, and requests that have been waiting for something by then are not known.
 */
export function followRequests(): void {
  if (storage !== undefined) return;
  storage = new AsyncLocalStorage();
  if (running !== undefined) storage.enterWith(running);
}

/** Runs a function, and everything asynchronous that it starts, inside a request. Arguments spare the caller a closure. */
export function runInRequest<Result, Arguments extends unknown[]>(
  exchange: Exchange | undefined,
  work: (...values: Arguments) => Result,
  ...values: Arguments
): Result {
  if (storage !== undefined) return storage.run(exchange, work, ...values);
  const outer = running;
  running = exchange;
  try {
    return work(...values);
  } finally {
    running = outer;
    leave(outer);
  }
}

/** Where the work itself has begun it, what comes after the work is no part of its request. */
function leave(outer: Exchange | undefined): void {
  storage?.enterWith(outer);
}

/** Runs what lives longer than the request that happened to begin it, such as a timer. */
export function runOutsideRequests(work: () => void): void {
  runInRequest(undefined, work);
}

/** The request that the running code belongs to, or undefined outside one. */
export function currentRequest(): Exchange | undefined {
  followRequests();
  return storage?.getStore();
}
