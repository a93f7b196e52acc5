/** Forgetting a person: in one transaction, in the order that foreign keys allow, and verified (GDPR article 17; catalog retention-erasure). */
import type { AuditEvent } from "../core/event.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { columnsFrom, type MappedTable, type PersonalDataMap } from "./personal-data.ts";
import type { PersonalDatabase, SubjectId } from "./personal-export.ts";
import { quoteIdentifier } from "./sql-quoting.ts";

const SWEEP_ROWS = 1000;
const DAY_MS = 86_400_000;

export interface ErasureStep {
  readonly table: string;
  readonly action: "delete" | "anonymise" | "shred" | "keep";
  /** How many rows it touched; of `shred` and `keep` how many stay. */
  readonly rows: number;
}

export interface EraseOptions {
  /** Destroys the person's key, such as `shreddable.shred`; needed where a table is erased by `shred`. It cannot be undone, so it runs last. */
  readonly shred?: (subjectId: string) => Promise<void>;
  /** Where the erasure is told: `security.report`. The person's key and the counts, nothing else. */
  readonly report?: (event: AuditEvent) => void;
}

/** Rows that would stay, or an order that does not exist: nothing was erased. */
export class ErasureError extends Error {
  override readonly name = "ErasureError";
}

const FOREIGN_KEYS = `
  select c.conrelid::int8::text as "from", c.confrelid::int8::text as "to" from pg_catalog.pg_constraint c
  where c.contype = 'f' and c.conrelid = any ($1::text[]::regclass[]) and c.confrelid = any ($1::text[]::regclass[])`;

/**
 * Erases a person: rows are emptied, deleted or left to a key that is destroyed, those that refer to others first. Run it in a transaction; what it
 * throws must undo it.
 *
 * @returns each step with its rows, to be kept as the proof
 * @throws TypeError outside a transaction, or without `shred` where it is needed; ErasureError when foreign keys lead in a circle or a row is left.
 * @example
 * const proof = await withTenant(scope, (connection) => eraseSubject(map, connection, userId, { report: security.report }));
 */
export async function eraseSubject(
  map: PersonalDataMap,
  database: PersonalDatabase,
  subjectId: SubjectId,
  options: EraseOptions = {},
): Promise<readonly ErasureStep[]> {
  rejectUnknownOptions("eraseSubject", options, ["shred", "report"]);
  const { shred, report } = options;
  const tables = [...map.tables.values()].filter(({ belongs }) => belongs !== undefined);
  if (shred === undefined && tables.some(({ erase }) => erase === "shred"))
    throw new TypeError("eraseSubject() needs shred: a table of the map is erased by destroying a key.");
  await requireTransaction(database);
  const id = String(subjectId);
  const steps: ErasureStep[] = [];
  for (const table of await inOrder(map, tables, database)) {
    const { name, erase: action = "delete" } = table;
    steps.push({ table: name, action, rows: await eraseFrom(table, map, database, id) });
  }
  await verify(tables, database, id);
  if (steps.some(({ action, rows }) => action === "shred" && rows > 0)) await shred?.(id);
  report?.({
    event_type: "data_access",
    status: "succeeded",
    severity: "info",
    event: "personal_data_erased",
    control: "retention-erasure",
    resource_type: map.subject,
    resource_id: id,
    count: steps.reduce((sum, { action, rows }) => sum + (action === "keep" ? 0 : rows), 0),
  });
  return steps;
}

/** Two statements of one transaction see one number; of two transactions, two. */
async function requireTransaction(database: PersonalDatabase): Promise<void> {
  const ask = async (): Promise<unknown> =>
    (await database.query("select pg_catalog.pg_current_xact_id()::text as id", []))[0]?.["id"];
  if ((await ask()) !== (await ask()))
    throw new TypeError("eraseSubject() needs a connection inside a transaction: half an erasure is none.");
}

/** A table comes before those that it refers to and that lose rows, and before the one that its link leads through. */
async function inOrder(
  map: PersonalDataMap,
  tables: readonly MappedTable[],
  database: PersonalDatabase,
): Promise<readonly MappedTable[]> {
  const names = tables.map(({ sql }) => sql);
  const oids = await database.query(
    "select t::regclass::oid::int8::text as oid from unnest($1::text[]) with ordinality as u (t, n) order by n",
    [names],
  );
  const byOid = new Map(oids.map(({ oid }, index) => [oid as string, tables[index] as MappedTable]));
  const before = new Map(tables.map((table) => [table, new Set<MappedTable>()]));
  for (const row of await database.query(FOREIGN_KEYS, [names])) {
    const [from, to] = [byOid.get(row["from"] as string), byOid.get(row["to"] as string)];
    if (from !== undefined && to !== undefined && from !== to && (to.erase ?? "delete") === "delete")
      before.get(to)?.add(from);
  }
  for (const table of tables) {
    const parent = typeof table.subject === "object" ? map.tables.get(table.subject.of) : undefined;
    if (parent !== undefined && parent !== table) before.get(parent)?.add(table);
  }
  return sorted(before);
}

function sorted(before: Map<MappedTable, Set<MappedTable>>): readonly MappedTable[] {
  const order: MappedTable[] = [];
  while (order.length < before.size) {
    const next = [...before].find(
      ([table, first]) => !order.includes(table) && [...first].every((other) => order.includes(other)),
    );
    if (next === undefined) {
      const rest = [...before.keys()].filter((table) => !order.includes(table)).map(({ name }) => name);
      throw new ErasureError(`Foreign keys lead in a circle: ${rest.join(", ")}. Anonymise one of these tables.`);
    }
    order.push(next[0]);
  }
  return order;
}

async function eraseFrom(
  table: MappedTable,
  map: PersonalDataMap,
  database: PersonalDatabase,
  id: string,
): Promise<number> {
  const { sql, belongs, erase = "delete" } = table;
  if (erase === "delete")
    return (await database.query(`delete from ${sql} as t where ${belongs} returning 1`, [id])).length;
  if (erase === "anonymise") return anonymise(table, map, database, id);
  const [row] = await database.query(`select count(*)::int as rows from ${sql} as t where ${belongs}`, [id]);
  return row?.["rows"] as number;
}

async function anonymise(
  table: MappedTable,
  map: PersonalDataMap,
  database: PersonalDatabase,
  id: string,
): Promise<number> {
  const { sql, belongs, replace = {}, subject } = table;
  const gone = (map.tables.get(map.subject)?.erase ?? "delete") === "delete";
  const link = typeof subject === "string" && gone ? [subject] : [];
  const columns = [...new Set([...columnsFrom(table, "personal"), ...Object.keys(replace), ...link])].filter(
    (column) => column !== table.key,
  );
  if (columns.length === 0) return 0;
  const list = columns.map((column, index) => `${quoteIdentifier(column)} = $${index + 2}`);
  const values = columns.map((column) => replace[column] ?? null);
  const text = `update ${sql} as t set ${list.join(", ")} where ${belongs} returning 1`;
  return (await database.query(text, [id, ...values])).length;
}

/** A policy or a trigger can keep a row without an error. */
async function verify(tables: readonly MappedTable[], database: PersonalDatabase, id: string): Promise<void> {
  for (const { name, sql, belongs, erase = "delete" } of tables) {
    if (erase !== "delete") continue;
    const [left] = await database.query(`select 1 from ${sql} as t where ${belongs} limit 1`, [id]);
    if (left !== undefined) throw new ErasureError(`Rows of ${name} are left; a trigger or a policy kept them.`);
  }
}

/**
 * Deletes rows that are older than their table's `retention` says, a thousand at a time, until none is left. For a job that runs every day.
 *
 * @returns how many rows went, by table
 * @throws TypeError on an unknown option; what the database throws, such as for a foreign key.
 * @example
 * await sweepRetention(map, systemConnection);
 */
export async function sweepRetention(
  map: PersonalDataMap,
  database: PersonalDatabase,
  options: { readonly now?: () => number } = {},
): Promise<Readonly<Record<string, number>>> {
  rejectUnknownOptions("sweepRetention", options, ["now"]);
  const { now = Date.now } = options;
  const swept: Record<string, number> = {};
  for (const { name, sql, key, retention } of map.tables.values()) {
    if (retention === undefined || !("days" in retention)) continue;
    const [row, dated] = [quoteIdentifier(key), quoteIdentifier(retention.column)];
    const old = `select ${row} from ${sql} where ${dated} < $1 order by ${dated} limit ${SWEEP_ROWS}`;
    const until = new Date(now() - retention.days * DAY_MS).toISOString();
    swept[name] = 0;
    for (;;) {
      const gone = await database.query(`delete from ${sql} where ${row} in (${old}) returning 1`, [until]);
      swept[name] += gone.length;
      if (gone.length < SWEEP_ROWS) break;
    }
  }
  return swept;
}
