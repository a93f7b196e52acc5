/** SQL as fragments in which every value is bound (catalog sql-injection; CWE-89; ASVS 1.2.4; guide A03). */
import type { Brand } from "../core/brand.ts";
import { quoteIdentifier } from "../primitives/sql-identifier.ts";
import { orderBy, type OrderByOptions } from "./sql-order.ts";
import { checkSqlValue, type SqlValue } from "./sql-value.ts";

/** A statement or a part of one. Nothing but `sql` makes one, and it does not become a string. */
export type Sql = Brand<object, "Sql">;

/** Text of the program, or a value to bind. */
type Chunk = string | { readonly value: SqlValue };

const chunksOf = new WeakMap<object, readonly Chunk[]>();

/** More than this a statement of Postgres cannot have. */
const MOST_PARAMETERS = 65_535;
const DIGIT = /^\d/u;
const PLACEHOLDER = /\$\d/u;

const PROTOTYPE: object = Object.freeze({
  [Symbol.toPrimitive](): never {
    throw new TypeError(
      "A fragment of SQL does not become text: nest it in sql`...`, or run it with sqlClient(client).query(fragment).",
    );
  },
});

/** @throws TypeError where `$1` and a digit of the text behind it would read as `$10`, another value */
function fragment(all: readonly Chunk[]): Sql {
  const chunks = all.filter((chunk) => chunk !== "");
  const joins = (chunk: Chunk, index: number): boolean =>
    typeof chunk === "string" && DIGIT.test(chunk) && typeof chunks[index - 1] === "object";
  if (chunks.some(joins))
    throw new TypeError("sql`...` has a digit behind a value: put a space or an operator between them.");
  const made = Object.freeze(Object.create(PROTOTYPE) as object) as Sql;
  chunksOf.set(made, chunks);
  return made;
}

/** The tag and what goes with it. */
export interface SqlTemplate {
  /**
   * @throws TypeError when it is called with a text instead of a template, and for a value that cannot be bound
   */
  (strings: TemplateStringsArray, ...values: readonly (Sql | SqlValue)[]): Sql;
  /** Nothing, for a part that is there on a condition. */
  readonly empty: Sql;
  /** A name from a list: the one way for a client to choose a column. @throws TypeError when it is not of the list */
  identifier(name: string, allowed: readonly string[]): Sql;
  /** Fragments between a separator, which is a comma. @throws TypeError when there are none: an empty list is no SQL */
  join(fragments: readonly Sql[], separator?: Sql): Sql;
  /** A value as jsonb. */
  json(value: unknown): Sql;
  /** A text as a pattern for `like` and `ilike` that matches itself, anywhere, at the start or at the end. */
  contains(text: string): Sql;
  startsWith(text: string): Sql;
  endsWith(text: string): Sql;
  /** `order by` as a client asks for it, from names that the program lists. */
  orderBy(requested: string | undefined, columns: Readonly<Record<string, string>>, options: OrderByOptions): Sql;
}

/**
 * Makes a fragment: what stands in the template is text of the program, and what is put in is bound as `$1`, `$2`, unless it is a fragment.
 *
 * @example
 * const mine = sql`owner_id = ${user.id} and title ilike ${sql.contains(query.q)}`;
 * const rows = await sqlClient(pool).query(sql`select id, title from documents where ${mine} and id = any(${ids})`);
 */
export const sql: SqlTemplate = Object.freeze(
  Object.assign(template, {
    empty: fragment([""]),
    identifier(name: string, allowed: readonly string[]): Sql {
      if (!allowed.includes(name)) throw new TypeError("sql.identifier() takes a name of its list and no other.");
      return fragment([quoteIdentifier(name)]);
    },
    join(fragments: readonly Sql[], separator: Sql = fragment([", "])): Sql {
      if (fragments.length === 0)
        throw new TypeError("sql.join() needs at least one fragment; for values of a list write = any(${values}).");
      const between = inside(separator);
      return fragment(fragments.flatMap((each, index) => [...(index === 0 ? [] : between), ...inside(each)]));
    },
    json(value: unknown): Sql {
      const text = JSON.stringify(value) as string | undefined;
      if (text === undefined) throw new TypeError("sql.json() needs a value that JSON has.");
      return fragment([{ value: checkSqlValue(text) }, "::jsonb"]);
    },
    contains: (text: string) => pattern("%", text, "%"),
    startsWith: (text: string) => pattern("", text, "%"),
    endsWith: (text: string) => pattern("%", text, ""),
    orderBy(requested: string | undefined, columns: Readonly<Record<string, string>>, options: OrderByOptions): Sql {
      return fragment([orderBy(requested, columns, options)]);
    },
  }),
);

function template(strings: TemplateStringsArray, ...values: readonly (Sql | SqlValue)[]): Sql {
  if (!Array.isArray(strings) || !Array.isArray(strings.raw) || strings.length !== values.length + 1)
    throw new TypeError("sql is a tag: write sql`select ...` and put values in with ${}. It takes no text.");
  const chunks: Chunk[] = [];
  for (const [index, text] of strings.entries()) {
    if (typeof text !== "string") throw new TypeError("sql`...` holds an escape that JavaScript does not know.");
    if (PLACEHOLDER.test(text))
      throw new TypeError("sql`...` numbers its parameters itself: put the value in with ${} in the place of $1.");
    chunks.push(text);
    if (index === values.length) break;
    const value = values[index];
    const nested = typeof value === "object" && value !== null ? chunksOf.get(value) : undefined;
    if (nested === undefined) chunks.push({ value: checkSqlValue(value) });
    else chunks.push(...nested);
  }
  return fragment(chunks);
}

/** @throws TypeError for what is no fragment, a text above all */
function inside(made: Sql): readonly Chunk[] {
  const chunks = typeof made === "object" && made !== null ? chunksOf.get(made) : undefined;
  if (chunks === undefined) throw new TypeError("This needs a fragment made by sql`...`, not a text.");
  return chunks;
}

/** The default escape character of LIKE is the backslash, whatever the server's settings (PostgreSQL documentation, section 9.7.1). */
function pattern(before: string, text: string, after: string): Sql {
  if (typeof text !== "string") throw new TypeError("A pattern is made of a text.");
  return fragment([{ value: checkSqlValue(before + text.replaceAll(/[\\%_]/gu, "\\$&") + after) }]);
}

/**
 * A fragment for `pg`, PGlite and whatever numbers its parameters `$1`, `$2`.
 *
 * @throws TypeError for a text
 * @example
 * await pool.query(pgQuery(sql`select * from documents where id = ${id}`));
 */
export function pgQuery(made: Sql): { text: string; values: SqlValue[] } {
  const values: SqlValue[] = [];
  const text = inside(made)
    .map((chunk) => (typeof chunk === "string" ? chunk : `$${values.push(chunk.value)}`))
    .join("");
  if (values.length > MOST_PARAMETERS) throw new TypeError(`A statement has at most ${MOST_PARAMETERS} parameters.`);
  return { text, values };
}

/** The `sql` of Drizzle, as far as it is used. */
export interface DrizzleSqlTag<Result> {
  (strings: TemplateStringsArray, ...values: unknown[]): Result;
  param(value: SqlValue): unknown;
}

/**
 * A fragment as Drizzle's own, for `where`, `orderBy` and `execute`. Lists stay one parameter.
 *
 * @throws TypeError for a text
 * @example
 * import { sql as drizzle } from "drizzle-orm";
 * await db.select().from(documents).where(drizzleSql(mine, drizzle));
 */
export function drizzleSql<Result>(made: Sql, tag: DrizzleSqlTag<Result>): Result {
  const pieces = [""];
  const values: unknown[] = [];
  for (const chunk of inside(made)) {
    if (typeof chunk === "string") pieces[pieces.length - 1] += chunk;
    else {
      values.push(tag.param(chunk.value));
      pieces.push("");
    }
  }
  const strings: TemplateStringsArray = Object.assign([...pieces], { raw: pieces });
  return tag(strings, ...values);
}
