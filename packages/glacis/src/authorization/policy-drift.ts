/** Does the live database still enforce what the policy says? */
import { describeError } from "../core/pipeline.ts";
import { TENANT_FLOOR } from "../core/tenancy.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { COLUMN_DIFFERS, columnDrift } from "./column-drift.ts";
import {
  createPolicy,
  rowSecurity,
  type CompilablePolicy,
  type RowSecurity,
  type RowSecurityOptions,
} from "./row-security.ts";

export const ROW_SECURITY_OFF: Rule = {
  id: "object-level-authorization/row-security-off",
  severity: "error",
  what: "Row-level security is not enabled and forced on a table that an access policy is compiled for.",
  why: "The policies exist but nobody is held to them, or the owner of the table is not.",
  fix: "Run the migration: rowSecurity(policy).sql.",
};
export const POLICY_MISSING: Rule = {
  id: "object-level-authorization/policy-missing",
  severity: "error",
  what: "A row-level security policy that the access policy compiles to is not in the database.",
  why: "Its verb is refused to everybody, or decided by another policy alone.",
  fix: "Run the migration: rowSecurity(policy).sql.",
};
export const POLICY_DRIFT: Rule = {
  id: "object-level-authorization/policy-drift",
  severity: "error",
  what: "A row-level security policy in the database is not the one that the access policy compiles to.",
  why: "The handler and the database disagree about who may do what, and one of them is wrong.",
  fix: "Run the migration again, or change the access policy.",
};
export const POLICY_WIDENED: Rule = {
  id: "object-level-authorization/policy-widened",
  severity: "error",
  what: "The table has a permissive row-level security policy that the access policy does not know.",
  why: "Permissive policies add up: whatever the other one allows is allowed.",
  fix: "Drop it, make it restrictive, or compile the access policy with restrictive: true beside it.",
};
export const POLICY_NARROWED: Rule = {
  id: "object-level-authorization/policy-narrowed",
  severity: "warning",
  what: "The table has a restrictive row-level security policy that the access policy does not know.",
  why: "What the handler permits, the database refuses: rows are missing from lists, and writes fail.",
  fix: "Drop it, or say in the access policy what it says.",
};

export const DRIFT_UNJUDGED: Rule = {
  id: "object-level-authorization/drift-unjudged",
  severity: "warning",
  what: "Nobody could compare the row-level security of a table with the access policy.",
  why: "A policy that was dropped or altered by hand would not be seen.",
  fix: "Check the table's name, and ask with a login that may make temporary tables, such as the one that migrates: for glacis check name it in MIGRATION_DATABASE_URL.",
};
/** What the live database can be found to be. */
export const DRIFT_RULES: readonly Rule[] = [
  ROW_SECURITY_OFF,
  POLICY_MISSING,
  POLICY_DRIFT,
  POLICY_WIDENED,
  POLICY_NARROWED,
  COLUMN_DIFFERS,
  DRIFT_UNJUDGED,
];

/** A row of `pg_policies`, as far as it decides. */
export interface LivePolicy {
  readonly name: string;
  /** `SELECT`, `INSERT`, `UPDATE`, `DELETE` or `ALL`. */
  readonly command: string;
  readonly permissive: boolean;
  readonly roles: readonly string[];
  readonly using: string | null;
  readonly check: string | null;
}

export interface TableSecurity {
  /** The table as findings name it. */
  readonly table: string;
  readonly enabled: boolean;
  readonly forced: boolean;
  readonly policies: readonly LivePolicy[];
}

/**
 * Compares what Postgres says of two tables. Pure; expressions must both come from Postgres, which writes them in its own way.
 *
 * @param restrictive the access policy only narrows what others allow, so others are expected
 */
export function policyDrift(expected: TableSecurity, live: TableSecurity, restrictive = false): readonly Finding[] {
  const at: Location = { kind: "database", name: live.table };
  const findings: Finding[] = [];
  if (!live.enabled || !live.forced)
    findings.push(finding(ROW_SECURITY_OFF, at, live.enabled ? "not forced" : "not enabled"));
  const known = new Map(expected.policies.map((policy) => [policy.name, policy]));
  for (const policy of expected.policies) {
    const found = live.policies.find(({ name }) => name === policy.name);
    if (found === undefined) findings.push(finding(POLICY_MISSING, at, policy.name));
    else {
      const differing = differences(policy, found);
      if (differing.length > 0) findings.push(finding(POLICY_DRIFT, at, `${policy.name}: ${differing.join(", ")}`));
    }
  }
  // That one keeps tenants apart, and is judged with the tenant's boundary.
  const others = live.policies.filter(({ name }) => name !== TENANT_FLOOR && !known.has(name));
  for (const { name, permissive } of others) {
    if (!permissive) findings.push(finding(POLICY_NARROWED, at, name));
    else if (!restrictive) findings.push(finding(POLICY_WIDENED, at, name));
  }
  return findings;
}

function differences(expected: LivePolicy, live: LivePolicy): readonly string[] {
  const roles = (policy: LivePolicy): string => [...policy.roles].sort().join(" ");
  return [
    ...(expected.command === live.command ? [] : ["command"]),
    ...(expected.permissive === live.permissive ? [] : ["permissive"]),
    ...(roles(expected) === roles(live) ? [] : ["roles"]),
    ...(expected.using === live.using ? [] : ["using"]),
    ...(expected.check === live.check ? [] : ["with check"]),
  ];
}

/** One connection: what is asked in a row must arrive in a row. `pg`'s client and PGlite fit. */
export interface DriftConnection {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/**
 * Asks the live database. The policies are created on an empty temporary copy of the table, so that Postgres itself writes both sides, and
 * everything is rolled back. It needs to read the table and to make temporary ones.
 *
 * @param connection a single connection outside a transaction, not a pool
 * @throws whatever the database says, such as that the table does not exist
 */
export async function checkPolicyDrift(
  connection: DriftConnection,
  policy: CompilablePolicy,
  options: RowSecurityOptions = {},
): Promise<readonly Finding[]> {
  const security = rowSecurity(policy, options);
  await connection.query("begin");
  try {
    const live = await readTable(connection, security.table);
    const expected = await readExpected(connection, security);
    return [
      ...policyDrift(expected, live, security.restrictive),
      ...(await columnDrift(connection, policy.model, security.table)),
    ];
  } finally {
    await connection.query("rollback");
  }
}

/** An access policy and how its row-level security was compiled. */
export interface EnforcedPolicy {
  readonly policy: CompilablePolicy;
  readonly options?: RowSecurityOptions;
}

/**
 * Compares every access policy with the live database. Give the findings to `objectLevelAuthorization(policies, findings)`, so that a production
 * start and `glacis check` count them.
 *
 * @param connection as for `checkPolicyDrift`
 * @throws TypeError on a policy that compiles to no row-level security. What the database refuses to tell is a finding.
 */
export async function policyPosture(
  connection: DriftConnection,
  policies: readonly EnforcedPolicy[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const { policy, options } of policies) {
    const { table } = rowSecurity(policy, options);
    try {
      findings.push(...(await checkPolicyDrift(connection, policy, options)));
    } catch (error) {
      findings.push(
        finding(DRIFT_UNJUDGED, { kind: "database", name: table }, describeError(error).split("\n")[0] ?? ""),
      );
    }
  }
  return findings;
}

async function readExpected(connection: DriftConnection, security: RowSecurity): Promise<TableSecurity> {
  // By the same name, for a policy that looks at another table names its own.
  const copy = `pg_temp.${security.name}`;
  await connection.query(`create temporary table ${security.name} (like ${security.table})`);
  for (const policy of security.policies) await connection.query(createPolicy(security, policy, copy));
  return readTable(connection, copy);
}

interface TableRow {
  readonly enabled: boolean;
  readonly forced: boolean;
}

async function readTable(connection: DriftConnection, table: string): Promise<TableSecurity> {
  const flags = await connection.query(
    "select relrowsecurity as enabled, relforcerowsecurity as forced from pg_catalog.pg_class where oid = $1::text::regclass",
    [table],
  );
  const policies = await connection.query(
    `select polname::text as name, polpermissive as permissive,
       case polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE' else 'ALL' end as command,
       array(select coalesce(rolname::text, 'public') from unnest(polroles) member left join pg_catalog.pg_roles on pg_roles.oid = member) as roles,
       pg_catalog.pg_get_expr(polqual, polrelid) as using, pg_catalog.pg_get_expr(polwithcheck, polrelid) as check
     from pg_catalog.pg_policy where polrelid = $1::text::regclass order by polname`,
    [table],
  );
  const { enabled, forced } = flags.rows[0] as TableRow;
  return { table, enabled, forced, policies: policies.rows as readonly LivePolicy[] };
}
