/** Accounts from another system: each row judged by what sign-in itself will ask of it, and written once. */
import { randomUUID } from "node:crypto";
import type { UserId } from "../core/brand.ts";
import type { Account } from "./account-store.ts";
import type { AuthenticationDatabase } from "./database.ts";
import { canonicalIdentifier } from "./identifier.ts";
import { readStored } from "./password-hash-stored.ts";

/** A row as the other system wrote it. */
export interface ImportedRow {
  readonly email: unknown;
  /** Empty, or beginning with `!` as Django writes it, for an account that has no password. */
  readonly hash: unknown;
  /** Kept, so that what refers to it still does; a new one where there is none. */
  readonly userId?: unknown;
  readonly active: boolean;
  readonly createdAtMs?: number;
}

export type ImportProblem =
  | "address_missing"
  | "address_invalid"
  | "hash_unreadable"
  | "hash_too_long"
  | "user_id_invalid";

export type ImportVerdict =
  | {
      readonly kind: "account";
      readonly account: Account;
      /** Of the hash; undefined for an account that has no password. */
      readonly algorithm: string | undefined;
      readonly work: number;
    }
  | { readonly kind: "problem"; readonly problem: ImportProblem };

export interface ImportOptions {
  readonly nowMs: number;
  /** The other system has proved every address. Otherwise each owner proves it at the first sign-in. */
  readonly verified?: boolean;
}

/** What the table takes; a longer hash than this asks for more than a sign-in may cost. */
const LONGEST_HASH = 1000;
const USER_ID = /^[\x21-\x7e]{1,128}$/u;
const PRINTABLE = /^[\x21-\x7e]+$/u;

/** Judges one row. Nothing of it stands in a problem. */
export function judgeImportedRow(row: ImportedRow, { nowMs, verified = false }: ImportOptions): ImportVerdict {
  if (typeof row.email !== "string" || row.email.trim() === "") return problem("address_missing");
  const email = canonicalIdentifier(row.email);
  // U+FFFD is what decoding puts in place of a byte that is not UTF-8: two different addresses would become one.
  if (email === undefined || email.includes("\uFFFD")) return problem("address_invalid");
  const userId = row.userId ?? randomUUID();
  if (typeof userId !== "string" || !USER_ID.test(userId)) return problem("user_id_invalid");
  const stored = judgeHash(row.hash);
  if ("problem" in stored) return problem(stored.problem);
  return {
    kind: "account",
    algorithm: stored.algorithm,
    work: stored.work,
    account: {
      userId: userId as UserId,
      email,
      verifiedAtMs: verified ? nowMs : null,
      passwordHash: stored.hash,
      status: row.active ? "active" : "disabled",
      version: 1,
      createdAtMs: Math.min(row.createdAtMs ?? nowMs, nowMs),
    },
  };
}

interface JudgedHash {
  readonly hash: string | null;
  readonly algorithm: string | undefined;
  readonly work: number;
}

function judgeHash(hash: unknown): JudgedHash | { readonly problem: ImportProblem } {
  if (hash === null || hash === undefined || hash === "") return { hash: null, algorithm: undefined, work: 0 };
  if (typeof hash !== "string") return { problem: "hash_unreadable" };
  if (hash.startsWith("!")) return { hash: null, algorithm: undefined, work: 0 };
  if (hash.length > LONGEST_HASH) return { problem: "hash_too_long" };
  const read = PRINTABLE.test(hash) ? readStored(hash) : undefined;
  return read === undefined ? { problem: "hash_unreadable" } : { hash, algorithm: read.algorithm, work: read.work };
}

function problem(code: ImportProblem): ImportVerdict {
  return { kind: "problem", problem: code };
}

export type ImportOutcome =
  | "inserted"
  /** The address has an account, which stays as it is. */
  | "exists"
  /** Another address has this id. */
  | "user_id_taken";

/**
 * Writes accounts in one statement. An account that is there is never touched, so a second run changes nothing.
 *
 * @returns what became of each, in the order given
 */
export async function insertImportedAccounts(
  database: AuthenticationDatabase,
  accounts: readonly Account[],
): Promise<readonly ImportOutcome[]> {
  const { rows: inserted } = await database.query(INSERT, [JSON.stringify(accounts)]);
  const emails = accounts.map(({ email }) => email);
  const { rows: present } = await database.query("select email from glacis_accounts where email = any($1::text[])", [
    emails,
  ]);
  const isInserted = new Set(inserted.map((row) => (row as { readonly email: string }).email));
  const isPresent = new Set(present.map((row) => (row as { readonly email: string }).email));
  return accounts.map(({ email }) => {
    // Of two rows with one address, the first is the one that is in.
    if (isInserted.delete(email)) return "inserted";
    return isPresent.has(email) ? "exists" : "user_id_taken";
  });
}

const INSERT = `insert into glacis_accounts (user_id, email, verified_at_ms, password_hash, status, version, created_at_ms)
  select "userId", email, "verifiedAtMs", "passwordHash", status, version, "createdAtMs"
  from json_to_recordset($1::json) as r("userId" text, email text, "verifiedAtMs" bigint, "passwordHash" text, status text,
    version bigint, "createdAtMs" bigint)
  on conflict do nothing returning email`;
