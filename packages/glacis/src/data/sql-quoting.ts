/** Names and texts as SQL, for the statements that cannot bind them: migrations. */

import { quoteIdentifier } from "../primitives/sql-identifier.ts";

export { quoteIdentifier };

/**
 * A table, as `documents` or `schema.documents`, always with its schema.
 *
 * @param schema where a name without one stands
 */
export function quoteTable(name: string, schema: string): string {
  const { schema: own, table } = splitTable(name, schema);
  return `${quoteIdentifier(own)}.${quoteIdentifier(table)}`;
}

/** The two halves of a table's name. */
export function splitTable(name: string, schema: string): { readonly schema: string; readonly table: string } {
  const dot = typeof name === "string" ? name.indexOf(".") : -1;
  return dot === -1 ? { schema, table: name } : { schema: name.slice(0, dot), table: name.slice(dot + 1) };
}

/** A text in single quotes that reads the same whatever `standard_conforming_strings` says. */
export function quoteLiteral(text: string): string {
  if (text.includes("\0")) throw new TypeError("Postgres has no text with a null character.");
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes("\\") ? ` E${quoted.replaceAll("\\", "\\\\")}` : quoted;
}

const PLAIN = /^[a-z_][a-z0-9_]*$/u;

/**
 * Schemas as the value of search_path, the temporary one last: unless it is named it comes first, and shadows every table. Names are quoted only
 * where they must be, which is how Postgres writes the value itself.
 */
export function searchPathOf(schemas: readonly string[]): string {
  const names = schemas.map((schema) => (PLAIN.test(schema) ? schema : quoteIdentifier(schema)));
  return [...names, "pg_temp"].join(", ");
}
