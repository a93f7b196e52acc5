/** Everything that is kept about a person, for that person (GDPR articles 15 and 20; catalog data-classification). */
import { rejectUnknownOptions } from "../core/options.ts";
import { columnsFrom, type MappedTable, type PersonalDataMap } from "./personal-data.ts";
import { quoteIdentifier } from "./sql-quoting.ts";

const MOST_ROWS = 100_000;

/** Runs one statement with values bound, as the connection of `tenantDatabase().withTenant()` does. */
export interface PersonalDatabase {
  query(text: string, values: readonly unknown[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** The person's key. */
export type SubjectId = string | number | bigint;

/** A sealed value and where it stands. */
export interface SealedPlace {
  readonly table: string;
  readonly column: string;
  readonly row: string;
}

export interface ExportOptions {
  /** Opens a sealed value, such as by `EncryptedColumn.open`. Without it sealed columns are left out. */
  readonly open?: (sealed: string, place: SealedPlace) => string | Promise<string>;
  /** The most rows of one table. 100 000; more is an error, never a part. */
  readonly mostRows?: number;
}

/** Rows by table; each value as Postgres writes it as text. */
export type SubjectExport = Readonly<Record<string, readonly Readonly<Record<string, string | null>>[]>>;

/**
 * Reads a person's rows from every table that belongs to persons. Secrets are not among them: a hash or a token says nothing about a person and
 * opens an account. For one moment of all tables, run it in a transaction that is repeatable read.
 *
 * @throws TypeError on an unknown option; RangeError when a table has more rows than allowed; what `open` throws.
 * @example
 * const data = await withTenant(scope, (connection) => exportSubject(map, connection, userId, { open: openColumn }));
 * await reply.send(JSON.stringify(data));
 */
export async function exportSubject(
  map: PersonalDataMap,
  database: PersonalDatabase,
  subjectId: SubjectId,
  options: ExportOptions = {},
): Promise<SubjectExport> {
  rejectUnknownOptions("exportSubject", options, ["open", "mostRows"]);
  const { mostRows = MOST_ROWS } = options;
  if (!Number.isSafeInteger(mostRows) || mostRows < 1)
    throw new TypeError("exportSubject() needs mostRows as a whole number from 1 on.");
  const exported: Record<string, readonly Readonly<Record<string, string | null>>[]> = {};
  for (const table of map.tables.values()) {
    if (table.belongs === undefined) continue;
    const columns = exportedColumns(table, options.open !== undefined);
    const rows = await database.query(write(table, columns), [String(subjectId), mostRows + 1]);
    if (rows.length > mostRows) throw new RangeError(`A person has more than ${mostRows} rows in ${table.name}.`);
    exported[table.name] = await Promise.all(rows.map((row) => readRow(row, table, columns, options)));
  }
  return exported;
}

function exportedColumns(table: MappedTable, opens: boolean): readonly string[] {
  const withheld = new Set([...columnsFrom(table, "secret"), ...(table.others ?? [])]);
  return Object.keys(table.columns).filter(
    (column) => !withheld.has(column) && !table.hashed.includes(column) && (opens || !table.encrypted.includes(column)),
  );
}

/** Names are numbered, so that no column can be taken for the key of its row. */
function write({ sql, key, belongs }: MappedTable, columns: readonly string[]): string {
  const list = columns.map((column, index) => `, t.${quoteIdentifier(column)}::text as c${index}`);
  const row = `t.${quoteIdentifier(key)}`;
  return `select ${row}::text as row_key${list.join("")} from ${sql} as t where ${belongs} order by ${row} limit $2`;
}

async function readRow(
  row: Readonly<Record<string, unknown>>,
  { name: table, encrypted }: MappedTable,
  columns: readonly string[],
  { open }: ExportOptions,
): Promise<Readonly<Record<string, string | null>>> {
  const pairs = columns.map(async (column, index) => {
    const value = (row[`c${index}`] ?? null) as string | null;
    if (value === null || open === undefined || !encrypted.includes(column)) return [column, value] as const;
    return [column, await open(value, { table, column, row: row["row_key"] as string })] as const;
  });
  return Object.fromEntries(await Promise.all(pairs));
}
