/** Used ids in Postgres: one statement under a primary key (catalog signed-payloads). */
import { rejectUnknownOptions } from "../core/options.ts";
import { quoteTable } from "./sql-quoting.ts";
import type { SingleUseStore } from "./single-use.ts";

const SWEEP_EVERY_MS = 60_000;

/** The part of a `pg` pool or of PGlite that is used. */
export interface SingleUseDatabase {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** The table, as a migration. Times are milliseconds since the epoch. */
export const SINGLE_USE_MIGRATION = `
create table if not exists glacis_used (
  id text primary key check (length(id) <= 128),
  until_ms bigint not null
);
create index if not exists glacis_used_until on glacis_used (until_ms);
`;

export interface PostgresSingleUseOptions {
  readonly database: SingleUseDatabase;
  /** `glacis_used`, as in `SINGLE_USE_MIGRATION`. */
  readonly table?: string;
  /** The time in milliseconds. `Date.now`. */
  readonly now?: () => number;
}

/**
 * A store that every process shares and that survives a crash. Give it the pool and not a transaction: an id that is rolled back can be used
 * again. What has expired is deleted about once a minute, a thousand at a time.
 *
 * @throws TypeError on an unknown option or a malformed name.
 * @example
 * const store = postgresSingleUse({ database: pool });
 */
export function postgresSingleUse(options: PostgresSingleUseOptions): SingleUseStore {
  rejectUnknownOptions("postgresSingleUse", options, ["database", "table", "now"]);
  const { database, now = Date.now } = options;
  const table = quoteTable(options.table ?? "glacis_used", "public");
  let sweepMs = now() + SWEEP_EVERY_MS;

  async function sweep(nowMs: number): Promise<void> {
    sweepMs = nowMs + SWEEP_EVERY_MS;
    // An hour of grace for servers whose clocks differ: an id that is forgotten while its value still counts could be used again.
    const expired = `select id from ${table} where until_ms < $1 order by until_ms limit 1000 for update skip locked`;
    await database.query(`delete from ${table} where id in (${expired})`, [nowMs - 3_600_000]);
  }

  return {
    async take(id, untilMs) {
      const text = `insert into ${table} (id, until_ms) values ($1, $2) on conflict (id) do nothing returning 1`;
      const { rows } = await database.query(text, [id, Math.ceil(untilMs)]);
      const nowMs = now();
      // The next one tries again; what was taken is taken.
      if (nowMs >= sweepMs) await sweep(nowMs).catch(() => undefined);
      return rows.length === 1;
    },
  };
}
