/** Who asks: the login and the role that the application runs as, and what either can become. */
import type { Finding, Rule } from "../../core/finding.ts";
import { quoteIdentifier } from "../sql-quoting.ts";
import type { Facts, RoleFacts } from "./facts.ts";
import { found } from "./judging.ts";

const EXEMPT_WHY =
  "Row-level security does not bind it: one injected query, one forgotten scope, and every tenant's rows are open.";

const SUPERUSER: Rule = {
  id: "database-exposure/role-superuser",
  severity: "error",
  what: "The application's login or role is a superuser.",
  why: EXEMPT_WHY,
  fix: "Log in as a role without attributes; tenantMigration() makes one.",
};
const BYPASSES: Rule = {
  id: "database-exposure/role-bypasses-rls",
  severity: "error",
  what: "The application's login or role has BYPASSRLS.",
  why: EXEMPT_WHY,
  fix: "Take the attribute away; give work across tenants a role and a pool of its own.",
};
const OWNS_TABLES: Rule = {
  id: "database-exposure/role-owns-tables",
  severity: "error",
  what: "The application's login or role owns tables.",
  why: "An owner can switch row-level security off, drop a policy or the table.",
  fix: "Let the role of the migrations own the tables, and grant the application what it needs.",
};
const OWNS_DATABASE: Rule = {
  id: "database-exposure/role-owns-database",
  severity: "error",
  what: "The application's login or role owns the database.",
  why: "The owner of a database creates schemas and extensions in it, and grants to whom it likes.",
  fix: "Give the database to the role of the migrations.",
};
const CREATES_ROLES: Rule = {
  id: "database-exposure/role-creates-roles",
  severity: "error",
  what: "The application's login or role has CREATEROLE.",
  why: "It can make a role, and grant itself one that it has no business with.",
  fix: "Take the attribute away.",
};
const CREATES_DATABASES: Rule = {
  id: "database-exposure/role-creates-databases",
  severity: "warning",
  what: "The application's login or role has CREATEDB.",
  why: "It owns what it creates, and can copy a database that is marked as a template.",
  fix: "Take the attribute away.",
};
const REPLICATES: Rule = {
  id: "database-exposure/role-replicates",
  severity: "error",
  what: "The application's login or role has REPLICATION.",
  why: "A replication connection streams every row of every tenant, whatever the policies say.",
  fix: "Take the attribute away; replicate as a role of its own.",
};
const BECOMES_SUPERUSER: Rule = {
  id: "database-exposure/role-becomes-superuser",
  severity: "error",
  what: "The application's login or role can become a superuser.",
  why: "SET ROLE is one statement, and injected SQL can send it.",
  fix: "Revoke the membership, on the whole way to the superuser.",
};
const BECOMES_BYPASSING: Rule = {
  id: "database-exposure/role-becomes-bypassing",
  severity: "error",
  what: "The application's login or role can become a role with BYPASSRLS.",
  why: "The attribute is not inherited, but SET ROLE takes it on in one statement.",
  fix: "Revoke the membership, on the whole way to that role.",
};
const BECOMES_OWNER: Rule = {
  id: "database-exposure/role-becomes-owner",
  severity: "error",
  what: "The application's login or role can become the owner of tables or of the database.",
  why: "As the owner it can switch row-level security off.",
  fix: "Revoke the membership; the application never needs to be the owner.",
};
const BECOMES_CREATOR: Rule = {
  id: "database-exposure/role-becomes-role-creator",
  severity: "error",
  what: "The application's login or role can become a role with CREATEROLE or REPLICATION.",
  why: "From there it can make or take what it was not given.",
  fix: "Revoke the membership.",
};
const READS_EVERYTHING: Rule = {
  id: "database-exposure/role-reads-everything",
  severity: "error",
  what: "The application's login or role is a member of pg_read_all_data or pg_write_all_data.",
  why: "Every table in every schema is open to it, the ones that were not granted among them.",
  fix: "Revoke the membership and grant table by table.",
};
const REACHES_FILES: Rule = {
  id: "database-exposure/role-reaches-files",
  severity: "error",
  what: "The application's login or role may read or write files of the server, or run programs on it.",
  why: "COPY then reads the data files of all tenants, or a shell runs as the database's user.",
  fix: "Revoke the membership.",
};
const WATCHES_OTHERS: Rule = {
  id: "database-exposure/role-watches-others",
  severity: "warning",
  what: "The application's login or role sees or ends what others do in the server.",
  why: "Running queries of others quote their values; ending their sessions is an outage.",
  fix: "Revoke the membership; monitor as a role of its own.",
};
const ADMINISTERS: Rule = {
  id: "database-exposure/role-administers",
  severity: "error",
  what: "The application's login or role is a member of a provider's administrator role.",
  why: "Providers give that role most of what a superuser may do.",
  fix: "Revoke the membership; administer as a login of its own.",
};
const GRANTS_ON: Rule = {
  id: "database-exposure/role-grants-on",
  severity: "warning",
  what: "The application's login or role may grant a role to others.",
  why: "What it may hand on, injected SQL may hand on.",
  fix: "Revoke the admin option.",
};
const ANOTHER_LOGIN: Rule = {
  id: "database-exposure/login-is-another-role",
  severity: "note",
  what: "The application logs in as one role and runs as another.",
  why: "RESET ROLE returns to the login, so the login's privileges are what injected SQL has.",
  fix: "Log in as the role that the application runs as.",
};

export const ROLE_RULES: readonly Rule[] = [
  SUPERUSER,
  BYPASSES,
  OWNS_TABLES,
  OWNS_DATABASE,
  CREATES_ROLES,
  CREATES_DATABASES,
  REPLICATES,
  BECOMES_SUPERUSER,
  BECOMES_BYPASSING,
  BECOMES_OWNER,
  BECOMES_CREATOR,
  READS_EVERYTHING,
  REACHES_FILES,
  WATCHES_OTHERS,
  ADMINISTERS,
  GRANTS_ON,
  ANOTHER_LOGIN,
];

/** Predefined roles, by what they allow (PostgreSQL documentation, section 22.5). */
const PREDEFINED: ReadonlyMap<string, Rule> = new Map([
  ["pg_read_all_data", READS_EVERYTHING],
  ["pg_write_all_data", READS_EVERYTHING],
  ["pg_read_server_files", REACHES_FILES],
  ["pg_write_server_files", REACHES_FILES],
  ["pg_execute_server_program", REACHES_FILES],
  ["pg_monitor", WATCHES_OTHERS],
  ["pg_read_all_stats", WATCHES_OTHERS],
  ["pg_read_all_settings", WATCHES_OTHERS],
  ["pg_stat_scan_tables", WATCHES_OTHERS],
  ["pg_signal_backend", WATCHES_OTHERS],
  ["pg_maintain", WATCHES_OTHERS],
  ["pg_create_subscription", READS_EVERYTHING],
  ["rds_superuser", ADMINISTERS],
  ["cloudsqlsuperuser", ADMINISTERS],
  ["alloydbsuperuser", ADMINISTERS],
  ["azure_pg_admin", ADMINISTERS],
  ["neon_superuser", ADMINISTERS],
  ["supabase_admin", ADMINISTERS],
  ["doadmin", ADMINISTERS],
]);

export function judgeRoles({ roles, server, runtime }: Facts): readonly Finding[] {
  const findings = roles.flatMap((role) => (role.self ? judgeSelf(role) : judgeReached(role)));
  if (server.login !== runtime) findings.push(found(ANOTHER_LOGIN, server.login, `runs as ${runtime}`));
  return findings;
}

function judgeSelf(role: RoleFacts): readonly Finding[] {
  const { name } = role;
  // A superuser has every other power as well; naming them all would bury the one that matters.
  if (role.superuser) return [found(SUPERUSER, name, undefined, alter(name, "nosuperuser"))];
  return [
    role.bypassesRls && found(BYPASSES, name, undefined, alter(name, "nobypassrls")),
    role.ownsTenantTables &&
      found(
        OWNS_TABLES,
        name,
        undefined,
        `reassign owned by ${quoteIdentifier(name)} to <the role of the migrations>;`,
      ),
    role.ownsDatabase &&
      found(OWNS_DATABASE, name, undefined, "alter database <name> owner to <the role of the migrations>;"),
    role.createsRoles && found(CREATES_ROLES, name, undefined, alter(name, "nocreaterole")),
    role.createsDatabases && found(CREATES_DATABASES, name, undefined, alter(name, "nocreatedb")),
    role.replicates && found(REPLICATES, name, undefined, alter(name, "noreplication")),
  ].filter((item) => item !== false);
}

function judgeReached(role: RoleFacts): readonly Finding[] {
  const { member, name, through } = role;
  const revoke = `revoke ${quoteIdentifier(through)} from ${quoteIdentifier(member)};`;
  const rule = reachedRule(role);
  return [
    ...(rule === undefined
      ? []
      : [found(rule, `${member} as ${name}`, through === name ? undefined : `through ${through}`, revoke)]),
    ...(role.admin
      ? [
          found(
            GRANTS_ON,
            `${member} for ${name}`,
            undefined,
            `revoke admin option for ${quoteIdentifier(name)} from ${quoteIdentifier(member)};`,
          ),
        ]
      : []),
  ];
}

function reachedRule(role: RoleFacts): Rule | undefined {
  if (role.superuser) return BECOMES_SUPERUSER;
  if (role.bypassesRls) return BECOMES_BYPASSING;
  if (role.ownsTenantTables || role.ownsDatabase) return BECOMES_OWNER;
  if (role.createsRoles || role.replicates) return BECOMES_CREATOR;
  return PREDEFINED.get(role.name);
}

function alter(role: string, attribute: string): string {
  return `alter role ${quoteIdentifier(role)} ${attribute};`;
}
