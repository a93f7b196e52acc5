/** Statements under names: Postgres plans each text once per connection, and what stands between may lose the names (PostgreSQL, "Extended Query"). */
import { hash } from "node:crypto";

/** What `pg` pools and PGlite have in common: one statement at a time, values bound. */
export interface StatementRunner {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** What `pg` takes in place of a text. */
interface NamingRunner {
  query(statement: {
    readonly name: string;
    readonly text: string;
    readonly values: unknown[];
  }): Promise<{ readonly rows: readonly unknown[] }>;
}

const PREFIX = "glacis_";
/** SQLSTATE invalid_sql_statement_name and duplicate_prepared_statement: a pooler has handed out another server connection. */
const LOST: ReadonlySet<string> = new Set(["26000", "42P05"]);
/** SQLSTATE feature_not_supported: a prepared statement whose result has changed with the schema fails until it is prepared anew. */
const PLAN_OUTDATED = "0A000";

/** One name for one text: whoever else has prepared it on a shared connection has prepared the same. */
export function statementName(text: string): string {
  return PREFIX + hash("sha256", text, "hex").slice(0, 32);
}

/** The SQLSTATE of a database error, or undefined. */
export function sqlState(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}

/** True when a pooler has lost one of our names, or has it from somebody else: it keeps none. */
export function lostName(error: unknown): boolean {
  return LOST.has(sqlState(error) ?? "") && (error as Error).message.includes(PREFIX);
}

/** True when the plan of this connection no longer fits the schema. */
export function planIsOutdated(error: unknown): boolean {
  return sqlState(error) === PLAN_OUTDATED;
}

/**
 * Runs statements that are made at every request. Planning one takes Postgres about as long as running it, so on a `pg` pool each connection plans it
 * once. Behind a pooler that shares connections by transaction and keeps no names, the first answer that says so ends it, as does a migration that changes
 * what a statement returns: that statement is sent again, and everything later goes without a name. PGlite, and whatever else is no pool, gets no names.
 *
 * Every statement is a transaction of its own: one that failed over its name has changed nothing, which is why it may be sent again.
 */
export function preparedStatements(
  database: StatementRunner,
): (text: string, values: unknown[]) => Promise<readonly unknown[]> {
  const names = new Map<string, string>();
  let named = isPool(database);

  return async (text, values) => {
    if (!named) return (await database.query(text, values)).rows;
    let name = names.get(text);
    if (name === undefined) names.set(text, (name = statementName(text)));
    try {
      return (await (database as unknown as NamingRunner).query({ name, text, values })).rows;
    } catch (error) {
      if (!lostName(error) && !planIsOutdated(error)) throw error;
      named = false;
    }
    return (await database.query(text, values)).rows;
  };
}

function isPool(database: StatementRunner): boolean {
  const { connect, totalCount } = database as { readonly connect?: unknown; readonly totalCount?: unknown };
  return typeof connect === "function" && typeof totalCount === "number";
}
