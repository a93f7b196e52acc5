import { ALARM_MIGRATION, auditLogMigration } from "glacis/audit";
import {
  API_KEY_MIGRATION,
  API_KEY_TABLES,
  AUTHENTICATION_MIGRATION,
  AUTHENTICATION_TABLES,
  PASSKEY_MIGRATION,
  PASSKEY_TABLES,
  RECOVERY_CODE_MIGRATION,
  SESSION_MIGRATION,
  SESSION_TABLES,
  SIGN_IN_THROTTLE_MIGRATION,
  SIGN_IN_THROTTLE_TABLES,
  SINGLE_SIGN_ON_MIGRATION,
  SINGLE_SIGN_ON_TABLES,
  TOTP_MIGRATION,
} from "glacis/authentication";
import { auditTrailMigration } from "glacis/audit";
import { SUPPORT_MIGRATION } from "glacis/authorization";
import { EVENT_ARCHIVE_MIGRATION } from "glacis/center";
import { IDEMPOTENCY_MIGRATION, UPLOAD_QUOTA_MIGRATION } from "glacis/input";
import { rateLimitMigration } from "glacis/network";
import { attachmentsMigration } from "../attachments/migration.ts";
import { webhooksMigration } from "../webhooks/migration.ts";
import { ROW_POLICIES } from "./access-policies.ts";
import { accounts, libraryAccounts, libraryRole, rolesChange, secondFactorPolicy } from "./migration-accounts.ts";
import { documents, ownerOfShares, sharesOfMembers } from "./migration-documents.ts";
import { ensureRole, isolate, ROLES, TENANT, type DatabaseRoles } from "./migration-parts.ts";

export { ROLES, type DatabaseRoles };

export interface Migration {
  readonly name: string;
  readonly sql: string;
}

/** Every change of the database, oldest first. Never edit one that has been released: its hash is recorded. */
export function migrations(roles: DatabaseRoles = ROLES): readonly Migration[] {
  const { runtime, signIn } = roles;
  return [
    { name: "0001-roles", sql: ensureRole(runtime) + ensureRole(signIn) },
    { name: "0002-accounts", sql: accounts(runtime, signIn) },
    { name: "0003-documents", sql: documents(runtime) },
    { name: "0004-roles-change", sql: rolesChange(runtime) },
    { name: "0005-library-accounts", sql: libraryAccounts(runtime, signIn) },
    { name: "0006-library-role", sql: libraryRole(roles) },
    { name: "0007-shares-of-members", sql: sharesOfMembers() },
    { name: "0008-attachments", sql: attachmentsMigration(roles, isolate) },
    { name: "0009-owner-of-shares", sql: ownerOfShares() },
    { name: "0010-audit-trail", sql: auditTrailMigration({ role: runtime }) },
    { name: "0011-second-factor-policy", sql: secondFactorPolicy(runtime) },
    { name: "0012-webhooks", sql: webhooksMigration(roles, isolate, TENANT) },
  ];
}

/** The library's own tables, which are safe to make again and stand before the migrations that refer to them. */
export const FOUNDATION: string = [
  SESSION_MIGRATION,
  rateLimitMigration(),
  AUTHENTICATION_MIGRATION,
  SIGN_IN_THROTTLE_MIGRATION,
  TOTP_MIGRATION,
  RECOVERY_CODE_MIGRATION,
  PASSKEY_MIGRATION,
  API_KEY_MIGRATION,
  SINGLE_SIGN_ON_MIGRATION,
  EVENT_ARCHIVE_MIGRATION,
  UPLOAD_QUOTA_MIGRATION,
  IDEMPOTENCY_MIGRATION,
  ALARM_MIGRATION,
  SUPPORT_MIGRATION,
].join("");

const LIBRARY_TABLES = [
  ...SESSION_TABLES,
  ...AUTHENTICATION_TABLES,
  ...SIGN_IN_THROTTLE_TABLES,
  ...PASSKEY_TABLES,
  ...API_KEY_TABLES,
  ...SINGLE_SIGN_ON_TABLES,
  "glacis_rate_limits",
  "glacis_totp",
  "glacis_recovery_codes",
  "glacis_upload_quotas",
  "glacis_idempotency",
  "glacis_alarm_points",
  "glacis_alarm_states",
  "glacis_alarm_evaluator",
  "glacis_support_consents",
  "glacis_support_visits",
].join(", ");

/**
 * What is safe to repeat, and repeated at each start: the audit log, which nobody may rewrite; who reaches the library's tables; this login's right
 * to become either role; and the policies that the access policies compile to.
 */
export function upkeep({ runtime, library }: DatabaseRoles = ROLES): string {
  return `
revoke all on glacis_events, glacis_event_counts, glacis_event_sums, ${LIBRARY_TABLES} from public, ${runtime};
grant select, insert, delete on glacis_events to ${library};
grant select, insert, update, delete on glacis_event_counts, glacis_event_sums to ${library};
grant select, insert, update, delete on ${LIBRARY_TABLES} to ${library};
${auditLogMigration(library)}
${[runtime, library].map(membershipOf).join("")}
${ROW_POLICIES}`;
}

function membershipOf(role: string): string {
  return `
do $$ begin
  if not pg_has_role(current_user, '${role}', 'member') then grant ${role} to current_user; end if;
end $$;
`;
}
