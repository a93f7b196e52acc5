/** Work across tenants, for jobs and migrations: another role, a reason, and an event each time (catalog tenant-isolation). */
import { rejectUnknownOptions } from "../core/options.ts";
import { TENANT_SETTING } from "../core/tenancy.ts";
import { searchPathOf } from "./sql-quoting.ts";
import { borrow } from "./pool-lease.ts";
import { connectionOf, type TenantConnection } from "./tenant-connection.ts";
import { surroundingTenant, TenantIsolationError } from "./tenant-context.ts";
import { embeddedWire } from "./tenant-driver.ts";
import type { Statement, TenantEmbedded, TenantPool, Wire } from "./tenant-wire.ts";
import { reportTenant, type Report } from "./tenant-events.ts";

export interface SystemDatabaseOptions {
  /** A pool of its own, that logs in as the system role. Never the pool of the requests. */
  readonly database: TenantPool | TenantEmbedded;
  /** Where each use is told: `security.report`. */
  readonly report: Report;
  /** A role to become inside each transaction, where the login is another. */
  readonly role?: string;
  /** The schemas that unqualified names are looked up in, in order. `["public"]`. */
  readonly schemas?: readonly string[];
}

export interface SystemWorkOptions {
  /** Why one tenant is not enough, in words: it stands in the log. At most 200 characters. */
  readonly reason: string;
}

export interface SystemDatabase {
  /**
   * Runs the work in one transaction that no tenant bounds. The log is told before it begins.
   *
   * @throws TypeError without a reason.
   * @throws TenantIsolationError inside work for one tenant.
   */
  dangerouslyWithoutTenant<Result>(
    options: SystemWorkOptions,
    work: (connection: TenantConnection) => Promise<Result>,
  ): Promise<Result>;
}

const LONGEST_REASON = 200;
const ROLE = /^[a-z_][a-z0-9_]{0,62}$/u;

/**
 * The door for work that is nobody's in particular, such as deleting what has expired everywhere.
 *
 * @throws TypeError on an unknown option or without a place to report to.
 * @example
 * const { dangerouslyWithoutTenant } = systemDatabase({ database: systemPool, report: security.report });
 * await dangerouslyWithoutTenant({ reason: "nightly expiry" }, (connection) =>
 *   connection.query("delete from documents where expires_at < now()"),
 * );
 */
export function systemDatabase(options: SystemDatabaseOptions): SystemDatabase {
  rejectUnknownOptions("systemDatabase", options, ["database", "report", "role", "schemas"]);
  const { database, report, role, schemas = ["public"] } = options;
  if (typeof report !== "function") throw new TypeError("systemDatabase() needs report, such as security.report.");
  if (role !== undefined && !ROLE.test(role)) throw new TypeError("systemDatabase() needs role as a plain identifier.");
  const transact = transactionsOver(database);
  const searchPath = searchPathOf(schemas);
  const entry: Statement = {
    text: `select ${role === undefined ? "" : "pg_catalog.set_config('role', $3, true), "}pg_catalog.set_config($1, '', true), pg_catalog.set_config('search_path', $2, true)`,
    values: [TENANT_SETTING, searchPath, ...(role === undefined ? [] : [role])],
  };
  return {
    async dangerouslyWithoutTenant({ reason }, work) {
      if (typeof reason !== "string" || reason.trim() === "" || reason.length > LONGEST_REASON) {
        throw new TypeError(
          `dangerouslyWithoutTenant() needs the reason in words, at most ${LONGEST_REASON} characters.`,
        );
      }
      if (surroundingTenant() !== undefined) {
        throw new TenantIsolationError("This code runs for one tenant; work across tenants cannot start inside it.");
      }
      reportTenant(report, "tenant/tenant_bypass/observed", { detail: reason });
      return transact(entry, (run) => work(connectionOf(run)));
    },
  };
}

type Run = (statement: Statement) => Promise<readonly unknown[]>;
type Transact = <Result>(entry: Statement, work: (run: Run) => Promise<Result>) => Promise<Result>;

function transactionsOver(database: TenantPool | TenantEmbedded): Transact {
  if (typeof (database as Partial<TenantEmbedded>)?.transaction === "function") {
    return (entry, work) =>
      (database as TenantEmbedded).transaction(async (inner) => {
        const run = runnerOver(embeddedWire(inner, database));
        await run(entry);
        return work(run);
      });
  }
  if (typeof (database as Partial<TenantPool>)?.connect !== "function") {
    throw new TypeError("systemDatabase() needs a pg pool or a PGlite instance as its database.");
  }
  return (entry, work) =>
    borrow(database as TenantPool, async (wire, lease) => {
      try {
        const run = runnerOver(wire);
        await run({ text: "begin", values: [] });
        await run(entry);
        const result = await work(run);
        const { answers, failure } = await wire.send([{ text: "commit", values: [] }]);
        if (failure !== undefined) throw failure.error;
        if (answers[0]?.command === "ROLLBACK") throw new Error("The transaction was aborted before its commit.");
        lease.broken = false;
        return result;
      } catch (error) {
        const { failure } = await wire.send([{ text: "rollback", values: [] }]);
        lease.broken = failure !== undefined;
        throw error;
      }
    });
}

function runnerOver(wire: Wire): Run {
  return async (statement) => {
    const { answers, failure } = await wire.send([statement]);
    if (failure !== undefined) throw failure.error;
    return answers[0]?.rows ?? [];
  };
}
