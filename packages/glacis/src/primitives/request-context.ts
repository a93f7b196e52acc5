import { AsyncLocalStorage } from "node:async_hooks";
import type { Exchange } from "../core/exchange.ts";

const storage = new AsyncLocalStorage<Exchange>();

/** Runs a function, and everything asynchronous that it starts, inside a request. */
export function runInRequest<Result>(exchange: Exchange, work: () => Result): Result {
  return storage.run(exchange, work);
}

/** The request that the running code belongs to, or undefined outside one. */
export function currentRequest(): Exchange | undefined {
  return storage.getStore();
}
