/**
 * The names that what opens transactions, what writes policies and what judges them agree on. They stand in databases and migrations: for ever.
 */

/** The setting that says which tenant a transaction is for. It is local to the transaction. */
export const TENANT_SETTING = "app.tenant_id";

/** The setting that carries the proof of it, where one is asked for. */
export const TENANT_PROOF_SETTING = "app.tenant_proof";

/** The function that answers with the tenant once its proof holds, and with null where no tenant is set. */
export const TENANT_FUNCTION = "glacis.current_tenant()";

/** The restrictive policy beneath all others of a tenant table. */
export const TENANT_FLOOR = "tenant_floor";

/** How tenant ids are stored. */
export type TenantType = "uuid" | "text" | "bigint";

/**
 * The tenant of the transaction as an SQL expression for policies, evaluated once per statement. Absent and empty both become null, which
 * equals nothing: no tenant, no rows. The cast stands inside, so that the planner sees two such conditions as one and expects as many rows as
 * there are.
 *
 * @param source `proof` asks the function that checks the proof; a setting's name believes that setting
 */
export function tenantExpression(type: TenantType, source: string = TENANT_SETTING): string {
  const value = source === "proof" ? TENANT_FUNCTION : `nullif(current_setting('${source}', true), '')`;
  return type === "text" ? `(select ${value})` : `(select ${value}::${type})`;
}
