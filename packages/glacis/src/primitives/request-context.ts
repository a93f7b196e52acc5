import { AsyncLocalStorage } from "node:async_hooks";
import type { Exchange } from "../core/exchange.ts";

const storage = new AsyncLocalStorage<Exchange | undefined>();

/** Runs a function, and everything asynchronous that it starts, inside a request. Arguments spare the caller a closure. */
export function runInRequest<Result, Arguments extends unknown[]>(
  exchange: Exchange,
  work: (...values: Arguments) => Result,
  ...values: Arguments
): Result {
  return storage.run(exchange, work, ...values);
}

/** Runs what lives longer than the request that happened to begin it, such as a timer. */
export function runOutsideRequests(work: () => void): void {
  storage.run(undefined, work);
}

/** The request that the running code belongs to, or undefined outside one. */
export function currentRequest(): Exchange | undefined {
  return storage.getStore();
}
