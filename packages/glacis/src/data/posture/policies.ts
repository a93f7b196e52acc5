/** Whether the policies that hold for the application's role keep every verb inside the tenant, and what is wrong with single ones. */
import type { Finding, Rule } from "../../core/finding.ts";
import { TENANT_FLOOR, TENANT_SETTING } from "../../core/tenancy.ts";
import { quoteIdentifier } from "../sql-quoting.ts";
import { isAlways, isBound, readExpression, type TenantTerms } from "./expression.ts";
import type { Facts, PolicyFacts, TableFacts } from "./facts.ts";
import { found, nameOf, sqlOf, tenantTables, type TenantTable } from "./judging.ts";
import { ALWAYS, causeOf, OR_TRUE } from "./policy-causes.ts";

const OPEN_WRITE: Rule = {
  id: "tenant-isolation/policy-open-write",
  severity: "error",
  what: "A policy accepts any new row: its check is always true.",
  why: "A tenant can plant rows with another tenant, or move its own there.",
  fix: "Check the same as the condition for reading.",
};
const WRITE: Rule = {
  id: "tenant-isolation/policy-write-not-on-tenant",
  severity: "error",
  what: "A policy accepts a new row of another tenant.",
  why: "Its check does not require that the tenant column equals the transaction's tenant, on every path through it.",
  fix: "Require it by AND at the top of the check, or by a restrictive policy beneath all others.",
};
const REACHABLE: Rule = {
  id: "tenant-isolation/policy-open-for-reachable-role",
  severity: "error",
  what: "A policy is open for a role that the application can become.",
  why: "SET ROLE is one statement away from every row.",
  fix: "Revoke the membership; the role is for work across tenants and has a login of its own.",
};
const RESTRICTIVE_ONLY: Rule = {
  id: "tenant-isolation/policies-restrictive-only",
  severity: "warning",
  what: "All policies of a table for the application's role are restrictive.",
  why: "They narrow what permissive ones allow, and nothing is allowed: nobody sees a row.",
  fix: "Add the permissive policies that were meant.",
};
const NO_FLOOR: Rule = {
  id: "tenant-isolation/policies-without-floor",
  severity: "note",
  what: "No restrictive policy holds a tenant table to the tenant.",
  why: "The policies are right today; the next permissive one may open the table by itself.",
  fix: "Add a restrictive policy on the tenant; tenantMigration() makes one.",
};
const INERT_FLOOR: Rule = {
  id: "tenant-isolation/policy-inert-floor",
  severity: "warning",
  what: "A restrictive policy restricts nothing: its condition is always true.",
  why: "Its name promises a boundary that is not there.",
  fix: "Give it the tenant's condition, or drop it.",
};

export const POLICY_RULES: readonly Rule[] = [OPEN_WRITE, WRITE, REACHABLE, RESTRICTIVE_ONLY, NO_FLOOR, INERT_FLOOR];

export function termsOf(column: string, { setting }: Facts): TenantTerms {
  return { column, setting, functions: ["glacis.current_tenant"] };
}

export function judgePolicies(facts: Facts): readonly Finding[] {
  return tenantTables(facts)
    .filter(({ table }) => table.rls)
    .flatMap((tenant) => judgeTable(tenant, facts));
}

function judgeTable(tenant: TenantTable, facts: Facts): readonly Finding[] {
  const { table, column } = tenant;
  const terms = termsOf(column, facts);
  const all = facts.policies.filter((policy) => policy.table === table.oid);
  const applying = all.filter(({ applies }) => applies);
  const permissive = applying.filter(({ permissive }) => permissive);
  const restrictive = applying.filter(({ permissive }) => !permissive);
  const name = nameOf(table);
  const findings = [
    ...permissive.flatMap((policy) => judgeOpenness(policy, restrictive, tenant, terms)),
    ...all
      .filter(({ applies, reachable, permissive }) => !applies && reachable && permissive)
      .filter((policy) => leavesTenant(policy.using, terms) || leavesTenant(policy.check ?? policy.using, terms))
      .map((policy) =>
        found(
          REACHABLE,
          `${name}.${policy.name}`,
          policy.roles.join(", "),
          `revoke ${policy.roles.map(quoteIdentifier).join(", ")} from ${quoteIdentifier(facts.runtime)}, ${quoteIdentifier(facts.server.login)};`,
        ),
      ),
    ...restrictive
      .filter(
        ({ using, check }) =>
          using !== null && isAlways(readExpression(using)) && (check === null || isAlways(readExpression(check))),
      )
      .map((policy) => found(INERT_FLOOR, `${name}.${policy.name}`, undefined, drop(policy, tenant))),
  ];
  if (restrictive.length > 0 && permissive.length === 0)
    findings.push(found(RESTRICTIVE_ONLY, name, undefined, createOn(tenant, facts, "tenant_rows", "permissive")));
  const bound = findings.length === 0 && permissive.length > 0;
  if (bound && !["r", "a", "w", "d"].every((command) => hasFloor(restrictive, command, terms)))
    findings.push(found(NO_FLOOR, name, undefined, createOn(tenant, facts, TENANT_FLOOR, "restrictive")));
  return findings;
}

/** Reading and writing are told apart, and each policy once: by what is most telling about it. */
function judgeOpenness(
  policy: PolicyFacts,
  restrictive: readonly PolicyFacts[],
  tenant: TenantTable,
  terms: TenantTerms,
): readonly Finding[] {
  const place = `${nameOf(tenant.table)}.${policy.name}`;
  const commands = policy.command === "*" ? ["r", "w", "d"] : [policy.command];
  const readOpen =
    policy.command !== "a" &&
    commands.some((command) => !hasFloor(restrictive, command, terms)) &&
    leavesTenant(policy.using, terms);
  if (readOpen) {
    const rule = causeOf(readExpression(policy.using ?? "true"), terms);
    const mend = rule === ALWAYS || rule === OR_TRUE ? drop(policy, tenant) : undefined;
    return [found(rule, place, undefined, mend ?? alter(policy, tenant))];
  }
  const writes =
    policy.command === "*" ? ["a", "w"] : [policy.command].filter((command) => command === "a" || command === "w");
  const check = policy.check ?? policy.using;
  if (!writes.some((command) => !hasWriteFloor(restrictive, command, terms)) || !leavesTenant(check, terms)) return [];
  const open = check === null || isAlways(readExpression(check));
  return [found(open ? OPEN_WRITE : WRITE, place, undefined, alter(policy, tenant))];
}

function leavesTenant(expression: string | null, terms: TenantTerms): boolean {
  return expression === null || !isBound(readExpression(expression), terms);
}

function covers(policy: PolicyFacts, command: string): boolean {
  return policy.command === "*" || policy.command === command;
}

/** A restrictive policy that keeps existing rows inside the tenant. */
function hasFloor(restrictive: readonly PolicyFacts[], command: string, terms: TenantTerms): boolean {
  if (command === "a") return hasWriteFloor(restrictive, command, terms);
  return restrictive.some(
    (policy) => covers(policy, command) && policy.using !== null && !leavesTenant(policy.using, terms),
  );
}

function hasWriteFloor(restrictive: readonly PolicyFacts[], command: string, terms: TenantTerms): boolean {
  return restrictive.some((policy) => covers(policy, command) && !leavesTenant(policy.check ?? policy.using, terms));
}

/** A policy on the tenant, for everything that the application's role does. */
export function createOn(
  { table, column }: TenantTable,
  { runtime }: Facts,
  name: string,
  kind: "permissive" | "restrictive",
): string {
  const own = ownRows(table, column);
  return `create policy ${quoteIdentifier(name)} on ${sqlOf(table)} as ${kind} for all to ${quoteIdentifier(runtime)} using (${own}) with check (${own});`;
}

function ownRows(table: TableFacts, column: string): string {
  const type = table.columns.find(({ name }) => name === column)?.type ?? "uuid";
  return `${quoteIdentifier(column)} = (select nullif(current_setting('${TENANT_SETTING}', true), '')::${type})`;
}

function drop({ name }: PolicyFacts, { table }: TenantTable): string {
  return `drop policy ${quoteIdentifier(name)} on ${sqlOf(table)};`;
}

function alter({ name, command }: PolicyFacts, { table, column }: TenantTable): string {
  const own = ownRows(table, column);
  const using = command === "a" ? "" : ` using (${own})`;
  const check = command === "r" || command === "d" ? "" : ` with check (${own})`;
  return `alter policy ${quoteIdentifier(name)} on ${sqlOf(table)}${using}${check};`;
}
