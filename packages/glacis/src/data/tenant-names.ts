/** Which of an application's statements go under names: those that come again and again. */
import { statementName } from "../primitives/prepared-statements.ts";
import { named, type Statement } from "./tenant-wire.ts";

/** A connection keeps what it has prepared. An application that writes values into its SQL would fill it without end. */
const MOST_NAMES = 500;
const MOST_SEEN = 2000;
const LONGEST_SEEN = 4000;
/** A plan is worth keeping for what is asked again and again; so does the driver of Java count. */
const USES_BEFORE_NAMED = 5;

const names = new Map<string, string>();
const seen = new Map<string, number>();

function nameOf(text: string): string | undefined {
  let name = names.get(text);
  if (name === undefined && names.size < MOST_NAMES) {
    name = statementName(text);
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
