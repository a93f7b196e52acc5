/** Keys and indexes of tenant tables: what exists in another name or order of columns is left alone (catalog tenant-referential-integrity). */
import { quoteIdentifier, quoteLiteral } from "./sql-quoting.ts";
import type { CompleteTable, TenantReference } from "./tenant-table.ts";

/** The tenant is never null, and leads an index; the key is unique together with it, so that foreign keys can carry both. */
export function keyAndIndexes(table: CompleteTable): string {
  const { sql, tenantColumn, key } = table;
  const tenant = quoteIdentifier(tenantColumn);
  const lines = [`alter table ${sql} alter column ${tenant} set not null;`];
  if (key !== false && key !== tenantColumn) {
    lines.push(
      unless(
        uniqueOver(sql, [tenantColumn, key]),
        `alter table ${sql} add unique (${tenant}, ${quoteIdentifier(key)})`,
      ),
    );
  }
  for (const { column } of table.references) {
    if (column === tenantColumn) continue;
    lines.push(
      unless(ledBy(sql, [tenantColumn, column]), `create index on ${sql} (${tenant}, ${quoteIdentifier(column)})`),
    );
  }
  lines.push(unless(ledBy(sql, [tenantColumn]), `create index on ${sql} (${tenant})`));
  return `\n${lines.join("\n")}\n`;
}

/** A key that points at the tenants themselves is the tenant alone; any other carries the tenant along. */
export function foreignKey(
  table: CompleteTable,
  reference: Required<TenantReference>,
  tables: ReadonlyMap<string, CompleteTable>,
): string {
  const { sql, tenantColumn } = table;
  const target = tables.get(reference.table);
  const targetTenant = target?.tenantColumn ?? "tenant_id";
  const alone = reference.column === tenantColumn;
  const from = alone ? [tenantColumn] : [tenantColumn, reference.column];
  const to = alone ? [reference.key] : [targetTenant, reference.key];
  const names = (columns: readonly string[]): string => columns.map(quoteIdentifier).join(", ");
  // Only the pointer is emptied: a row without a tenant would be nobody's.
  const deletion =
    reference.onDelete === "set null" ? `set null (${quoteIdentifier(reference.column)})` : reference.onDelete;
  return unless(
    `select from pg_catalog.pg_constraint c where c.contype = 'f' and c.conrelid = ${quoteLiteral(sql)}::regclass
    and c.confrelid = ${quoteLiteral(reference.table)}::regclass
    and c.conkey = ${numbers(sql, from)} and c.confkey = ${numbers(reference.table, to)}`,
    `alter table ${sql} add foreign key (${names(from)}) references ${reference.table} (${names(to)}) on delete ${deletion}`,
  );
}

function unless(condition: string, statement: string): string {
  return `do $glacis$ begin
  if not exists (${condition}) then
    ${statement};
  end if;
end $glacis$;`;
}

function uniqueOver(sql: string, columns: readonly string[]): string {
  return `select from pg_catalog.pg_index i where i.indrelid = ${quoteLiteral(sql)}::regclass and i.indisunique and i.indisvalid
    and i.indpred is null and i.indexprs is null and i.indnatts = ${columns.length}
    and i.indkey::int2[] @> ${numbers(sql, columns)}`;
}

function ledBy(sql: string, columns: readonly string[]): string {
  return `select from pg_catalog.pg_index i where i.indrelid = ${quoteLiteral(sql)}::regclass and i.indisvalid
    and i.indpred is null and (i.indkey::int2[])[0:${columns.length - 1}] = ${numbers(sql, columns)}`;
}

/** The numbers that Postgres gives to columns, in the order of the names. */
function numbers(sql: string, columns: readonly string[]): string {
  const list = columns.map((column) => quoteLiteral(column)).join(", ");
  return `(select array_agg(a.attnum order by n.place) from unnest(array[${list}]) with ordinality as n (name, place)
      join pg_catalog.pg_attribute a on a.attrelid = ${quoteLiteral(sql)}::regclass and a.attname = n.name)`;
}
