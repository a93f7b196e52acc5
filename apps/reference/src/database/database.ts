import { drizzle, type PgRemoteDatabase } from "drizzle-orm/pg-proxy";
import type { Finding, TenantScope } from "glacis";
import { tenantDatabase, type TenantConnection, type TenantEmbedded, type TenantPool } from "glacis/data";

/** Drizzle inside one tenant. */
export type TenantDrizzle = PgRemoteDatabase<Record<string, never>>;

/** The application's whole view of its database. */
export interface Database {
  /** What is running, for the start-up notes. */
  readonly description: string;
  /** True when several processes may share it. */
  readonly shared: boolean;
  /** What `databasePosture()` found; undefined where nobody asked, and for the embedded one, which is its own superuser. */
  readonly posture?: readonly Finding[];
  /** Tables without a tenant: sessions, counters, and the function that finds credentials. As the runtime role. */
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
  /** The pool or instance behind it, for the library's own stores. */
  readonly driver: Pool | Embedded;
  /** One transaction that sees one tenant. */
  withTenant<Result>(scope: TenantScope, work: (db: TenantDrizzle) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

interface Queries {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

export type Pool = TenantPool & Queries;
export type Embedded = TenantEmbedded & Queries;

export interface DatabaseParts {
  readonly description: string;
  readonly shared: boolean;
  readonly driver: Pool | Embedded;
  readonly role: string;
  readonly close: () => Promise<void>;
}

/** Joins a driver, connected as the runtime role, to the one door for tenant data. */
export function makeDatabase({ description, shared, driver, role, close }: DatabaseParts): Database {
  const tenants = tenantDatabase({ database: driver, role });
  return {
    description,
    shared,
    driver,
    query: (text, values) => driver.query(text, values),
    withTenant: (scope, work) => tenants.withTenant(scope, (connection) => work(drizzleOn(connection))),
    close,
  };
}

/** Drizzle's driver for "somebody else runs the query": the same for `pg` and PGlite, and never outside the transaction. */
function drizzleOn(connection: TenantConnection): TenantDrizzle {
  return drizzle(async (text, values: unknown[], method) => {
    const rows = method === "all" ? await connection.queryArrays(text, values) : await connection.query(text, values);
    return { rows: [...rows] };
  });
}
