/** Rows of an export as accounts could be made of them: which column or field says what. */
import { isTable } from "../parsed-document.ts";
import type { ImportedRow } from "glacis/authentication";
import { CannotCheck } from "../outcome.ts";
import { csvRecords } from "./csv.ts";
import { arrayMembers } from "./json-array.ts";
import { textOf } from "./text.ts";

export interface ExportColumns {
  readonly email: string;
  readonly hash: string;
  readonly id: string;
}

export type ExportRow =
  | { readonly line: number; readonly kind: "row"; readonly row: ImportedRow }
  | { readonly line: number; readonly kind: "problem"; readonly problem: string }
  /** Part of the export, and no user. */
  | { readonly line: number; readonly kind: "other" };

/** @throws CannotCheck when the file has no header, lacks a column, or is no such file at all */
export async function* csvRows(path: string, columns: ExportColumns): AsyncGenerator<ExportRow> {
  let header: Header | undefined;
  for await (const { line, fields, problem } of csvRecords(textOf(path))) {
    if (header === undefined) header = headerOf(fields, columns);
    else if (problem !== undefined) yield { line, kind: "problem", problem };
    else if (fields.length !== header.width) yield { line, kind: "problem", problem: "columns_do_not_fit_header" };
    else yield { line, kind: "row", row: rowOf((name) => header?.read(fields, name), columns) };
  }
  if (header === undefined) throw noHeader(columns);
}

interface Header {
  readonly width: number;
  readonly read: (fields: readonly string[], column: string) => string | undefined;
}

function headerOf(fields: readonly string[], columns: ExportColumns): Header {
  const names = fields.map((name) => name.trim().toLowerCase());
  const places = new Map(names.map((name, place) => [name, place]));
  const isUsable = places.size === names.length && places.has(columns.email) && places.has(columns.hash);
  if (!isUsable) throw noHeader(columns);
  return {
    width: names.length,
    read: (row, column) => {
      const place = places.get(column);
      const text = place === undefined ? undefined : row[place];
      // How COPY and mysqldump write a null.
      return text === "" || text === "\\N" ? undefined : text;
    },
  };
}

function noHeader({ email, hash }: ExportColumns): CannotCheck {
  return new CannotCheck(
    `the first line of the export is no header with the columns ${email} and ${hash}, each name once.`,
    "which column is the address would be a guess.",
    "export with a header, such as COPY ... TO ... CSV HEADER, or name the columns with --email-column and --hash-column.",
  );
}

/** @param model such as `auth.user` @throws CannotCheck when the file is no fixture */
export async function* fixtureRows(path: string, model: string, columns: ExportColumns): AsyncGenerator<ExportRow> {
  try {
    for await (const { line, value, problem } of arrayMembers(textOf(path))) {
      if (problem !== undefined) yield { line, kind: "problem", problem };
      else if (!isTable(value) || typeof value["model"] !== "string" || !isTable(value["fields"]))
        yield { line, kind: "problem", problem: "no_fixture_object" };
      else if (value["model"].toLowerCase() !== model) yield { line, kind: "other" };
      else yield { line, kind: "row", row: fixtureRow(value["pk"], value["fields"], columns) };
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new CannotCheck(
      "the export is no JSON array, or it ends before the array does.",
      "users at the end of it may be missing.",
      "export again: python manage.py dumpdata auth.user --output users.json",
    );
  }
}

function fixtureRow(pk: unknown, fields: Readonly<Record<string, unknown>>, columns: ExportColumns): ImportedRow {
  const key = typeof pk === "number" ? String(pk) : pk;
  return rowOf((name) => (name === columns.id ? key : fields[name]), columns);
}

function rowOf(read: (name: string) => unknown, columns: ExportColumns): ImportedRow {
  const userId = read(columns.id);
  const createdAtMs = momentOf(read("date_joined") ?? read("created_at"));
  return {
    email: read(columns.email),
    hash: read(columns.hash),
    ...(userId !== undefined && userId !== null && { userId }),
    active: isActive(read("is_active")),
    ...(createdAtMs !== undefined && { createdAtMs }),
  };
}

const TRUE: ReadonlySet<unknown> = new Set<unknown>([true, 1, "t", "true", "1", "yes", "y"]);

/** Where there is such a column, only what clearly says yes is active. */
function isActive(value: unknown): boolean {
  return value === undefined || TRUE.has(typeof value === "string" ? value.trim().toLowerCase() : value);
}

const MOMENT = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})(?:\.(\d{1,3})\d*)?(Z|[+-]\d{2}(?::?\d{2})?)?$/u;

/** As Postgres, MySQL and Django write it; without a zone it is UTC. */
function momentOf(value: unknown): number | undefined {
  const found = typeof value === "string" ? MOMENT.exec(value) : null;
  if (found === null) return undefined;
  const [, day, time, fraction = "0", zone = "Z"] = found;
  const offset = /^[+-]\d{2}$/u.test(zone) ? `${zone}:00` : zone.replace(/^([+-]\d{2})(\d{2})$/u, "$1:$2");
  const ms = Date.parse(`${day}T${time}.${fraction.padEnd(3, "0")}${offset}`);
  return Number.isNaN(ms) || ms < 0 ? undefined : ms;
}
