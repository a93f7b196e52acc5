import { ALARM_MIGRATION } from "../audit/alarm-store-postgres.ts";
import { auditLogMigration } from "../audit/audit-log-postgres.ts";
import { API_KEY_MIGRATION } from "../authentication/api-key-store.ts";
import { AUTHENTICATION_MIGRATION } from "../authentication/authentication-store.ts";
import { PASSKEY_MIGRATION } from "../authentication/passkey-postgres.ts";
import { OAUTH_TOKEN_MIGRATION } from "../authentication/oauth-token-store.ts";
import { OUT_OF_BAND_MIGRATION } from "../authentication/out-of-band-store.ts";
import { RECOVERY_CODE_MIGRATION } from "../authentication/recovery-code-store.ts";
import { SESSION_MIGRATION } from "../authentication/session-postgres.ts";
import { SIGN_IN_THROTTLE_MIGRATION } from "../authentication/sign-in-throttle-postgres.ts";
import { SINGLE_SIGN_ON_MIGRATION } from "../authentication/single-sign-on-store.ts";
import { TOTP_MIGRATION } from "../authentication/totp-store.ts";
import { ACCESS_PLACE_MIGRATION } from "../authorization/adaptive-access-store.ts";
import { SUPPORT_MIGRATION } from "../authorization/support-store.ts";
import { EVENT_ARCHIVE_MIGRATION } from "../center/event-store-postgres.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { SINGLE_USE_MIGRATION } from "../data/single-use-postgres.ts";
import { IDEMPOTENCY_MIGRATION } from "../input/idempotency-store.ts";
import { UPLOAD_QUOTA_MIGRATION } from "../input/upload-quota-store.ts";
import { WORKFLOW_MIGRATION } from "../input/workflow-store.ts";
import { rateLimitMigration } from "../network/rate-limit-postgres.ts";
import { quoteIdentifier } from "../primitives/sql-identifier.ts";

export interface LibraryMigrationOptions {
  /** The role that the library's stores log in as. It exists already, and owns nothing. */
  readonly role: string;
  /** The role of tenants' transactions, of `tenantMigration()`: it is given nothing here, and loses what it was given before. */
  readonly tenantRole?: string;
}

const CREATED = /create (?:unlogged )?table if not exists (\w+)/gu;

/** Recorded events may go when their time is over; nobody rewrites them. */
const NARROWER: Readonly<Record<string, string>> = { glacis_events: "select, insert, delete" };

/**
 * Everything that the library keeps in Postgres, as one migration: tables, indexes, and what the application's role may do with them. Safe to
 * run again after every update of the library, which is how it is upgraded. To be run by the owner of the database, who is somebody else than
 * the application (least privilege: guide, Core Security Principles).
 *
 * @throws TypeError when a role is no plain name, or both are the same, or an option is unknown.
 * @example
 * await owner.query(libraryMigration({ role: "app", tenantRole: "app_tenants" }));
 */
export function libraryMigration(options: LibraryMigrationOptions): string {
  rejectUnknownOptions("libraryMigration", options, ["role", "tenantRole"]);
  const { role, tenantRole } = options;
  if (tenantRole === role)
    throw new TypeError(
      "libraryMigration() needs two roles: SQL that is smuggled into a tenant's query must not reach accounts and sessions.",
    );
  const sql = [
    SESSION_MIGRATION,
    AUTHENTICATION_MIGRATION,
    SIGN_IN_THROTTLE_MIGRATION,
    TOTP_MIGRATION,
    PASSKEY_MIGRATION,
    RECOVERY_CODE_MIGRATION,
    API_KEY_MIGRATION,
    SINGLE_SIGN_ON_MIGRATION,
    OAUTH_TOKEN_MIGRATION,
    OUT_OF_BAND_MIGRATION,
    SUPPORT_MIGRATION,
    ACCESS_PLACE_MIGRATION,
    rateLimitMigration(),
    UPLOAD_QUOTA_MIGRATION,
    IDEMPOTENCY_MIGRATION,
    WORKFLOW_MIGRATION,
    SINGLE_USE_MIGRATION,
    ALARM_MIGRATION,
    EVENT_ARCHIVE_MIGRATION,
  ].join("\n");
  const tables = tablesOf(sql);
  const revoked =
    tenantRole === undefined ? [] : [`revoke all on ${tables.join(", ")} from public, ${quoteIdentifier(tenantRole)};`];
  const grants = tables.map(
    (table) => `grant ${NARROWER[table] ?? "select, insert, update, delete"} on ${table} to ${quoteIdentifier(role)};`,
  );
  // The audit log decides by itself what a role may do with it.
  return `${sql}\n${[...revoked, ...grants].join("\n")}\n${auditLogMigration(role)}`;
}

function tablesOf(sql: string): readonly string[] {
  return [...sql.matchAll(CREATED)].flatMap(([, table]) => table ?? []);
}
