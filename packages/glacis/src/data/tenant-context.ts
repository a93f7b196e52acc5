/** Whose work the running code is: it travels with promises, timers and streams, and is asked for by name (catalog tenant-isolation; guide A04). */
import { AsyncLocalStorage } from "node:async_hooks";
import type { TenantScope } from "../core/principal.ts";
import { tenantScope } from "../core/principal.ts";
import { currentRequest } from "../primitives/request-context.ts";

/** The tenant that code runs for, and the transactions that are open around it. */
export interface TenantContext {
  readonly scope: TenantScope;
  /** By the database that opened it. */
  readonly transactions: ReadonlyMap<object, unknown>;
}

/** Nobody said whose work this is, so it does not run. */
export class TenantContextMissing extends Error {
  override readonly name = "TenantContextMissing";
  readonly code = "tenant_context_missing";

  constructor() {
    super(
      "There is no tenant here. In a handler the principal must be signed in; start jobs with runAsTenant(scope, job), and wrap callbacks that others call in keepTenant().",
    );
  }
}

/** The database would not have kept this work inside its tenant, so it did not run, or was rolled back. */
export class TenantIsolationError extends Error {
  override readonly name = "TenantIsolationError";
  readonly code = "tenant_isolation";
}

const storage = new AsyncLocalStorage<TenantContext>();

/** The context that surrounds the running code: a job's, or that of an open transaction. Requests are asked separately. */
export function surroundingTenant(): TenantContext | undefined {
  return storage.getStore();
}

/** Runs work, and everything asynchronous that it starts, in a context. */
export function inTenantContext<Result>(context: TenantContext, work: () => Result): Result {
  return storage.run(context, work);
}

/**
 * The scope of the tenant that the running code works for: the job's, or the signed-in principal's of the request.
 *
 * @throws TenantContextMissing outside both, and in a request that nobody signed.
 * @example
 * const rows = await withTenant(currentTenant(), (connection) => connection.query("select id, title from documents"));
 */
export function currentTenant(): TenantScope {
  const context = storage.getStore();
  if (context !== undefined) return context.scope;
  const principal = currentRequest()?.principal;
  if (principal === undefined || principal.kind === "anonymous") throw new TenantContextMissing();
  return tenantScope(principal);
}

/**
 * Runs a job for one tenant. `currentTenant()` answers with the scope in everything that the job starts: promises, timers, streams.
 *
 * @throws TypeError without a scope.
 * @throws TenantIsolationError inside work for another tenant: a job changes tenants by ending, not in the middle.
 * @example
 * await runAsTenant(tenantScope({ kind: "service", id: "digest", tenantId, roles: [] }), () => sendDigest());
 */
export function runAsTenant<Result>(scope: TenantScope, job: () => Result): Result {
  const context = storage.getStore();
  holdToTenant(scope, context);
  return storage.run({ scope, transactions: context?.transactions ?? new Map() }, job);
}

/**
 * Ties a callback to the tenant that is current now, for code that calls back from elsewhere, such as an event emitter of another's making.
 *
 * @throws TenantContextMissing when there is none.
 */
export function keepTenant<Arguments extends readonly unknown[], Result>(
  callback: (...args: Arguments) => Result,
): (...args: Arguments) => Result {
  const scope = currentTenant();
  return (...args) => storage.run({ scope, transactions: new Map() }, () => callback(...args));
}

/** Postgres keeps no NUL, and takes each half of a surrogate pair for the same character: two such tenants would be one. */
function isStorable(tenantId: string): boolean {
  return tenantId.isWellFormed() && !tenantId.includes("\0");
}

/**
 * Refuses what is no scope, and a scope of another tenant than the surrounding work is for.
 *
 * @throws TypeError
 * @throws TenantIsolationError
 */
export function holdToTenant(scope: TenantScope, context: TenantContext | undefined): void {
  const tenantId: unknown = scope?.tenantId;
  if (typeof tenantId !== "string" || tenantId === "" || !isStorable(tenantId)) {
    throw new TypeError(
      "There is no query without a tenant scope: tenantScope(principal) of a signed-in principal makes one.",
    );
  }
  if (context !== undefined && context.scope.tenantId !== tenantId) {
    throw new TenantIsolationError("This code runs for one tenant and asked for the data of another.");
  }
}
