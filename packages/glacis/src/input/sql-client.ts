/** Runs fragments and nothing else, and lets no error carry a statement or a value into a log. */
import { pgQuery, type Sql } from "./sql.ts";

/** A `pg` pool or client, PGlite, or a tenant's connection. */
export interface SqlDriver {
  query(text: string, values: unknown[]): Promise<unknown>;
}

export interface SqlClient {
  /**
   * @throws TypeError before the database when it is given a text
   * @throws SqlError when the database refuses
   */
  query<Row = Readonly<Record<string, unknown>>>(fragment: Sql): Promise<readonly Row[]>;
}

/**
 * The database refused a statement. What drivers attach, the statement, its values and `Key (email)=(ada@example.com) already exists`, is left
 * behind; names of the schema are kept.
 */
export class SqlError extends Error {
  override readonly name = "SqlError";
  /** SQLSTATE, such as `23505` for a value that must be unique; `unavailable` when the database did not answer. */
  readonly code: string;
  readonly constraint: string | undefined;
  readonly table: string | undefined;

  constructor(code: string, constraint?: string, table?: string) {
    super(`The database refused a statement (${code}).`);
    this.code = code;
    this.constraint = constraint;
    this.table = table;
  }
}

const SQLSTATE = /^[0-9A-Z]{5}$/u;
const NAME = /^[\w$]{1,63}$/u;

/**
 * @example
 * const database = sqlClient(pool);
 * const rows = await database.query<{ id: string }>(sql`select id from documents where title = ${title}`);
 */
export function sqlClient(driver: SqlDriver): SqlClient {
  return {
    async query<Row>(fragment: Sql): Promise<readonly Row[]> {
      const { text, values } = pgQuery(fragment);
      let result: unknown;
      try {
        result = await driver.query(text, values);
      } catch (error) {
        throw withoutValues(error);
      }
      return (Array.isArray(result) ? result : (result as { readonly rows: unknown }).rows) as readonly Row[];
    },
  };
}

function withoutValues(error: unknown): SqlError {
  const { code, constraint, table } = (error ?? {}) as Readonly<Record<string, unknown>>;
  const named = (value: unknown): string | undefined =>
    typeof value === "string" && NAME.test(value) ? value : undefined;
  const state = typeof code === "string" && SQLSTATE.test(code) ? code : "unavailable";
  return new SqlError(state, named(constraint), named(table));
}
