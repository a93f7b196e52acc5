/** What is built on tenant tables and may run past their policies: views, functions, triggers, rules. */
import type { Finding, Rule } from "../../core/finding.ts";
import { quoteIdentifier } from "../sql-quoting.ts";
import type { Facts, FunctionFacts, ViewFacts } from "./facts.ts";
import { found, nameOf, sqlOf } from "./judging.ts";

const VIEW: Rule = {
  id: "tenant-isolation/view-not-invoker",
  severity: "error",
  what: "A view over tenant tables runs as its owner.",
  why: "The tables are asked with the owner's policies: none, where the owner is exempt, and not the reader's in any case.",
  fix: "Set security_invoker, which Postgres 15 and later know.",
};
const BARRIER: Rule = {
  id: "tenant-isolation/view-without-barrier",
  severity: "note",
  what: "A view over tenant tables that runs as its owner is no security barrier.",
  why: "A function in the reader's condition may see rows before the view's own condition has filtered them.",
  fix: "Set security_barrier, or security_invoker.",
};
const MATERIALIZED: Rule = {
  id: "tenant-isolation/materialized-view",
  severity: "error",
  what: "The application's role reads a materialised view over tenant tables.",
  why: "It is a copy without policies, of the rows that whoever refreshed it could see.",
  fix: "Revoke it, and put a view with the tenant's condition in front.",
};
const VIEW_DEFINER: Rule = {
  id: "tenant-isolation/view-calls-definer",
  severity: "warning",
  what: "A view calls a function that runs as its owner.",
  why: "security_invoker ends where the function begins.",
  fix: "Let the function run as the caller, or waive this with what it reads.",
};
const SEARCH_PATH: Rule = {
  id: "tenant-isolation/definer-search-path",
  severity: "error",
  what: "A function that runs as its owner looks names up in the caller's search path.",
  why: "The caller decides which table or function it finds, and it runs with the owner's privileges.",
  fix: "Set its search_path to pg_catalog, the schemas that it needs, and pg_temp last.",
};
const TEMP_FIRST: Rule = {
  id: "tenant-isolation/definer-temporary-first",
  severity: "error",
  what: "A function that runs as its owner looks for temporary tables first.",
  why: "pg_temp comes first unless it is named: a temporary table of the caller's stands in for the real one.",
  fix: "Name pg_temp last in its search_path.",
};
const OWNER_EXEMPT: Rule = {
  id: "tenant-isolation/definer-owner-exempt",
  severity: "error",
  what: "The application's role may call a function that runs as a role without row-level security.",
  why: "Inside it every tenant's rows are open, FORCE or not.",
  fix: "Give the function to a role that can do only what it is for, as tenantMigration() does.",
};
const DEFINER_PUBLIC: Rule = {
  id: "tenant-isolation/definer-public",
  severity: "warning",
  what: "Every role may call a function that runs as its owner.",
  why: "EXECUTE is granted to PUBLIC unless it is revoked, and with it the owner's privileges.",
  fix: "Revoke it from PUBLIC and grant it to the roles that need it.",
};
const LEAKPROOF: Rule = {
  id: "tenant-isolation/leakproof-function",
  severity: "warning",
  what: "A function of your own is marked LEAKPROOF.",
  why: "It is evaluated before the policies, on rows of every tenant; an error message or a timing tells what it saw.",
  fix: "Take the mark away unless it provably tells nothing.",
};
const UNTRUSTED: Rule = {
  id: "tenant-isolation/untrusted-function",
  severity: "error",
  what: "The application's role may call a function in an untrusted language.",
  why: "It runs as the server's user and reaches files, programs and the network.",
  fix: "Revoke EXECUTE from PUBLIC, or write it in a trusted language.",
};
const TRIGGER: Rule = {
  id: "tenant-isolation/trigger-definer",
  severity: "warning",
  what: "A trigger of a tenant table runs as its function's owner.",
  why: "What it reads and writes follows the owner's policies and not the tenant's.",
  fix: "Let the function run as the caller, or waive this with what it touches.",
};
const DISABLED: Rule = {
  id: "tenant-isolation/trigger-disabled",
  severity: "warning",
  what: "A trigger of a tenant table is switched off.",
  why: "Whatever it guarded is not guarded.",
  fix: "Enable it, or drop it.",
};
const REWRITE: Rule = {
  id: "tenant-isolation/rule-rewrites",
  severity: "warning",
  what: "A rule rewrites statements on a tenant table.",
  why: "Rules run with the privileges of the table's owner on whatever they are rewritten to.",
  fix: "Use a trigger, or drop the rule.",
};
const DEFAULT_DEFINER: Rule = {
  id: "tenant-isolation/default-calls-definer",
  severity: "warning",
  what: "A default or a generated column calls a function that runs as its owner.",
  why: "Every insert runs it, and what it returns stands in the tenant's row.",
  fix: "Let the function run as the caller.",
};
const CHECK_FUNCTION: Rule = {
  id: "tenant-isolation/check-calls-function",
  severity: "warning",
  what: "A check constraint calls a function that runs as its owner or is volatile.",
  why: "A check sees its own row only; one that looks further is true when written and not after.",
  fix: "Say it with a foreign key or a unique constraint.",
};

export const OBJECT_RULES: readonly Rule[] = [
  VIEW,
  BARRIER,
  MATERIALIZED,
  VIEW_DEFINER,
  SEARCH_PATH,
  TEMP_FIRST,
  OWNER_EXEMPT,
  DEFINER_PUBLIC,
  LEAKPROOF,
  UNTRUSTED,
  TRIGGER,
  DISABLED,
  REWRITE,
  DEFAULT_DEFINER,
  CHECK_FUNCTION,
];

export function judgeObjects(facts: Facts): readonly Finding[] {
  const { views, functions, triggers, tables, tenantColumns, objects } = facts;
  const nameByOid = new Map(tables.map((table) => [table.oid, table]));
  const tenantNames = new Set(tables.filter(({ oid }) => tenantColumns.has(oid)).map(nameOf));
  return [
    ...views.filter(({ tables: under }) => under.some((oid) => tenantColumns.has(oid))).flatMap(judgeView),
    ...views
      .filter(({ definers }) => definers.length > 0)
      .map((view) => found(VIEW_DEFINER, nameOf(view), view.definers.join(", "), asCaller(...view.definers))),
    ...functions.flatMap(judgeFunction),
    ...triggers.flatMap((trigger) => {
      const table = nameByOid.get(trigger.table);
      if (table === undefined || !tenantColumns.has(table.oid) || trigger.internal) return [];
      const place = `${nameOf(table)}.${trigger.name}`;
      if (trigger.disabled)
        return [
          found(
            DISABLED,
            place,
            undefined,
            `alter table ${sqlOf(table)} enable trigger ${quoteIdentifier(trigger.name)};`,
          ),
        ];
      return trigger.definer ? [found(TRIGGER, place, trigger.function, asCaller(trigger.function))] : [];
    }),
    ...objects.flatMap(({ area, name, detail }) => {
      if (area === "rule" && tenantNames.has(name))
        return [found(REWRITE, name, detail ?? undefined, `drop rule ${quoteIdentifier(detail ?? "")} on ${name};`)];
      if (area === "default-definer")
        return [found(DEFAULT_DEFINER, name, detail ?? undefined, asCaller(detail ?? ""))];
      return area === "check-function" ? [found(CHECK_FUNCTION, name, undefined, detail ?? undefined)] : [];
    }),
  ];
}

function asCaller(...signatures: readonly string[]): string {
  return signatures.map((signature) => `alter function ${signature} security invoker;`).join(" ");
}

function judgeView(view: ViewFacts): readonly Finding[] {
  const place = nameOf(view);
  const sql = sqlOf(view);
  if (view.materialized)
    return view.readable
      ? [found(MATERIALIZED, place, undefined, `revoke all on table ${sql} from <role>, public;`)]
      : [];
  if (view.invoker) return [];
  return [
    found(
      VIEW,
      place,
      view.ownerExempt ? "its owner is exempt" : undefined,
      `alter view ${sql} set (security_invoker = true);`,
    ),
    ...(view.barrier ? [] : [found(BARRIER, place, undefined, `alter view ${sql} set (security_barrier = true);`)]),
  ];
}

function judgeFunction(routine: FunctionFacts): readonly Finding[] {
  const place = `${nameOf(routine)}(${routine.signature})`;
  const sql = `${sqlOf(routine)}(${routine.signature})`;
  const findings: Finding[] = [];
  if (routine.leakproof) findings.push(found(LEAKPROOF, place, undefined, `alter function ${sql} not leakproof;`));
  if (!routine.trusted && routine.executable)
    findings.push(found(UNTRUSTED, place, undefined, `revoke execute on function ${sql} from public;`));
  if (!routine.definer) return findings;
  const path = `alter function ${sql} set search_path = pg_catalog, ${quoteIdentifier(routine.schema)}, pg_temp;`;
  // Names in a body that was parsed when the function was made are not looked up again.
  if (!routine.bound && routine.searchPath === null) findings.push(found(SEARCH_PATH, place, undefined, path));
  if (!routine.bound && routine.searchPath !== null && !/(?:^|,\s*)"?pg_temp"?\s*$/u.test(routine.searchPath)) {
    findings.push(found(TEMP_FIRST, place, routine.searchPath, path));
  }
  if (routine.ownerExempt && routine.executable)
    findings.push(
      found(OWNER_EXEMPT, place, routine.owner, `alter function ${sql} owner to <a role that can do only this>;`),
    );
  if (routine.publicExecutable)
    findings.push(found(DEFINER_PUBLIC, place, undefined, `revoke execute on function ${sql} from public;`));
  return findings;
}
