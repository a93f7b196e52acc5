/** Every query inside one tenant: a transaction that Postgres itself holds to one tenant's rows (catalog tenant-isolation; guide A04). */
import { rejectUnknownOptions } from "../core/options.ts";
import type { TenantScope } from "../core/principal.ts";

/** One tenant's view of the database, for as long as the work runs. */
export interface TenantConnection {
  query<Row = Readonly<Record<string, unknown>>>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** The same with each row as an array in the order of the columns, which is what query builders read. */
  queryArrays(text: string, values?: readonly unknown[]): Promise<readonly (readonly unknown[])[]>;
}

/** The part of a `pg` pool that is used. */
export interface TenantPool {
  connect(): Promise<PoolConnection>;
}

interface PoolConnection {
  query(query: PoolQuery): Promise<QueryResult>;
  on(event: "error", listener: () => void): unknown;
  off(event: "error", listener: () => void): unknown;
  release(error?: Error | boolean): void;
}

interface PoolQuery {
  readonly text: string;
  readonly values: unknown[];
  readonly rowMode?: "array" | "object";
  /** The extended protocol takes one statement per query, so that smuggled text cannot append another. */
  readonly queryMode: "extended";
}

interface QueryResult {
  readonly rows: readonly unknown[];
}

/** The part of PGlite that is used. It has one connection and runs one transaction at a time. */
export interface TenantEmbedded {
  transaction<Result>(work: (transaction: EmbeddedTransaction) => Promise<Result>): Promise<Result>;
}

interface EmbeddedTransaction {
  query(
    text: string,
    values?: unknown[],
    options?: { readonly rowMode?: "array" | "object" },
  ): Promise<{ readonly rows: readonly unknown[] }>;
}

export interface TenantDatabaseOptions {
  readonly database: TenantPool | TenantEmbedded;
  /** The setting that the row-level security policies compare with. `app.tenant_id` unless you say otherwise. */
  readonly setting?: string;
  /** A role without privileges of its own to become inside each transaction. Without it, the pool must log in as such a role. */
  readonly role?: string;
}

export interface TenantDatabase {
  /**
   * Runs the work in one transaction that sees one tenant. It commits when the work resolves and rolls back when it rejects.
   *
   * @throws TypeError without a scope.
   * @throws TenantIsolationError when the database does not confirm the tenant, or the role is exempt from row-level security.
   */
  withTenant<Result>(scope: TenantScope, work: (connection: TenantConnection) => Promise<Result>): Promise<Result>;
}

/** The database would not have kept this work inside its tenant, so it did not run, or was rolled back. */
export class TenantIsolationError extends Error {
  override readonly name = "TenantIsolationError";
  readonly code = "tenant_isolation";
}

type Run = (text: string, values: readonly unknown[], rowMode?: "array" | "object") => Promise<QueryResult>;
type Transact = <Result>(work: (run: Run) => Promise<Result>) => Promise<Result>;

const SETTING = /^[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*$/u;
const ROLE = /^[a-z_][a-z0-9_]{0,62}$/u;

/**
 * The only door to tenant data: no scope, no query. The setting is local to the transaction, so a pooled connection forgets it; and it is read
 * back, with the role, before the work begins, because row-level security protects nothing when a superuser asks.
 *
 * @throws TypeError on an unknown option, a malformed name or something that is neither a pool nor PGlite.
 * @example
 * const { withTenant } = tenantDatabase({ database: pool, role: "app_runtime" });
 * const rows = await withTenant(tenantScope(principal), (connection) => connection.query("select id, title from documents"));
 */
export function tenantDatabase(options: TenantDatabaseOptions): TenantDatabase {
  rejectUnknownOptions("tenantDatabase", options, ["database", "setting", "role"]);
  const { database, setting = "app.tenant_id", role } = options;
  if (!SETTING.test(setting))
    throw new TypeError('tenantDatabase() needs setting as two words, such as "app.tenant_id".');
  if (role !== undefined && !ROLE.test(role)) throw new TypeError("tenantDatabase() needs role as a plain identifier.");
  const transact = transactionsOf(database);

  return {
    async withTenant(scope, work) {
      const tenantId: unknown = scope?.tenantId;
      if (typeof tenantId !== "string" || tenantId === "") {
        throw new TypeError(
          "withTenant() needs a tenant scope: tenantScope(principal) of a signed-in principal makes one.",
        );
      }
      return transact(async (run) => {
        if (role !== undefined) await run("select set_config('role', $1, true)", [role]);
        await run("select set_config($1, $2, true)", [setting, tenantId]);
        await confirm(run, setting, tenantId);
        const { connection, close } = connectionOf(run);
        const result = await work(connection).finally(close);
        // Text that was smuggled into a query could have changed the tenant. Nothing of such a transaction is kept or returned. It also fails
        // when an earlier error was swallowed, after which Postgres would answer the commit by rolling back in silence.
        await confirm(run, setting, tenantId);
        return result;
      });
    },
  };
}

interface Confirmation {
  readonly tenant: string | null;
  readonly role: string;
  readonly exempt: boolean | null;
}

async function confirm(run: Run, setting: string, tenantId: string): Promise<void> {
  const { rows } = await run(
    `select current_setting($1, true) as tenant, current_user as role,
       (select rolsuper or rolbypassrls from pg_catalog.pg_roles where rolname = current_user) as exempt`,
    [setting],
  );
  const seen = rows[0] as Confirmation | undefined;
  if (seen?.tenant !== tenantId) throw new TenantIsolationError("The transaction is not in the tenant of its scope.");
  if (seen.exempt !== false) {
    throw new TenantIsolationError(
      `The role "${seen.role}" is exempt from row-level security. Log in as a role without SUPERUSER and BYPASSRLS, or pass such a role.`,
    );
  }
}

/** A connection that works inside its transaction only: kept longer, it would be somebody else's. */
function connectionOf(run: Run): { readonly connection: TenantConnection; readonly close: () => void } {
  let open = true;
  const ask = async (text: string, values: readonly unknown[], rowMode?: "array"): Promise<readonly unknown[]> => {
    if (!open)
      throw new TenantIsolationError(
        "This connection belongs to a transaction that has ended. Await every query inside withTenant().",
      );
    return (await run(text, values, rowMode)).rows;
  };
  return {
    connection: {
      query: async <Row>(text: string, values: readonly unknown[] = []) => (await ask(text, values)) as readonly Row[],
      queryArrays: async (text, values = []) => (await ask(text, values, "array")) as readonly (readonly unknown[])[],
    },
    close: () => {
      open = false;
    },
  };
}

function transactionsOf(database: TenantPool | TenantEmbedded): Transact {
  if (typeof (database as Partial<TenantEmbedded>)?.transaction === "function")
    return embedded(database as TenantEmbedded);
  if (typeof (database as Partial<TenantPool>)?.connect === "function") return pooled(database as TenantPool);
  throw new TypeError("tenantDatabase() needs a pg pool or a PGlite instance as its database.");
}

function embedded(database: TenantEmbedded): Transact {
  return async (work) =>
    database.transaction((transaction) =>
      work((text, values, rowMode = "object") => transaction.query(text, [...values], { rowMode })),
    );
}

function pooled(pool: TenantPool): Transact {
  return async (work) => {
    const client = await pool.connect();
    // A connection that breaks while it is out of the pool emits an error that nobody else listens to.
    client.on("error", ignore);
    const run: Run = (text, values, rowMode) =>
      client.query({ text, values: [...values], queryMode: "extended", ...(rowMode !== undefined && { rowMode }) });
    let broken = false;
    try {
      await run("begin", []);
      const result = await work(run);
      await run("commit", []);
      return result;
    } catch (error) {
      broken = await run("rollback", []).then(
        () => false,
        () => true,
      );
      throw error;
    } finally {
      client.off("error", ignore);
      client.release(broken);
    }
  };
}

function ignore(): void {}
