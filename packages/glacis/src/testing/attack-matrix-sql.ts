/** The state of an application in Postgres or PGlite, read in one query and mended where it differs. */
import { rejectUnknownOptions } from "../core/options.ts";
import { without, type ApplicationState, type Snapshot, type StateRow } from "./attack-matrix-state.ts";

export interface StateTable {
  /** The column that holds the tenant's id; absent for a table that belongs to no tenant. */
  readonly tenant?: string;
  /** Columns whose changes mean nothing, such as when a session was last seen. */
  readonly ignore?: readonly string[];
  /** Columns of a closed vocabulary, such as a role, where no canary fits. */
  readonly closed?: readonly string[];
}

export interface SqlStateOptions {
  /**
   * Runs one statement as a role that sees every row of every tenant: the superuser of a test database, never the application's own role.
   */
  readonly query: (text: string, values: unknown[]) => Promise<{ readonly rows: readonly unknown[] }>;
  /** Parents before the tables that refer to them. */
  readonly tables: Readonly<Record<string, StateTable>>;
  /** Tables that the matrix need not see, each with the reason in words. */
  readonly except?: Readonly<Record<string, string>>;
}

/** Seeds are small. More rows than this make each of some thousand readings slow. */
const MOST_ROWS = 2000;
const IDENTIFIER = /^[a-z_][a-z0-9_]{0,62}$/u;

/**
 * Watches the tables of the schema `public`. A table that is neither described nor excepted is an error, so that a table that is added later is
 * watched as well.
 *
 * @throws TypeError on an unknown option, a name that is no plain identifier, or an exception without a reason
 * @throws Error from `read`, when a table is not described or the role does not see every row
 * @example
 * const state = sqlState({
 *   query: (text, values) => superuser.query(text, values),
 *   tables: { tenants: { tenant: "id" }, users: { tenant: "tenant_id", closed: ["role"] } },
 *   except: { migrations: "says nothing about anybody" },
 * });
 */
export function sqlState(options: SqlStateOptions): ApplicationState {
  rejectUnknownOptions("sqlState", options, ["query", "tables", "except"]);
  const { query, tables, except = {} } = options;
  const names = Object.keys(tables);
  for (const [name, table] of Object.entries(tables)) {
    rejectUnknownOptions(`sqlState({ tables: { ${name} } })`, table, ["tenant", "ignore", "closed"]);
    if (![name, table.tenant ?? name].every((word) => IDENTIFIER.test(word)))
      throw new TypeError(`sqlState() needs plain identifiers; "${name}" or its tenant column is none.`);
  }
  for (const [name, reason] of Object.entries(except))
    if (reason.trim() === "") throw new TypeError(`sqlState() needs the reason in words why it excepts "${name}".`);

  let columns: ReadonlyMap<string, string> | undefined;
  const text = names.map((name) => selectOf(name, tables[name] ?? {})).join("\nunion all\n");

  async function read(): Promise<Snapshot> {
    columns ??= await inspect(query, names, Object.keys(except));
    const { rows } = await query(`${text}\norder by 1, 2, 3\nlimit ${MOST_ROWS + 1}`, []);
    if (rows.length > MOST_ROWS) throw new Error(`The state has more than ${MOST_ROWS} rows. Seed less.`);
    return (rows as readonly SelectedRow[]).map(rowOf);
  }

  /** Deleting a parent takes its children along, and inserting it does not bring them back; so look again until nothing differs. */
  async function write(wanted: Snapshot, known?: Snapshot): Promise<void> {
    for (let round = 0; round <= names.length; round += 1) {
      const present = (round === 0 ? known : undefined) ?? (await read());
      const surplus = without(present, wanted);
      const absent = without(wanted, present);
      if (surplus.length === 0 && absent.length === 0) return;
      try {
        await mend(surplus, absent);
      } catch (error) {
        if (round > 0) throw error;
        // A row that others refer to cannot go before them: then everything goes, children first, and comes back.
        await mend(present, wanted);
      }
    }
    throw new Error(
      "The state cannot be put back: the database changes rows as they are inserted. Is there a trigger?",
    );
  }

  async function mend(surplus: Snapshot, absent: Snapshot): Promise<void> {
    for (const name of names.toReversed()) await remove(name, surplus);
    for (const name of names) await insert(name, absent);
  }

  async function remove(name: string, surplus: Snapshot): Promise<void> {
    const texts = surplus.filter(({ table }) => table === name).map((row) => row.text);
    if (texts.length > 0) await query(`delete from "${name}" t where to_jsonb(t)::text = any($1)`, [texts]);
  }

  async function insert(name: string, absent: Snapshot): Promise<void> {
    const texts = absent.filter(({ table }) => table === name).map((row) => row.text);
    if (texts.length === 0) return;
    const list = columns?.get(name) ?? "";
    await query(
      `insert into "${name}" (${list}) overriding system value
       select ${list} from jsonb_populate_recordset(null::"${name}", $1::jsonb) on conflict do nothing`,
      [`[${texts.join(",")}]`],
    );
  }

  const listed = (kind: "ignore" | "closed"): readonly string[] =>
    names.flatMap((name) => (tables[name]?.[kind] ?? []).map((column) => `${name}.${column}`));
  return { read, write, ignored: listed("ignore"), closed: listed("closed") };
}

interface SelectedRow {
  readonly name: string;
  readonly tenant: string | null;
  readonly text: string;
}

function selectOf(name: string, { tenant }: StateTable): string {
  const owner = tenant === undefined ? "null::text" : `t."${tenant}"::text`;
  return `select '${name}' as name, ${owner} as tenant, to_jsonb(t)::text as text from "${name}" t`;
}

function rowOf({ name, tenant, text }: SelectedRow): StateRow {
  return { table: name, tenant: tenant ?? undefined, values: JSON.parse(text) as Record<string, unknown>, text };
}

/** Who reads must see everything, and every table must be spoken for. @returns the columns that can be inserted, by table */
async function inspect(
  query: SqlStateOptions["query"],
  described: readonly string[],
  excepted: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const role = await query(
    "select rolsuper or rolbypassrls as sees_all from pg_catalog.pg_roles where rolname = current_user",
    [],
  );
  if ((role.rows[0] as { readonly sees_all: boolean } | undefined)?.sees_all !== true)
    throw new Error("sqlState() needs a role that no row-level security binds, or it would overlook damage.");
  const { rows } = await query(
    `select c.relname as name, string_agg(quote_ident(a.attname), ', ' order by a.attnum) as list
     from pg_catalog.pg_class c
     join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
     group by c.relname order by c.relname`,
    [],
  );
  const columns = new Map(
    (rows as readonly { readonly name: string; readonly list: string }[]).map((row) => [row.name, row.list]),
  );
  const unknown = [...columns.keys()].filter((name) => !described.includes(name) && !excepted.includes(name));
  if (unknown.length > 0)
    throw new Error(
      `sqlState() does not know ${unknown.join(", ")}. Describe each table, or except it with the reason.`,
    );
  const gone = [...described, ...excepted].filter((name) => !columns.has(name));
  if (gone.length > 0) throw new Error(`sqlState() describes ${gone.join(", ")}, and there is no such table.`);
  return columns;
}
