/** Counters in Postgres: one statement for each decision. */
import { rejectUnknownOptions } from "../core/options.ts";
import type { Allowance, Tally } from "./gcra.ts";
import { counterKey, scopeText, type RateLimitStore, type StoreClock } from "./rate-limit-store.ts";

export interface PreparedQuery {
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
}

/** The part of a `pg` pool, or with `prepare: false` of PGlite, that is used. */
export interface RateLimitDatabase {
  query(query: string | PreparedQuery, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

export interface PostgresRateLimitsOptions {
  readonly database: RateLimitDatabase;
  /** The table of `rateLimitMigration`, `glacis_rate_limits` unless you say otherwise. */
  readonly table?: string;
  /** Named prepared statements. Switch off for PGlite and for a connection pooler that does not keep them. */
  readonly prepare?: boolean;
  /** `server`, unless a test holds the clock. */
  readonly clock?: StoreClock;
}

export interface PostgresRateLimits extends RateLimitStore {
  /**
   * Deletes counters whose allowance is whole again, at most a thousand rows per call. It runs by itself beside the requests; call it only where
   * traffic has stopped and the table should shrink.
   *
   * @returns how many were deleted
   */
  readonly sweep: () => Promise<number>;
}

const DEFAULT_TABLE = "glacis_rate_limits";

/**
 * The table, as a migration. Unlogged: counters are worth no disk flush, and a crash of the database forgets them. The free space in each page
 * and the absence of a second index let Postgres update a counter in place. `at` and `allowed` belong to the last decision.
 *
 * @throws TypeError when the name is not a plain identifier.
 */
export function rateLimitMigration(table: string = DEFAULT_TABLE): string {
  return `create unlogged table if not exists ${checkTable(table)} (
  key text collate "C" primary key,
  arrivals bigint[] not null,
  whole_at bigint not null,
  at bigint not null,
  allowed boolean not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
`;
}

/** Decisions between two sweeps, and rows looked at by one: four for each decision, so that the table cannot outgrow the sweeping. */
const DECISIONS_PER_SWEEP = 256;
const ROWS_PER_SWEEP = 1024;

/**
 * A store that every process shares, for teams that have Postgres and no Redis. Postgres reads its own clock, so servers whose clocks differ agree.
 *
 * @throws TypeError on an unknown option or a table name that is not a plain identifier.
 * @example
 * await pool.query(rateLimitMigration());
 * const store = postgresRateLimits({ database: pool });
 */
export function postgresRateLimits(options: PostgresRateLimitsOptions): PostgresRateLimits {
  rejectUnknownOptions("postgresRateLimits", options, ["database", "table", "prepare", "clock"]);
  const { database, prepare = true, clock = "server" } = options;
  if (typeof database?.query !== "function") {
    throw new TypeError("postgresRateLimits() needs a pg pool, or something with its query(), as `database`.");
  }
  const table = checkTable(options.table ?? DEFAULT_TABLE);
  const run = async (name: string, text: string, values: unknown[]): Promise<readonly unknown[]> =>
    (await (prepare ? database.query({ name: `${table}.${name}`, text, values }) : database.query(text, values))).rows;
  const sweeper = openSweeper(table, (text, values) => run("sweep", text, values));
  return {
    kind: "postgres",
    shared: true,
    sweep: sweeper.sweep,
    open(scope) {
      const name = scopeText(scope);
      const rates = scope.allowances.length;
      const consumeText = consumeStatement(table, rates);
      const peekText = peekStatement(table);
      const budget = scope.allowances.flatMap(({ intervalUs, burstUs }) => [intervalUs, burstUs]);
      const time = (nowUs: number): number | null => (clock === "caller" ? nowUs : null);
      return {
        async consume(subject, cost, nowUs) {
          if (clock === "server") sweeper.tick();
          const values = [counterKey(name, subject), time(nowUs), cost, ...budget];
          const [row] = await run(`consume${rates}`, consumeText, values);
          return tallyOf(row, scope.allowances);
        },
        async peek(subject, nowUs) {
          const [row] = await run("peek", peekText, [counterKey(name, subject), time(nowUs)]);
          return row === undefined
            ? { allowed: true, usedUs: scope.allowances.map(() => 0) }
            : tallyOf(row, scope.allowances);
        },
      };
    },
  };
}

/** The time of the statement in microseconds, or the caller's. */
const NOW = "coalesce($2::bigint, (extract(epoch from statement_timestamp()) * 1000000)::bigint)";

/**
 * One upsert. `excluded.at` is this decision's time and `excluded.arrivals` what a stranger would have been given: now plus the cost of each rate,
 * so the cost is their difference. A request that waited for the row's lock has an older time than the row, which reads as a clock that stepped
 * back and grants nothing.
 */
function consumeStatement(table: string, rates: number): string {
  const each = (expression: (rate: number) => string, separator: string): string =>
    Array.from({ length: rates }, (_, index) => expression(index + 1)).join(separator);
  const interval = (rate: number): string => `$${rate * 2 + 2}::bigint`;
  const burst = (rate: number): string => `$${rate * 2 + 3}::bigint`;
  const used = (rate: number): string => `least(greatest(t.arrivals[${rate}] - excluded.at, 0), ${burst(rate)})`;
  const after = (rate: number): string => `${used(rate)} + $3::bigint * ${interval(rate)}`;
  const fits = each((rate) => `${after(rate)} <= ${burst(rate)}`, " and ");
  const arrivals = `array[${each((rate) => `excluded.at + ${after(rate)}`, ", ")}]`;
  const near = `array[${each((rate) => `least(t.arrivals[${rate}], excluded.at + ${burst(rate)})`, ", ")}]`;
  const strangerFits = each((rate) => `$3::bigint * ${interval(rate)} <= ${burst(rate)}`, " and ");
  const stranger = `case when ${strangerFits} then array[${each((rate) => `clock.now + $3::bigint * ${interval(rate)}`, ", ")}]
    else array[${each(() => "0::bigint", ", ")}] end`;
  return `insert into ${table} as t (key, arrivals, whole_at, at, allowed)
select $1, ${stranger}, clock.now + $3::bigint * greatest(${each(interval, ", ")}), clock.now, ${strangerFits}
from (select ${NOW} as now) as clock
on conflict (key) do update set
  arrivals = case when ${fits} then ${arrivals} else ${near} end,
  whole_at = case when ${fits} then greatest(${each((rate) => `excluded.at + ${after(rate)}`, ", ")}) else t.whole_at end,
  at = excluded.at,
  allowed = ${fits}
returning allowed, at, arrivals`;
}

function peekStatement(table: string): string {
  return `select true as allowed, ${NOW} as at, arrivals from ${table} where key = $1`;
}

/** @throws TypeError when the row is not a counter of this limiter: nothing may be concluded from it. */
function tallyOf(row: unknown, allowances: readonly Allowance[]): Tally {
  const { allowed, at, arrivals } = (row ?? {}) as { allowed?: unknown; at?: unknown; arrivals?: unknown };
  if (typeof allowed !== "boolean" || !Array.isArray(arrivals) || arrivals.length !== allowances.length) {
    throw new TypeError("Postgres gave an answer that is not a rate limit's.");
  }
  const nowUs = Number(at);
  const usedUs = allowances.map(({ burstUs }, rate) => Math.min(Math.max(Number(arrivals[rate]) - nowUs, 0), burstUs));
  if (!usedUs.every(Number.isSafeInteger)) throw new TypeError("Postgres gave a time that is not one.");
  return { allowed, usedUs };
}

interface Sweeper {
  /** Counts a decision; every so often starts a sweep that nobody waits for. */
  readonly tick: () => void;
  readonly sweep: () => Promise<number>;
}

function openSweeper(table: string, run: (text: string, values: unknown[]) => Promise<readonly unknown[]>): Sweeper {
  // Pages through the primary key: each sweep reads a bounded number of rows wherever the expired ones are, and needs no second index.
  const text = `with page as materialized (select key from ${table} where key > $1 order by key limit ${ROWS_PER_SWEEP}),
gone as (delete from ${table} as t using page where t.key = page.key
  and t.whole_at <= (extract(epoch from statement_timestamp()) * 1000000)::bigint returning 1)
select (select count(*)::int from gone) as deleted, (select max(key) from page) as last`;
  let decisions = 0;
  let after = "";
  let sweeping = false;

  async function sweep(): Promise<number> {
    sweeping = true;
    try {
      const [row] = await run(text, [after]);
      const { deleted, last } = row as { deleted: number; last: string | null };
      after = last ?? "";
      return deleted;
    } finally {
      sweeping = false;
    }
  }

  return {
    sweep,
    tick() {
      decisions += 1;
      if (decisions < DECISIONS_PER_SWEEP || sweeping) return;
      decisions = 0;
      // The same trouble reaches the next decision, which reports it.
      sweep().catch(() => undefined);
    },
  };
}

function checkTable(table: string): string {
  if (typeof table !== "string" || !/^[a-z_][a-z0-9_]{0,40}(?:\.[a-z_][a-z0-9_]{0,40})?$/u.test(table)) {
    throw new TypeError(`The table name ${JSON.stringify(table)} must be plain, such as "${DEFAULT_TABLE}".`);
  }
  return table;
}
