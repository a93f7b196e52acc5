/** Rows of another table that belong to the row in question, such as the shares of a document. */
import { rejectUnknownOptions } from "../core/options.ts";
import { isIdentifier, readColumns, type Column, type Columns, type ColumnType } from "./columns.ts";
import type { Condition } from "./condition.ts";
import type { Pattern } from "./match.ts";

/** One row of the other table must match. */
export interface Related {
  readonly match: "related";
  readonly relation: AnyRelation;
}

export interface RelationOptions<C extends Columns> {
  /** The property under which a row in memory carries its related rows, such as `shares`. */
  readonly property: string;
  /** The other table, `document_shares` or `app.document_shares`. */
  readonly table: string;
  /** The other table's columns. */
  readonly columns: C;
  /** How the two belong together: a column here by a column there, `{ documentId: "id", tenantId: "tenantId" }`. */
  readonly on: { readonly [Name in keyof C]?: string };
  /** What one of the related rows must be. */
  readonly where: Pattern<C>;
}

export type AnyRelation = RelationOptions<Columns>;

/** The relation as the compilers see it. */
export interface Relation {
  readonly property: string;
  /** The schema where one was named, and the table. */
  readonly table: readonly string[];
  readonly on: readonly { readonly there: Column; readonly here: Column }[];
  readonly where: Condition;
}

/**
 * Holds when a row of another table belongs to this one and matches. In memory the related rows are looked for under `property`; where they were not
 * loaded it is not known whether there is one, so an allowing statement refuses and a denying one stands. In SQL it is an `exists`.
 *
 * @example
 * const shares = {
 *   property: "shares",
 *   table: "document_shares",
 *   columns: { tenantId: "uuid", documentId: "uuid", userId: "uuid", permission: "text" },
 *   on: { tenantId: "tenantId", documentId: "id" },
 * } as const;
 * const conditions = {
 *   isReader: related({ ...shares, where: { userId: caller.userId } }),
 *   isEditor: related({ ...shares, where: { userId: caller.userId, permission: "edit" } }),
 * };
 */
export function related<const C extends Columns>(relation: RelationOptions<C>): Related {
  rejectUnknownOptions("related", relation, ["property", "table", "columns", "on", "where"]);
  return Object.freeze({ match: "related", relation: relation as unknown as AnyRelation });
}

/**
 * @param readWhere reads the pattern over the other table's columns
 * @throws TypeError on a name that neither table has, and on columns that cannot be equal
 */
export function readRelation(
  owner: string,
  columns: ReadonlyMap<string, Column>,
  relation: AnyRelation,
  readWhere: (columns: ReadonlyMap<string, Column>) => Condition,
): Relation {
  const { property } = relation;
  if (!isIdentifier(property) || columns.has(property))
    throw new TypeError(`${owner} needs property, under which no column stands, for the related rows.`);
  const table = typeof relation.table === "string" ? relation.table.split(".") : [];
  if (table.length < 1 || table.length > 2 || !table.every(isIdentifier))
    throw new TypeError(`${owner} needs table as a name, such as "document_shares".`);
  const others = readColumns(owner, relation.columns);
  const on = Object.entries(relation.on ?? {}).map(([name, local]) => {
    const [there, here] = [others.get(name), columns.get(String(local))];
    if (there === undefined || here === undefined || there.type !== here.type || !COMPARABLE.has(here.type))
      throw new TypeError(`${owner} cannot join "${name}" of ${relation.table} with "${String(local)}".`);
    return { there, here };
  });
  if (on.length === 0)
    throw new TypeError(
      `${owner} needs on, the columns by which the rows belong together, such as { documentId: "id" }.`,
    );
  return { property, table, on, where: readWhere(others) };
}

const COMPARABLE: ReadonlySet<ColumnType> = new Set(["text", "uuid", "integer", "bigint"]);
