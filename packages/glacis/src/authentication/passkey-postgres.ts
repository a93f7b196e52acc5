import type { AuthenticationDatabase } from "./database.ts";
import { MOST_PASSKEYS, type PasskeyChallenge, type PasskeyRecord, type PasskeyStore } from "./passkey-store.ts";

/** The tables, as a migration. Times are milliseconds since the epoch. The user's row lists the ids, so that one lock holds their number. */
export const PASSKEY_MIGRATION = `
create table if not exists glacis_passkey_users (
  user_id text primary key,
  handle text not null unique check (length(handle) <= 86),
  passkeys text[] not null default '{}'
);
create table if not exists glacis_passkeys (
  id text primary key check (length(id) <= 1364),
  user_id text not null references glacis_passkey_users on delete cascade,
  public_key text not null check (length(public_key) <= 4000),
  counter bigint not null,
  transports text[] not null,
  name text not null check (length(name) <= 120),
  backup_eligible boolean not null,
  backed_up boolean not null,
  created_at_ms bigint not null,
  used_at_ms bigint
);
alter table glacis_passkeys add column if not exists second_only boolean not null default false;
create index if not exists glacis_passkeys_user on glacis_passkeys (user_id, created_at_ms);
create table if not exists glacis_passkey_challenges (
  id text primary key check (length(id) = 43),
  browser_id text not null check (length(browser_id) = 43),
  purpose text not null check (purpose in ('register', 'authenticate')),
  user_id text,
  ends_at_ms bigint not null
);
create index if not exists glacis_passkey_challenges_end on glacis_passkey_challenges (ends_at_ms);
`;

/** The tables of `PASSKEY_MIGRATION`, for a grant to the role that the application runs as. */
export const PASSKEY_TABLES: readonly string[] = [
  "glacis_passkey_users",
  "glacis_passkeys",
  "glacis_passkey_challenges",
];

const SWEPT_AFTER_MS = 3_600_000;
const UNIQUE_VIOLATION = "23505";

/** Passkeys in Postgres. Each change that must happen once is one statement: a row's lock lets one of many callers have it. */
export function postgresPasskeys(database: AuthenticationDatabase): PasskeyStore {
  const run: Run = async (text, values) => (await database.query(text, values)).rows as readonly Row[];
  return { kind: "shared", ...challengesIn(run), ...usersIn(run), ...passkeysIn(run) };
}

type Run = (text: string, values: unknown[]) => Promise<readonly Row[]>;

function challengesIn(run: Run): Pick<PasskeyStore, "challenge" | "take"> {
  return {
    async challenge({ id, browserId, purpose, userId, endsAtMs }) {
      // Whoever asks for one clears up after ten who never came back, an hour late so that clocks may differ.
      await run(
        `with swept as (delete from glacis_passkey_challenges where id in
           (select id from glacis_passkey_challenges where ends_at_ms < $6 order by ends_at_ms limit 10 for update skip locked))
         insert into glacis_passkey_challenges (id, browser_id, purpose, user_id, ends_at_ms) values ($1, $2, $3, $4, $5)`,
        [id, browserId, purpose, userId ?? null, endsAtMs, endsAtMs - SWEPT_AFTER_MS],
      );
    },
    async take(id, browserId, purpose, nowMs) {
      const [row] = await run(
        `delete from glacis_passkey_challenges where id = $1 and browser_id = $2 and purpose = $3
         returning user_id, ends_at_ms`,
        [id, browserId, purpose],
      );
      const endsAtMs = Number(row?.ends_at_ms);
      return row === undefined || !(nowMs < endsAtMs)
        ? undefined
        : ({ id, browserId, purpose, userId: row.user_id ?? undefined, endsAtMs } satisfies PasskeyChallenge);
    },
  };
}

function usersIn(run: Run): Pick<PasskeyStore, "handle" | "owner" | "removeAll"> {
  return {
    async handle(userId, offered) {
      const [row] = await run(
        `insert into glacis_passkey_users (user_id, handle) values ($1, $2)
         on conflict (user_id) do update set user_id = excluded.user_id returning handle`,
        [userId, offered],
      );
      if (row === undefined) throw new Error("The store gave no handle.");
      return row.handle;
    },
    async owner(handle) {
      return (
        (await run("select user_id from glacis_passkey_users where handle = $1", [handle]))[0]?.user_id ?? undefined
      );
    },
    async removeAll(userId) {
      await run("delete from glacis_passkey_users where user_id = $1", [userId]);
    },
  };
}

function passkeysIn(run: Run): Pick<PasskeyStore, "add" | "find" | "list" | "use" | "rename" | "remove" | "demote"> {
  return {
    async add(one) {
      try {
        const rows = await run(
          `with holder as (update glacis_passkey_users set passkeys = passkeys || $1::text
             where user_id = $2 and cardinality(passkeys) < $10 returning user_id)
           insert into glacis_passkeys
             (id, user_id, public_key, counter, transports, name, backup_eligible, backed_up, created_at_ms)
           select $1::text, user_id, $3, $4::bigint, $5::text[], $6, $7::boolean, $8::boolean, $9::bigint from holder returning id`,
          [
            one.id,
            one.userId,
            one.publicKey,
            one.counter,
            one.transports,
            one.name,
            one.backupEligible,
            one.backedUp,
            one.createdAtMs,
            MOST_PASSKEYS,
          ],
        );
        return rows.length === 1;
      } catch (error) {
        // The whole statement is undone with it, the user's list included.
        if ((error as { readonly code?: unknown } | null)?.code === UNIQUE_VIOLATION) return false;
        throw error;
      }
    },
    async find(id) {
      const [row] = await run("select * from glacis_passkeys where id = $1", [id]);
      return row === undefined ? undefined : recordOf(row);
    },
    async list(userId) {
      const text = "select * from glacis_passkeys where user_id = $1 order by created_at_ms, id";
      return (await run(text, [userId])).map(recordOf);
    },
    async use({ id, userId, counter, backedUp, usedAtMs }) {
      const rows = await run(
        `update glacis_passkeys set counter = $3, backed_up = $4, used_at_ms = $5
         where id = $1 and user_id = $2 and (counter < $3 or (counter = 0 and $3 = 0)) returning id`,
        [id, userId, counter, backedUp, usedAtMs],
      );
      return rows.length === 1;
    },
    async rename(userId, id, name) {
      const text = "update glacis_passkeys set name = $3 where id = $1 and user_id = $2 returning id";
      return (await run(text, [id, userId, name])).length === 1;
    },
    async remove(userId, id, evenLast) {
      const rows = await run(
        `with holder as (update glacis_passkey_users set passkeys = array_remove(passkeys, $2::text)
           where user_id = $1 and $2::text = any(passkeys) and (cardinality(passkeys) > 1 or $3::boolean) returning user_id)
         delete from glacis_passkeys p using holder where p.id = $2 and p.user_id = holder.user_id returning p.id`,
        [userId, id, evenLast],
      );
      return rows.length === 1;
    },
    async demote(userId, sinceMs) {
      const text = "update glacis_passkeys set second_only = true where user_id = $1 and created_at_ms >= $2::bigint";
      await run(text, [userId, sinceMs]);
    },
  };
}

/** Bigints come as text. */
interface Row {
  readonly id: string;
  readonly user_id: string | null;
  readonly handle: string;
  readonly public_key: string;
  readonly counter: string | number;
  readonly transports: readonly string[];
  readonly name: string;
  readonly backup_eligible: boolean;
  readonly backed_up: boolean;
  readonly created_at_ms: string | number;
  readonly used_at_ms: string | number | null;
  readonly second_only: boolean;
  readonly ends_at_ms: string | number;
}

function recordOf(row: Row): PasskeyRecord {
  return {
    id: row.id,
    userId: row.user_id ?? "",
    publicKey: row.public_key,
    counter: Number(row.counter),
    transports: row.transports,
    name: row.name,
    backupEligible: row.backup_eligible,
    backedUp: row.backed_up,
    createdAtMs: Number(row.created_at_ms),
    usedAtMs: row.used_at_ms === null ? undefined : Number(row.used_at_ms),
    secondOnly: row.second_only,
  };
}
