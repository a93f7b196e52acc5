/** Moving a column to the current key while the application runs (catalog key-management). */
import { rejectUnknownOptions } from "../core/options.ts";
import type { BlindIndex } from "./blind-index.ts";
import { DecryptError, type EncryptedColumn } from "./field-encryption.ts";
import { quoteIdentifier, quoteTable } from "./sql-quoting.ts";

const BATCH_ROWS = 500;
const MOST_BATCH_ROWS = 10_000;
const MOST_NAMED_FAILURES = 100;

/** Runs one statement in a transaction of its own, as `tenantDatabase().forTenant()` does; with values bound. */
export interface RotationDatabase {
  query(text: string, values: readonly unknown[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export interface ColumnRotationOptions {
  /** Must see the rows that are to be moved: one tenant's, or all of them as a system role. */
  readonly database: RotationDatabase;
  /** The column, over a ring whose first key is the new one. */
  readonly column: EncryptedColumn;
  /** The column that holds the tenant. `tenant_id`. */
  readonly tenantColumn?: string;
  /** Instead of that column, for a table that is no tenant's: what its values were sealed for. */
  readonly tenantId?: string;
  /** The column that values are sealed for as their row: unique, and indexed. `id`. */
  readonly keyColumn?: string;
  /** The blind index beside it, moved along in the same statement. */
  readonly index?: { readonly column: string; readonly values: BlindIndex };
  /** Rows in a batch. 500. */
  readonly batchRows?: number;
  /** Where to go on, as `cursor` of an earlier progress said. */
  readonly after?: string;
}

export interface RotationProgress {
  /** Rows moved to the current key so far. */
  readonly moved: number;
  /** Rows that somebody else changed or deleted in the meantime; what changed them sealed them anew. */
  readonly overtaken: number;
  /** Rows whose value does not open, left as they are. */
  readonly failed: number;
  /** Keys of the rows that failed in this batch, at most 100. */
  readonly failedRows: readonly string[];
  /** The key of the last row that was looked at. */
  readonly cursor: string;
}

/**
 * Seals each value under the current key, batch by batch, in the order of the key column. A batch is one statement that replaces a value only
 * where it is still the one that was read, so nothing that the application writes meanwhile is lost, and whoever stops it, or kills it, loses at
 * most the batch under way: run again, it passes over what is current. Done when a run from the beginning yields nothing and failed nowhere.
 *
 * @throws TypeError on an unknown option or a name that Postgres would not take.
 * @example
 * for await (const { moved, failed, cursor } of rotateColumn({ database, column: ssn })) log.info({ moved, failed, cursor });
 */
export async function* rotateColumn(options: ColumnRotationOptions): AsyncGenerator<RotationProgress, void, undefined> {
  const { database, column, batchRows, statements, after } = compose(options);
  let [moved, overtaken, failed] = [0, 0, 0];
  let cursor = after;
  for (;;) {
    const first = cursor === undefined;
    const values = [column.currentPrefix, batchRows, ...(first ? [] : [cursor])];
    const rows = (await database.query(
      first ? statements.begin : statements.next,
      values,
    )) as unknown as readonly Row[];
    const last = rows.at(-1);
    if (last === undefined) return;
    const { replacements, failedRows } = resealAll(options, rows);
    const done = await replace(database, statements.replace, replacements);
    moved += done;
    overtaken += replacements.length - done;
    failed += failedRows.length;
    cursor = last.row_key;
    yield { moved, overtaken, failed, failedRows: failedRows.slice(0, MOST_NAMED_FAILURES), cursor };
  }
}

interface Row {
  readonly row_key: string;
  readonly tenant: string;
  readonly sealed: string;
}

interface Replacement {
  readonly key: string;
  readonly before: string;
  readonly after: string;
  readonly index: string | null;
}

interface Statements {
  readonly begin: string;
  readonly next: string;
  readonly replace: string;
}

function compose(options: ColumnRotationOptions): ColumnRotationOptions & {
  readonly batchRows: number;
  readonly statements: Statements;
} {
  const known = ["database", "column", "tenantColumn", "tenantId", "keyColumn", "index", "batchRows", "after"];
  rejectUnknownOptions("rotateColumn", options, known);
  const { tenantColumn = "tenant_id", tenantId, keyColumn = "id", batchRows = BATCH_ROWS } = options;
  if (tenantId !== undefined && options.tenantColumn !== undefined)
    throw new TypeError("rotateColumn() takes tenantColumn or tenantId, not both.");
  if (!Number.isSafeInteger(batchRows) || batchRows < 1 || batchRows > MOST_BATCH_ROWS)
    throw new TypeError(`rotateColumn() needs batchRows as a whole number from 1 to ${MOST_BATCH_ROWS}.`);
  return {
    ...options,
    batchRows,
    statements: write(
      options,
      tenantId === undefined ? `t.${quoteIdentifier(tenantColumn)}::text` : "null",
      quoteIdentifier(keyColumn),
    ),
  };
}

/** The key goes out and comes back as text, and is compared as what it is, so that its index serves. */
function write({ column: { table, column }, index }: ColumnRotationOptions, tenant: string, key: string): Statements {
  const [from, value] = [quoteTable(table, "public"), quoteIdentifier(column)];
  const beside = index === undefined ? "" : `, ${quoteIdentifier(index.column)} = n.index`;
  // A pattern would read the underscore of a key's id as any character.
  const read = (also: string): string =>
    `select t.${key}::text as row_key, ${tenant} as tenant, t.${value} as sealed from ${from} as t
    where t.${value} is not null and not starts_with(t.${value}, $1)${also} order by t.${key} limit $2`;
  return {
    begin: read(""),
    next: read(` and t.${key} > $3`),
    replace: `update ${from} as t set ${value} = n.after${beside}
    from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as n (row_key, before, after, index)
    where t.${key} = any($5) and t.${key}::text = n.row_key and t.${value} = n.before returning 1`,
  };
}

function resealAll(
  { column, index, tenantId }: Pick<ColumnRotationOptions, "column" | "index" | "tenantId">,
  rows: readonly Row[],
): { readonly replacements: readonly Replacement[]; readonly failedRows: readonly string[] } {
  const replacements: Replacement[] = [];
  const failedRows: string[] = [];
  for (const { row_key: key, tenant, sealed } of rows) {
    const place = { tenantId: tenantId ?? tenant, row: key };
    try {
      const plaintext = column.open(sealed, place);
      const after = column.seal(plaintext, place);
      replacements.push({ key, before: sealed, after, index: index?.values.of(plaintext, place) ?? null });
    } catch (error) {
      if (!(error instanceof DecryptError)) throw error;
      failedRows.push(key);
    }
  }
  return { replacements, failedRows };
}

async function replace(
  database: RotationDatabase,
  text: string,
  replacements: readonly Replacement[],
): Promise<number> {
  if (replacements.length === 0) return 0;
  const all = <Name extends keyof Replacement>(name: Name): Replacement[Name][] => replacements.map((row) => row[name]);
  const keys = all("key");
  return (await database.query(text, [keys, all("before"), all("after"), all("index"), keys])).length;
}
