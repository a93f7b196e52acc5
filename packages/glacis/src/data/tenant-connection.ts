/** What work inside a transaction is given: queries, and nothing that could outlive it. */
import type { Statement } from "./tenant-wire.ts";

/** One tenant's view of the database, for as long as the work runs. */
export interface TenantConnection {
  query<Row = Readonly<Record<string, unknown>>>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** The same with each row as an array in the order of the columns, which is what query builders read. */
  queryArrays(text: string, values?: readonly unknown[]): Promise<readonly (readonly unknown[])[]>;
}

/** A connection over whatever runs a statement and answers with its rows. */
export function connectionOf(run: (statement: Statement) => Promise<readonly unknown[]>): TenantConnection {
  return {
    query: async <Row>(text: string, values: readonly unknown[] = []) =>
      (await run({ text, values })) as readonly Row[],
    queryArrays: async (text, values = []) =>
      (await run({ text, values, rowMode: "array" })) as readonly (readonly unknown[])[],
  };
}
