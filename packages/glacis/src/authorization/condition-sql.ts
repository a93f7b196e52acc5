/** A condition as SQL text. Who asks comes in by a dialect: as parameters of one query, or as settings that a policy reads. */
import { quoteIdentifier } from "../primitives/sql-identifier.ts";
import type { Column, ColumnType, Scalar } from "./columns.ts";
import { elementType } from "./columns.ts";
import {
  opaqueIn,
  type Attribute,
  type CallerPattern,
  type Condition,
  type ListAttribute,
  type Operand,
  type Relation,
} from "./condition.ts";

/** Text, or a value that a driver binds. */
export type SqlChunk = string | { readonly value: Scalar };

export interface SqlDialect {
  column(column: Column): string;
  /** The same from inside a sub-select, where its name alone could be another table's. */
  outerColumn(column: Column): string;
  literal(value: Scalar, type: ColumnType): readonly SqlChunk[];
  attribute(name: Attribute, type: ColumnType): readonly SqlChunk[];
  /** Whether the caller has the text of this column among its roles or groups. */
  member(column: string, list: ListAttribute): readonly SqlChunk[];
  caller(pattern: CallerPattern): readonly SqlChunk[];
}

/** @throws TypeError on an opaque condition: SQL cannot call a function of the application */
export function conditionSql(owner: string, condition: Condition, dialect: SqlDialect): readonly SqlChunk[] {
  const opaque = opaqueIn(condition);
  if (opaque !== undefined) {
    throw new TypeError(
      `${owner} cannot be compiled to SQL: the condition "${opaque}" is a function. Write it as a pattern, or ask it per row in an action that no list and no row-level security policy needs.`,
    );
  }
  return render(condition, dialect);
}

function render(condition: Condition, dialect: SqlDialect): readonly SqlChunk[] {
  switch (condition.kind) {
    case "constant":
      return [condition.value ? "true" : "false"];
    case "caller":
      return dialect.caller(condition.pattern);
    case "compare": {
      const { column, operator, operand } = condition;
      return ["(", dialect.column(column), ` ${operator} `, ...operandSql(operand, column.type, dialect), ")"];
    }
    case "among": {
      const { column, values } = condition;
      return [
        "(",
        dialect.column(column),
        " in (",
        ...joined(
          ", ",
          values.map((value) => dialect.literal(value, column.type)),
        ),
        "))",
      ];
    }
    case "member":
      return dialect.member(dialect.column(condition.column), condition.list);
    case "contains": {
      const { column, operand } = condition;
      const type = elementType(column.type) as ColumnType;
      return ["(", ...operandSql(operand, type, dialect), " = any (", dialect.column(column), "))"];
    }
    case "absent":
      return ["(", dialect.column(condition.column), " is null)"];
    case "related":
      return relatedSql(condition.relation, dialect);
    case "not":
      return ["(not ", ...render(condition.condition, dialect), ")"];
    case "all":
    case "any": {
      const word = condition.kind === "all" ? " and " : " or ";
      return [
        "(",
        ...joined(
          word,
          condition.conditions.map((each) => render(each, dialect)),
        ),
        ")",
      ];
    }
    case "opaque":
      throw new TypeError(`The condition "${condition.name}" is a function and has no SQL.`);
  }
}

/** A row with the same key: `exists` is true or false and never unknown. */
function relatedSql({ table, on, where }: Relation, dialect: SqlDialect): readonly SqlChunk[] {
  const columnThere = ({ name }: Column): string => `${RELATED}.${quoteIdentifier(name)}`;
  return [
    `(exists (select 1 from ${table.map(quoteIdentifier).join(".")} as ${RELATED} where `,
    ...on.map(({ there, here }) => `${columnThere(there)} = ${dialect.outerColumn(here)} and `),
    ...render(where, { ...dialect, column: columnThere, outerColumn: columnThere }),
    "))",
  ];
}

const RELATED = "glacis_related";

function operandSql(operand: Operand, type: ColumnType, dialect: SqlDialect): readonly SqlChunk[] {
  switch (operand.kind) {
    case "literal":
      return dialect.literal(operand.value, type);
    case "attribute":
      return dialect.attribute(operand.name, type);
    case "column":
      return [dialect.column(operand.column)];
  }
}

function joined(separator: string, parts: readonly (readonly SqlChunk[])[]): readonly SqlChunk[] {
  return parts.flatMap((part, index) => (index === 0 ? part : [separator, ...part]));
}

export { quoteIdentifier };

/** A text literal that means the same whatever `standard_conforming_strings` says. */
export function quoteLiteral(text: string): string {
  const quoted = text.replaceAll("'", "''");
  return text.includes("\\") ? `E'${quoted.replaceAll("\\", "\\\\")}'` : `'${quoted}'`;
}
