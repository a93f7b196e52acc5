import { randomUUID } from "node:crypto";
import type { AssuranceLevel } from "../core/principal.ts";
import { preparedStatements } from "../primitives/prepared-statements.ts";
import type { AuthenticationDatabase } from "./database.ts";
import type { Factor } from "./proof.ts";
import { batchedReads } from "./session-batch.ts";
import type { PendingRecord, SessionRecord, SessionStore } from "./session-record.ts";

/**
 * The tables, as a migration that may run again and again; it upgrades the tables of earlier releases. Times are milliseconds since the epoch,
 * so that no time zone is involved.
 */
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
alter table glacis_sessions add column if not exists groups text[] not null default '{}';
alter table glacis_sessions add column if not exists factors text[] not null default '{}';
alter table glacis_sessions add column if not exists proved_since_ms bigint not null default 0;
create index if not exists glacis_sessions_user on glacis_sessions (user_id, created_at_ms desc);
create index if not exists glacis_sessions_seen on glacis_sessions (seen_at_ms);
create table if not exists glacis_session_revocations (
  user_id text primary key,
  not_before_ms bigint not null
);
alter table glacis_session_revocations add column if not exists mark text not null default '';
create index if not exists glacis_session_revocations_age on glacis_session_revocations (not_before_ms);
create table if not exists glacis_pending_sign_ins (
  id text primary key check (length(id) = 43),
  ends_at_ms bigint not null,
  record jsonb not null check (length(record::text) <= 4000)
);
alter table glacis_pending_sign_ins add column if not exists mark text not null default '';
create index if not exists glacis_pending_sign_ins_end on glacis_pending_sign_ins (ends_at_ms);
`;

/** The tables of `SESSION_MIGRATION`, for a grant to the role that the application runs as. */
export const SESSION_TABLES: readonly string[] = [
  "glacis_sessions",
  "glacis_session_revocations",
  "glacis_pending_sign_ins",
];

const NAMES = [
  "id",
  "user_id",
  "tenant_id",
  "roles",
  "groups",
  "assurance",
  "factors",
  "created_at_ms",
  "authenticated_at_ms",
  "proved_since_ms",
  "seen_at_ms",
  "label",
];
const COLUMNS = NAMES.join(", ");
/** The revocation comes along as a column, which is planned faster than a join. */
const READ = `select ${NAMES.map((name) => `s.${name}`).join(", ")},
  (select r.not_before_ms from glacis_session_revocations r where r.user_id = s.user_id) as floor
from glacis_sessions s where s.id =`;
/** Postgres keeps one plan for one id, and plans anew for lists, whose length it cannot know. */
const READ_ONE = `${READ} $1`;
const READ_LIST = `${READ} any($1::text[])`;
const VALUES =
  "$1::text, $2::text, $3::text, $4::text[], $5::text[], $6::smallint, $7::text[], $8::bigint, $9::bigint, $10::bigint, $11::bigint, $12::text";
/** No session and no proof is older than this, so an older revocation ends nothing any more. */
const REVOCATION_KEPT_MS = 31 * 86_400_000;
/** Holds whatever the order of commits: a revocation counts from the moment it names, for sessions that are stored after it too. */
const NOT_REVOKED =
  "not exists (select from glacis_session_revocations r where r.user_id = $2::text and r.not_before_ms > $10::bigint)";

/** Sessions in Postgres: one indexed read for each request that carries a cookie. */
export function postgresSessions(database: AuthenticationDatabase): SessionStore {
  const run: Run = async (text, values) => (await database.query(text, values)).rows;
  const read = preparedStatements(database);
  return {
    kind: "shared",
    read: batchedReads(async (ids) => {
      const found = await (ids.length === 1 ? read(READ_ONE, [ids[0]]) : read(READ_LIST, [ids]));
      const rows = found as readonly (Row & { readonly floor: string | number | null })[];
      const valid = rows.filter(
        ({ floor, proved_since_ms }) => floor === null || Number(floor) <= Number(proved_since_ms),
      );
      return new Map(valid.map((row) => [row.id, recordOf(row)]));
    }),
    async create(record, replacesId) {
      // One statement, so that there is no moment in which both sessions, or neither, are valid (catalog session-fixation).
      const stored = await run(
        `with replaced as (delete from glacis_sessions where id = $13)
         insert into glacis_sessions (${COLUMNS}) select ${VALUES} where ${NOT_REVOKED} returning id`,
        [...valuesOf(record), replacesId ?? null],
      );
      return stored.length === 1;
    },
    async rotate(id, record) {
      const stored = await run(
        `with replaced as (delete from glacis_sessions where id = $13 returning id)
         insert into glacis_sessions (${COLUMNS}) select ${VALUES} from replaced where ${NOT_REVOKED} returning id`,
        [...valuesOf(record), id],
      );
      return stored.length === 1;
    },
    async touch(uses) {
      await run(
        `update glacis_sessions s set seen_at_ms = u.seen_at_ms
         from (select unnest($1::text[]) as id, unnest($2::bigint[]) as seen_at_ms order by 1) u
         where s.id = u.id and s.seen_at_ms < u.seen_at_ms`,
        [uses.map(({ id }) => id), uses.map(({ seenAtMs }) => seenAtMs)],
      );
    },
    async revoke(id) {
      await run("delete from glacis_sessions where id = $1", [id]);
    },
    async revokeAll(userId, exceptId, notBeforeMs) {
      const ended = await run(
        `with revoked as (
           insert into glacis_session_revocations as r (user_id, not_before_ms, mark) values ($1, $3::bigint, $4)
           on conflict (user_id) do update
             set not_before_ms = greatest(r.not_before_ms, excluded.not_before_ms), mark = excluded.mark
         ), kept as (
           update glacis_sessions set proved_since_ms = greatest(proved_since_ms, $3::bigint) where user_id = $1 and id = $2
         )
         delete from glacis_sessions where user_id = $1 and id is distinct from $2 returning id`,
        [userId, exceptId ?? null, notBeforeMs, randomUUID()],
      );
      return ended.length;
    },
    sweep: (unusedSinceMs, nowMs) => sweep(run, unusedSinceMs, nowMs),
    async list(userId) {
      const text = `select ${COLUMNS} from glacis_sessions where user_id = $1 order by created_at_ms desc limit 200`;
      return (await run(text, [userId])).map((row) => recordOf(row as Row));
    },
    ...pendingIn(run),
  };
}

type Run = (text: string, values: unknown[]) => Promise<readonly unknown[]>;

async function sweep(run: Run, unusedSinceMs: number, nowMs: number): Promise<void> {
  // Bounded, so that a long silence does not make one sign-in pay for it; and two instances at once do not wait for each other.
  const unused =
    "select id from glacis_sessions where seen_at_ms <= $1 order by seen_at_ms limit 1000 for update skip locked";
  const over =
    "select id from glacis_pending_sign_ins where ends_at_ms <= $2 order by ends_at_ms limit 1000 for update skip locked";
  const old =
    "select user_id from glacis_session_revocations where not_before_ms <= $2 - $3::bigint limit 1000 for update skip locked";
  await run(
    `with over as (delete from glacis_pending_sign_ins where id in (${over})),
     old as (delete from glacis_session_revocations where user_id in (${old}))
     delete from glacis_sessions where id in (${unused})`,
    [unusedSinceMs, nowMs, REVOCATION_KEPT_MS],
  );
}

/**
 * A pending sign-in carries the mark of its user's last revocation; whatever clock says what, another mark is there once they were revoked again. A
 * revocation that was forgotten is older than every pending sign-in.
 */
const STANDS = `coalesce((select r.mark from glacis_session_revocations r where r.user_id = p.record->>'userId'), p.mark) = p.mark`;

function pendingIn(run: Run): Pick<SessionStore, "hold" | "held" | "take"> {
  return {
    async hold(pending) {
      const text = `insert into glacis_pending_sign_ins (id, ends_at_ms, record, mark) values
        ($1, $2, $3, coalesce((select mark from glacis_session_revocations where user_id = $4), ''))`;
      await run(text, [pending.id, pending.endsAtMs, JSON.stringify(pending), pending.userId]);
    },
    held: async (id) =>
      pendingOf(await run(`select p.record, ${STANDS} as stands from glacis_pending_sign_ins p where p.id = $1`, [id])),
    take: async (id) =>
      pendingOf(
        await run(`delete from glacis_pending_sign_ins p where p.id = $1 returning p.record, ${STANDS} as stands`, [
          id,
        ]),
      ),
  };
}

interface Row {
  readonly id: string;
  readonly user_id: string;
  readonly tenant_id: string;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly assurance: number;
  readonly factors: readonly string[];
  /** `pg` gives bigint as text, PGlite as a number. */
  readonly created_at_ms: string | number;
  readonly authenticated_at_ms: string | number;
  readonly proved_since_ms: string | number;
  readonly seen_at_ms: string | number;
  readonly label: string;
}

function recordOf(row: Row): SessionRecord {
  return {
    id: row.id,
    userId: row.user_id,
    tenantId: row.tenant_id,
    roles: row.roles,
    groups: row.groups,
    assurance: row.assurance as AssuranceLevel,
    factors: row.factors as readonly Factor[],
    createdAtMs: Number(row.created_at_ms),
    authenticatedAtMs: Number(row.authenticated_at_ms),
    provedSinceMs: Number(row.proved_since_ms),
    seenAtMs: Number(row.seen_at_ms),
    label: row.label,
  };
}

function valuesOf(record: SessionRecord): unknown[] {
  const { id, userId, tenantId, roles, groups, assurance, factors } = record;
  const { createdAtMs, authenticatedAtMs, provedSinceMs, seenAtMs, label } = record;
  const times = [createdAtMs, authenticatedAtMs, provedSinceMs, seenAtMs];
  return [id, userId, tenantId, roles, groups, assurance, factors, ...times, label];
}

function pendingOf(rows: readonly unknown[]): PendingRecord | undefined {
  const row = rows[0] as { readonly record: PendingRecord; readonly stands: boolean } | undefined;
  return row?.stands === true ? row.record : undefined;
}
