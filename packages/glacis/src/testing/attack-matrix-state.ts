/** What the application has stored, row by row: read before and after each attack, and put back. */

/** One row, whole. */
export interface StateRow {
  readonly table: string;
  /** Whose it is; undefined in a table that belongs to no tenant. */
  readonly tenant: string | undefined;
  readonly values: Readonly<Record<string, unknown>>;
  /** The same row as text, by which two rows are told apart and by which it is put back. */
  readonly text: string;
}

export type Snapshot = readonly StateRow[];

/** Where the application keeps what it knows. `sqlState` makes one for Postgres; anything with rows can be one. */
export interface ApplicationState {
  /** Every row, seen past all row-level security: whoever sees less overlooks damage. */
  readonly read: () => Promise<Snapshot>;
  /** Makes the state equal to an earlier one. @param present what is there now, where somebody has just read it */
  readonly write: (snapshot: Snapshot, present?: Snapshot) => Promise<void>;
  /** `table.column` whose changes mean nothing, such as when a session was last seen. */
  readonly ignored?: readonly string[];
  /** `table.column` of a closed vocabulary, such as a role, where no canary fits. */
  readonly closed?: readonly string[];
}

/** What one request did. */
export interface Effect {
  readonly added: readonly StateRow[];
  readonly removed: readonly StateRow[];
}

export const NO_EFFECT: Effect = Object.freeze({ added: [], removed: [] });

export function isQuiet({ added, removed }: Effect): boolean {
  return added.length === 0 && removed.length === 0;
}

/** A changed row is one that went and one that came. */
export function effectBetween(before: Snapshot, after: Snapshot, ignored: ReadonlySet<string>): Effect {
  const key = keyOf(ignored);
  return { added: without(after, before, key), removed: without(before, after, key) };
}

/** The rows of one list that the other lacks, counting equal rows. */
export function without(rows: Snapshot, others: Snapshot, key: (row: StateRow) => string = textKey): StateRow[] {
  const left = new Map<string, number>();
  for (const row of others) left.set(key(row), (left.get(key(row)) ?? 0) + 1);
  return rows.filter((row) => {
    const count = left.get(key(row)) ?? 0;
    if (count > 0) left.set(key(row), count - 1);
    return count === 0;
  });
}

function textKey({ table, text }: StateRow): string {
  return `${table}\n${text}`;
}

function keyOf(ignored: ReadonlySet<string>): (row: StateRow) => string {
  const tables = new Set([...ignored].map((name) => name.slice(0, name.indexOf("."))));
  return (row) => {
    if (!tables.has(row.table)) return textKey(row);
    const kept = Object.entries(row.values).filter(([column]) => !ignored.has(`${row.table}.${column}`));
    return `${row.table}\n${JSON.stringify(kept)}`;
  };
}

/** An effect in words: `documents of own: 1 removed`. */
export function describeEffect({ added, removed }: Effect, nameOf: (tenant: string | undefined) => string): string {
  const counts = new Map<string, [added: number, removed: number]>();
  for (const [index, rows] of [added, removed].entries()) {
    for (const { table, tenant } of rows) {
      const place = `${table} of ${nameOf(tenant)}`;
      const count = counts.get(place) ?? [0, 0];
      count[index as 0 | 1] += 1;
      counts.set(place, count);
    }
  }
  return [...counts]
    .map(([place, [came, went]]) =>
      [`${place}:`, came > 0 && `${came} added`, went > 0 && `${went} removed`].filter(Boolean).join(" "),
    )
    .join(", ");
}
