/** The policy as a `where` of one query: the rows for which the predicate would say yes, decided where the index is. */
import { rejectUnknownOptions } from "../core/options.ts";
import type { Principal } from "../core/principal.ts";
import { attributeOf, holdsFor, isDecidable, listOf } from "./caller.ts";
import { canonical, isStorableText, storableTexts, type ColumnType, type Scalar } from "./columns.ts";
import { FALSE, knowing, type Condition } from "./condition.ts";
import { conditionSql, quoteIdentifier, type SqlChunk, type SqlDialect } from "./condition-sql.ts";

export interface ListFilterOptions {
  /** The number of the first parameter, where others come before: 3 for a query that has `$1` and `$2`. 1 unless you say otherwise. */
  readonly startAt?: number;
  /** The table's name or alias in the query, needed where a column's name alone could be another table's, and for `related()`. */
  readonly alias?: string;
}

/** The tag of a library that builds SQL from template strings: `sql` of Drizzle, Kysely or postgres.js, `Prisma.sql`. */
export type SqlTag<Result> = (strings: TemplateStringsArray, ...values: Scalar[]) => Result;

/** A boolean expression with its parameters; never text from a request. */
export interface ListFilter {
  /** `("tenant_id" = $1::uuid and ...)`, in parentheses of its own. */
  readonly text: string;
  readonly values: readonly Scalar[];
  /**
   * The same in a query builder.
   *
   * @example
   * const rows = await db.select().from(documents).where(documentPolicy.filter(principal, "list").template(sql));
   */
  template<Result>(tag: SqlTag<Result>): Result;
}

export function listFilter(
  owner: string,
  rule: Condition,
  principal: Principal,
  options: ListFilterOptions = {},
): ListFilter {
  rejectUnknownOptions("filter", options, ["startAt", "alias"]);
  const { startAt = 1, alias } = options;
  if (!Number.isSafeInteger(startAt) || startAt < 1) throw new TypeError("filter() needs startAt as 1 or more.");
  const known = isDecidable(principal) ? knowing(rule, (pattern) => holdsFor(pattern, principal)) : FALSE;
  return fragment(conditionSql(owner, known, parameters(owner, principal, alias)), startAt);
}

function parameters(owner: string, principal: Principal, alias: string | undefined): SqlDialect {
  const prefix = alias === undefined ? "" : `${quoteIdentifier(alias)}.`;
  const literal = (value: Scalar, type: ColumnType): readonly SqlChunk[] => [{ value }, `::${type}`];
  return {
    column: ({ name }) => prefix + quoteIdentifier(name),
    outerColumn({ name }) {
      if (alias !== undefined) return prefix + quoteIdentifier(name);
      throw new TypeError(
        `${owner} looks at rows of another table, so filter() needs alias: the table's name or alias in the query.`,
      );
    },
    literal,
    attribute(name, type) {
      const value = canonical(type, attributeOf(principal, name));
      const lost = value === undefined || (typeof value === "string" && !isStorableText(value));
      return lost ? [`null::${type}`] : literal(value, type);
    },
    member(column, list) {
      const texts = storableTexts(listOf(principal, list));
      if (texts.length === 0) return ["false"];
      const values = texts.flatMap((text, index) => [index === 0 ? "" : ", ", ...literal(text, "text")]);
      return ["(", column, " in (", ...values, "))"];
    },
    caller: (pattern) => [holdsFor(pattern, principal) ? "true" : "false"],
  };
}

function fragment(chunks: readonly SqlChunk[], startAt: number): ListFilter {
  const pieces = [""];
  const values: Scalar[] = [];
  for (const chunk of chunks) {
    if (typeof chunk === "string") pieces[pieces.length - 1] += chunk;
    else {
      values.push(chunk.value);
      pieces.push("");
    }
  }
  const text = pieces.reduce((before, piece, index) => `${before}$${startAt + index - 1}${piece}`);
  return {
    text,
    values,
    template(tag) {
      const strings: TemplateStringsArray = Object.assign([...pieces], { raw: pieces });
      return tag(strings, ...values);
    },
  };
}
