/** What a database holds, in numbers that can be kept: to be held against what a backup of it restores to. */
import type { PostureClient } from "glacis/data";
import { CannotCheck } from "../outcome.ts";

export interface TableContents {
  /** Schema and table, quoted where SQL needs it. */
  readonly name: string;
  readonly rows: number;
  /** A sum over the SHA-256 of each row, so that the order of rows does not matter. */
  readonly sum: string;
}

export interface Contents {
  readonly atMs: number;
  readonly tables: readonly TableContents[];
}

const SNAPSHOT = /^[\dA-F]{1,16}(?:-[\dA-F]{1,16}){1,3}$/u;
const TABLES = `select format('%I.%I', n.nspname, c.relname) as name from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname <> 'information_schema' and n.nspname !~ '^pg_' order by 1`;
// Numbers and times are written the same on both sides; rows that a policy hides are an error and not absent.
const SETTINGS =
  "set local row_security = off; set local datestyle = 'ISO'; set local timezone = 'UTC'; set local extra_float_digits = 1; set local bytea_output = 'hex'; set local search_path = ''";

/**
 * Counts and sums every table, all at one moment.
 *
 * @param snapshot of `pg_export_snapshot()`, which a dump was made of
 * @throws CannotCheck for a snapshot that is none; what the database throws, such as for rows that this login does not see
 */
export async function readContents(client: PostureClient, nowMs: number, snapshot?: string): Promise<Contents> {
  if (snapshot !== undefined && !SNAPSHOT.test(snapshot))
    throw new CannotCheck(
      "--snapshot is no name of a snapshot.",
      "another moment than the dump's differs from it.",
      "pass what pg_export_snapshot() returned, such as 00000003-0000001B-1.",
    );
  await client.query("begin isolation level repeatable read, read only", []);
  try {
    if (snapshot !== undefined) await client.query(`set transaction snapshot '${snapshot}'`, []);
    for (const setting of SETTINGS.split("; ")) await client.query(setting, []);
    const tables: TableContents[] = [];
    for (const { name } of (await client.query(TABLES, [])).rows as readonly { readonly name: string }[]) {
      const { rows } = await client.query(
        `select count(*)::float8 as rows, coalesce(sum(('x' || left(encode(sha256(convert_to(t::text, 'UTF8')), 'hex'), 16))::bit(64)::bigint::numeric), 0)::text as sum from ${name} as t`,
        [],
      );
      tables.push({ name, ...(rows[0] as Omit<TableContents, "name">) });
    }
    return { atMs: nowMs, tables };
  } finally {
    await client.query("rollback", []);
  }
}

/** One line for each table that is missing, new or other than recorded. */
export function differences(recorded: Contents, restored: Contents): readonly string[] {
  const found = new Map(restored.tables.map((table) => [table.name, table]));
  const known = new Set(recorded.tables.map(({ name }) => name));
  return [
    ...recorded.tables.flatMap(({ name, rows, sum }) => {
      const table = found.get(name);
      if (table === undefined) return [`${name}: is missing`];
      if (table.rows !== rows) return [`${name}: ${table.rows} rows, ${rows} recorded`];
      return table.sum === sum ? [] : [`${name}: other values than recorded`];
    }),
    ...restored.tables.filter(({ name }) => !known.has(name)).map(({ name }) => `${name}: was not recorded`),
  ];
}

/** @throws CannotCheck for a text that `glacis backup record` did not print */
export function parseContents(text: string, path: string): Contents {
  try {
    const { atMs, tables } = JSON.parse(text) as Contents;
    if (
      Number.isFinite(atMs) &&
      Array.isArray(tables) &&
      (tables as readonly TableContents[]).every(
        (table) =>
          typeof table?.name === "string" && Number.isSafeInteger(table.rows) && /^-?\d{1,40}$/u.test(table.sum),
      )
    )
      return { atMs, tables };
  } catch {
    // Told below.
  }
  throw new CannotCheck(
    `${path} is no record of a database.`,
    "without it nobody knows what the backup should hold.",
    "make it with glacis backup record when the dump is made.",
  );
}
