/** What the library keeps about people and tenants' queries have no business with: hashes, secrets, sessions (catalog database-exposure). */
import type { Finding, Rule } from "../../core/finding.ts";
import { quoteIdentifier } from "../sql-quoting.ts";
import type { Facts } from "./facts.ts";
import { found, nameOf, sqlOf } from "./judging.ts";

const REACHES_ACCOUNTS: Rule = {
  id: "database-exposure/role-reaches-accounts",
  severity: "error",
  what: "The application's role for tenants' rows reaches the library's accounts, sessions or secrets.",
  why: "They belong to no tenant, so no policy protects them: one injected query reads every password hash, or writes itself a session.",
  fix: "Let the library's stores log in as a role of their own; libraryMigration({ role, tenantRole }) and tenantMigration() see to the rest.",
};

export const ACCOUNT_RULES: readonly Rule[] = [REACHES_ACCOUNTS];

/** By table, the columns that nobody may read; no row of these tables may be written either. */
const SECRETS: ReadonlyMap<string, readonly string[]> = new Map([
  ["glacis_accounts", ["password_hash"]],
  ["glacis_sessions", ["id"]],
  ["glacis_session_revocations", []],
  ["glacis_pending_sign_ins", ["id", "record"]],
  ["glacis_one_time_links", ["id", "detail"]],
  ["glacis_jobs", ["payload"]],
  ["glacis_totp", ["secret", "offered"]],
  ["glacis_recovery_codes", ["hashes"]],
  ["glacis_passkey_users", ["handle"]],
  ["glacis_passkeys", []],
  ["glacis_passkey_challenges", ["id", "browser_id"]],
  ["glacis_api_keys", ["hash", "former_hash"]],
  ["glacis_sso_transactions", ["id", "data"]],
  ["glacis_sso_links", []],
  ["glacis_sso_sids", ["sid"]],
  ["glacis_oauth_tokens", ["sealed"]],
  ["glacis_oob_codes", ["id", "hash"]],
  ["glacis_oob_counters", []],
  ["glacis_access_places", []],
  // Steps that somebody must not skip.
  ["glacis_workflow", []],
  // Answers, as they were given to whoever asked.
  ["glacis_idempotency", ["response"]],
]);

const WRITING: ReadonlySet<string> = new Set(["INSERT", "UPDATE", "DELETE", "TRUNCATE"]);

/** A superuser reaches everything, and that is a finding of its own. */
export function judgeAccounts({ tables, roles, runtime }: Facts): readonly Finding[] {
  if (roles.some(({ member, self, superuser }) => member === runtime && self && superuser)) return [];
  return tables.flatMap((table) => {
    const secrets = SECRETS.get(table.name);
    if (secrets === undefined) return [];
    const read = table.columns.filter(({ name, readable }) => readable && secrets.includes(name));
    const reached = [
      ...read.map(({ name }) => `reads ${name}`),
      ...table.privileges.filter((privilege) => WRITING.has(privilege)).map((privilege) => privilege.toLowerCase()),
    ];
    if (reached.length === 0) return [];
    const mend = `revoke all on table ${sqlOf(table)} from ${quoteIdentifier(runtime)}, public;`;
    return [found(REACHES_ACCOUNTS, nameOf(table), reached.join(", "), mend)];
  });
}
