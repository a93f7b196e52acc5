import type { UserId } from "../core/brand.ts";
import type { UndoneSpan } from "./account-lineage.ts";
import type { Account, AccountEffects, AccountStatus, AccountStore } from "./account-store.ts";
import type { AuthenticationDatabase } from "./database.ts";
import { jobsJson, selectJobs } from "./job-store.ts";

export const ACCOUNT_MIGRATION = `
create table if not exists glacis_accounts (
  user_id text primary key check (length(user_id) between 1 and 128),
  email text not null unique check (length(email) between 3 and 254),
  verified_at_ms bigint,
  password_hash text check (length(password_hash) <= 1000),
  status text not null default 'active' check (status in ('active', 'disabled', 'deleting')),
  version bigint not null default 1,
  created_at_ms bigint not null
);
alter table glacis_accounts add column if not exists undone jsonb not null default '[]' check (length(undone::text) <= 4000);
`;

const COLUMNS = "user_id, email, verified_at_ms, password_hash, status, version, created_at_ms, undone";
const UNIQUE_VIOLATION = "23505";

/**
 * Accounts in Postgres. A change, the link that permits it, the links that it voids and the mails that tell of it are one statement: the row locks
 * let one of many callers through, and what a crash leaves behind is all of it or nothing.
 */
export function postgresAccounts(database: AuthenticationDatabase): AccountStore {
  const run = async (text: string, values: unknown[]): Promise<Account | undefined> => {
    const row = (await database.query(text, values)).rows[0];
    return row === undefined ? undefined : accountOf(row as AccountRow);
  };
  return {
    byEmail: (email) => run(`select ${COLUMNS} from glacis_accounts where email = $1`, [email]),
    byId: (userId) => run(`select ${COLUMNS} from glacis_accounts where user_id = $1`, [userId]),
    async create(account, effects = {}) {
      const { userId, email, verifiedAtMs, passwordHash, status, version, createdAtMs } = account;
      const made = await run(CREATE, [
        userId,
        ...effectValues(effects),
        email,
        verifiedAtMs,
        passwordHash,
        status,
        version,
        createdAtMs,
      ]);
      return made !== undefined;
    },
    async change(userId, version, change, effects = {}) {
      const { email, verifiedAtMs, passwordHash, status, undone } = change;
      const values = [
        userId,
        ...effectValues(effects),
        version,
        email ?? null,
        verifiedAtMs ?? null,
        passwordHash !== undefined,
        passwordHash ?? null,
        status ?? null,
        undone === undefined ? null : JSON.stringify(undone),
      ];
      try {
        return await run(CHANGE, values);
      } catch (error) {
        // The address is somebody else's; the whole statement is undone.
        if ((error as { readonly code?: unknown }).code === UNIQUE_VIOLATION) return undefined;
        throw error;
      }
    },
    async upgradeHash(userId, from, to) {
      const text = "update glacis_accounts set password_hash = $3 where user_id = $1 and password_hash = $2";
      await database.query(text, [userId, from, to]);
    },
    async remove(userId, jobs = []) {
      await database.query(REMOVE, [userId, jobsJson(jobs)]);
    },
    async any() {
      return (await database.query("select 1 from glacis_accounts limit 1", [])).rows.length > 0;
    },
  };
}

/** $1 is the user; $2 to $4 the link to spend, $5 the purposes to void, $6 the jobs. The step that they belong to is called `stepped`. */
const SPENT = `spent as (delete from glacis_one_time_links where id = $2 and purpose = $3 and ends_at_ms > $4::bigint returning id)`;
const PERMITTED = "($2::text is null or exists (select from spent))";
const EFFECTS = `voided as (
    delete from glacis_one_time_links where subject = $1 and purpose = any($5::text[]) and id is distinct from $2
      and exists (select from stepped)
  ), queued as (
    insert into glacis_jobs (id, kind, payload, run_at_ms) select * from (${selectJobs("$6")}) jobs
      where exists (select from stepped)
  )`;

const CREATE = `with ${SPENT}, stepped as (
    insert into glacis_accounts (user_id, email, verified_at_ms, password_hash, status, version, created_at_ms)
    select $1::text, $7::text, $8::bigint, $9::text, $10::text, $11::bigint, $12::bigint where ${PERMITTED}
    on conflict do nothing returning ${COLUMNS}
  ), ${EFFECTS} select * from stepped`;

/** The account's row is locked first: a link is not used up by a change that comes to nothing. */
const CHANGE = `with standing as (
    select user_id from glacis_accounts where user_id = $1 and version = $7::bigint for update
  ), spent as (
    delete from glacis_one_time_links where id = $2 and purpose = $3 and ends_at_ms > $4::bigint
      and exists (select from standing) returning id
  ), stepped as (
    update glacis_accounts set version = version + 1, email = coalesce($8::text, email),
      verified_at_ms = coalesce($9::bigint, verified_at_ms),
      password_hash = case when $10::boolean then $11::text else password_hash end, status = coalesce($12::text, status),
      undone = coalesce($13::jsonb, undone)
    where user_id = $1 and version = $7::bigint and ${PERMITTED} returning ${COLUMNS}
  ), ${EFFECTS} select * from stepped`;

const REMOVE = `with gone as (delete from glacis_accounts where user_id = $1 returning user_id)
  insert into glacis_jobs (id, kind, payload, run_at_ms) select * from (${selectJobs("$2")}) jobs where exists (select from gone)`;

function effectValues({ spend, voids = [], jobs = [] }: AccountEffects): unknown[] {
  return [spend?.id ?? null, spend?.purpose ?? null, spend?.nowMs ?? null, voids, jobsJson(jobs)];
}

interface AccountRow {
  readonly user_id: UserId;
  readonly email: string;
  readonly verified_at_ms: string | number | null;
  readonly password_hash: string | null;
  readonly status: AccountStatus;
  readonly version: string | number;
  readonly created_at_ms: string | number;
  readonly undone: readonly UndoneSpan[];
}

function accountOf(row: AccountRow): Account {
  return {
    userId: row.user_id,
    email: row.email,
    verifiedAtMs: row.verified_at_ms === null ? null : Number(row.verified_at_ms),
    passwordHash: row.password_hash,
    status: row.status,
    version: Number(row.version),
    createdAtMs: Number(row.created_at_ms),
    undone: row.undone,
  };
}
