/** Tables for spreadsheets in which no cell is a formula (catalog interpreter-injection; CWE-1236; ASVS 1.2.10). */

export type CsvCell = string | number | bigint | boolean | null | undefined | Date;

/** What spreadsheets take for the beginning of a formula, also behind the spaces that they drop, and in full width. */
const FORMULA = /^[\p{Z}\s\p{Cf}]*[=+\-@\t\r\n|\0\uff1d\uff0b\uff0d\uff20]/u;
const NEEDS_QUOTES = /[",;\t\r\n\p{Z}']/u;

/**
 * Rows as RFC 4180 writes them, with CRLF. A text that a spreadsheet would run, `=HYPERLINK(...)` or `@SUM(1)`, gets an apostrophe in front, by which
 * spreadsheets know a text. Numbers stay numbers, the negative ones too.
 *
 * @throws TypeError for a number that is none, and for a row of another length than the first: a shifted column is another person's data
 * @example
 * response.body = csv([["name", "balance"], ["=cmd|' /C calc'!A0", -5]]);
 */
export function csv(rows: readonly (readonly CsvCell[])[]): string {
  const width = rows[0]?.length ?? 0;
  return rows
    .map((row) => {
      if (row.length !== width) throw new TypeError("csv() needs as many cells in each row as in the first.");
      return `${row.map(cellText).join(",")}\r\n`;
    })
    .join("");
}

function cellText(cell: CsvCell): string {
  if (cell === null || cell === undefined) return "";
  if (typeof cell === "number" && !Number.isFinite(cell)) throw new TypeError("csv() takes no NaN and no Infinity.");
  if (cell instanceof Date) return cell.toISOString();
  if (typeof cell !== "string") return String(cell);
  const inert = (FORMULA.test(cell) ? `'${cell}` : cell).replaceAll("\0", "");
  return NEEDS_QUOTES.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
