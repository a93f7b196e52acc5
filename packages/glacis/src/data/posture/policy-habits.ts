/** What is wrong with a single policy although it keeps to the tenant, or whatever it keeps to. */
import type { Finding, Rule } from "../../core/finding.ts";
import { quoteIdentifier } from "../sql-quoting.ts";
import { flatten, levelsOf, readExpression, splitBy, unwrap, type Node } from "./expression.ts";
import type { Facts, PolicyFacts, TableFacts } from "./facts.ts";
import { found, nameOf, sqlOf, tenantTables } from "./judging.ts";
import { withoutTexts } from "./policy-causes.ts";

const CHECK_MISSING: Rule = {
  id: "tenant-isolation/policy-check-missing",
  severity: "note",
  what: "A policy for writing has no check of its own.",
  why: "Postgres checks new rows by the condition for old ones; whoever changes that one for reading changes both.",
  fix: "Write the check out.",
};
const EMPTY_SETTING: Rule = {
  id: "tenant-isolation/policy-empty-tenant",
  severity: "warning",
  what: "A policy compares the tenant with a setting that may be the empty text.",
  why: "A setting that was set once in a session is empty afterwards, not absent: a text column matches it, any other fails to cast.",
  fix: "Turn it into null: nullif(current_setting(...), '').",
};
const RAISES: Rule = {
  id: "tenant-isolation/policy-setting-raises",
  severity: "note",
  what: "A policy fails with an error where the setting was never set.",
  why: "It is safe, and surprising: the first query of a new connection fails where others see no rows.",
  fix: "Pass true as the second argument of current_setting().",
};
const PER_ROW: Rule = {
  id: "tenant-isolation/policy-per-row",
  severity: "note",
  what: "A policy asks for the tenant anew for each row.",
  why: "In a scalar subselect it is asked once per statement.",
  fix: "Write (select current_setting(...)).",
};
const VOLATILE: Rule = {
  id: "tenant-isolation/policy-volatile",
  severity: "warning",
  what: "A policy calls a function whose answer may differ for each row.",
  why: "What a tenant sees then depends on chance or on the clock, and no index serves it.",
  fix: "Use a stable function, or none.",
};
const FROZEN: Rule = {
  id: "tenant-isolation/policy-calls-immutable",
  severity: "error",
  what: "A policy calls a function that is declared IMMUTABLE and reads settings, roles or tables.",
  why: "Postgres asks it once and writes the answer into the plan: a prepared statement shows the next tenant the rows of the first.",
  fix: "Declare it STABLE.",
};
const DEFINER: Rule = {
  id: "tenant-isolation/policy-calls-definer",
  severity: "warning",
  what: "A policy calls a function that runs as its owner.",
  why: "The answer may come from rows of other tenants, and the condition cannot be read here.",
  fix: "Let the function run as the caller, or waive this with what it reads.",
};
const READS: Rule = {
  id: "tenant-isolation/policy-reads-unprotected",
  severity: "warning",
  what: "A policy decides by a table that has no row-level security.",
  why: "Whoever may write there decides what he sees here.",
  fix: "Protect that table as well, or revoke writing on it from the application's role.",
};
const NEVER: Rule = {
  id: "tenant-isolation/policy-never-true",
  severity: "note",
  what: "A policy holds for no row.",
  why: "It looks like protection and belongs into the grants.",
  fix: "Revoke the verb and drop the policy.",
};
const EXEMPT: Rule = {
  id: "tenant-isolation/policy-for-exempt-role",
  severity: "warning",
  what: "A policy names a role that row-level security does not bind.",
  why: "The role sees everything whatever the policy says.",
  fix: "Take SUPERUSER or BYPASSRLS from the role, or the role from the policy.",
};
const TO_PUBLIC: Rule = {
  id: "tenant-isolation/policy-to-public",
  severity: "note",
  what: "A policy holds for every role.",
  why: "A role that is granted the table later is let in by it, unasked.",
  fix: "Name the roles.",
};
const DUPLICATE: Rule = {
  id: "tenant-isolation/policy-duplicate",
  severity: "note",
  what: "Two policies of a table say the same.",
  why: "Whoever corrects one believes that it was the rule.",
  fix: "Drop one of them.",
};
const PLACEHOLDER: Rule = {
  id: "tenant-isolation/policy-placeholder",
  severity: "note",
  what: "A policy is named like something provisional.",
  why: "Nobody came back to it, or nobody dares to touch it.",
  fix: "Finish it, and name it by what it allows.",
};
const UNPROVED: Rule = {
  id: "tenant-isolation/setting-unproved",
  severity: "note",
  what: "Policies believe a setting that any SQL can change.",
  why: "They hold against forgotten conditions; injected SQL that changes the setting and restores it crosses tenants.",
  fix: "Apply tenantMigration({ proof: true }) and pass the keys to tenantDatabase({ proof }).",
};
const KEYS: Rule = {
  id: "tenant-isolation/proof-keys-reachable",
  severity: "error",
  what: "The application's role reaches the keys that prove tenants.",
  why: "With them injected SQL proves any tenant.",
  fix: "Revoke everything on glacis.tenant_keys from the role and from PUBLIC.",
};

export const HABIT_RULES: readonly Rule[] = [
  CHECK_MISSING,
  EMPTY_SETTING,
  RAISES,
  PER_ROW,
  VOLATILE,
  FROZEN,
  DEFINER,
  READS,
  NEVER,
  EXEMPT,
  TO_PUBLIC,
  DUPLICATE,
  PLACEHOLDER,
  UNPROVED,
  KEYS,
];

const VOLATILE_BUILT_IN =
  /\b(?:random|clock_timestamp|timeofday|nextval|currval|lastval|gen_random_uuid|pg_backend_pid|txid_current|set_config)\b \(/u;
const PROVISIONAL = /(?:^|_)(?:todo|fixme|tmp|temp|hack|xxx|debug|placeholder|test)(?:_|$)/iu;
const PROOF = "glacis.current_tenant";

export function judgeHabits(facts: Facts): readonly Finding[] {
  const { tables, policies, objects, tenantColumns } = facts;
  const byOid = new Map(tables.map((table) => [table.oid, table]));
  return [
    ...policies.flatMap((policy) => {
      const table = byOid.get(policy.table);
      return table === undefined || !tenantColumns.has(table.oid) ? [] : judgePolicy(policy, table, byOid);
    }),
    ...judgeDuplicates(policies, byOid),
    ...judgeProof(facts),
    ...objects
      .filter(({ area }) => area === "proof-keys")
      .map(({ name }) =>
        found(KEYS, name, undefined, `revoke all on table ${name} from public, ${quoteIdentifier(facts.runtime)};`),
      ),
  ];
}

function judgePolicy(
  policy: PolicyFacts,
  table: TableFacts,
  byOid: ReadonlyMap<number, TableFacts>,
): readonly Finding[] {
  const place = `${nameOf(table)}.${policy.name}`;
  const sql = `policy ${quoteIdentifier(policy.name)} on ${sqlOf(table)}`;
  const expressions = [policy.using, policy.check].filter((text) => text !== null).map(readExpression);
  const text = expressions.map(withoutTexts).join(" ");
  const writes = policy.command === "*" || policy.command === "w";
  const definers = policy.functions.filter(({ name, definer }) => definer && name !== PROOF);
  const frozen = policy.functions.flatMap(({ frozen }) => frozen ?? []);
  const unprotected = policy.reads.flatMap((oid) => byOid.get(oid) ?? []).filter(({ rls }) => !rls);
  const mend = (verb: string): string => `drop ${sql}; -- then create it again ${verb}`;
  const checks: readonly (false | Finding)[] = [
    writes &&
      policy.check === null &&
      policy.using !== null &&
      found(CHECK_MISSING, place, undefined, `alter ${sql} with check (${policy.using});`),
    expressions.some(mayBeEmpty) &&
      found(EMPTY_SETTING, place, undefined, mend("with nullif(current_setting(...), '')")),
    expressions.some(mayRaise) && found(RAISES, place, undefined, mend("with current_setting(..., true)")),
    policy.using !== null &&
      asksPerRow(readExpression(policy.using)) &&
      found(PER_ROW, place, undefined, mend("with a scalar subselect")),
    (VOLATILE_BUILT_IN.test(text) || policy.functions.some(({ volatile }) => volatile)) &&
      found(VOLATILE, place, undefined, mend("without it")),
    frozen.length > 0 &&
      found(
        FROZEN,
        place,
        frozen.join(", "),
        frozen.map((signature) => `alter function ${signature} stable;`).join(" "),
      ),
    definers.length > 0 &&
      found(
        DEFINER,
        place,
        definers.map(({ name }) => name).join(", "),
        `alter function ${definers[0]?.name} security invoker;`,
      ),
    unprotected.length > 0 &&
      found(
        READS,
        place,
        unprotected.map(nameOf).join(", "),
        unprotected.map((other) => `alter table ${sqlOf(other)} enable row level security;`).join(" "),
      ),
    expressions.some((nodes) => flatten(unwrap(nodes)) === "false") && found(NEVER, place, undefined, `drop ${sql};`),
    policy.exemptRoles.length > 0 &&
      found(
        EXEMPT,
        place,
        policy.exemptRoles.join(", "),
        policy.exemptRoles.map((role) => `alter role ${quoteIdentifier(role)} nobypassrls nosuperuser;`).join(" "),
      ),
    policy.toPublic && policy.permissive && found(TO_PUBLIC, place, undefined, `alter ${sql} to <role>;`),
    PROVISIONAL.test(policy.name) && found(PLACEHOLDER, place, undefined, `alter ${sql} rename to <what it allows>;`),
  ];
  return checks.filter((item) => item !== false);
}

/** A table is proved when its floor is, or everything that it allows; where none is, that is one decision and one finding. */
function judgeProof(facts: Facts): readonly Finding[] {
  const judged = tenantTables(facts).flatMap(({ table }) => {
    const policies = facts.policies.filter((policy) => policy.table === table.oid && policy.applies);
    const proves = ({ functions }: PolicyFacts): boolean => functions.some(({ name }) => name === PROOF);
    const proved = policies.some((policy) => !policy.permissive && proves(policy)) || policies.every(proves);
    const believes = policies.some(({ using, check }) => `${using}${check}`.includes("current_setting"));
    return table.rls && policies.length > 0 ? [{ name: nameOf(table), proved, believes }] : [];
  });
  const believing = judged.filter(({ proved, believes }) => !proved && believes);
  if (judged.some(({ proved }) => proved)) return believing.map(({ name }) => found(UNPROVED, name));
  return believing.length > 0 ? [found(UNPROVED, facts.setting)] : [];
}

/** A setting that is neither inside NULLIF nor read by a function of its own. */
function mayBeEmpty(nodes: readonly Node[]): boolean {
  return nodes.some((node, at) => {
    if (node === "current_setting" && Array.isArray(nodes[at + 1])) return true;
    return Array.isArray(node) && nodes[at - 1] !== "nullif" && mayBeEmpty(node as readonly Node[]);
  });
}

function mayRaise(nodes: readonly Node[]): boolean {
  return levelsOf(nodes).some((level) =>
    level.some((node, at) => {
      const call = level[at + 1];
      return node === "current_setting" && Array.isArray(call) && splitBy(call as readonly Node[], ",").length === 1;
    }),
  );
}

/** A setting outside of every subselect. */
function asksPerRow(nodes: readonly Node[]): boolean {
  if (nodes[0] === "select") return false;
  return nodes.some(
    (node) => node === "current_setting" || (Array.isArray(node) && asksPerRow(node as readonly Node[])),
  );
}

function judgeDuplicates(policies: readonly PolicyFacts[], byOid: ReadonlyMap<number, TableFacts>): readonly Finding[] {
  const seen = new Map<string, string>();
  return policies.flatMap((policy) => {
    const table = byOid.get(policy.table);
    const { command, permissive, roles, toPublic, using, check } = policy;
    const key = JSON.stringify([policy.table, command, permissive, roles, toPublic, using, check]);
    const twin = seen.get(key);
    if (twin === undefined) seen.set(key, policy.name);
    if (table === undefined || twin === undefined) return [];
    return [
      found(
        DUPLICATE,
        `${nameOf(table)}.${policy.name}`,
        `like ${twin}`,
        `drop policy ${quoteIdentifier(policy.name)} on ${sqlOf(table)};`,
      ),
    ];
  });
}
