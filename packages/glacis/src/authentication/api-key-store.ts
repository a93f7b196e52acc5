import { preparedStatements } from "../primitives/prepared-statements.ts";
import type { AuthenticationDatabase } from "./database.ts";

/** The table, as a migration. One row for each key; of the keys themselves only hashes. */
export const API_KEY_MIGRATION = `
create table if not exists glacis_api_keys (
  id text primary key check (length(id) <= 64),
  hash text not null,
  former_hash text,
  former_until_ms bigint,
  tenant_id text not null,
  owner_id text not null,
  name text not null check (length(name) <= 100),
  scopes text[] not null check (cardinality(scopes) between 1 and 100),
  created_at_ms bigint not null,
  rotated_at_ms bigint,
  expires_at_ms bigint not null,
  revoked_at_ms bigint,
  used_at_ms bigint
);
create index if not exists glacis_api_keys_tenant on glacis_api_keys (tenant_id);
create index if not exists glacis_api_keys_owner on glacis_api_keys (owner_id);
`;

/** What the application's database role reads and writes. */
export const API_KEY_TABLES: readonly string[] = ["glacis_api_keys"];

/** A key as a store keeps it. Times are milliseconds since the epoch. */
export interface ApiKeyRecord {
  readonly id: string;
  /** SHA-256 of the key. */
  readonly hash: string;
  /** SHA-256 of the key before the last rotation, good until `formerUntilMs`. */
  readonly formerHash: string | undefined;
  readonly formerUntilMs: number | undefined;
  readonly tenantId: string;
  /** The user or the service account that the key belongs to. */
  readonly ownerId: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly createdAtMs: number;
  readonly rotatedAtMs: number | undefined;
  readonly expiresAtMs: number;
  readonly revokedAtMs: number | undefined;
  readonly usedAtMs: number | undefined;
}

/** The new secret of a key. */
export interface ApiKeyRotation {
  readonly hash: string;
  readonly nowMs: number;
  readonly expiresAtMs: number;
  /** Until when the former secret is good; `nowMs` voids it at once. */
  readonly formerUntilMs: number;
}

export interface ApiKeyUse {
  readonly id: string;
  readonly usedAtMs: number;
}

/** Where API keys live. A store that fails throws, and the request is refused; it never says "no such key" because it could not look. */
export interface ApiKeyStore {
  readonly kind: "memory" | "shared";
  /** One round trip. */
  read(id: string): ApiKeyRecord | undefined | Promise<ApiKeyRecord | undefined>;
  /** @returns false when the tenant has `most` keys that are alive already; of many at once a few may pass */
  add(record: ApiKeyRecord, most: number): boolean | Promise<boolean>;
  /**
   * Puts a new secret in the place of the present one, which stays good for a while.
   *
   * @returns the record; undefined when the tenant has no such key alive, or when a former secret is still good and would be cut off by this
   *   although `formerUntilMs` grants an overlap
   */
  rotate(
    tenantId: string,
    id: string,
    rotation: ApiKeyRotation,
  ): ApiKeyRecord | undefined | Promise<ApiKeyRecord | undefined>;
  /** @returns false when the tenant has no such key, or it was revoked before */
  revoke(tenantId: string, id: string, nowMs: number): boolean | Promise<boolean>;
  /** Ends every key of an owner, in one tenant or in all, and says how many there were. */
  revokeOwner(tenantId: string | undefined, ownerId: string, nowMs: number): number | Promise<number>;
  /** The keys of an owner that are alive, in every tenant; at most a hundred. */
  aliveOf(ownerId: string, nowMs: number): readonly ApiKeyRecord[] | Promise<readonly ApiKeyRecord[]>;
  /** The keys of a tenant, newest first, ended ones included; at most a thousand. */
  list(tenantId: string): readonly ApiKeyRecord[] | Promise<readonly ApiKeyRecord[]>;
  /** Writes the latest uses of many keys at once; never an earlier time. */
  touch(uses: readonly ApiKeyUse[]): void | Promise<void>;
}

const MOST_LISTED = 1000;
const MOST_ALIVE = 100;

/** Neither revoked nor over. */
export function isAliveKey(record: ApiKeyRecord, nowMs: number): boolean {
  return record.revokedAtMs === undefined && nowMs < record.expiresAtMs;
}

/** API keys in this process alone, for development and tests. */
export function memoryApiKeys(): ApiKeyStore {
  const records = new Map<string, ApiKeyRecord>();
  const of = (tenantId: string): ApiKeyRecord[] => [...records.values()].filter((one) => one.tenantId === tenantId);
  const end = (record: ApiKeyRecord, revokedAtMs: number): void =>
    void records.set(record.id, { ...record, revokedAtMs });
  return {
    kind: "memory",
    read: (id) => records.get(id),
    add(record, most) {
      if (of(record.tenantId).filter((one) => isAliveKey(one, record.createdAtMs)).length >= most) return false;
      records.set(record.id, record);
      return true;
    },
    rotate(tenantId, id, { hash, nowMs, expiresAtMs, formerUntilMs }) {
      const record = records.get(id);
      if (record?.tenantId !== tenantId || !isAliveKey(record, nowMs)) return undefined;
      if (formerUntilMs > nowMs && (record.formerUntilMs ?? 0) > nowMs) return undefined;
      const former = { formerHash: record.hash, formerUntilMs: Math.min(formerUntilMs, record.expiresAtMs) };
      const rotated = { ...record, ...former, hash, rotatedAtMs: nowMs, expiresAtMs };
      records.set(id, rotated);
      return rotated;
    },
    revoke(tenantId, id, nowMs) {
      const record = records.get(id);
      if (record?.tenantId !== tenantId || record.revokedAtMs !== undefined) return false;
      end(record, nowMs);
      return true;
    },
    revokeOwner(tenantId, ownerId, nowMs) {
      const there = tenantId === undefined ? [...records.values()] : of(tenantId);
      const theirs = there.filter((one) => one.ownerId === ownerId && one.revokedAtMs === undefined);
      for (const record of theirs) end(record, nowMs);
      return theirs.length;
    },
    aliveOf: (ownerId, nowMs) =>
      [...records.values()].filter((one) => one.ownerId === ownerId && isAliveKey(one, nowMs)).slice(0, MOST_ALIVE),
    list: (tenantId) =>
      of(tenantId)
        .sort((a, b) => b.createdAtMs - a.createdAtMs)
        .slice(0, MOST_LISTED),
    touch(uses) {
      for (const { id, usedAtMs } of uses) {
        const record = records.get(id);
        if (record !== undefined && (record.usedAtMs ?? 0) < usedAtMs) records.set(id, { ...record, usedAtMs });
      }
    },
  };
}

/** API keys in Postgres. Every change is one statement, so two processes never undo each other's. */
export function postgresApiKeys(database: AuthenticationDatabase): ApiKeyStore {
  const run = async (text: string, values: unknown[]): Promise<readonly Row[]> =>
    (await database.query(text, values)).rows as readonly Row[];
  const prepared = preparedStatements(database);
  const first = ([row]: readonly Row[]): ApiKeyRecord | undefined => (row === undefined ? undefined : recordOf(row));
  return {
    kind: "shared",
    read: async (id) => first((await prepared("select * from glacis_api_keys where id = $1", [id])) as readonly Row[]),
    async add({ id, hash, tenantId, ownerId, name, scopes, createdAtMs, expiresAtMs }, most) {
      const rows = await run(
        `insert into glacis_api_keys (id, hash, tenant_id, owner_id, name, scopes, created_at_ms, expires_at_ms)
         select $1, $2, $3::text, $4, $5, $6::text[], $7::bigint, $8::bigint where (select count(*) from glacis_api_keys
           where tenant_id = $3::text and revoked_at_ms is null and expires_at_ms > $7::bigint) < $9::int returning *`,
        [id, hash, tenantId, ownerId, name, scopes, createdAtMs, expiresAtMs, most],
      );
      return rows.length === 1;
    },
    async rotate(tenantId, id, { hash, nowMs, expiresAtMs, formerUntilMs }) {
      return first(
        await run(
          `update glacis_api_keys set former_hash = hash, former_until_ms = least($6::bigint, expires_at_ms), hash = $3,
             rotated_at_ms = $4, expires_at_ms = $5
           where id = $1 and tenant_id = $2 and revoked_at_ms is null and expires_at_ms > $4
             and ($6::bigint <= $4 or coalesce(former_until_ms, 0) <= $4) returning *`,
          [id, tenantId, hash, nowMs, expiresAtMs, formerUntilMs],
        ),
      );
    },
    async revoke(tenantId, id, nowMs) {
      const rows = await run(
        `update glacis_api_keys set revoked_at_ms = $3 where id = $1 and tenant_id = $2 and revoked_at_ms is null returning *`,
        [id, tenantId, nowMs],
      );
      return rows.length === 1;
    },
    async revokeOwner(tenantId, ownerId, nowMs) {
      const rows = await run(
        `update glacis_api_keys set revoked_at_ms = $3 where ($1::text is null or tenant_id = $1) and owner_id = $2
           and revoked_at_ms is null returning *`,
        [tenantId ?? null, ownerId, nowMs],
      );
      return rows.length;
    },
    async aliveOf(ownerId, nowMs) {
      const text = `select * from glacis_api_keys where owner_id = $1 and revoked_at_ms is null and expires_at_ms > $2
        order by created_at_ms desc limit ${MOST_ALIVE}`;
      return (await run(text, [ownerId, nowMs])).map(recordOf);
    },
    async list(tenantId) {
      const text = `select * from glacis_api_keys where tenant_id = $1 order by created_at_ms desc limit ${MOST_LISTED}`;
      return (await run(text, [tenantId])).map(recordOf);
    },
    async touch(uses) {
      await run(
        `update glacis_api_keys set used_at_ms = used.at_ms
         from (select unnest($1::text[]) as id, unnest($2::bigint[]) as at_ms) used
         where glacis_api_keys.id = used.id and coalesce(used_at_ms, 0) < used.at_ms`,
        [uses.map(({ id }) => id), uses.map(({ usedAtMs }) => usedAtMs)],
      );
    },
  };
}

/** Drivers hand out bigint as text. */
type Milliseconds = string | number | bigint;

interface Row {
  readonly id: string;
  readonly hash: string;
  readonly former_hash: string | null;
  readonly former_until_ms: Milliseconds | null;
  readonly tenant_id: string;
  readonly owner_id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly created_at_ms: Milliseconds;
  readonly rotated_at_ms: Milliseconds | null;
  readonly expires_at_ms: Milliseconds;
  readonly revoked_at_ms: Milliseconds | null;
  readonly used_at_ms: Milliseconds | null;
}

function recordOf(row: Row): ApiKeyRecord {
  const time = (value: Milliseconds | null): number | undefined => (value === null ? undefined : Number(value));
  return {
    id: row.id,
    hash: row.hash,
    formerHash: row.former_hash ?? undefined,
    formerUntilMs: time(row.former_until_ms),
    tenantId: row.tenant_id,
    ownerId: row.owner_id,
    name: row.name,
    scopes: row.scopes,
    createdAtMs: Number(row.created_at_ms),
    rotatedAtMs: time(row.rotated_at_ms),
    expiresAtMs: Number(row.expires_at_ms),
    revokedAtMs: time(row.revoked_at_ms),
    usedAtMs: time(row.used_at_ms),
  };
}
