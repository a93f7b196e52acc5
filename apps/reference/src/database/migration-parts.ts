/** What several migrations are made of. */

/** The roles that the database is divided between; none owns a table, and the first two log in, where there is a server to log in to. */
export interface DatabaseRoles {
  /** What reads and writes tenants' rows. Row-level security binds it, and it reads nothing of the library's. */
  readonly runtime: string;
  /** What the library's stores become: accounts, sessions, events and counters, and no row of a tenant. */
  readonly library: string;
  /** The owner of the two functions between them: where somebody belongs before a tenant is known, and a colleague's address after. */
  readonly signIn: string;
}

export const ROLES: DatabaseRoles = {
  runtime: "documents_app",
  library: "documents_library",
  signIn: "documents_sign_in",
};

/** The tenant of the transaction. Absent and empty both become null, which equals nothing: no tenant, no rows. */
export const TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid";

/**
 * Row-level security for all four verbs, also for the table's owner (FORCE).
 *
 * @param column what holds the tenant's id
 */
export function isolate(table: string, column: string = "tenant_id"): string {
  const own = `${column} = ${TENANT}`;
  return `
alter table ${table} enable row level security;
alter table ${table} force row level security;
create policy tenant_select on ${table} for select using (${own});
create policy tenant_insert on ${table} for insert with check (${own});
create policy tenant_update on ${table} for update using (${own}) with check (${own});
create policy tenant_delete on ${table} for delete using (${own});
`;
}

/** Roles belong to the whole server, so another database may have made them already, or be making them right now. */
export function ensureRole(role: string): string {
  return `
do $$ begin
  create role ${role} nologin nosuperuser nobypassrls nocreatedb nocreaterole noinherit;
exception when duplicate_object or unique_violation then null;
end $$;
`;
}
