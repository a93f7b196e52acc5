import { drizzle, type PgRemoteDatabase } from "drizzle-orm/pg-proxy";
import type { Finding, Principal, TenantScope } from "glacis";
import { rowSettings } from "glacis/authorization";
import { tenantDatabase, type TenantConnection, type TenantEmbedded, type TenantPool } from "glacis/data";

/** Drizzle inside one tenant. */
export type TenantDrizzle = PgRemoteDatabase<Record<string, never>>;

/** @param connection the same transaction, for what is not Drizzle's */
export type TenantWork<Result> = (db: TenantDrizzle, connection: TenantConnection) => Promise<Result>;

/** The application's whole view of its database. */
export interface Database {
  /** What is running, for the start-up notes. */
  readonly description: string;
  /** True when several processes may share it. */
  readonly shared: boolean;
  /** What `databasePosture()` found; undefined where nobody asked, and for the embedded one, which is its own superuser. */
  readonly posture?: readonly Finding[];
  /** Tables without a tenant: accounts, sessions, counters, and the function that says where somebody belongs. As the library's role. */
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
  /** The library's own stores: connected as a role that reads no tenant's rows. */
  readonly driver: Pool | Embedded;
  /** Tenants' rows: connected as a role that reads nothing of the library's, so that an injection there finds no hash and no session. */
  readonly tenantDriver: Pool | Embedded;
  /**
   * One transaction that sees one tenant. It only reads in a GET, unless the work says `"writes"`, as the return from an identity provider does.
   *
   * @param as who asks, where rows are somebody's: without it no document is there
   */
  withTenant<Result>(scope: TenantScope, work: TenantWork<Result>, as?: Principal, writes?: "writes"): Promise<Result>;
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
  readonly tenantDriver: Pool | Embedded;
  /** The role of tenants' transactions. */
  readonly role: string;
  readonly close: () => Promise<void>;
}

/** Joins the two connections, and puts the one door for tenant data before the second. */
export function makeDatabase({ role, ...parts }: DatabaseParts): Database {
  const { driver, tenantDriver } = parts;
  const tenants = tenantDatabase({ database: tenantDriver, role });
  return {
    ...parts,
    query: (text, values) => driver.query(text, values),
    withTenant: (scope, work, as, writes) =>
      tenants.withTenant(scope, (connection) => work(drizzleOn(connection), connection), {
        ...(as && { settings: rowSettings(as) }),
        ...(writes && { readOnly: false }),
      }),
  };
}

/** Drizzle's driver for "somebody else runs the query": the same for `pg` and PGlite, and never outside the transaction. */
function drizzleOn(connection: TenantConnection): TenantDrizzle {
  return drizzle(async (text, values: unknown[], method) => {
    const rows = method === "all" ? await connection.queryArrays(text, values) : await connection.query(text, values);
    return { rows: [...rows] };
  });
}
