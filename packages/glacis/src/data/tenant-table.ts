/** What is said about a tenant table, and what is meant where nothing is said. */
import { rejectUnknownOptions } from "../core/options.ts";
import { quoteTable } from "./sql-quoting.ts";

export type Verb = "select" | "insert" | "update" | "delete";

/** A column that points at another tenant table. Its foreign key carries the tenant, so that it cannot point into another. */
export interface TenantReference {
  readonly column: string;
  readonly table: string;
  /** What it points at there. `id`. */
  readonly key?: string;
  readonly onDelete?: "no action" | "restrict" | "cascade" | "set null";
}

export interface TenantTable {
  /** `documents`, or `schema.documents`. The table exists already. */
  readonly name: string;
  /** `tenant_id`; `id` in the table of the tenants themselves. */
  readonly tenantColumn?: string;
  /** What other tables point at, unique together with the tenant. `id`; false where nothing points here. */
  readonly key?: string | false;
  readonly references?: readonly TenantReference[];
  /** What the role may do: a verb, or a verb on some columns alone. All four verbs. */
  readonly grant?: Readonly<Partial<Record<Verb, true | readonly string[]>>>;
  /**
   * Who decides inside the tenant. `tenant`: every row of the tenant may be touched. `policies`: other policies say which, and only the floor is
   * made here, which none of them can leave.
   */
  readonly access?: "tenant" | "policies";
}

/** A table with everything said. */
export interface CompleteTable {
  readonly sql: string;
  readonly tenantColumn: string;
  readonly key: string | false;
  readonly references: readonly Required<TenantReference>[];
  readonly grant: Readonly<Partial<Record<Verb, true | readonly string[]>>>;
  readonly access: "tenant" | "policies";
}

const TABLE_NAMES = ["name", "tenantColumn", "key", "references", "grant", "access"];
const REFERENCE_NAMES = ["column", "table", "key", "onDelete"];
const VERBS: readonly Verb[] = ["select", "insert", "update", "delete"];
const DELETIONS = ["no action", "restrict", "cascade", "set null"];

/**
 * @param schema where a name without one stands
 * @throws TypeError on an unknown option or value
 */
export function completeTable(table: TenantTable, schema: string): CompleteTable {
  rejectUnknownOptions("tenantMigration({ tables })", table, TABLE_NAMES);
  const { tenantColumn = "tenant_id", key = "id", access = "tenant" } = table;
  const grant = table.grant ?? Object.fromEntries(VERBS.map((verb) => [verb, true]));
  rejectUnknownOptions("tenantMigration({ grant })", grant, VERBS);
  if (access !== "tenant" && access !== "policies") throw new TypeError('access is "tenant" or "policies".');
  const references = (table.references ?? []).map((reference) => {
    rejectUnknownOptions("tenantMigration({ references })", reference, REFERENCE_NAMES);
    const { onDelete = "no action" } = reference;
    if (!DELETIONS.includes(onDelete)) throw new TypeError(`onDelete is one of ${DELETIONS.join(", ")}.`);
    return { ...reference, table: quoteTable(reference.table, schema), key: reference.key ?? "id", onDelete };
  });
  return { sql: quoteTable(table.name, schema), tenantColumn, key, references, grant, access };
}
