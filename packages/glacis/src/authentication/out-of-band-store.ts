import type { AuthenticationDatabase } from "./database.ts";

/** The tables, as a migration. Neither a code nor a number stands in them. Times are milliseconds since the epoch. */
export const OUT_OF_BAND_MIGRATION = `
create table if not exists glacis_oob_codes (
  id text primary key,
  user_id text not null,
  purpose text not null,
  hash text not null,
  tries integer not null default 0,
  ends_at_ms bigint not null
);
create index if not exists glacis_oob_codes_end on glacis_oob_codes (ends_at_ms);
create table if not exists glacis_oob_counters (
  key text primary key,
  sent_at_ms bigint[] not null
);
`;

/** What the application's database role reads and writes. */
export const OUT_OF_BAND_TABLES: readonly string[] = ["glacis_oob_codes", "glacis_oob_counters"];

/** A code that was sent, as the store knows it. */
export interface SentCode {
  /** SHA-256 of this browser's token. */
  readonly id: string;
  readonly userId: string;
  /** What it is for: a code for one thing opens nothing else. */
  readonly purpose: string;
  /** A keyed hash of code and id. */
  readonly hash: string;
  readonly endsAtMs: number;
}

/** Where codes are kept and sendings counted. A store that fails throws, and nobody is let in. */
export interface OutOfBandStore {
  readonly kind: "memory" | "shared";
  /** Keeps a code in place of the one that this browser had. */
  put(code: SentCode): void | Promise<void>;
  /** Counts a try before anybody judges it; undefined when there is no code, when it has ended, or when it was tried too often. */
  attempt(id: string, most: number, nowMs: number): SentCode | undefined | Promise<SentCode | undefined>;
  /** Takes a code: of many at once exactly one gets it. */
  consume(id: string, hash: string): boolean | Promise<boolean>;
  /** Counts a sending. @returns false, and counts nothing, when there were as many within the window already */
  count(key: string, most: number, windowMs: number, nowMs: number): boolean | Promise<boolean>;
}

const MOST_CODES = 100_000;
const SWEEP_EVERY_MS = 60_000;

/** Codes in this process alone, for development and tests. */
export function memoryOutOfBand(): OutOfBandStore {
  const codes = new Map<string, SentCode & { readonly tries: number }>();
  const counters = new Map<string, readonly number[]>();
  return {
    kind: "memory",
    put(code) {
      codes.delete(code.id);
      const [oldest] = codes.keys();
      if (codes.size >= MOST_CODES && oldest !== undefined) codes.delete(oldest);
      codes.set(code.id, { ...code, tries: 0 });
    },
    attempt(id, most, nowMs) {
      const code = codes.get(id);
      if (code === undefined || !(nowMs < code.endsAtMs) || code.tries >= most) return undefined;
      codes.set(id, { ...code, tries: code.tries + 1 });
      return code;
    },
    consume: (id, hash) => codes.get(id)?.hash === hash && codes.delete(id),
    count(key, most, windowMs, nowMs) {
      const recent = (counters.get(key) ?? []).filter((atMs) => atMs > nowMs - windowMs);
      if (recent.length >= most) return false;
      counters.delete(key);
      const [oldest] = counters.keys();
      if (counters.size >= MOST_CODES && oldest !== undefined) counters.delete(oldest);
      counters.set(key, [...recent, nowMs]);
      return true;
    },
  };
}

interface CodeRow {
  readonly user_id: string;
  readonly purpose: string;
  readonly hash: string;
  readonly ends_at_ms: string | number;
}

/** Codes in Postgres. What must happen once is one statement that returns what it changed. */
export function postgresOutOfBand(database: AuthenticationDatabase): OutOfBandStore {
  const run = async (text: string, ...values: unknown[]): Promise<readonly unknown[]> =>
    (await database.query(text, values)).rows;
  let sweptAtMs = 0;
  return {
    kind: "shared",
    async put({ id, userId, purpose, hash, endsAtMs }) {
      const nowMs = Date.now();
      if (nowMs - sweptAtMs > SWEEP_EVERY_MS) {
        sweptAtMs = nowMs;
        await run("delete from glacis_oob_codes where ends_at_ms < $1", nowMs - 3_600_000);
      }
      const text = `insert into glacis_oob_codes (id, user_id, purpose, hash, ends_at_ms) values ($1, $2, $3, $4, $5)
        on conflict (id) do update set user_id = excluded.user_id, purpose = excluded.purpose, hash = excluded.hash, tries = 0,
          ends_at_ms = excluded.ends_at_ms`;
      await run(text, id, userId, purpose, hash, endsAtMs);
    },
    async attempt(id, most, nowMs) {
      const text = `update glacis_oob_codes set tries = tries + 1 where id = $1 and tries < $2 and ends_at_ms > $3
        returning user_id, purpose, hash, ends_at_ms`;
      const [row] = (await run(text, id, most, nowMs)) as readonly CodeRow[];
      return row && { id, userId: row.user_id, purpose: row.purpose, hash: row.hash, endsAtMs: Number(row.ends_at_ms) };
    },
    async consume(id, hash) {
      return (
        (await run("delete from glacis_oob_codes where id = $1 and hash = $2 returning id", id, hash)).length === 1
      );
    },
    async count(key, most, windowMs, nowMs) {
      const recent = "array(select at from unnest(c.sent_at_ms) as at where at > $2::bigint - $4::bigint)";
      const text = `insert into glacis_oob_counters as c (key, sent_at_ms) values ($1, array[$2::bigint])
        on conflict (key) do update set sent_at_ms = ${recent} || $2::bigint where cardinality(${recent}) < $3 returning key`;
      return (await run(text, key, nowMs, most, windowMs)).length === 1;
    },
  };
}
