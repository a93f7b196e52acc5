/** Serializable work, until it fits into an order with that of others (catalog transaction-atomicity; PostgreSQL 13.2.3 and 13.5). */
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { deny } from "../core/decision.ts";
import { Refusal } from "../core/error-reason.ts";
import { sqlState } from "../primitives/prepared-statements.ts";

/** SQLSTATE serialization_failure and deadlock_detected: nothing was done, and the same work may succeed the next time. */
const TRY_AGAIN: ReadonlySet<string> = new Set(["40001", "40P01"]);
const RETRIES = 3;
const FIRST_WAIT_MS = 5;
/** Query builders wrap what the driver throws. */
const DEEPEST_CAUSE = 5;

/**
 * Runs a transaction, and again when Postgres could not fit it in.
 *
 * @throws Refusal with `conflict` after three further attempts; whatever else the transaction throws, at once
 */
export async function inSomeOrder<Result>(transaction: () => Promise<Result>): Promise<Result> {
  for (let attempt = 0; attempt < RETRIES; attempt += 1) {
    try {
      return await transaction();
    } catch (error) {
      if (!mayTryAgain(error)) throw error;
    }
    // Those who collided must not meet again at the same moment.
    await delay(randomInt(FIRST_WAIT_MS, 3 * FIRST_WAIT_MS) * 2 ** attempt);
  }
  try {
    return await transaction();
  } catch (error) {
    throw mayTryAgain(error) ? conflict() : error;
  }
}

function mayTryAgain(error: unknown): boolean {
  let cause = error;
  for (let depth = 0; depth < DEEPEST_CAUSE && cause instanceof Error; depth += 1) {
    if (TRY_AGAIN.has(sqlState(cause) ?? "")) return true;
    cause = cause.cause;
  }
  return false;
}

function conflict(): Refusal {
  return new Refusal(
    deny("conflict", {
      event_type: "tenant",
      status: "refused",
      severity: "warning",
      event: "transaction_conflict",
      control: "transaction-atomicity",
      reason: "conflict",
      detail: "serialization",
    }),
  );
}
