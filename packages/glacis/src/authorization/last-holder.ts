/** The database's word that a tenant keeps somebody of its highest role, whoever changes whom at the same time (catalog privilege-escalation). */
import { rejectUnknownOptions } from "../core/options.ts";

export interface LastHolderOptions {
  /** The table of memberships, such as `memberships`; one row for each person and tenant. */
  readonly table: string;
  readonly tenantColumn: string;
  readonly roleColumn: string;
  /** The role of which one holder stays. */
  readonly role: string;
  /** The table of the tenants and its key: a tenant that is deleted as a whole takes its last holder along. */
  readonly tenants: { readonly table: string; readonly key: string };
}

const OPTION_NAMES = ["table", "tenantColumn", "roleColumn", "role", "tenants"];
const NAME = /^[a-z_][a-z0-9_]{0,40}$/u;
const ROLE = /^[A-Za-z0-9_-]{1,63}$/u;

/** SQLSTATE of a change that would leave a tenant without a holder; the class is of our own. */
const LAST_HOLDER = "GT002";

/**
 * A migration for a trigger, which may be repeated; run it as the table's owner. Changes of one tenant's holders wait for each other on an
 * advisory lock, so of two owners who demote each other the second is refused. It needs READ COMMITTED, which sees what the first has
 * committed, or SERIALIZABLE, and refuses REPEATABLE READ, which would look at the past.
 *
 * @returns SQL of several statements
 * @throws TypeError on an unknown option or a name that is no plain identifier.
 * @example
 * const sql = lastHolderStays({
 *   table: "memberships", tenantColumn: "tenant_id", roleColumn: "role", role: "owner", tenants: { table: "tenants", key: "id" },
 * });
 */
export function lastHolderStays(options: LastHolderOptions): string {
  rejectUnknownOptions("lastHolderStays", options, OPTION_NAMES);
  const { table, tenantColumn, roleColumn, role, tenants } = options;
  rejectUnknownOptions("lastHolderStays({ tenants })", tenants, ["table", "key"]);
  for (const name of [table, tenantColumn, roleColumn, tenants.table, tenants.key]) {
    if (!NAME.test(name))
      throw new TypeError("lastHolderStays() needs names as plain identifiers in the schema public.");
  }
  if (!ROLE.test(role)) throw new TypeError("lastHolderStays() needs role as a word of letters, digits, _ and -.");
  const [members, home, trigger] = [`public.${table}`, `public.${tenants.table}`, `${table}_last_holder`];
  return `
create or replace function public.${trigger}() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
  as $glacis$
begin
  if current_setting('transaction_isolation') not in ('read committed', 'serializable') then
    raise exception 'Roles change under READ COMMITTED or SERIALIZABLE.' using errcode = '${LAST_HOLDER}';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('${trigger}:' || old.${tenantColumn}::text, 0));
  if not exists (select 1 from ${members} m where m.${tenantColumn} = old.${tenantColumn} and m.${roleColumn} = '${role}')
    and exists (select 1 from ${home} t where t.${tenants.key} = old.${tenantColumn}) then
    raise exception 'The last ${role} stays.' using errcode = '${LAST_HOLDER}';
  end if;
  return null;
end
$glacis$;
revoke all on function public.${trigger}() from public;
drop trigger if exists ${trigger} on ${members};
create trigger ${trigger} after update or delete on ${members}
  for each row when (old.${roleColumn} = '${role}') execute function public.${trigger}();
`;
}

/** Is this what the trigger of `lastHolderStays` threw? Libraries may have wrapped it. */
export function isLastHolderRefusal(error: unknown): boolean {
  let at: unknown = error;
  for (let depth = 0; depth < 5 && typeof at === "object" && at !== null; depth += 1) {
    if ((at as { readonly code?: unknown }).code === LAST_HOLDER) return true;
    at = (at as { readonly cause?: unknown }).cause;
  }
  return false;
}
