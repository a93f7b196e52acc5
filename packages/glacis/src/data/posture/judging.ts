/** What every judge of the posture uses: places, names as SQL, and the tables that hold tenants' rows. */
import { finding, type Finding, type Rule } from "../../core/finding.ts";
import { quoteIdentifier } from "../sql-quoting.ts";
import type { Facts, TableFacts } from "./facts.ts";

/** A finding at a place in a database. */
export function found(rule: Rule, name: string, detail?: string, sql?: string): Finding {
  return finding(rule, { kind: "database", name }, detail, sql);
}

export function nameOf({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `${schema}.${name}`;
}

export function sqlOf({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

export interface TenantTable {
  readonly table: TableFacts;
  readonly column: string;
}

/** The tables with a tenant, foreign tables left out. */
export function tenantTables({ tables, tenantColumns }: Facts): readonly TenantTable[] {
  return tables.flatMap((table) => {
    const column = tenantColumns.get(table.oid);
    return column === undefined || table.kind === "f" ? [] : [{ table, column }];
  });
}
