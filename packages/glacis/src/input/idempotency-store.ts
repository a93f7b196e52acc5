/** What has been answered under an Idempotency-Key, and who is at it right now (catalog transaction-atomicity). */
import type { SentResponse } from "../core/kept-response.ts";
import type { FieldSealer } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";

/** An attempt at an operation. */
export interface IdempotencyClaim {
  /** Principal, route and key in one; at most 128 characters. */
  readonly id: string;
  readonly tenantId: string;
  /** This attempt, and no other. */
  readonly owner: string;
  /** What the request asks for. */
  readonly fingerprint: string;
  readonly nowMs: number;
  readonly untilMs: number;
}

/** How things stand with an operation: `new` means that this attempt has it, and nobody else will. */
export type IdempotencyStanding =
  | { readonly kind: "new" }
  | { readonly kind: "taken"; readonly fingerprint: string; readonly response: SentResponse | undefined };

export interface IdempotencyStore {
  readonly kind: "memory" | "postgres";
  /**
   * Of any number at once, in any number of processes, exactly one finds an operation new.
   *
   * @throws when the store does not answer; nothing is known then, and the caller refuses
   */
  readonly begin: (claim: IdempotencyClaim) => Promise<IdempotencyStanding>;
  /** Keeps the answer of the attempt that found the operation new. */
  readonly complete: (claim: IdempotencyClaim, response: SentResponse) => Promise<void>;
}

const MOST_OPERATIONS = 100_000;
const MOST_CHARACTERS = 33_554_432;

interface Kept {
  readonly claim: IdempotencyClaim;
  response: SentResponse | undefined;
}

/**
 * A store of this process alone: for tests, and for applications that are one process. A restart forgets, so `check` warns in production. When
 * it is full it refuses operations rather than forgetting one.
 */
export function memoryIdempotencyKeys(): IdempotencyStore {
  const kept = new Map<string, Kept>();
  let characters = 0;

  function forgetExpired(nowMs: number): void {
    for (const [id, { claim, response }] of kept) {
      if (claim.untilMs > nowMs) continue;
      kept.delete(id);
      characters -= response?.body.length ?? 0;
    }
  }

  return {
    kind: "memory",
    async begin(claim) {
      const before = kept.get(claim.id);
      if (before !== undefined && before.claim.untilMs > claim.nowMs)
        return { kind: "taken", fingerprint: before.claim.fingerprint, response: before.response };
      if (before !== undefined || kept.size >= MOST_OPERATIONS) forgetExpired(claim.nowMs);
      if (kept.size >= MOST_OPERATIONS) throw new Error("memoryIdempotencyKeys() is full.");
      kept.set(claim.id, { claim, response: undefined });
      return { kind: "new" };
    },
    async complete({ id, owner }, response) {
      const mine = kept.get(id);
      if (mine?.claim.owner !== owner) return;
      if (characters + response.body.length > MOST_CHARACTERS)
        throw new Error("memoryIdempotencyKeys() has no room for this answer.");
      characters += response.body.length;
      mine.response = response;
    },
  };
}

/** The part of a `pg` pool or of PGlite that is used. */
export interface IdempotencyDatabase {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** The table, as a migration. Times are milliseconds since the epoch; an answer is sealed. */
export const IDEMPOTENCY_MIGRATION = `
create table if not exists glacis_idempotency (
  id text primary key check (length(id) <= 128),
  owner text not null,
  fingerprint text not null,
  until_ms bigint not null,
  response text
);
create index if not exists glacis_idempotency_until on glacis_idempotency (until_ms);
`;

const SWEEP_EVERY_MS = 60_000;

export interface PostgresIdempotencyKeysOptions {
  readonly database: IdempotencyDatabase;
  /** Seals each answer, held to its tenant and operation: `fieldEncryption({ keys }).column({ table: "glacis_idempotency", column: "response" })`. */
  readonly sealer: FieldSealer;
}

/**
 * A store that every process shares. Give it the pool and not a transaction: what is rolled back would be forgotten. What has expired is deleted
 * about once a minute, a thousand at a time. Answers hold what people were shown, so they are kept as ciphertext.
 *
 * @throws TypeError on an unknown option, or without a sealer.
 * @example
 * const sealer = fieldEncryption({ keys }).column({ table: "glacis_idempotency", column: "response" });
 * const store = postgresIdempotencyKeys({ database: pool, sealer });
 */
export function postgresIdempotencyKeys(options: PostgresIdempotencyKeysOptions): IdempotencyStore {
  rejectUnknownOptions("postgresIdempotencyKeys", options, ["database", "sealer"]);
  const { database, sealer } = options;
  if (typeof sealer?.seal !== "function" || typeof sealer.open !== "function")
    throw new TypeError(
      "postgresIdempotencyKeys() needs a sealer: whoever reads the database would have every answer.",
    );
  if (typeof database?.query !== "function")
    throw new TypeError("postgresIdempotencyKeys() needs database: a pg pool or PGlite.");
  let sweepMs = 0;

  async function sweep(nowMs: number): Promise<void> {
    if (nowMs < sweepMs) return;
    sweepMs = nowMs + SWEEP_EVERY_MS;
    // An hour of grace for servers whose clocks differ.
    await database.query(SWEEP, [nowMs - 3_600_000]).catch(() => undefined);
  }

  return {
    kind: "postgres",
    async begin({ id, tenantId, owner, fingerprint, nowMs, untilMs }) {
      const begun = await database.query(BEGIN, [id, owner, fingerprint, Math.ceil(untilMs), Math.floor(nowMs)]);
      if (begun.rows.length === 1) {
        await sweep(nowMs);
        return { kind: "new" };
      }
      const { rows } = await database.query("select fingerprint, response from glacis_idempotency where id = $1", [id]);
      const [row] = rows as readonly { readonly fingerprint: string; readonly response: string | null }[];
      // Swept between the two statements: nobody is told that it is new without having taken it.
      if (row === undefined) throw new Error("The operation has expired this moment.");
      if (row.response === null) return { kind: "taken", fingerprint: row.fingerprint, response: undefined };
      const response = JSON.parse(await sealer.open(row.response, { tenantId, row: id })) as SentResponse;
      return { kind: "taken", fingerprint: row.fingerprint, response };
    },
    async complete({ id, tenantId, owner }, response) {
      const sealed = await sealer.seal(JSON.stringify(response), { tenantId, row: id });
      await database.query("update glacis_idempotency set response = $3 where id = $1 and owner = $2", [
        id,
        owner,
        sealed,
      ]);
    },
  };
}

const BEGIN = `insert into glacis_idempotency as kept (id, owner, fingerprint, until_ms) values ($1, $2, $3, $4)
on conflict (id) do update set owner = excluded.owner, fingerprint = excluded.fingerprint, until_ms = excluded.until_ms, response = null
where kept.until_ms <= $5 returning 1`;

const SWEEP = `delete from glacis_idempotency where id in
(select id from glacis_idempotency where until_ms < $1 order by until_ms limit 1000 for update skip locked)`;
