/** Reads a relation: rows of another table that belong to the row in question, such as the shares of a document. */
import { isIdentifier, readColumns, type Column, type ColumnType } from "./columns.ts";
import type { Condition, Relation } from "./condition.ts";
import type { AnyRelation } from "./match.ts";

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
