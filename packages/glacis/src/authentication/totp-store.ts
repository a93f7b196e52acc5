import type { AuthenticationDatabase } from "./database.ts";

/** NIST SP 800-63B-4 section 3.2.2: after so many failures in a row the authenticator is dead until it is bound anew. */
export const MOST_TOTP_FAILURES = 100;

/** The table, as a migration. One row for each user: the authenticator that counts, and the one that is being enrolled. Secrets are sealed. */
export const TOTP_MIGRATION = `
create table if not exists glacis_totp (
  user_id text primary key,
  secret text check (length(secret) <= 2000),
  last_step bigint not null default -1,
  failures integer not null default 0,
  confirmed_at_ms bigint,
  offered text check (length(offered) <= 2000),
  offered_until_ms bigint
);
`;

/** What an attempt is judged by. */
export interface TotpAttempt {
  /** The sealed secret. */
  readonly secret: string;
  readonly lastStep: number;
  /** Failures in a row, this attempt included. */
  readonly failures: number;
}

/** Where authenticators live. A store that fails throws, and the request is refused. */
export interface TotpStore {
  readonly kind: "memory" | "shared";
  /** Keeps a sealed secret until a code confirms it; the authenticator that counts stays as it is. */
  offer(userId: string, secret: string, untilMs: number): void | Promise<void>;
  /** The sealed secret that waits for its first code. */
  offered(userId: string, nowMs: number): string | undefined | Promise<string | undefined>;
  /** Makes the offered secret the one that counts, in one step. @returns false when it is no longer the one on offer */
  confirm(userId: string, secret: string, step: number, nowMs: number): boolean | Promise<boolean>;
  /** Counts an attempt before anybody judges it. @returns undefined without an authenticator, or when it is dead */
  attempt(userId: string): TotpAttempt | undefined | Promise<TotpAttempt | undefined>;
  /** Claims a step: true once, for one caller, and only for a step later than every accepted one. Then failures are forgotten. */
  accept(userId: string, secret: string, step: number): boolean | Promise<boolean>;
  enrolled(userId: string): boolean | Promise<boolean>;
  /** @returns whether there was an authenticator that counted */
  remove(userId: string): boolean | Promise<boolean>;
}

interface Kept {
  secret?: string;
  lastStep: number;
  failures: number;
  offer?: { readonly secret: string; readonly untilMs: number };
}

/** Authenticators in this process alone, for development and tests. */
export function memoryTotp(): TotpStore {
  const users = new Map<string, Kept>();
  return {
    kind: "memory",
    offer(userId, secret, untilMs) {
      users.set(userId, { lastStep: -1, failures: 0, ...users.get(userId), offer: { secret, untilMs } });
    },
    offered(userId, nowMs) {
      const offer = users.get(userId)?.offer;
      return offer !== undefined && nowMs < offer.untilMs ? offer.secret : undefined;
    },
    confirm(userId, secret, step, nowMs) {
      const offer = users.get(userId)?.offer;
      if (offer === undefined || offer.secret !== secret || nowMs >= offer.untilMs) return false;
      users.set(userId, { secret, lastStep: step, failures: 0 });
      return true;
    },
    attempt(userId) {
      const kept = users.get(userId);
      if (kept?.secret === undefined || kept.failures >= MOST_TOTP_FAILURES) return undefined;
      kept.failures += 1;
      return { secret: kept.secret, lastStep: kept.lastStep, failures: kept.failures };
    },
    accept(userId, secret, step) {
      const kept = users.get(userId);
      if (kept?.secret !== secret || step <= kept.lastStep) return false;
      kept.lastStep = step;
      kept.failures = 0;
      return true;
    },
    enrolled: (userId) => users.get(userId)?.secret !== undefined,
    remove(userId) {
      const counted = users.get(userId)?.secret !== undefined;
      users.delete(userId);
      return counted;
    },
  };
}

/** Authenticators in Postgres. Each change that must happen once is one statement: the row's lock lets one of many callers have it. */
export function postgresTotp(database: AuthenticationDatabase): TotpStore {
  const run = async (text: string, values: unknown[]): Promise<Row | undefined> =>
    (await database.query(text, values)).rows[0] as Row | undefined;
  return {
    kind: "shared",
    async offer(userId, secret, untilMs) {
      await run(
        `insert into glacis_totp (user_id, offered, offered_until_ms) values ($1, $2, $3)
         on conflict (user_id) do update set offered = excluded.offered, offered_until_ms = excluded.offered_until_ms`,
        [userId, secret, untilMs],
      );
    },
    async offered(userId, nowMs) {
      const text = "select offered as secret from glacis_totp where user_id = $1 and offered_until_ms > $2";
      return (await run(text, [userId, nowMs]))?.secret ?? undefined;
    },
    async confirm(userId, secret, step, nowMs) {
      const row = await run(
        `update glacis_totp set secret = offered, last_step = $3, failures = 0, confirmed_at_ms = $4,
           offered = null, offered_until_ms = null
         where user_id = $1 and offered = $2 and offered_until_ms > $4 returning user_id`,
        [userId, secret, step, nowMs],
      );
      return row !== undefined;
    },
    async attempt(userId) {
      const row = await run(
        `update glacis_totp set failures = failures + 1
         where user_id = $1 and secret is not null and failures < $2 returning secret, last_step, failures`,
        [userId, MOST_TOTP_FAILURES],
      );
      if (row?.secret == null) return undefined;
      return { secret: row.secret, lastStep: Number(row.last_step), failures: row.failures };
    },
    async accept(userId, secret, step) {
      const row = await run(
        `update glacis_totp set last_step = $3, failures = 0
         where user_id = $1 and secret = $2 and last_step < $3 returning user_id`,
        [userId, secret, step],
      );
      return row !== undefined;
    },
    async enrolled(userId) {
      return (await run("select 1 from glacis_totp where user_id = $1 and secret is not null", [userId])) !== undefined;
    },
    async remove(userId) {
      const row = await run("delete from glacis_totp where user_id = $1 returning secret", [userId]);
      return row?.secret != null;
    },
  };
}

interface Row {
  readonly secret: string | null;
  /** A bigint, which Postgres hands over as text. */
  readonly last_step: string | number;
  readonly failures: number;
}
