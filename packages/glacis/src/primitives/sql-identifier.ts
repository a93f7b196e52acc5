const MOST_BYTES = 63;

/**
 * A name in double quotes (PostgreSQL documentation, section 4.1.1).
 *
 * @throws TypeError when it is empty, contains a null character, or is longer than Postgres keeps: it would be cut off and be another name.
 */
export function quoteIdentifier(name: string): string {
  if (typeof name !== "string" || name === "" || name.includes("\0") || Buffer.byteLength(name) > MOST_BYTES) {
    throw new TypeError(`A database name has 1 to ${MOST_BYTES} bytes and no null character.`);
  }
  return `"${name.replaceAll('"', '""')}"`;
}
