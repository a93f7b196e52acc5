/** Whether each tenant table is protected at all, for every verb that is granted on it. */
import type { Finding, Rule } from "../../core/finding.ts";
import type { Facts, PolicyFacts, TableFacts } from "./facts.ts";
import { found, nameOf, sqlOf, tenantTables, type TenantTable } from "./judging.ts";
import { createOn } from "./policies.ts";

const DISABLED: Rule = {
  id: "tenant-isolation/rls-disabled",
  severity: "error",
  what: "A tenant table has no row-level security.",
  why: "Every query that forgets its condition shows every tenant.",
  fix: "Enable and force it, with policies for all four verbs; tenantMigration() writes them.",
};
const DORMANT: Rule = {
  id: "tenant-isolation/rls-off-with-policies",
  severity: "error",
  what: "A tenant table has policies, and row-level security is off: they do nothing.",
  why: "It looks protected in every review and is open.",
  fix: "Enable and force row-level security.",
};
const NOT_FORCED: Rule = {
  id: "tenant-isolation/rls-not-forced",
  severity: "error",
  what: "Row-level security of a tenant table does not bind its owner.",
  why: "Migrations, seeds and views that run as the owner see and write every tenant's rows.",
  fix: "Force it; give work across tenants a role with a policy of its own.",
};
const NO_POLICIES: Rule = {
  id: "tenant-isolation/no-policies",
  severity: "warning",
  what: "A tenant table has row-level security and no policy for the application's role.",
  why: "Nobody sees a row, and the usual remedy in a hurry is to switch it off.",
  fix: "Add the policies that were meant; tenantMigration() writes them.",
};
const VERB: Rule = {
  id: "tenant-isolation/verb-not-covered",
  severity: "warning",
  what: "The application's role was granted a verb that no policy covers.",
  why: "An insert fails, an update or delete silently does nothing; either the grant or the policy is a mistake.",
  fix: "Revoke the verb, or add its policy.",
};
const PARTITION: Rule = {
  id: "tenant-isolation/partition-unprotected",
  severity: "error",
  what: "A partition of a tenant table is granted by itself and not protected by itself.",
  why: "The parent's policies hold for queries through the parent; a query to the partition passes them by.",
  fix: "Revoke the privileges on the partition, or protect it like its parent.",
};
const CHILD: Rule = {
  id: "tenant-isolation/child-unprotected",
  severity: "error",
  what: "A table that inherits from a tenant table is granted and not protected.",
  why: "The parent's policies do not hold for queries to the child.",
  fix: "Protect the child like its parent, or revoke the privileges on it.",
};
const UNLOGGED: Rule = {
  id: "tenant-isolation/unlogged-table",
  severity: "note",
  what: "A tenant table is unlogged.",
  why: "A crash of the server empties it.",
  fix: "Make it a logged table, unless its rows may be lost.",
};
const TYPES: Rule = {
  id: "tenant-isolation/tenant-types-differ",
  severity: "warning",
  what: "The tenant is stored in different types in different tables.",
  why: "A cast in a policy or a join is where an index is lost and where two spellings of a tenant become two tenants.",
  fix: "Use one type for the tenant everywhere.",
};
const INDEX: Rule = {
  id: "tenant-isolation/tenant-index-missing",
  severity: "warning",
  what: "No index of a tenant table begins with the tenant.",
  why: "Every query reads the rows of all tenants to find those of one, and slows down with each new customer.",
  fix: "Let an index begin with the tenant.",
};
const NONE: Rule = {
  id: "tenant-isolation/no-tenant-tables",
  severity: "warning",
  what: "No table has a tenant.",
  why: "Nothing that follows could be judged: the column has another name, or this is another database.",
  fix: "Say which column holds the tenant, in the options tenantColumn and tables.",
};

export const TABLE_RULES: readonly Rule[] = [
  DISABLED,
  DORMANT,
  NOT_FORCED,
  NO_POLICIES,
  VERB,
  PARTITION,
  CHILD,
  UNLOGGED,
  TYPES,
  INDEX,
  NONE,
];

const VERBS = [
  ["SELECT", "r"],
  ["INSERT", "a"],
  ["UPDATE", "w"],
  ["DELETE", "d"],
] as const;

export function judgeTables(facts: Facts): readonly Finding[] {
  const tables = tenantTables(facts);
  if (tables.length === 0) return [found(NONE, facts.server.database)];
  return [...tables.flatMap((tenant) => judgeTable(tenant, facts)), ...judgeTypes(tables)];
}

function judgeTable({ table, column }: TenantTable, facts: Facts): readonly Finding[] {
  const name = nameOf(table);
  const sql = sqlOf(table);
  const parent = facts.tables.find(({ oid, rls }) => rls && table.parents.includes(oid));
  const policies = facts.policies.filter((policy) => policy.table === table.oid);
  const protect = `alter table ${sql} enable row level security; alter table ${sql} force row level security;`;
  const findings: Finding[] = [];
  if (!table.rls && parent === undefined) {
    findings.push(found(policies.length > 0 ? DORMANT : DISABLED, name, undefined, protect));
  }
  if (!table.rls && parent !== undefined && table.privileges.length > 0) {
    findings.push(found(table.partition ? PARTITION : CHILD, name, `of ${nameOf(parent)}`, protect));
  }
  if (table.rls && !table.forced)
    findings.push(found(NOT_FORCED, name, undefined, `alter table ${sql} force row level security;`));
  if (table.rls)
    findings.push(
      ...judgeCoverage(
        table,
        policies.filter(({ applies, permissive }) => applies && permissive),
        createOn({ table, column }, facts, "tenant_rows", "permissive"),
      ),
    );
  if (table.unlogged) findings.push(found(UNLOGGED, name, undefined, `alter table ${sql} set logged;`));
  const led = facts.indexes.some(
    (index) => index.table === table.oid && index.valid && !index.partial && index.columns[0] === column,
  );
  if (!led) findings.push(found(INDEX, name, column, `create index concurrently on ${sql} ("${column}");`));
  return findings;
}

function judgeCoverage(table: TableFacts, permissive: readonly PolicyFacts[], mend: string): readonly Finding[] {
  const granted = VERBS.filter(([privilege]) => table.privileges.includes(privilege));
  const open = granted.filter(
    ([, command]) => !permissive.some((policy) => policy.command === "*" || policy.command === command),
  );
  if (open.length === 0) return [];
  const verbs = open.map(([privilege]) => privilege).join(", ");
  if (open.length === granted.length) return [found(NO_POLICIES, nameOf(table), verbs, mend)];
  return [found(VERB, nameOf(table), verbs, `revoke ${verbs.toLowerCase()} on table ${sqlOf(table)} from <role>;`)];
}

function judgeTypes(tables: readonly TenantTable[]): readonly Finding[] {
  const typeOf = ({ table, column }: TenantTable): string =>
    table.columns.find(({ name }) => name === column)?.type ?? "";
  const counts = new Map<string, number>();
  for (const tenant of tables) counts.set(typeOf(tenant), (counts.get(typeOf(tenant)) ?? 0) + 1);
  const [usual] = [...counts].toSorted(([, left], [, right]) => right - left)[0] ?? [""];
  return tables
    .filter((tenant) => typeOf(tenant) !== usual)
    .map((tenant) =>
      found(
        TYPES,
        nameOf(tenant.table),
        `${typeOf(tenant)} instead of ${usual}`,
        `alter table ${sqlOf(tenant.table)} alter column "${tenant.column}" type ${usual} using "${tenant.column}"::text::${usual};`,
      ),
    );
}
