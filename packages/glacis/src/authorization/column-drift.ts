/** Are the columns in the live database what the access policy compares them as? */
import { finding, type Finding, type Rule } from "../core/finding.ts";
import type { ColumnType } from "./columns.ts";
import { columnsIn, type Condition } from "./condition.ts";
import { quoteIdentifier } from "./condition-sql.ts";
import type { PolicyModel } from "./read-policy.ts";

export const COLUMN_DIFFERS: Rule = {
  id: "object-level-authorization/column-differs",
  severity: "error",
  what: "A column in the database compares in another way than the access policy does.",
  why: "What the database takes for equal, such as texts in upper and lower case or with blanks behind them, the handler does not.",
  fix: "Change the column's type or collation, or declare the column as it is.",
};

/** Types whose values are equal in the database exactly where they are in memory. Of a time only presence is asked. */
const ALIKE: Readonly<Record<ColumnType, readonly string[]>> = {
  text: ["text", "character varying"],
  uuid: ["uuid"],
  integer: ["integer", "smallint"],
  bigint: ["bigint", "integer", "smallint"],
  boolean: ["boolean"],
  timestamptz: ["timestamp with time zone", "timestamp without time zone", "date"],
  "text[]": ["text[]", "character varying[]"],
  "uuid[]": ["uuid[]"],
};

interface ColumnReader {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

interface ColumnRow {
  readonly name: string;
  readonly type: string;
  /** The collation, where it takes texts for equal that are written differently. */
  readonly folding: string | null;
}

/**
 * Looks at each column that a rule compares, in the policy's own table and in those that it looks into.
 *
 * @param own the policy's table, quoted
 */
export async function columnDrift(
  connection: ColumnReader,
  model: PolicyModel,
  own: string,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [table, columns] of comparedIn(model, own)) {
    const { rows } = await connection.query(
      `select a.attname::text as name, pg_catalog.format_type(case t.typtype when 'd' then t.typbasetype else t.oid end, null) as type,
         case when c.collisdeterministic then null else c.collname::text end as folding
       from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
       left join pg_catalog.pg_collation c on c.oid = a.attcollation
       where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped`,
      [table],
    );
    const live = new Map((rows as readonly ColumnRow[]).map((row) => [row.name, row]));
    for (const [name, type] of columns) {
      const found = live.get(name);
      // A column that is not there has failed already, when the policies were made on a copy.
      if (found === undefined) continue;
      const detail = [
        ...(ALIKE[type].includes(found.type) ? [] : [`${found.type} instead of ${type}`]),
        ...(found.folding === null ? [] : [`collation ${found.folding}`]),
      ];
      if (detail.length > 0)
        findings.push(finding(COLUMN_DIFFERS, { kind: "database", name: `${table}.${name}` }, detail.join(", ")));
    }
  }
  return findings;
}

function comparedIn({ plans }: PolicyModel, own: string): ReadonlyMap<string, ReadonlyMap<string, ColumnType>> {
  const tables = new Map<string, Map<string, ColumnType>>([[own, new Map()]]);
  for (const { rule } of plans.values()) collect(rule, own, tables);
  return tables;
}

function collect(condition: Condition, own: string, tables: Map<string, Map<string, ColumnType>>): void {
  for (const { table, column } of columnsIn(condition)) {
    const place = table?.map(quoteIdentifier).join(".") ?? own;
    const columns = tables.get(place) ?? new Map<string, ColumnType>();
    tables.set(place, columns.set(column.name, column.type));
  }
}
