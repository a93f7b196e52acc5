/** Statements under names: Postgres plans each text once per connection, and what stands between may lose the names (PostgreSQL, "Extended Query"). */
import { createHash } from "node:crypto";
import { codeOf } from "./tenant-entry.ts";
import { named, type Statement } from "./tenant-wire.ts";

const PREFIX = "glacis_";
/** A connection keeps what it has prepared. An application that writes values into its SQL would fill it without end. */
const MOST_NAMES = 500;
const MOST_SEEN = 2000;
const LONGEST_SEEN = 4000;
/** A plan is worth keeping for what is asked again and again; so does the driver of Java count. */
const USES_BEFORE_NAMED = 5;
/** SQLSTATE invalid_sql_statement_name and duplicate_prepared_statement: a pooler has handed out another server connection. */
const LOST: ReadonlySet<string> = new Set(["26000", "42P05"]);
/** SQLSTATE feature_not_supported: a prepared statement whose result has changed with the schema fails until it is prepared anew. */
const PLAN_OUTDATED = "0A000";

const names = new Map<string, string>();
const seen = new Map<string, number>();

/** One name for one text: whoever else has prepared it on a shared connection has prepared the same. */
function nameOf(text: string): string | undefined {
  let name = names.get(text);
  if (name === undefined && names.size < MOST_NAMES) {
    name = PREFIX + createHash("sha256").update(text).digest("hex").slice(0, 32);
    names.set(text, name);
  }
  return name;
}

/** The statement under a name of its own, as long as the application's statements can be counted. */
export function prepared(statement: Statement): Statement {
  const name = nameOf(statement.text);
  return name === undefined ? statement : named(statement, name);
}

/** The same for a text that comes again and again; others would be kept for nothing. */
export function preparedWhenFrequent(statement: Statement): Statement {
  const { text } = statement;
  if (names.has(text)) return prepared(statement);
  if (text.length > LONGEST_SEEN) return statement;
  const uses = (seen.get(text) ?? 0) + 1;
  if (uses < USES_BEFORE_NAMED) {
    if (seen.size >= MOST_SEEN) seen.clear();
    seen.set(text, uses);
    return statement;
  }
  seen.delete(text);
  return prepared(statement);
}

/** True when a pooler has lost one of our names, or has it from somebody else: it keeps none. */
export function lostName(error: unknown): boolean {
  return LOST.has(codeOf(error) ?? "") && (error as Error).message.includes(PREFIX);
}

/** True when the plan of this connection no longer fits the schema. */
export function planIsOutdated(error: unknown): boolean {
  return codeOf(error) === PLAN_OUTDATED;
}
