/** Counters in Postgres: one statement for each decision. */
import { rejectUnknownOptions } from "../core/options.ts";
import { preparedStatements, type StatementRunner } from "../primitives/prepared-statements.ts";
import type { Allowance, Tally } from "./gcra.ts";
import { counterKeys, type RateLimitStore, type StoreClock } from "./rate-limit-store.ts";

/** The part of a `pg` pool or of PGlite that is used. */
export type RateLimitDatabase = StatementRunner;

export interface PostgresRateLimitsOptions {
  readonly database: RateLimitDatabase;
  /** The table of `rateLimitMigration`, `glacis_rate_limits` unless you say otherwise. */
  readonly table?: string;
  /** Named prepared statements on a `pg` pool, until a connection pooler turns out to keep none. `false` names none from the start. */
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
 * and the absence of a second index let Postgres update a counter in place. `arrivals` are the times of `gcra.ts`; `at` and `allowed` belong to
 * the last decision.
 *
 * @throws TypeError when the name is not a plain identifier.
 */
export function rateLimitMigration(table: string = DEFAULT_TABLE): string {
  return `create unlogged table if not exists ${checkTable(table)} (
  key text collate "C" primary key,
  arrivals bigint[] not null,
  at bigint not null,
  allowed boolean not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
`;
}

const ROWS_PER_SWEEP = 1024;
/** Decisions until the next sweep: many while sweeps find little, half a page while they find much, so that the expired rows cannot win. */
const CALM_DECISIONS = 8192;
const BUSY_DECISIONS = 512;
const BUSY_DELETIONS = 100;

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
  const run: Run = prepare
    ? preparedStatements(database)
    : async (text, values) => (await database.query(text, values)).rows;
  const sweeper = openSweeper(table, run);
  return {
    kind: "postgres",
    shared: true,
    sweep: sweeper.sweep,
    open(scope) {
      const keyOf = counterKeys(scope);
      const { allowances } = scope;
      const consumeText = consumeStatement(table, allowances, clock);
      const peekText = peekStatement(table, allowances, clock);
      const smallest = Math.min(...allowances.map(({ limit }) => limit));
      const valuesOf = (subject: string, nowUs: number, cost: readonly number[]): unknown[] =>
        clock === "caller" ? [keyOf(subject), ...cost, nowUs] : [keyOf(subject), ...cost];

      const peek = async (subject: string, nowUs: number): Promise<Tally> => {
        const rows = await run(peekText, valuesOf(subject, nowUs, []));
        return rows.length === 0 ? { allowed: true, usedUs: allowances.map(() => 0) } : tallyOf(rows[0], allowances);
      };
      return {
        peek,
        forget: async (subject) => void (await run(`delete from ${table} where key = $1`, [keyOf(subject)])),
        async consume(subject, cost, nowUs) {
          if (cost === 0) return peek(subject, nowUs);
          // Never fits, so there is nothing to write.
          if (cost > smallest) return { ...(await peek(subject, nowUs)), allowed: false };
          if (clock === "server") sweeper.tick();
          const rows = await run(consumeText, valuesOf(subject, nowUs, [cost]));
          return tallyOf(rows[0], allowances);
        },
      };
    },
  };
}

type Run = (text: string, values: unknown[]) => Promise<readonly unknown[]>;

/**
 * The time of the statement in microseconds. A double holds seconds since 1970 to a quarter of one. With `caller` the time is a parameter.
 *
 * @param position of that parameter
 */
function nowOf(clock: StoreClock, position: number): string {
  return clock === "caller" ? `$${position}::bigint` : "(date_part('epoch', statement_timestamp()) * 1000000)::bigint";
}

/** `$1` the key, `$2` the cost. Intervals and bursts are whole numbers of our own making and stand in the text: a short statement binds faster. */
function list(
  allowances: readonly Allowance[],
  expression: (rate: number, interval: string, burst: string) => string,
  separator: string = ", ",
): string {
  return allowances
    .map(({ intervalUs, burstUs }, index) => expression(index + 1, `${intervalUs}::bigint`, `${burstUs}::bigint`))
    .join(separator);
}

/**
 * One upsert. A request that waited for the row's lock has an older time than the row, which reads as a clock that stepped back and grants nothing.
 */
function consumeStatement(table: string, allowances: readonly Allowance[], clock: StoreClock): string {
  const after = (rate: number, interval: string): string =>
    `greatest(t.arrivals[${rate}], excluded.at) + $2::bigint * ${interval}`;
  const near = (rate: number, _: string, burst: string): string => `least(t.arrivals[${rate}], excluded.at + ${burst})`;
  const fits = list(
    allowances,
    (rate, interval, burst) => `${after(rate, interval)} <= excluded.at + ${burst}`,
    " and ",
  );
  return `insert into ${table} as t (key, arrivals, at, allowed)
select $1, array[${list(allowances, (_, interval) => `clock.now + $2::bigint * ${interval}`)}], clock.now, true
from (select ${nowOf(clock, 3)} as now) as clock
on conflict (key) do update set
  arrivals = case when ${fits} then array[${list(allowances, after)}] else array[${list(allowances, near)}] end,
  at = excluded.at,
  allowed = ${fits}
returning allowed, ${list(allowances, (rate) => `arrivals[${rate}] - at as used${rate}`)}`;
}

function peekStatement(table: string, allowances: readonly Allowance[], clock: StoreClock): string {
  const used = list(allowances, (rate) => `arrivals[${rate}] - clock.now as used${rate}`);
  return `select true as allowed, ${used} from ${table}, (select ${nowOf(clock, 2)} as now) as clock where key = $1`;
}

/** @throws TypeError when the row is not a counter of this limiter: nothing may be concluded from it. */
function tallyOf(row: unknown, allowances: readonly Allowance[]): Tally {
  const found = (row ?? {}) as Readonly<Record<string, unknown>>;
  const { allowed } = found;
  const usedUs = allowances.map(({ burstUs }, index) => {
    const ahead = found[`used${index + 1}`];
    // `pg` gives bigint as text, PGlite as a number.
    return ahead === null || ahead === undefined ? Number.NaN : Math.min(Math.max(Number(ahead), 0), burstUs);
  });
  if (typeof allowed !== "boolean" || !usedUs.every(Number.isSafeInteger)) {
    throw new TypeError("Postgres gave an answer that is not a rate limit's.");
  }
  return { allowed, usedUs };
}

interface Sweeper {
  /** Counts a decision; every so often starts a sweep that nobody waits for. */
  readonly tick: () => void;
  readonly sweep: () => Promise<number>;
}

function openSweeper(table: string, run: Run): Sweeper {
  // Pages through the primary key: each sweep reads a bounded number of rows wherever the expired ones are, and needs no second index. The time
  // is compared again in the row that is deleted, because a request may have used it since.
  const whole = (row: string): string => `${nowOf("server", 0)} >= all (${row}.arrivals)`;
  const text = `with page as materialized (select key, arrivals from ${table} where key > $1 order by key limit ${ROWS_PER_SWEEP}),
gone as (delete from ${table} as t using page where t.key = page.key and ${whole("page")} and ${whole("t")} returning 1)
select (select count(*)::int from gone) as deleted, (select max(key) from page) as last`;
  let due = BUSY_DECISIONS;
  let after = "";
  let sweeping = false;

  async function sweep(): Promise<number> {
    sweeping = true;
    try {
      const rows = await run(text, [after]);
      const { deleted, last } = rows[0] as { deleted: number; last: string | null };
      after = last ?? "";
      due = deleted < BUSY_DELETIONS ? CALM_DECISIONS : BUSY_DECISIONS;
      return deleted;
    } finally {
      sweeping = false;
    }
  }

  return {
    sweep,
    tick() {
      due -= 1;
      if (due > 0 || sweeping) return;
      due = CALM_DECISIONS;
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
