/** A database that says how much each statement made it read. */
import type pg from "pg";

export interface ExplainedDatabase {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: unknown[] }>;
  /** The most rows that one step of a statement looked at since the last reset. */
  looked(): number;
  /** The most blocks that a statement touched. */
  blocks(): number;
  reset(): void;
}

/** Runs each reading statement twice: once to see what it reads, once for its rows. */
export function explained(pool: pg.Pool): ExplainedDatabase {
  let looked = 0;
  let blocks = 0;
  return {
    looked: () => looked,
    blocks: () => blocks,
    reset: () => void ([looked, blocks] = [0, 0]),
    async query(text: string, values?: unknown[]) {
      if (/^\s*select/iu.test(text)) {
        const { rows } = await pool.query<Explained>(`explain (analyze, buffers, format json) ${text}`, values);
        for (const { "QUERY PLAN": plans } of rows) {
          const { Plan } = plans[0];
          looked = Math.max(looked, lookedAt(Plan));
          blocks = Math.max(blocks, Plan["Shared Hit Blocks"] + Plan["Shared Read Blocks"]);
        }
      }
      return pool.query(text, values);
    },
  };
}

interface Explained {
  readonly "QUERY PLAN": readonly [{ readonly Plan: Plan }];
}

interface Plan {
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly Plans?: readonly Plan[];
}

function lookedAt(plan: Plan): number {
  const own = (plan["Actual Rows"] + (plan["Rows Removed by Filter"] ?? 0)) * plan["Actual Loops"];
  return (plan.Plans ?? []).reduce((most, below) => Math.max(most, lookedAt(below)), own);
}
