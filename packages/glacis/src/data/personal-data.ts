/** One declaration of what each column holds; encryption, redaction, export and erasure follow from it (catalog data-classification). */
import { rejectNonRecord, rejectUnknownOptions } from "../core/options.ts";
import { atLeast, DATA_CLASSES, type DataClass } from "./personal-names.ts";
import { quoteIdentifier, quoteTable } from "./sql-quoting.ts";

/** How rows belong to the person: a column with the person's key, or one with the key of a row that does. */
export type SubjectLink = string | { readonly column: string; readonly of: string };

/** How long rows are kept: days from a column on, or the reason why no time is set. */
export type Retention = { readonly column: string; readonly days: number } | { readonly basis: string };

export interface PersonalTable {
  /** The class of every column. */
  readonly columns: Readonly<Record<string, DataClass>>;
  /** The primary key, one column. `id`. */
  readonly key?: string;
  /** How its rows belong to a person; not for the table of the persons themselves. */
  readonly subject?: SubjectLink;
  /**
   * What becomes of a person's rows: `delete`; `anonymise` empties what is personal and cuts the link; `shred` leaves them sealed under a key that is
   * destroyed; `keep` for what the law wants kept, with its `basis` in `retention`.
   */
  readonly erase?: "delete" | "anonymise" | "shred" | "keep";
  /** What `anonymise` writes instead of null. */
  readonly replace?: Readonly<Record<string, string | null>>;
  /** Columns that hold a hash alone, such as that of a password. */
  readonly hashed?: readonly string[];
  /** Columns that name somebody else or what is his, such as who shared: no part of the person's own copy (GDPR article 20(4)). */
  readonly others?: readonly string[];
  /** Columns that are sealed; unless it stands here, every sensitive and secret column that is not hashed. */
  readonly encrypted?: readonly string[];
  readonly retention?: Retention;
}

export interface PersonalDataOptions {
  /** The table of the persons, such as `users`. */
  readonly subject: string;
  readonly tables: Readonly<Record<string, PersonalTable>>;
}

export interface MappedTable extends PersonalTable {
  /** As it was declared, such as `orders` or `shop.orders`. */
  readonly name: string;
  readonly key: string;
  /** Quoted, with its schema. */
  readonly sql: string;
  /** Whether rows, called `t`, are the person's; `$1` is the person's key. Undefined for a table without a way to a person. */
  readonly belongs: string | undefined;
  readonly encrypted: readonly string[];
  readonly hashed: readonly string[];
}

export interface PersonalDataMap {
  readonly subject: string;
  readonly tables: ReadonlyMap<string, MappedTable>;
  /** The class of a column; one that nobody has classified counts as sensitive. */
  readonly classOf: (table: string, column: string) => DataClass;
  /** The columns to seal with `fieldEncryption().column(...)`. */
  readonly encryptedColumns: readonly { readonly table: string; readonly column: string }[];
  /** Names whose values do not belong in a log: of every personal, sensitive and secret column. */
  readonly redactionKeys: readonly string[];
}

const TABLE_OPTIONS = ["columns", "key", "subject", "erase", "replace", "hashed", "others", "encrypted", "retention"];
const ACTIONS: ReadonlySet<unknown> = new Set(["delete", "anonymise", "shred", "keep", undefined]);

/**
 * Reads the declaration.
 *
 * @throws TypeError on an unknown option, class, column or table, a link that leads in a circle, and `keep` without a basis.
 * @example
 * const map = personalData({
 *   subject: "users",
 *   tables: {
 *     users: { columns: { id: "internal", email: "personal", ssn: "sensitive" }, erase: "delete" },
 *     orders: { columns: { id: "internal", user_id: "internal", ship_to: "personal" }, subject: "user_id", erase: "anonymise" },
 *   },
 * });
 */
export function personalData(options: PersonalDataOptions): PersonalDataMap {
  rejectUnknownOptions("personalData", options, ["subject", "tables"]);
  rejectNonRecord("personalData", "tables", options.tables);
  const { subject, tables } = options;
  const subjectTable = tables[subject];
  if (subjectTable === undefined) throw new TypeError("personalData() needs subject as one of its tables.");
  for (const [name, table] of Object.entries(tables)) validate(name, table, tables);
  const mapped = new Map(Object.entries(tables).map(([name, table]) => [name, mapTable(name, table, options)]));
  const all = [...mapped.values()].flatMap((table) =>
    Object.entries(table.columns).map(([column, level]) => ({ table: table.name, column, level })),
  );
  return {
    subject,
    tables: mapped,
    classOf: (table, column) => declaredClass(mapped.get(table), column) ?? "sensitive",
    encryptedColumns: [...mapped.values()].flatMap(({ name, encrypted }) =>
      encrypted.map((column) => ({ table: name, column })),
    ),
    redactionKeys: [...new Set(all.filter(({ level }) => atLeast(level, "personal")).map(({ column }) => column))],
  };
}

/** The class that was declared; nothing is inherited from a prototype. */
export function declaredClass(table: PersonalTable | undefined, column: string): DataClass | undefined {
  return table !== undefined && Object.hasOwn(table.columns, column) ? table.columns[column] : undefined;
}

/** The columns of a class or above. */
export function columnsFrom({ columns }: PersonalTable, least: DataClass): readonly string[] {
  return Object.entries(columns).flatMap(([column, level]) => (atLeast(level, least) ? [column] : []));
}

function validate(name: string, table: PersonalTable, tables: PersonalDataOptions["tables"]): void {
  const owner = `personalData({ tables: { ${name} } })`;
  rejectUnknownOptions(owner, table, TABLE_OPTIONS);
  const {
    columns,
    key = "id",
    subject,
    erase,
    replace = {},
    hashed = [],
    others = [],
    encrypted = [],
    retention,
  } = table;
  rejectNonRecord(owner, "columns", columns);
  const bad = Object.entries(columns ?? {}).find(([, level]) => !DATA_CLASSES.includes(level));
  if (bad !== undefined) throw new TypeError(`${owner} knows the classes ${DATA_CLASSES.join(", ")}; see "${bad[0]}".`);
  if (!ACTIONS.has(erase)) throw new TypeError(`${owner} erases by delete, anonymise, shred or keep.`);
  if (erase === "keep" && !(retention !== undefined && "basis" in retention))
    throw new TypeError(`${owner} needs retention: { basis } for what is kept: which law or contract wants it?`);
  const link = typeof subject === "object" ? subject.column : subject;
  if (typeof subject === "object" && tables[subject.of] === undefined)
    throw new TypeError(`${owner} links to "${subject.of}", which is no table of the map.`);
  const dated = retention !== undefined && "column" in retention ? [retention.column] : [];
  const named = [
    key,
    ...(link === undefined ? [] : [link]),
    ...Object.keys(replace),
    ...hashed,
    ...others,
    ...encrypted,
    ...dated,
  ];
  const unknown = named.find((column) => declaredClass(table, column) === undefined);
  if (unknown !== undefined) throw new TypeError(`${owner} names "${unknown}", which is not among its columns.`);
  if (retention !== undefined && "days" in retention && !(Number.isSafeInteger(retention.days) && retention.days > 0))
    throw new TypeError(`${owner} needs retention as a whole number of days.`);
}

function mapTable(name: string, table: PersonalTable, { subject, tables }: PersonalDataOptions): MappedTable {
  const { key = "id", hashed = [] } = table;
  const encrypted = table.encrypted ?? columnsFrom(table, "sensitive").filter((column) => !hashed.includes(column));
  const belongs = belongsTo(name, { subject, tables }, 0);
  return { ...table, name, key, hashed, encrypted, belongs, sql: quoteTable(name, "public") };
}

/** The condition on a row called `t`, `t1` and so on, from link to link up to the person. */
function belongsTo(name: string, map: PersonalDataOptions, depth: number): string | undefined {
  const table = map.tables[name] as PersonalTable;
  const row = depth === 0 ? "t" : `t${depth}`;
  if (depth > 16) throw new TypeError(`personalData() follows the links of "${name}" in a circle.`);
  if (name === map.subject) return `${row}.${quoteIdentifier(table.key ?? "id")} = $1`;
  if (table.subject === undefined) return undefined;
  if (typeof table.subject === "string") return `${row}.${quoteIdentifier(table.subject)} = $1`;
  const { column, of } = table.subject;
  const above = belongsTo(of, map, depth + 1);
  if (above === undefined) throw new TypeError(`personalData() finds no way from "${of}" to a person.`);
  const key = quoteIdentifier(map.tables[of]?.key ?? "id");
  const inner = `t${depth + 1}`;
  return `${row}.${quoteIdentifier(column)} in (select ${inner}.${key} from ${quoteTable(of, "public")} as ${inner} where ${above})`;
}
