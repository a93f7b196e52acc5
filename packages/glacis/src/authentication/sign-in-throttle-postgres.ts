/** Sign-in attempts in Postgres: one statement for each, by the clock of the server, so that processes with different clocks agree. */
import { rejectUnknownOptions } from "../core/options.ts";
import type { AuthenticationDatabase } from "./database.ts";
import { MOST_DOUBLINGS, NEVER_MS } from "./sign-in-throttle-counter.ts";
import type { SignInThrottleStore } from "./sign-in-throttle-store.ts";

/**
 * The table and its function, as a migration. `key` is a keyed hash: no account and no address is in the table. The function first looks without
 * a lock, so that a flood of refused attempts writes nothing; then it locks the rows in the order of their keys, looks again and counts.
 */
export const SIGN_IN_THROTTLE_MIGRATION: string = `
create table if not exists glacis_sign_in_counters (
  key text collate "C" primary key check (length(key) <= 128),
  failures integer not null,
  opens_ms bigint not null,
  until_ms bigint not null
) with (fillfactor = 70);
create index if not exists glacis_sign_in_counters_until on glacis_sign_in_counters (until_ms);

create or replace function glacis_sign_in_attempt(
  keys text[], limits integer[], firsts bigint[], longests bigint[], forgets bigint[], slides boolean[], caps integer[], given_ms bigint,
  out refused integer, out wait_ms bigint, out untils text[]
) language plpgsql as $$
declare
  now_ms bigint;
begin
  for pass in 1..2 loop
    now_ms := coalesce(given_ms, floor(extract(epoch from clock_timestamp()) * 1000)::bigint);
    select (s.place - 1)::integer, case when s.cap > 0 and c.failures >= s.cap then -1 else c.opens_ms - now_ms end
      into refused, wait_ms
      from unnest(keys, caps) with ordinality as s (key, cap, place)
      join glacis_sign_in_counters c on c.key = s.key
      where c.until_ms > now_ms and ((s.cap > 0 and c.failures >= s.cap) or c.opens_ms > now_ms)
      order by s.cap > 0 and c.failures >= s.cap desc, c.opens_ms desc, s.place
      limit 1;
    if refused is not null then
      return;
    end if;
    if pass = 1 then
      insert into glacis_sign_in_counters as c (key, failures, opens_ms, until_ms)
        select k.key, 0, 0, 0 from unnest(keys) as k (key) order by k.key collate "C"
        on conflict (key) do update set failures = c.failures;
    end if;
  end loop;
  with spec as (
    select s.*, s.place as nth from unnest(keys, limits, firsts, longests, forgets, slides, caps)
      with ordinality as s (key, most, first, longest, forget, slide, cap, place)
  ), counted as (
    select s.*, case when c.until_ms > now_ms then c.failures + 1 else 1 end as failures,
      case when c.until_ms <= now_ms then now_ms + s.forget
        when s.slide then greatest(c.until_ms, now_ms + s.forget) else c.until_ms end as kept
      from spec s join glacis_sign_in_counters c on c.key = s.key
  ), ended as (
    select n.*, case when n.cap > 0 and n.failures >= n.cap then ${NEVER_MS} else n.kept end as until from counted n
  ), written as (
    update glacis_sign_in_counters c set failures = e.failures, until_ms = e.until,
      opens_ms = case when e.failures < e.most then 0 else
        least(e.until, now_ms + least(e.longest, e.first * (1::bigint << least(e.failures - e.most, ${MOST_DOUBLINGS})))) end
      from ended e where c.key = e.key returning e.nth, c.until_ms
  )
  select array_agg(w.until_ms::text order by w.nth) into untils from written w;
end
$$;
`;

/** The tables of `SIGN_IN_THROTTLE_MIGRATION`, for a grant to the role that the application runs as. */
export const SIGN_IN_THROTTLE_TABLES: readonly string[] = ["glacis_sign_in_counters"];

export interface PostgresSignInThrottleOptions {
  readonly database: AuthenticationDatabase;
  /** Holds the clock in a test. The server's own unless you say otherwise. */
  readonly now?: () => number;
}

const SWEEP_EVERY_MS = 60_000;

/**
 * A store that every process shares. Give it the pool and not a transaction: an attempt that is rolled back would be a guess for free. What has
 * been forgotten is deleted about once a minute, a thousand at a time.
 *
 * @throws TypeError on an unknown option.
 * @example
 * const store = postgresSignInThrottle({ database: pool });
 */
export function postgresSignInThrottle(options: PostgresSignInThrottleOptions): SignInThrottleStore {
  rejectUnknownOptions("postgresSignInThrottle", options, ["database", "now"]);
  const { database, now } = options;
  if (typeof database?.query !== "function")
    throw new TypeError("postgresSignInThrottle() needs a pg pool, or something with its query(), as `database`.");
  let sweptMs = Number.NEGATIVE_INFINITY;
  const given = (): number | null => (now === undefined ? null : now());

  async function sweep(): Promise<void> {
    sweptMs = performance.now();
    await database.query(
      `delete from glacis_sign_in_counters where key in (select key from glacis_sign_in_counters where until_ms <= ${CLOCK}
       order by until_ms limit 1000 for update skip locked)`,
      [given()],
    );
  }

  return {
    kind: "shared",
    async attempt(counters) {
      const { rows } = await database.query("select * from glacis_sign_in_attempt($1, $2, $3, $4, $5, $6, $7, $8)", [
        counters.map(({ key }) => key),
        counters.map(({ limit }) => limit),
        counters.map(({ firstWaitMs }) => firstWaitMs),
        counters.map(({ longestWaitMs }) => longestWaitMs),
        counters.map(({ forgetMs }) => forgetMs),
        counters.map(({ forgetAfter }) => forgetAfter === "failure"),
        counters.map(({ cap }) => cap),
        given(),
      ]);
      // The next attempt tries again; this one is counted.
      if (performance.now() - sweptMs >= SWEEP_EVERY_MS) await sweep().catch(() => undefined);
      const row = rows[0] as AttemptRow;
      if (row.refused !== null) return { kind: "refused", counter: row.refused, waitMs: Number(row.wait_ms) };
      if (row.untils?.length !== counters.length) throw new Error("Postgres did not count under every key.");
      return { kind: "counted", untilMs: row.untils.map(Number) };
    },
    async settle(settlements) {
      await database.query(SETTLE, [
        settlements.map(({ key }) => key),
        settlements.map(({ untilMs }) => untilMs ?? null),
      ]);
    },
    async read(keys) {
      const { rows } = await database.query(
        `select key, failures, opens_ms, until_ms from glacis_sign_in_counters where key = any($2::text[]) and until_ms > ${CLOCK}`,
        [given(), keys],
      );
      const found = new Map((rows as readonly StateRow[]).map((row) => [row.key, row]));
      return keys.map((key) => {
        const row = found.get(key);
        return row && { failures: row.failures, opensMs: Number(row.opens_ms), untilMs: Number(row.until_ms) };
      });
    },
    async mark(key, { failures, opensMs, untilMs }) {
      await database.query(
        `insert into glacis_sign_in_counters (key, failures, opens_ms, until_ms) values ($1, $2, $3, $4)
         on conflict (key) do update set failures = excluded.failures, opens_ms = excluded.opens_ms, until_ms = excluded.until_ms`,
        [key, failures, opensMs, untilMs],
      );
    },
  };
}

const CLOCK = "coalesce($1::bigint, floor(extract(epoch from clock_timestamp()) * 1000)::bigint)";

/** Rows are locked in the order of their keys, as in an attempt, so that the two never wait for one another. */
const SETTLE = `
with s as (select * from unnest($1::text[], $2::bigint[]) as s (key, until)),
locked as (
  select c.key, c.failures, c.until_ms, s.until from glacis_sign_in_counters c join s on s.key = c.key
  order by c.key for update of c
),
forgotten as (
  delete from glacis_sign_in_counters c using locked l
  where c.key = l.key and (l.until is null or (l.until = l.until_ms and l.failures <= 1))
)
update glacis_sign_in_counters c set failures = c.failures - 1, opens_ms = 0 from locked l
where c.key = l.key and l.until = l.until_ms and l.failures > 1`;

interface AttemptRow {
  readonly refused: number | null;
  readonly wait_ms: string | number | null;
  readonly untils: readonly string[] | null;
}

interface StateRow {
  readonly key: string;
  readonly failures: number;
  readonly opens_ms: string | number;
  readonly until_ms: string | number;
}
