/** Whether keys carry the tenant, so that no row can point into another (catalog tenant-referential-integrity; guide A04). */
import type { Finding, Rule } from "../../core/finding.ts";
import { quoteIdentifier } from "../sql-quoting.ts";
import type { Facts, ForeignKeyFacts, IndexFacts, TableFacts } from "./facts.ts";
import { found, nameOf, sqlOf, tenantTables, type TenantTable } from "./judging.ts";

const SINGLE: Rule = {
  id: "tenant-referential-integrity/key-without-tenant",
  severity: "error",
  what: "A foreign key between tenant tables does not carry the tenant.",
  why: "A row can point at another tenant's row: foreign keys are checked past row-level security.",
  fix: "Reference the tenant together with the key; tenantMigration() makes such keys.",
};
const CROSSED: Rule = {
  id: "tenant-referential-integrity/key-pairs-other-column",
  severity: "error",
  what: "A foreign key carries the tenant, and pairs it with another column than the tenant.",
  why: "It looks composite and does not keep the two rows in one tenant.",
  fix: "Pair the tenant with the tenant.",
};
const UNVALIDATED: Rule = {
  id: "tenant-referential-integrity/key-not-validated",
  severity: "warning",
  what: "A foreign key was added without checking the rows that existed.",
  why: "Rows that point into another tenant may be there already.",
  fix: "Validate it.",
};
const SUSPENDED: Rule = {
  id: "tenant-referential-integrity/key-not-enforced",
  severity: "error",
  what: "A foreign key is switched off.",
  why: "Its triggers are disabled, or it was declared NOT ENFORCED: nothing is checked.",
  fix: "Enable the triggers of the table, and look at the rows that were written meanwhile.",
};
const EMPTIES: Rule = {
  id: "tenant-referential-integrity/key-empties-tenant",
  severity: "error",
  what: "Deleting what a row points at takes the tenant from the row.",
  why: "ON DELETE SET NULL empties every column of the key unless it names one: the row becomes nobody's, or the delete fails.",
  fix: "Name the pointer alone: on delete set null (owner_id).",
};
const UNTENANTED: Rule = {
  id: "tenant-referential-integrity/key-from-untenanted",
  severity: "warning",
  what: "A table without a tenant points at a tenant table.",
  why: "Its rows belong to tenants as well, and nothing protects them.",
  fix: "Give it a tenant column.",
};
const NULLABLE: Rule = {
  id: "tenant-referential-integrity/tenant-nullable",
  severity: "error",
  what: "A row can be without a tenant.",
  why: "It is nobody's, foreign keys do not check it, and one policy with IS NULL makes it everybody's.",
  fix: "Set the column NOT NULL.",
};
const UNIQUE: Rule = {
  id: "tenant-referential-integrity/unique-across-tenants",
  severity: "warning",
  what: "A value must be unique across all tenants.",
  why: "An insert that fails tells that another tenant has the value, and one tenant can take it from another.",
  fix: "Make it unique together with the tenant, unless it is meant to be global.",
};
const NO_TARGET: Rule = {
  id: "tenant-referential-integrity/key-target-missing",
  severity: "note",
  what: "A tenant table has a key that is not unique together with the tenant.",
  why: "No foreign key can carry the tenant to it.",
  fix: "Add the unique constraint.",
};
const NO_ROOT: Rule = {
  id: "tenant-referential-integrity/tenant-not-referenced",
  severity: "note",
  what: "The tenant of a table points at no table of tenants, directly or through another key.",
  why: "A tenant that does not exist can have rows, and one that is deleted leaves them.",
  fix: "Reference the tenants.",
};

export const KEY_RULES: readonly Rule[] = [
  SINGLE,
  CROSSED,
  UNVALIDATED,
  SUSPENDED,
  EMPTIES,
  UNTENANTED,
  NULLABLE,
  UNIQUE,
  NO_TARGET,
  NO_ROOT,
];

export function judgeKeys(facts: Facts): readonly Finding[] {
  const byOid = new Map(facts.tables.map((table) => [table.oid, table]));
  return [
    ...facts.foreignKeys.flatMap((key) => judgeForeignKey(key, byOid, facts)),
    ...tenantTables(facts).flatMap((tenant) => judgeTable(tenant, facts)),
  ];
}

function judgeForeignKey(
  key: ForeignKeyFacts,
  byOid: ReadonlyMap<number, TableFacts>,
  { tenantColumns, shared }: Facts,
): readonly Finding[] {
  const [table, target] = [byOid.get(key.table), byOid.get(key.target)];
  const [column, targetColumn] = [tenantColumns.get(key.table), tenantColumns.get(key.target)];
  if (table === undefined || target === undefined || targetColumn === undefined) return [];
  const place = `${nameOf(table)}.${key.name}`;
  if (column === undefined) {
    const type = target.columns.find(({ name }) => name === targetColumn)?.type ?? "uuid";
    const add = `alter table ${sqlOf(table)} add column ${quoteIdentifier(targetColumn)} ${type}; -- fill it, and let tenantMigration() do the rest`;
    return shared.has(nameOf(table)) ? [] : [found(UNTENANTED, place, undefined, add)];
  }
  const findings: Finding[] = [];
  const pair = key.targetColumns[key.columns.indexOf(column)];
  if (pair === undefined)
    findings.push(found(SINGLE, place, undefined, carryTenant(key, table, target, column, targetColumn)));
  else if (pair !== targetColumn)
    findings.push(
      found(CROSSED, place, `${column} with ${pair}`, carryTenant(key, table, target, column, targetColumn)),
    );
  if (!key.validated)
    findings.push(
      found(
        UNVALIDATED,
        place,
        undefined,
        `alter table ${sqlOf(table)} validate constraint ${quoteIdentifier(key.name)};`,
      ),
    );
  if (!key.enforced)
    findings.push(
      found(
        SUSPENDED,
        place,
        undefined,
        `alter table ${sqlOf(table)} enable trigger all; alter table ${sqlOf(target)} enable trigger all;`,
      ),
    );
  if (key.columns.length > 1 && key.emptied.includes(column))
    findings.push(found(EMPTIES, place, undefined, carryTenant(key, table, target, column, targetColumn)));
  return findings;
}

function carryTenant(
  key: ForeignKeyFacts,
  table: TableFacts,
  target: TableFacts,
  column: string,
  targetColumn: string,
): string {
  const others = key.columns.flatMap((name, at) =>
    name === column ? [] : [[name, key.targetColumns[at] ?? ""] as const],
  );
  const names = (list: readonly string[]): string => list.map(quoteIdentifier).join(", ");
  const pointers = others.map(([name]) => name);
  const deletion =
    key.onDelete === "set null"
      ? ` on delete set null (${names(pointers)})`
      : key.onDelete === "cascade"
        ? " on delete cascade"
        : "";
  return (
    `alter table ${sqlOf(table)} drop constraint ${quoteIdentifier(key.name)}, add foreign key (${names([column, ...pointers])})` +
    ` references ${sqlOf(target)} (${names([targetColumn, ...others.map(([, name]) => name)])})${deletion};`
  );
}

function judgeTable({ table, column }: TenantTable, facts: Facts): readonly Finding[] {
  const name = nameOf(table);
  const sql = sqlOf(table);
  const indexes = facts.indexes.filter((index) => index.table === table.oid);
  const findings: Finding[] = [];
  if (table.columns.find((candidate) => candidate.name === column)?.notNull === false) {
    findings.push(
      found(NULLABLE, name, column, `alter table ${sql} alter column ${quoteIdentifier(column)} set not null;`),
    );
  }
  for (const index of indexes.filter((candidate) => crossesTenants(candidate, column))) {
    findings.push(found(UNIQUE, `${name}.${index.name}`, index.columns.join(", "), perTenant(index, table, column)));
  }
  const key = indexes.find(({ primary }) => primary)?.columns ?? [];
  const pairs = indexes.some(
    ({ unique, valid, partial, columns }) =>
      unique && valid && !partial && columns.includes(column) && key.every((part) => columns.includes(part)),
  );
  if (key.length > 0 && !key.includes(column) && !pairs) {
    findings.push(
      found(
        NO_TARGET,
        name,
        key.join(", "),
        `alter table ${sql} add unique (${[column, ...key].map(quoteIdentifier).join(", ")});`,
      ),
    );
  }
  const root = key.length === 1 && key[0] === column;
  const anchored = facts.foreignKeys.some((foreign) => foreign.table === table.oid && foreign.columns.includes(column));
  if (!root && !anchored && table.parents.length === 0) {
    const add = `alter table ${sql} add foreign key (${quoteIdentifier(column)}) references <the table of tenants>;`;
    findings.push(found(NO_ROOT, name, column, add));
  }
  return findings;
}

/** A primary key that nobody chose tells nothing; everything else that is unique may be guessed and tried. */
function crossesTenants({ unique, primary, exclusion, columns, unguessable }: IndexFacts, column: string): boolean {
  return (unique || exclusion) && !primary && !columns.includes(column) && !unguessable;
}

/** What is made of more than columns has to be thought through by whoever wrote it. */
function perTenant(index: IndexFacts, table: TableFacts, column: string): string {
  if (index.expression || index.exclusion || index.partial)
    return `-- make ${quoteIdentifier(index.name)} on ${sqlOf(table)} again, with ${quoteIdentifier(column)} before what it has now`;
  const columns = [column, ...index.columns].map(quoteIdentifier).join(", ");
  if (index.constraint)
    return `alter table ${sqlOf(table)} drop constraint ${quoteIdentifier(index.name)}, add unique (${columns});`;
  return `create unique index concurrently on ${sqlOf(table)} (${columns}); drop index ${sqlOf({ schema: table.schema, name: index.name })};`;
}
