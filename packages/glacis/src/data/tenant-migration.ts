/** The SQL that makes tables tenant tables: row-level security, keys that carry the tenant, indexes, and the role that may use them (guide A04). */
import { rejectUnknownOptions } from "../core/options.ts";
import { TENANT_FLOOR, TENANT_SETTING, tenantExpression, type TenantType } from "../core/tenancy.ts";
import { quoteIdentifier, quoteLiteral, quoteTable, searchPathOf } from "./sql-quoting.ts";
import { foreignKey, keyAndIndexes } from "./tenant-keys.ts";
import { tenantProofMigration } from "./tenant-proof.ts";
import { completeTable, type CompleteTable, type TenantTable } from "./tenant-table.ts";

export interface TenantMigrationOptions {
  readonly tables: readonly TenantTable[];
  /** The unprivileged role of the running application; created without login where absent. */
  readonly role: string;
  /** A role for work across tenants, such as `systemDatabase()`; created without login where absent. */
  readonly systemRole?: string;
  readonly tenantType?: TenantType;
  /** Policies believe a proof that only the application can make, instead of a setting that any SQL can change. */
  readonly proof?: boolean;
  /** Where unqualified tables stand. `public`. */
  readonly schema?: string;
  /** The setting that says which tenant it is, where it is not `app.tenant_id`. */
  readonly setting?: string;
}

const OPTION_NAMES = ["tables", "role", "systemRole", "tenantType", "proof", "schema", "setting"];
const TYPES: readonly TenantType[] = ["uuid", "text", "bigint"];
const SETTING = /^[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*$/u;

/**
 * A migration for tables that exist. It may be applied again and again, and after tables were added to the list; run it as their owner.
 *
 * @returns SQL of several statements
 * @throws TypeError on an unknown option or a name that Postgres could not hold.
 * @example
 * const sql = tenantMigration({
 *   role: "app_runtime",
 *   tables: [
 *     { name: "tenants", tenantColumn: "id" },
 *     { name: "users", references: [{ column: "tenant_id", table: "tenants" }] },
 *     { name: "documents", references: [{ column: "owner_id", table: "users", onDelete: "cascade" }] },
 *   ],
 * });
 */
export function tenantMigration(options: TenantMigrationOptions): string {
  rejectUnknownOptions("tenantMigration", options, OPTION_NAMES);
  const { role, systemRole, tenantType = "uuid", proof = false, schema = "public", setting = TENANT_SETTING } = options;
  if (!TYPES.includes(tenantType)) throw new TypeError(`tenantType is one of ${TYPES.join(", ")}.`);
  if (!SETTING.test(setting)) throw new TypeError('setting is two words, such as "app.tenant_id".');
  if (proof && setting !== TENANT_SETTING) throw new TypeError(`A proof is for the setting "${TENANT_SETTING}".`);
  const given: unknown = options.tables;
  if (!Array.isArray(given)) throw new TypeError("tenantMigration() needs tables as a list.");
  const tables = new Map(options.tables.map((table) => [quoteTable(table.name, schema), completeTable(table, schema)]));
  if (tables.size !== options.tables.length) throw new TypeError("tenantMigration() has a table twice.");
  const tenant = tenantExpression(tenantType, proof ? "proof" : setting);
  return [
    ...[role, ...(systemRole === undefined ? [] : [systemRole])].map(ensureRole),
    ...(proof ? [ensureRole(keeperOf(role)), tenantProofMigration(role, keeperOf(role))] : []),
    closeTheDatabase([...new Set([schema, ...schemasOf(options.tables, schema)])], [role, systemRole]),
    ...[...tables.values()].flatMap((table) => [keyAndIndexes(table), policies(table, tenant, role, systemRole)]),
    closeTheLibrary(schema, role),
    // Keys first, so that the order of the list does not matter.
    ...[...tables.values()].flatMap((table) =>
      table.references.map((reference) => foreignKey(table, reference, tables)),
    ),
    ...[...tables.values()].map((table) => grants(table, role, systemRole)),
  ].join("\n");
}

function schemasOf(tables: readonly TenantTable[], schema: string): readonly string[] {
  return tables.map(({ name }) => (name.includes(".") ? name.slice(0, name.indexOf(".")) : schema));
}

/** The owner of the function that checks proofs. */
function keeperOf(role: string): string {
  return `${role}_keeper`;
}

/** Roles belong to the whole server, so another database may have made them already, or be making them right now. */
function ensureRole(role: string): string {
  return `
do $glacis$ begin
  create role ${quoteIdentifier(role)} nologin nosuperuser nobypassrls nocreatedb nocreaterole noreplication;
exception when duplicate_object or unique_violation then null;
end $glacis$;
`;
}

/** Nobody but owners makes objects here: not in the schemas, and no temporary table that would shadow a real one for whoever gets the connection next. */
function closeTheDatabase(schemas: readonly string[], roles: readonly (string | undefined)[]): string {
  const users = roles.filter((role) => role !== undefined).map(quoteIdentifier);
  return `
do $glacis$ begin
  execute format('revoke temporary on database %I from public', current_database());
end $glacis$;
${schemas
  .map(quoteIdentifier)
  .map(
    (schema) =>
      `revoke create on schema ${schema} from public;\ngrant usage on schema ${schema} to ${users.join(", ")};`,
  )
  .join("\n")}
${users.map((user) => ownSearchPath(user, schemas)).join("")}`;
}

/**
 * Accounts, sessions and counters belong to no tenant, so no policy protects them: they are another role's, and SQL that was smuggled into a
 * tenant's query finds none of it. The audit log stays, whose events join the transaction that they are about.
 */
function closeTheLibrary(schema: string, role: string): string {
  return `
do $glacis$ declare library text; begin
  for library in
    select c.oid::regclass::text from pg_catalog.pg_class c
    where c.relnamespace = ${quoteLiteral(quoteIdentifier(schema))}::regnamespace and c.relkind in ('r', 'p')
      and starts_with(c.relname, 'glacis_') and not starts_with(c.relname, 'glacis_audit_')
      and pg_catalog.pg_has_role(c.relowner, 'USAGE')
  loop
    execute 'revoke all on table ' || library || ${quoteLiteral(` from public, ${quoteIdentifier(role)}`)};
  end loop;
end $glacis$;
`;
}

/** What withTenant() would otherwise set in each transaction. Whoever may not alter the role leaves it to that. */
function ownSearchPath(user: string, schemas: readonly string[]): string {
  const path = quoteLiteral(` set search_path = ${searchPathOf(schemas)}`);
  return `
do $glacis$ begin
  execute 'alter role ' || ${quoteLiteral(user)} || format(' in database %I', current_database()) || ${path};
exception when insufficient_privilege then null;
end $glacis$;
`;
}

/**
 * The floor is restrictive: policies that are added later are held to it. The permissive ones say the same for each verb, so that dropping
 * either leaves the other. Because they say it in the same words, Postgres asks once.
 */
function policies(table: CompleteTable, tenant: string, role: string, systemRole: string | undefined): string {
  const { sql, access } = table;
  const own = `${quoteIdentifier(table.tenantColumn)} = ${tenant}`;
  const runtime = quoteIdentifier(role);
  const policy = (name: string, rest: string): string =>
    `drop policy if exists ${name} on ${sql};\ncreate policy ${name} on ${sql} ${rest};`;
  const lines = [
    `alter table ${sql} enable row level security;`,
    `alter table ${sql} force row level security;`,
    policy(TENANT_FLOOR, `as restrictive for all to ${runtime} using (${own}) with check (${own})`),
  ];
  if (access === "tenant") {
    lines.push(
      policy("tenant_select", `for select to ${runtime} using (${own})`),
      policy("tenant_insert", `for insert to ${runtime} with check (${own})`),
      policy("tenant_update", `for update to ${runtime} using (${own}) with check (${own})`),
      policy("tenant_delete", `for delete to ${runtime} using (${own})`),
    );
  }
  if (systemRole !== undefined) {
    lines.push(policy("tenant_system", `for all to ${quoteIdentifier(systemRole)} using (true) with check (true)`));
  }
  return `\n${lines.join("\n")}\n`;
}

/** What was granted before is taken back first: TRUNCATE, TRIGGER and REFERENCES are not bound by row-level security. */
function grants({ sql, grant }: CompleteTable, role: string, systemRole: string | undefined): string {
  const runtime = quoteIdentifier(role);
  const privileges = Object.entries(grant).map(([verb, columns]) =>
    columns === true ? verb : `${verb} (${columns.map(quoteIdentifier).join(", ")})`,
  );
  const users = [role, ...(systemRole === undefined ? [] : [systemRole])].map(quoteIdentifier).join(", ");
  return `
revoke all on table ${sql} from public, ${users};
${privileges.length === 0 ? "" : `grant ${privileges.join(", ")} on table ${sql} to ${runtime};`}
${systemRole === undefined ? "" : `grant select, insert, update, delete on table ${sql} to ${quoteIdentifier(systemRole)};`}
do $glacis$ declare sequence text; begin
  for sequence in
    select d.objid::regclass::text from pg_catalog.pg_depend d
    join pg_catalog.pg_class c on c.oid = d.objid and c.relkind = 'S'
    where d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass
      and d.refobjid = ${quoteLiteral(sql)}::regclass and d.deptype in ('a', 'i')
  loop
    execute 'grant usage on sequence ' || sequence || ${quoteLiteral(` to ${users}`)};
  end loop;
end $glacis$;
`;
}
