/** What statements leave in a session for whoever gets the connection next. */

/** Commands that leave nothing, as Postgres names them; whatever else was done there, nobody else is given the connection. */
const LEAVE_NOTHING: ReadonlySet<string> = new Set([
  "SELECT",
  "INSERT",
  "UPDATE",
  "DELETE",
  "MERGE",
  "CALL",
  "FETCH",
  "MOVE",
  "CLOSE",
  "LOCK",
  "SAVEPOINT",
  "RELEASE",
  "ROLLBACK",
  "EXPLAIN",
  "SHOW",
  "NOTIFY",
]);
const LOCAL = /^\s*set\s+(?:local|transaction|constraints)\s/iu;
/** A block may do such things and then fail, and not all of them are undone; "on conflict do" is taken for one, which costs a connection. */
const BLOCK = /\bdo\b/iu;

/** True when a statement that failed may have left something behind all the same. */
export function failedWithResidue(text: string): boolean {
  return BLOCK.test(text);
}

/**
 * True when a statement may leave something behind that its transaction does not take along: a setting, a temporary table, a cursor, or another
 * statement under a name that is asked for again.
 *
 * @param command what Postgres said it did; undefined where the driver does not tell
 */
export function leavesResidue(command: string | undefined, text: string): boolean {
  const [word] = command?.split(" ", 1) ?? [];
  if (word === undefined || LEAVE_NOTHING.has(word)) return false;
  return word !== "SET" || !LOCAL.test(text);
}
