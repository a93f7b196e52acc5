import type { AuthenticationDatabase } from "./database.ts";

/** NIST SP 800-63B-4 section 3.2.2: after so many failures in a row the authenticator is dead until it is bound anew. */
const MOST_FAILURES = 100;

/** The table, as a migration. One row for each user: the hashes of the codes that are left. */
export const RECOVERY_CODE_MIGRATION = `
create table if not exists glacis_recovery_codes (
  user_id text primary key,
  hashes text[] not null check (cardinality(hashes) <= 10),
  failures integer not null default 0,
  created_at_ms bigint not null
);
`;

/** Where the hashes of recovery codes live. A store that fails throws, and the request is refused. */
export interface RecoveryCodeStore {
  readonly kind: "memory" | "shared";
  /** Puts a new set in the place of the old one. */
  replace(userId: string, hashes: readonly string[], nowMs: number): void | Promise<void>;
  /** Takes a code out of the set, once whoever asks at the same time, and says how many are left; undefined when it was not in it. */
  consume(userId: string, hash: string): number | undefined | Promise<number | undefined>;
  remaining(userId: string): number | Promise<number>;
  remove(userId: string): void | Promise<void>;
}

/** Recovery codes in this process alone, for development and tests. */
export function memoryRecoveryCodes(): RecoveryCodeStore {
  const sets = new Map<string, { readonly hashes: Set<string>; failures: number }>();
  return {
    kind: "memory",
    replace: (userId, hashes) => void sets.set(userId, { hashes: new Set(hashes), failures: 0 }),
    consume(userId, hash) {
      const set = sets.get(userId);
      if (set === undefined || set.failures >= MOST_FAILURES) return undefined;
      const found = set.hashes.delete(hash);
      set.failures = found ? 0 : set.failures + 1;
      return found ? set.hashes.size : undefined;
    },
    remaining: (userId) => sets.get(userId)?.hashes.size ?? 0,
    remove: (userId) => void sets.delete(userId),
  };
}

/** Recovery codes in Postgres. Using one is a single statement: the row's lock lets one of many callers find the code. */
export function postgresRecoveryCodes(database: AuthenticationDatabase): RecoveryCodeStore {
  const run = async (text: string, values: unknown[]): Promise<Row | undefined> =>
    (await database.query(text, values)).rows[0] as Row | undefined;
  return {
    kind: "shared",
    async replace(userId, hashes, nowMs) {
      await run(
        `insert into glacis_recovery_codes (user_id, hashes, created_at_ms) values ($1, $2, $3)
         on conflict (user_id) do update set hashes = excluded.hashes, created_at_ms = excluded.created_at_ms, failures = 0`,
        [userId, hashes, nowMs],
      );
    },
    async consume(userId, hash) {
      // A failure always leaves the count above zero, so zero says that the code was there.
      const row = await run(
        `update glacis_recovery_codes set hashes = array_remove(hashes, $2::text),
           failures = case when $2::text = any(hashes) then 0 else failures + 1 end
         where user_id = $1 and failures < $3 returning failures, cardinality(hashes) as remaining`,
        [userId, hash, MOST_FAILURES],
      );
      return row?.failures === 0 ? row.remaining : undefined;
    },
    async remaining(userId) {
      const text = "select cardinality(hashes) as remaining from glacis_recovery_codes where user_id = $1";
      return (await run(text, [userId]))?.remaining ?? 0;
    },
    async remove(userId) {
      await run("delete from glacis_recovery_codes where user_id = $1", [userId]);
    },
  };
}

interface Row {
  readonly failures: number;
  readonly remaining: number;
}
