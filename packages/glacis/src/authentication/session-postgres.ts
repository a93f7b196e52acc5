import type { AssuranceLevel } from "../core/principal.ts";
import type { SessionRecord, SessionStore } from "./session-record.ts";

/** The part of a `pg` pool or of PGlite that this store needs. */
export interface SessionDatabase {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** The table, as a migration. Times are milliseconds since the epoch, so that no time zone is involved. */
export const SESSION_MIGRATION = `
create table if not exists glacis_sessions (
  id text primary key check (length(id) = 43),
  user_id text not null,
  tenant_id text not null,
  roles text[] not null,
  assurance smallint not null check (assurance between 1 and 3),
  created_at_ms bigint not null,
  authenticated_at_ms bigint not null,
  seen_at_ms bigint not null,
  label text not null check (length(label) <= 200)
);
create index if not exists glacis_sessions_user on glacis_sessions (user_id, created_at_ms desc);
create index if not exists glacis_sessions_seen on glacis_sessions (seen_at_ms);
`;

const COLUMNS = "id, user_id, tenant_id, roles, assurance, created_at_ms, authenticated_at_ms, seen_at_ms, label";

/** Sessions in Postgres: one indexed read for each request that carries a cookie. */
export function postgresSessions(database: SessionDatabase): SessionStore {
  const run = async (text: string, values: unknown[]): Promise<readonly Row[]> =>
    (await database.query(text, values)).rows as Row[];
  return {
    kind: "shared",
    async read(id) {
      const [row] = await run(`select ${COLUMNS} from glacis_sessions where id = $1`, [id]);
      return row === undefined ? undefined : recordOf(row);
    },
    async create(record, replacesId) {
      // One statement, so that there is no moment in which both sessions, or neither, are valid (catalog session-fixation).
      await run(
        `with replaced as (delete from glacis_sessions where id = $10)
         insert into glacis_sessions (${COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        [...valuesOf(record), replacesId ?? null],
      );
    },
    async touch(id, seenAtMs) {
      await run("update glacis_sessions set seen_at_ms = greatest(seen_at_ms, $2) where id = $1", [id, seenAtMs]);
    },
    async revoke(id) {
      await run("delete from glacis_sessions where id = $1", [id]);
    },
    async revokeAll(userId, exceptId) {
      const text = "delete from glacis_sessions where user_id = $1 and id is distinct from $2 returning id";
      return (await run(text, [userId, exceptId ?? null])).length;
    },
    async sweep(unusedSinceMs) {
      // Bounded, so that a long silence does not make one sign-in pay for it; and two instances at once do not wait for each other.
      const ended = "select id from glacis_sessions where seen_at_ms <= $1 order by seen_at_ms limit 1000";
      await run(`delete from glacis_sessions where id in (${ended} for update skip locked)`, [unusedSinceMs]);
    },
    async list(userId) {
      const text = `select ${COLUMNS} from glacis_sessions where user_id = $1 order by created_at_ms desc limit 200`;
      return (await run(text, [userId])).map(recordOf);
    },
  };
}

interface Row {
  readonly id: string;
  readonly user_id: string;
  readonly tenant_id: string;
  readonly roles: readonly string[];
  readonly assurance: number;
  /** `pg` gives bigint as text, PGlite as a number. */
  readonly created_at_ms: string | number;
  readonly authenticated_at_ms: string | number;
  readonly seen_at_ms: string | number;
  readonly label: string;
}

function recordOf(row: Row): SessionRecord {
  return {
    id: row.id,
    userId: row.user_id,
    tenantId: row.tenant_id,
    roles: row.roles,
    assurance: row.assurance as AssuranceLevel,
    createdAtMs: Number(row.created_at_ms),
    authenticatedAtMs: Number(row.authenticated_at_ms),
    seenAtMs: Number(row.seen_at_ms),
    label: row.label,
  };
}

function valuesOf(record: SessionRecord): unknown[] {
  const { id, userId, tenantId, roles, assurance, createdAtMs, authenticatedAtMs, seenAtMs, label } = record;
  return [id, userId, tenantId, roles, assurance, createdAtMs, authenticatedAtMs, seenAtMs, label];
}
