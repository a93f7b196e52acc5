import { createHash } from "node:crypto";
import type { Migration } from "./migrations.ts";

/** A connection that owns the tables. */
export interface MigrationConnection {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
  /** Runs several statements. */
  exec(sql: string): Promise<unknown>;
}

/** One number for every process that migrates this application. */
const LOCK = 4_716_002_211;

/**
 * Brings the database up to date in one transaction under an advisory lock: all of it or nothing, and of two processes that start at once the
 * second waits and finds the work done.
 *
 * @param upkeep SQL that is safe to repeat, and runs each time after the migrations
 * @param foundation likewise, before them
 * @returns the names of the migrations that were applied now
 * @throws Error when a migration that was applied has been edited since, or the database is ahead of this program.
 */
export async function migrate(
  connection: MigrationConnection,
  wanted: readonly Migration[],
  upkeep: string,
  foundation: string = "",
): Promise<readonly string[]> {
  await connection.exec("begin");
  try {
    await connection.query("select pg_advisory_xact_lock($1)", [LOCK]);
    await connection.exec(
      "create table if not exists migrations (name text primary key, sha256 text not null, applied_at timestamptz not null default now())",
    );
    await connection.exec(foundation);
    const { rows } = await connection.query("select name, sha256 from migrations order by name", []);
    const pending = pendingOf(wanted, rows as readonly Applied[]);
    for (const { name, sql } of pending) {
      await connection.exec(sql);
      await connection.query("insert into migrations (name, sha256) values ($1, $2)", [name, sha256(sql)]);
    }
    await connection.exec(upkeep);
    await connection.exec("commit");
    return pending.map(({ name }) => name);
  } catch (error) {
    await connection.exec("rollback").catch(() => undefined);
    throw error;
  }
}

interface Applied {
  readonly name: string;
  readonly sha256: string;
}

function pendingOf(wanted: readonly Migration[], applied: readonly Applied[]): readonly Migration[] {
  const known = new Map(wanted.map((migration) => [migration.name, migration]));
  for (const { name, sha256: recorded } of applied) {
    const migration = known.get(name);
    if (migration === undefined) {
      throw new Error(
        `The database has the migration "${name}", which this version does not know. Start a newer version.`,
      );
    }
    if (sha256(migration.sql) !== recorded) {
      throw new Error(
        `The migration "${name}" was edited after it had been applied. Undo the edit and add a new migration.`,
      );
    }
  }
  const done = new Set(applied.map(({ name }) => name));
  return wanted.filter(({ name }) => !done.has(name));
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
