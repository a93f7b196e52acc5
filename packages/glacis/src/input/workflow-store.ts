/** Where in a flow somebody is, kept by the server (catalog workflow-integrity). */
import { isRecord } from "../primitives/is-record.ts";
import { rejectUnknownOptions } from "../core/options.ts";

/** What is known of one flow that somebody is in. */
export interface WorkflowState {
  /** The step that was taken last. */
  readonly step: string;
  /** Who has taken steps so far. */
  readonly people: readonly string[];
  /** When the last step was taken, in milliseconds since the epoch. */
  readonly takenAtMs: number;
  readonly untilMs: number;
  /** Counts the steps. */
  readonly version: number;
}

export interface WorkflowStore {
  readonly kind: "memory" | "postgres";
  /** @throws when the store does not answer; the step is refused then */
  readonly read: (id: string) => Promise<WorkflowState | undefined>;
  /**
   * Writes the state if it is still at the version that was read, and says whether it was: of any number at once, in any number of processes,
   * one is.
   *
   * @param before the version that was read; 0 where there was none
   */
  readonly write: (id: string, state: WorkflowState, before: number) => Promise<boolean>;
}

const MOST_FLOWS = 100_000;

/** A store of this process alone: for tests, and for applications that are one process. When it is full, flows cannot be begun. */
export function memoryWorkflows(): WorkflowStore {
  const states = new Map<string, WorkflowState>();
  return {
    kind: "memory",
    read: async (id) => states.get(id),
    async write(id, state, before) {
      if ((states.get(id)?.version ?? 0) !== before) return false;
      if (!states.has(id) && states.size >= MOST_FLOWS) {
        for (const [old, { untilMs }] of states) if (untilMs <= state.takenAtMs) states.delete(old);
        if (states.size >= MOST_FLOWS) throw new Error("memoryWorkflows() is full.");
      }
      states.set(id, state);
      return true;
    },
  };
}

/** The part of a `pg` pool or of PGlite that is used. */
export interface WorkflowDatabase {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** The table, as a migration. Times are milliseconds since the epoch. */
export const WORKFLOW_MIGRATION = `
create table if not exists glacis_workflow (
  id text primary key check (length(id) <= 128),
  version bigint not null,
  state text not null,
  until_ms bigint not null
);
create index if not exists glacis_workflow_until on glacis_workflow (until_ms);
`;

const SWEEP_EVERY_MS = 60_000;
const INSERT = `insert into glacis_workflow (id, version, state, until_ms) values ($1, $2, $3, $4)
on conflict (id) do nothing returning 1`;
const UPDATE = `update glacis_workflow set version = $2, state = $3, until_ms = $4
where id = $1 and version = $5 returning 1`;
const SWEEP = `delete from glacis_workflow where id in
(select id from glacis_workflow where until_ms < $1 order by until_ms limit 1000 for update skip locked)`;

/**
 * A store that every process shares. What has expired is deleted about once a minute, a thousand at a time.
 *
 * @throws TypeError on an unknown option.
 * @example
 * const store = postgresWorkflows({ database: pool });
 */
export function postgresWorkflows(options: { readonly database: WorkflowDatabase }): WorkflowStore {
  rejectUnknownOptions("postgresWorkflows", options, ["database"]);
  const { database } = options;
  if (typeof database?.query !== "function")
    throw new TypeError("postgresWorkflows() needs database: a pg pool or PGlite.");
  let sweepMs = 0;
  return {
    kind: "postgres",
    async read(id) {
      const { rows } = await database.query("select state from glacis_workflow where id = $1", [id]);
      const [row] = rows;
      return isRecord(row) ? (JSON.parse(String(row["state"])) as WorkflowState) : undefined;
    },
    async write(id, state, before) {
      const values = [id, state.version, JSON.stringify(state), Math.ceil(state.untilMs)];
      const { rows } =
        before === 0 ? await database.query(INSERT, values) : await database.query(UPDATE, [...values, before]);
      if (state.takenAtMs >= sweepMs) {
        sweepMs = state.takenAtMs + SWEEP_EVERY_MS;
        // An hour of grace for servers whose clocks differ. What is not swept now is swept the next time.
        await database.query(SWEEP, [state.takenAtMs - 3_600_000]).catch(() => undefined);
      }
      return rows.length === 1;
    },
  };
}
