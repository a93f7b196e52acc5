import { AsyncLocalStorage } from "node:async_hooks";
import type { Exchange } from "../core/exchange.ts";

const storage = new AsyncLocalStorage<Exchange>();

/** Runs a function, and everything asynchronous that it starts, inside a request. Arguments spare the caller a closure. */
export function runInRequest<Result, Arguments extends unknown[]>(
  exchange: Exchange,
  work: (...values: Arguments) => Result,
  ...values: Arguments
): Result {
  return storage.run(exchange, work, ...values);
}

/** The request that the running code belongs to, or undefined outside one. */
export function currentRequest(): Exchange | undefined {
  return storage.getStore();
}
