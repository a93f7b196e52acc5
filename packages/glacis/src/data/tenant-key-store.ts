/** Where the tenants' wrapped keys stand (catalog key-management). */
import { rejectUnknownOptions } from "../core/options.ts";
import type { RotationDatabase } from "./column-rotation.ts";
import { quoteTable } from "./sql-quoting.ts";

/** One record for each tenant: its wrapped key, or that it was destroyed. */
export interface TenantKeyStore {
  /** The wrapped key; null when it was destroyed, undefined when there never was one. */
  read(tenantId: string): Promise<string | null | undefined>;
  /** Stores unless the tenant has a record, also one of a destroyed key. */
  insert(tenantId: string, wrapped: string): Promise<void>;
  /** Replaces the key where it is still this one; answers whether it was. */
  replace(tenantId: string, before: string, after: string): Promise<boolean>;
  /** Destroys the key and remembers that, also for a tenant without one. */
  shred(tenantId: string): Promise<void>;
}

export interface PostgresTenantKeysOptions {
  readonly database: RotationDatabase;
  /** `tenant_keys`: its columns are `tenant_id`, the primary key, and `wrapped`, text that may be null. */
  readonly table?: string;
}

/**
 * Tenant keys in a table of Postgres.
 *
 * @throws TypeError on an unknown option or a malformed name.
 * @example
 * // create table tenant_keys (tenant_id text primary key, wrapped text);
 * const store = postgresTenantKeys({ database });
 */
export function postgresTenantKeys(options: PostgresTenantKeysOptions): TenantKeyStore {
  rejectUnknownOptions("postgresTenantKeys", options, ["database", "table"]);
  const { database } = options;
  const table = quoteTable(options.table ?? "tenant_keys", "public");
  return {
    async read(tenantId) {
      const [row] = await database.query(`select wrapped from ${table} where tenant_id = $1`, [tenantId]);
      return row?.["wrapped"] as string | null | undefined;
    },
    async insert(tenantId, wrapped) {
      const text = `insert into ${table} (tenant_id, wrapped) values ($1, $2) on conflict (tenant_id) do nothing`;
      await database.query(text, [tenantId, wrapped]);
    },
    async replace(tenantId, before, after) {
      const text = `update ${table} set wrapped = $3 where tenant_id = $1 and wrapped = $2 returning 1`;
      return (await database.query(text, [tenantId, before, after])).length === 1;
    },
    async shred(tenantId) {
      const text = `insert into ${table} (tenant_id, wrapped) values ($1, null)
      on conflict (tenant_id) do update set wrapped = null`;
      await database.query(text, [tenantId]);
    },
  };
}
