/** Asks the catalogs, and works out which tables hold tenants' rows. An area that cannot be read is left out and told. */
import { describeError } from "../../core/pipeline.ts";
import { TENANT_SETTING } from "../../core/tenancy.ts";
import type { Facts, ForeignKeyFacts, ObjectFacts, ServerFacts, TableFacts } from "./facts.ts";
import { nameOf } from "./judging.ts";
import { OBJECTS, PARAMETERS } from "./objects-query.ts";
import {
  FOREIGN_KEYS,
  FUNCTIONS,
  INDEXES,
  POLICIES,
  ROLES,
  SCHEMAS,
  SERVER,
  TABLES,
  TRIGGERS,
  VIEWS,
} from "./queries.ts";

/** A connection of the application's: a `pg` client or pool, or PGlite. */
export interface PostureClient {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

export interface PostureOptions {
  /** The role that the application runs as, where it is not the one that the connection has. */
  readonly role?: string;
  /** The column that holds the tenant, `tenant_id` unless you say otherwise. */
  readonly tenantColumn?: string;
  /** Tables that hold it under another name: `{ accounts: "org_id" }`. The table of the tenants themselves is found by its foreign keys. */
  readonly tables?: Readonly<Record<string, string>>;
  /** Tables that all tenants share on purpose, such as `countries`. The library's own are known. */
  readonly shared?: readonly string[];
  /** The schemas to look at: all but those of the system and of extensions. */
  readonly schemas?: readonly string[];
  /** The setting that policies compare with, `app.tenant_id`. */
  readonly setting?: string;
}

export interface Collected {
  readonly facts: Facts;
  /** Areas that could not be read, with the reason. */
  readonly unread: readonly { readonly area: string; readonly reason: string }[];
}

const OWN_TABLES = /^glacis_|^tenant_keys$/u;

export async function collectFacts(client: PostureClient, options: PostureOptions): Promise<Collected> {
  const unread: { area: string; reason: string }[] = [];
  const server = (await client.query(SERVER)).rows[0] as ServerFacts;
  const runtime = options.role ?? server.current;
  const { rows } = await client.query(SCHEMAS);
  const schemas = options.schemas ?? (rows as readonly { readonly name: string }[]).map(({ name }) => name);

  async function read<Row>(
    area: string,
    text: string,
    values: unknown[] = [runtime, schemas],
  ): Promise<readonly Row[]> {
    try {
      return (await client.query(text, values)).rows as readonly Row[];
    } catch (error) {
      unread.push({ area, reason: describeError(error).split("\n")[0] ?? "" });
      return [];
    }
  }

  const tables = await read<TableFacts>("tables", TABLES);
  const shared = sharedOf(tables, options.shared ?? []);
  const foreignKeys = await read<ForeignKeyFacts>("foreign keys", FOREIGN_KEYS);
  const parameters = server.version < 150_000 ? [] : await read<ObjectFacts>("parameters", PARAMETERS, [runtime]);
  const facts: Facts = {
    server,
    runtime,
    roles: await read("roles", ROLES),
    tables,
    policies: await read("policies", POLICIES),
    foreignKeys,
    indexes: await read("indexes", INDEXES),
    views: await read("views", VIEWS),
    functions: await read("functions", FUNCTIONS),
    triggers: await read("triggers", TRIGGERS),
    objects: [...(await read<ObjectFacts>("objects", OBJECTS)), ...parameters],
    tenantColumns: tenantColumnsOf(tables, foreignKeys, shared, options),
    shared,
    setting: options.setting ?? TENANT_SETTING,
  };
  return { facts, unread };
}

/** By name, by what was said, and the tenants' own table by what points at it. */
function tenantColumnsOf(
  tables: readonly TableFacts[],
  foreignKeys: readonly ForeignKeyFacts[],
  shared: ReadonlySet<string>,
  { tenantColumn = "tenant_id", tables: named = {} }: PostureOptions,
): ReadonlyMap<number, string> {
  const columns = new Map<number, string>();
  for (const table of tables) {
    // What is shared on purpose may name a tenant all the same: sessions do, and are looked up before one is known.
    if (shared.has(nameOf(table))) continue;
    const said = named[table.name] ?? named[nameOf(table)];
    const column = said ?? tenantColumn;
    if (table.columns.some(({ name }) => name === column)) columns.set(table.oid, column);
  }
  for (const { table, columns: from, target, targetColumns } of foreignKeys) {
    const points = from.length === 1 && from[0] === columns.get(table);
    if (points && !columns.has(target) && targetColumns[0] !== undefined) columns.set(target, targetColumns[0]);
  }
  return columns;
}

function sharedOf(tables: readonly TableFacts[], said: readonly string[]): ReadonlySet<string> {
  const names = new Set(said);
  return new Set(
    tables
      .filter((table) => names.has(table.name) || names.has(nameOf(table)) || OWN_TABLES.test(table.name))
      .map(nameOf),
  );
}
