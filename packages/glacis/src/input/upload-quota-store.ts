/** What each tenant keeps and has reserved. */

/** Room to be set aside for one request. */
export interface QuotaRequest {
  readonly tenantId: string;
  readonly id: string;
  readonly bytes: number;
  readonly limit: number;
  readonly nowMs: number;
  readonly expiresAtMs: number;
}

/** A store that fails throws, and the upload is refused. */
export interface UploadQuotaStore {
  readonly kind: "memory" | "shared";
  /** Sets room aside, if kept and reserved bytes together leave it, whoever asks at the same time. */
  reserve(request: QuotaRequest): boolean | Promise<boolean>;
  /** Ends a reservation and adds what was stored. */
  settle(tenantId: string, id: string, bytes: number): void | Promise<void>;
  release(tenantId: string, bytes: number): void | Promise<void>;
  used(tenantId: string): number | Promise<number>;
}

/** The table, as a migration. One row for each tenant; its lock decides between requests that come together. */
export const UPLOAD_QUOTA_MIGRATION = `
create table if not exists glacis_upload_quotas (
  tenant_id text primary key,
  used_bytes bigint not null default 0 check (used_bytes >= 0),
  reserved jsonb not null default '{}'
);
`;

/** Quotas in this process alone, for development and tests. */
export function memoryUploadQuotas(): UploadQuotaStore {
  const tenants = new Map<string, { used: number; readonly reserved: Map<string, QuotaRequest> }>();
  const of = (tenantId: string) => {
    const known = tenants.get(tenantId) ?? { used: 0, reserved: new Map<string, QuotaRequest>() };
    tenants.set(tenantId, known);
    return known;
  };
  return {
    kind: "memory",
    reserve(request) {
      const tenant = of(request.tenantId);
      let taken = tenant.used;
      for (const [id, { bytes, expiresAtMs }] of tenant.reserved) {
        if (expiresAtMs <= request.nowMs) tenant.reserved.delete(id);
        else taken += bytes;
      }
      if (taken + request.bytes > request.limit) return false;
      tenant.reserved.set(request.id, request);
      return true;
    },
    settle(tenantId, id, bytes) {
      const tenant = of(tenantId);
      tenant.reserved.delete(id);
      tenant.used += bytes;
    },
    release(tenantId, bytes) {
      const tenant = of(tenantId);
      tenant.used = Math.max(0, tenant.used - bytes);
    },
    used: (tenantId) => tenants.get(tenantId)?.used ?? 0,
  };
}

/** What is asked of Postgres: one statement at a time, values bound. A `pg` pool and PGlite both fit. */
export interface UploadQuotaDatabase {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** Reservations that are still alive, as jsonb: `{ id: [bytes, expiry] }`. */
const ALIVE = `coalesce((select jsonb_object_agg(key, value) from jsonb_each(q.reserved) where (value->>1)::bigint > $5), '{}'::jsonb)`;
const ALIVE_BYTES = `coalesce((select sum((value->>0)::bigint) from jsonb_each(q.reserved) where (value->>1)::bigint > $5), 0)`;

/** Quotas in Postgres. Reserving is one statement on one row, so that the last byte is granted once. */
export function postgresUploadQuotas(database: UploadQuotaDatabase): UploadQuotaStore {
  const run = async (text: string, values: unknown[]): Promise<Row | undefined> =>
    (await database.query(text, values)).rows[0] as Row | undefined;
  return {
    kind: "shared",
    async reserve({ tenantId, id, bytes, limit, nowMs, expiresAtMs }) {
      await run("insert into glacis_upload_quotas (tenant_id) values ($1) on conflict do nothing", [tenantId]);
      const row = await run(
        `update glacis_upload_quotas q
           set reserved = ${ALIVE} || jsonb_build_object($2::text, jsonb_build_array($3::bigint, $6::bigint))
         where tenant_id = $1 and used_bytes + ${ALIVE_BYTES} + $3::bigint <= $4::bigint returning used_bytes`,
        [tenantId, id, bytes, limit, nowMs, expiresAtMs],
      );
      return row !== undefined;
    },
    async settle(tenantId, id, bytes) {
      await run(
        "update glacis_upload_quotas set reserved = reserved - $2::text, used_bytes = used_bytes + $3::bigint where tenant_id = $1",
        [tenantId, id, bytes],
      );
    },
    async release(tenantId, bytes) {
      await run(
        "update glacis_upload_quotas set used_bytes = greatest(0, used_bytes - $2::bigint) where tenant_id = $1",
        [tenantId, bytes],
      );
    },
    async used(tenantId) {
      const row = await run("select used_bytes from glacis_upload_quotas where tenant_id = $1", [tenantId]);
      return Number(row?.used_bytes ?? 0);
    },
  };
}

interface Row {
  readonly used_bytes: string | number;
}
