/** What the application's role may do beside reading and writing rows, and what everybody may. */
import type { Finding, Rule } from "../../core/finding.ts";
import { quoteIdentifier } from "../sql-quoting.ts";
import type { Facts, ObjectFacts } from "./facts.ts";
import { found, nameOf, sqlOf, tenantTables } from "./judging.ts";

const PUBLIC_CREATES: Rule = {
  id: "database-exposure/public-creates-objects",
  severity: "error",
  what: "Every role may create objects in a schema.",
  why: "A table, function or operator of an attacker's can stand in front of yours (CVE-2018-1058).",
  fix: "Revoke CREATE on the schema from PUBLIC; Postgres 15 does so for new databases.",
};
const RUNTIME_CREATES: Rule = {
  id: "database-exposure/role-creates-objects",
  severity: "error",
  what: "The application's role may create objects in a schema.",
  why: "It owns what it creates, without row-level security, and injected SQL can put a function in the way of others.",
  fix: "Let migrations create, and the application use.",
};
const CREATES_SCHEMAS: Rule = {
  id: "database-exposure/role-creates-schemas",
  severity: "error",
  what: "The application's role may create schemas and trusted extensions in the database.",
  why: "In a schema of its own it may create anything.",
  fix: "Revoke CREATE on the database.",
};
const TEMPORARY: Rule = {
  id: "database-exposure/role-creates-temporary-tables",
  severity: "warning",
  what: "The application's role may create temporary tables.",
  why: "A temporary table shadows the real one for whoever gets the pooled connection next, and has no policies.",
  fix: "Revoke TEMPORARY on the database from PUBLIC; withTenant() names pg_temp last all the same.",
};
const PUBLIC_TABLE: Rule = {
  id: "database-exposure/table-granted-to-public",
  severity: "error",
  what: "Every role has privileges on a table.",
  why: "Reporting users and other applications reach tenants' rows without anyone having decided it.",
  fix: "Revoke them from PUBLIC and grant to the roles that need it.",
};
const TRUNCATES: Rule = {
  id: "database-exposure/role-truncates",
  severity: "error",
  what: "The application's role may TRUNCATE a tenant table.",
  why: "TRUNCATE is not bound by row-level security: one statement empties it for all tenants.",
  fix: "Revoke it.",
};
const TRIGGERS: Rule = {
  id: "database-exposure/role-adds-triggers",
  severity: "warning",
  what: "The application's role may add triggers to a tenant table.",
  why: "A trigger runs for whoever writes next, with their tenant and their privileges.",
  fix: "Revoke it.",
};
const REFERENCES: Rule = {
  id: "database-exposure/role-adds-references",
  severity: "warning",
  what: "The application's role may point foreign keys at a tenant table.",
  why: "A foreign key is checked past row-level security, so it tells which ids exist in other tenants.",
  fix: "Revoke it.",
};
const DEFAULT_PUBLIC: Rule = {
  id: "database-exposure/default-privileges-public",
  severity: "error",
  what: "Tables, sequences or schemas that will be created are granted to everybody.",
  why: "The next migration opens its table before anyone has looked at it.",
  fix: "Alter the default privileges.",
};
const DEFAULT_BROAD: Rule = {
  id: "database-exposure/default-privileges-broad",
  severity: "warning",
  what: "Tables that will be created are granted to the application's role with TRUNCATE, TRIGGER or REFERENCES.",
  why: "None of the three is bound by row-level security, and GRANT ALL includes them.",
  fix: "Grant the four verbs by default, or nothing.",
};
const PUBLIC_SEQUENCE: Rule = {
  id: "database-exposure/sequence-granted-to-public",
  severity: "warning",
  what: "Every role has privileges on a sequence.",
  why: "Its value tells how much all tenants do; UPDATE on it resets it.",
  fix: "Revoke them from PUBLIC.",
};
const UNCLASSIFIED: Rule = {
  id: "tenant-isolation/table-unclassified",
  severity: "warning",
  what: "The application's role reaches a table that has no tenant and is not said to be shared.",
  why: "Nobody has decided whose rows these are.",
  fix: "Give it a tenant column, or name it in the option shared.",
};

export const GRANT_RULES: readonly Rule[] = [
  PUBLIC_CREATES,
  RUNTIME_CREATES,
  CREATES_SCHEMAS,
  TEMPORARY,
  PUBLIC_TABLE,
  TRUNCATES,
  TRIGGERS,
  REFERENCES,
  DEFAULT_PUBLIC,
  DEFAULT_BROAD,
  PUBLIC_SEQUENCE,
  UNCLASSIFIED,
];

/** A superuser may do all of this whatever was granted, and that is a finding of its own. */
export function judgeGrants(facts: Facts): readonly Finding[] {
  const { objects, tables, tenantColumns, shared, roles, runtime } = facts;
  const superuser = roles.some(({ member, self, superuser }) => member === runtime && self && superuser);
  return [
    ...tenantTables(facts).flatMap(({ table }) =>
      superuser ? [] : judgeTable(nameOf(table), sqlOf(table), table.privileges, runtime),
    ),
    ...tables.flatMap((table) => {
      const open = table.publicPrivileges.length > 0 && !shared.has(nameOf(table));
      return open
        ? [
            found(
              PUBLIC_TABLE,
              nameOf(table),
              table.publicPrivileges.join(", "),
              `revoke all on table ${sqlOf(table)} from public;`,
            ),
          ]
        : [];
    }),
    ...tables.flatMap((table) => {
      const reached = !superuser && table.privileges.length > 0 && table.parents.length === 0 && table.kind !== "f";
      const unknown = !tenantColumns.has(table.oid) && !shared.has(nameOf(table)) && table.schema !== "glacis";
      const sql = `revoke all on table ${sqlOf(table)} from ${quoteIdentifier(runtime)}, public;`;
      return reached && unknown ? [found(UNCLASSIFIED, nameOf(table), undefined, sql)] : [];
    }),
    ...objects.flatMap((object) => judgeObject(object, runtime, superuser)),
  ];
}

function judgeTable(name: string, sql: string, privileges: readonly string[], role: string): readonly Finding[] {
  const rules: readonly (readonly [string, Rule])[] = [
    ["TRUNCATE", TRUNCATES],
    ["TRIGGER", TRIGGERS],
    ["REFERENCES", REFERENCES],
  ];
  return rules
    .filter(([privilege]) => privileges.includes(privilege))
    .map(([privilege, rule]) =>
      found(
        rule,
        name,
        undefined,
        `revoke ${privilege.toLowerCase()} on table ${sql} from ${quoteIdentifier(role)}, public;`,
      ),
    );
}

function judgeObject({ area, name, detail }: ObjectFacts, role: string, superuser: boolean): readonly Finding[] {
  const schema = area.startsWith("schema") ? quoteIdentifier(name) : "";
  const runtime = quoteIdentifier(role);
  switch (area) {
    case "schema-create-public":
      return [found(PUBLIC_CREATES, name, undefined, `revoke create on schema ${schema} from public;`)];
    case "schema-create":
      return superuser
        ? []
        : [found(RUNTIME_CREATES, name, undefined, `revoke create on schema ${schema} from ${runtime}, public;`)];
    case "database-create":
      return superuser
        ? []
        : [
            found(
              CREATES_SCHEMAS,
              name,
              undefined,
              `revoke create on database ${quoteIdentifier(name)} from ${runtime}, public;`,
            ),
          ];
    case "database-temporary":
      return superuser
        ? []
        : [
            found(
              TEMPORARY,
              name,
              undefined,
              `revoke temporary on database ${quoteIdentifier(name)} from ${runtime}, public;`,
            ),
          ];
    case "default-public":
      return [
        found(
          DEFAULT_PUBLIC,
          `${name} ${detail}`,
          undefined,
          "alter default privileges for role <owner> revoke all on tables from public;",
        ),
      ];
    case "default-broad":
      return [
        found(
          DEFAULT_BROAD,
          `${name} ${detail}`,
          undefined,
          `alter default privileges for role <owner> revoke truncate, trigger, references on tables from ${runtime};`,
        ),
      ];
    case "sequence-public":
      return [found(PUBLIC_SEQUENCE, name, undefined, `revoke all on sequence ${name} from public;`)];
    default:
      return [];
  }
}
