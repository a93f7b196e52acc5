/** The table of the audit trail: each tenant sees its own rows, nobody changes one, and none goes before its time. */
import { rejectUnknownOptions } from "../core/options.ts";
import { TENANT_SETTING, tenantExpression, type TenantType } from "../core/tenancy.ts";
import { quoteIdentifier } from "../primitives/sql-identifier.ts";

/** SOC 2 looks a year back, and whoever looks starts a month late. */
export const RETENTION_DAYS = 400;

export interface AuditTrailMigrationOptions {
  /** The role of tenants' transactions. It may read, add, and take out what is past its time; nothing else. */
  readonly role: string;
  /** How tenant ids are stored. `uuid`. */
  readonly tenantType?: TenantType;
  /** Policies believe the proof that `tenantDatabase({ proof })` makes. */
  readonly proof?: boolean;
  /** For how many days a row stays, at least. 400. */
  readonly retentionDays?: number;
}

const TYPES: readonly TenantType[] = ["uuid", "text", "bigint"];

/**
 * The table `glacis_audit_trail`, as a migration that may run again. Run it as a role that the application does not log in as.
 *
 * @throws TypeError on an unknown option, a role without a name, or fewer than 30 days
 */
export function auditTrailMigration(options: AuditTrailMigrationOptions): string {
  rejectUnknownOptions("auditTrailMigration", options, ["role", "tenantType", "proof", "retentionDays"]);
  const { role, tenantType = "uuid", proof = false, retentionDays = RETENTION_DAYS } = options;
  if (!TYPES.includes(tenantType)) throw new TypeError(`tenantType is one of ${TYPES.join(", ")}.`);
  requireRetention("auditTrailMigration", retentionDays);
  const grantee = quoteIdentifier(role);
  const own = `tenant_id = ${tenantExpression(tenantType, proof ? "proof" : TENANT_SETTING)}`;
  return `create table if not exists glacis_audit_trail (
  id bigint generated always as identity primary key,
  tenant_id ${tenantType} not null,
  at timestamptz(3) not null default clock_timestamp(),
  actor_id text not null check (length(actor_id) <= 200),
  actor_kind text not null check (actor_kind in ('user', 'service')),
  impersonator_id text check (length(impersonator_id) <= 200),
  action text not null check (length(action) <= 100),
  resource_type text not null check (length(resource_type) <= 100),
  resource_id text not null check (length(resource_id) <= 200),
  changes jsonb not null check (length(changes::text) <= 65536),
  reason text check (length(reason) <= 500),
  request_id text check (length(request_id) <= 64)
);
create index if not exists glacis_audit_trail_tenant on glacis_audit_trail (tenant_id, id);
alter table glacis_audit_trail enable row level security;
alter table glacis_audit_trail force row level security;
drop policy if exists tenant_select on glacis_audit_trail;
drop policy if exists tenant_insert on glacis_audit_trail;
drop policy if exists tenant_expire on glacis_audit_trail;
create policy tenant_select on glacis_audit_trail for select using (${own});
create policy tenant_insert on glacis_audit_trail for insert with check (${own});
create policy tenant_expire on glacis_audit_trail for delete using (${own} and at < now() - interval '${retentionDays} days');
create or replace function glacis_audit_trail_refuse() returns trigger language plpgsql as $$
begin
  raise exception 'the audit trail is append-only' using errcode = 'insufficient_privilege';
end $$;
drop trigger if exists glacis_append_only on glacis_audit_trail;
create trigger glacis_append_only before update or truncate on glacis_audit_trail
  for each statement execute function glacis_audit_trail_refuse();
alter table glacis_audit_trail enable always trigger glacis_append_only;
revoke all on glacis_audit_trail from public, ${grantee};
grant select, delete on glacis_audit_trail to ${grantee};
grant insert (tenant_id, actor_id, actor_kind, impersonator_id, action, resource_type, resource_id, changes, reason, request_id)
  on glacis_audit_trail to ${grantee};
`;
}

/** @throws TypeError when it is no whole number of days from 30 to 3650 */
export function requireRetention(name: string, days: number): void {
  if (!Number.isSafeInteger(days) || days < 30 || days > 3650)
    throw new TypeError(`${name}() needs retentionDays as a whole number from 30 to 3650.`);
}
