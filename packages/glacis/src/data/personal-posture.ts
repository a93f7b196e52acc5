/** The map held against the database: what it has and nobody has classified, and what would stop an erasure. */
import type { Finding } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { CLASS_MISSING, CLASS_MISSING_PERSONAL, CLASS_STALE } from "./data-classification.ts";
import { declaredClass, type MappedTable, type PersonalDataMap } from "./personal-data.ts";
import { suggestedClass } from "./personal-names.ts";
import type { PostureClient } from "./posture/collect.ts";
import { found } from "./posture/judging.ts";
import { ERASURE_BLOCKED, ERASURE_CASCADE } from "./retention-erasure.ts";
import { splitTable } from "./sql-quoting.ts";

const COLUMNS = `
  select n.nspname as "schema", c.relname as "table", a.attname as "column"
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relkind in ('r', 'p', 'f') and not c.relispartition and n.nspname = any ($1::text[]) and c.relname !~ '^glacis_'
    and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
  order by 1, 2, a.attnum`;

const REFERENCES = `
  select fn.nspname || '.' || f.relname as "from", tn.nspname || '.' || t.relname as "to", k.conname as "name", k.confdeltype as "onDelete"
  from pg_catalog.pg_constraint k
    join pg_catalog.pg_class f on f.oid = k.conrelid join pg_catalog.pg_namespace fn on fn.oid = f.relnamespace
    join pg_catalog.pg_class t on t.oid = k.confrelid join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
  where k.contype = 'f' and k.conparentid = 0 order by 1, 3`;

interface ColumnRow {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
}

interface ReferenceRow {
  readonly from: string;
  readonly to: string;
  readonly name: string;
  /** As in pg_constraint: no action, restrict, cascade, set null, set default. */
  readonly onDelete: "a" | "r" | "c" | "n" | "d";
}

export interface PersonalDataPostureOptions {
  /** The schemas to look at: those of the map's tables. */
  readonly schemas?: readonly string[];
}

/**
 * Reads the catalogs over the application's own connection; it changes nothing.
 *
 * @returns findings for `dataClassification` and `retentionErasure`
 * @throws when the connection fails.
 * @example
 * const posture = await personalDataPosture(pool, map);
 */
export async function personalDataPosture(
  client: PostureClient,
  map: PersonalDataMap,
  options: PersonalDataPostureOptions = {},
): Promise<readonly Finding[]> {
  rejectUnknownOptions("personalDataPosture", options, ["schemas"]);
  const mapped = new Map([...map.tables.values()].map((table) => [fullName(table.name), table]));
  const schemas = options.schemas ?? [...new Set([...mapped.keys()].map((name) => splitTable(name, "public").schema))];
  const columns = (await client.query(COLUMNS, [schemas])).rows as readonly ColumnRow[];
  const references = (await client.query(REFERENCES)).rows as readonly ReferenceRow[];
  return [
    ...judgeColumns(columns, mapped),
    ...judgeStale(columns, mapped),
    ...references.flatMap((reference) => judgeReference(reference, mapped)),
  ];
}

type Mapped = ReadonlyMap<string, MappedTable>;

function fullName(name: string): string {
  const { schema, table } = splitTable(name, "public");
  return `${schema}.${table}`;
}

function judgeColumns(columns: readonly ColumnRow[], mapped: Mapped): readonly Finding[] {
  return columns.flatMap(({ schema, table: name, column }) => {
    const table = mapped.get(`${schema}.${name}`);
    if (declaredClass(table, column) !== undefined) return [];
    const place = `${schema}.${name}.${column}`;
    const suggested = suggestedClass(column);
    if (suggested !== undefined) return [found(CLASS_MISSING_PERSONAL, place, `looks ${suggested}`)];
    return table === undefined ? [] : [found(CLASS_MISSING, place)];
  });
}

function judgeStale(columns: readonly ColumnRow[], mapped: Mapped): readonly Finding[] {
  const known = new Set(columns.map(({ schema, table, column }) => `${schema}.${table}.${column}`));
  return [...mapped].flatMap(([name, table]) =>
    Object.keys(table.columns)
      .map((column) => `${name}.${column}`)
      .filter((place) => !known.has(place))
      .map((place) => found(CLASS_STALE, place)),
  );
}

/** What refers to rows that an erasure deletes must be erased first, or give way. */
function judgeReference({ from, to, name, onDelete }: ReferenceRow, mapped: Mapped): readonly Finding[] {
  const target = mapped.get(to);
  if (from === to || target?.belongs === undefined || (target.erase ?? "delete") !== "delete") return [];
  const source = mapped.get(from);
  if (onDelete === "c") return source === undefined ? [found(ERASURE_CASCADE, from, name)] : [];
  if (onDelete === "n" || onDelete === "d") return [];
  const handled = source?.belongs !== undefined && ["delete", "anonymise"].includes(source.erase ?? "delete");
  return handled ? [] : [found(ERASURE_BLOCKED, from, `${name} to ${to}`)];
}
