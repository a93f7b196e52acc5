/** Ways around the tables: other servers, replication, files, and what is built beside the rows. */
import type { Finding, Rule } from "../../core/finding.ts";
import { quoteIdentifier } from "../sql-quoting.ts";
import type { Facts, ObjectFacts } from "./facts.ts";
import { found, nameOf, sqlOf } from "./judging.ts";

const EXTENSION: Rule = {
  id: "database-exposure/extension-reaches-out",
  severity: "warning",
  what: "An extension is installed that reaches other servers, files or programs.",
  why: "It is a way out of the database for whoever may use it, and a way in to what the server can reach.",
  fix: "Drop it where it is not used; otherwise waive this with the reason.",
};
const CALLABLE: Rule = {
  id: "database-exposure/extension-callable",
  severity: "error",
  what: "The application's role may call functions that reach other servers, files or programs.",
  why: "A connection back to the same server, as another user, knows no tenant; any other is request forgery from inside.",
  fix: "Revoke EXECUTE on the extension's functions from PUBLIC.",
};
const SERVER_USABLE: Rule = {
  id: "database-exposure/foreign-server-usable",
  severity: "error",
  what: "The application's role may use a foreign server.",
  why: "With it the role makes foreign tables and user mappings: rows from elsewhere, without policies.",
  fix: "Revoke USAGE on the server.",
};
const WRAPPER_USABLE: Rule = {
  id: "database-exposure/foreign-wrapper-usable",
  severity: "error",
  what: "The application's role may use a foreign data wrapper.",
  why: "With it the role defines foreign servers of its own.",
  fix: "Revoke USAGE on the wrapper.",
};
const MAPPING: Rule = {
  id: "database-exposure/user-mapping-public",
  severity: "error",
  what: "Every role is mapped to a user of a foreign server.",
  why: "Whoever reaches a table there does so with that user's password.",
  fix: "Map single roles.",
};
const FOREIGN_TABLE: Rule = {
  id: "database-exposure/foreign-table",
  severity: "error",
  what: "The application's role reaches a foreign table.",
  why: "Foreign tables have no row-level security; every row there is everybody's.",
  fix: "Put a view with the tenant's condition in front, or copy the rows into a protected table.",
};
const EVENT_TRIGGER: Rule = {
  id: "database-exposure/event-trigger",
  severity: "note",
  what: "An event trigger runs for every change of the schema.",
  why: "It runs code as whoever migrates, and can undo what a migration protects.",
  fix: "Read its function and waive this with what it is for, or drop it.",
};
const PUBLICATION_ALL: Rule = {
  id: "database-exposure/publication-of-everything",
  severity: "warning",
  what: "A publication sends every table to its subscribers.",
  why: "Logical replication knows no policies: subscribers get all tenants, and tables that do not exist yet.",
  fix: "Publish single tables, with a row filter where a subscriber is one tenant's.",
};
const PUBLICATION: Rule = {
  id: "database-exposure/publication-of-tenant-table",
  severity: "warning",
  what: "A publication sends a tenant table to its subscribers.",
  why: "Logical replication knows no policies: subscribers get all tenants.",
  fix: "Make sure that the subscriber protects the rows as well, and waive this with its name.",
};
const SLOT: Rule = {
  id: "database-exposure/replication-slot",
  severity: "note",
  what: "A logical replication slot exists for this database.",
  why: "Whoever reads it gets all changes of all tenants; one that nobody reads fills the disk.",
  fix: "Drop it where it is not used; otherwise waive this with its reader.",
};
const OBJECTS_PRESENT: Rule = {
  id: "database-exposure/large-objects-present",
  severity: "note",
  what: "The database holds large objects.",
  why: "They have owners and no tenants: one role for all tenants reads them all.",
  fix: "Keep files in a tenant table or in an object store.",
};

export const REACH_RULES: readonly Rule[] = [
  EXTENSION,
  CALLABLE,
  SERVER_USABLE,
  WRAPPER_USABLE,
  MAPPING,
  FOREIGN_TABLE,
  EVENT_TRIGGER,
  PUBLICATION_ALL,
  PUBLICATION,
  SLOT,
  OBJECTS_PRESENT,
];

const REACHING: ReadonlySet<string> = new Set([
  "adminpack",
  "dblink",
  "file_fdw",
  "http",
  "mysql_fdw",
  "oracle_fdw",
  "pg_background",
  "pg_cron",
  "pg_net",
  "plperlu",
  "plpython3u",
  "plsh",
  "pltclu",
  "postgres_fdw",
  "tds_fdw",
]);

export function judgeReach(facts: Facts): readonly Finding[] {
  const { objects, tables, tenantColumns } = facts;
  const tenantNames = new Set(tables.filter(({ oid }) => tenantColumns.has(oid)).map(nameOf));
  return [
    ...tables
      .filter(({ kind, privileges }) => kind === "f" && privileges.length > 0)
      .map((table) =>
        found(FOREIGN_TABLE, nameOf(table), undefined, `revoke all on table ${sqlOf(table)} from <role>, public;`),
      ),
    ...objects.flatMap((object) => judgeObject(object, tenantNames, facts)),
  ];
}

function judgeObject(
  { area, name, detail }: ObjectFacts,
  tenantNames: ReadonlySet<string>,
  { runtime, roles }: Facts,
): readonly Finding[] {
  const superuser = roles.some(({ member, self, superuser }) => member === runtime && self && superuser);
  const role = quoteIdentifier(runtime);
  switch (area) {
    case "extension":
      return REACHING.has(name) ? [found(EXTENSION, name, undefined, `drop extension ${quoteIdentifier(name)};`)] : [];
    case "extension-callable":
      return superuser
        ? []
        : [found(CALLABLE, name, undefined, `revoke execute on function ${detail} from public, ${role};`)];
    case "foreign-server":
      return superuser
        ? []
        : [
            found(
              SERVER_USABLE,
              name,
              undefined,
              `revoke usage on foreign server ${quoteIdentifier(name)} from public, ${role};`,
            ),
          ];
    case "foreign-wrapper":
      return superuser
        ? []
        : [
            found(
              WRAPPER_USABLE,
              name,
              undefined,
              `revoke usage on foreign data wrapper ${quoteIdentifier(name)} from public, ${role};`,
            ),
          ];
    case "user-mapping-public":
      return [found(MAPPING, name, undefined, `drop user mapping for public server ${quoteIdentifier(name)};`)];
    case "event-trigger":
      return [found(EVENT_TRIGGER, name, `of ${detail}`, `drop event trigger ${quoteIdentifier(name)};`)];
    case "publication-all":
      return [found(PUBLICATION_ALL, name, undefined, `drop publication ${quoteIdentifier(name)};`)];
    case "publication-table":
      return tenantNames.has(detail ?? "")
        ? [
            found(
              PUBLICATION,
              name,
              detail ?? undefined,
              `alter publication ${quoteIdentifier(name)} drop table ${detail};`,
            ),
          ]
        : [];
    case "replication-slot":
      return [found(SLOT, name, detail ?? undefined, `select pg_drop_replication_slot('${name}');`)];
    case "large-object":
      return [
        found(
          OBJECTS_PRESENT,
          name,
          detail ?? undefined,
          "select lo_unlink(oid) from pg_catalog.pg_largeobject_metadata;",
        ),
      ];
    default:
      return [];
  }
}
