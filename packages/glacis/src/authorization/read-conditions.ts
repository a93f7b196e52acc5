/** Turns what was written, patterns and expressions, into conditions, and refuses what means nothing. */
import { nearestWord } from "../core/options.ts";
import { canonical, elementType, type Column, type Columns, type Scalar } from "./columns.ts";
import { all, any, not, type Attribute, type Condition, type Operand } from "./condition.ts";
import { isConditionName, parseExpression, type Expression } from "./expression.ts";
import { readRelation } from "./relation.ts";
import { isMatch, isUnstorable, type ConditionSource, type TestSource } from "./match.ts";

/** The words of a policy, for reading its statements. */
export interface Vocabulary {
  /** The policy as an error names it. */
  readonly owner: string;
  readonly columns: ReadonlyMap<string, Column>;
  readonly conditions: ReadonlyMap<string, Condition>;
}

/** What an unknown word is told: the nearest known one, or all of them. */
export function unknownWord(owner: string, kind: string, word: unknown, known: readonly string[]): TypeError {
  const nearest = typeof word === "string" ? nearestWord(word, known) : undefined;
  const hint = nearest === undefined ? `Known: ${known.join(", ") || "none"}.` : `Did you mean "${nearest}"?`;
  return new TypeError(`${owner} has no ${kind} "${String(word).slice(0, 100)}". ${hint}`);
}

/**
 * Reads every named condition.
 *
 * @throws TypeError on an unknown column or name, a value of another type, and a condition that is defined by itself.
 */
export function readConditions<C extends Columns>(
  owner: string,
  columns: ReadonlyMap<string, Column>,
  sources: Readonly<Record<string, ConditionSource<C>>>,
): ReadonlyMap<string, Condition> {
  const conditions = new Map<string, Condition>();
  const pending = new Set<string>();
  const names = Object.keys(sources);

  function resolve(name: string): Condition {
    const known = conditions.get(name);
    if (known !== undefined) return known;
    if (!Object.hasOwn(sources, name)) throw unknownWord(owner, "condition", name, names);
    if (pending.has(name)) throw new TypeError(`${owner} defines the condition "${name}" by itself.`);
    pending.add(name);
    const condition = read(name, sources[name]);
    conditions.set(name, condition);
    return condition;
  }

  function read(name: string, source: unknown): Condition {
    if (!isConditionName(name))
      throw new TypeError(
        `${owner} needs letters, digits and _ . : * in a condition's name, not "${name.slice(0, 100)}".`,
      );
    if (typeof source === "string") return fromExpression(parseExpression(source), resolve);
    const here = `${owner}, condition "${name}",`;
    if (isMatch(source, "opaque")) {
      if (typeof source.test !== "function") throw new TypeError(`${here} needs opaque() with a function.`);
      return { kind: "opaque", name, test: source.test };
    }
    if (!isMatch(source, "related")) return readPattern(here, columns, source);
    const { relation } = source;
    const where = (others: ReadonlyMap<string, Column>): Condition => readPattern(here, others, relation.where);
    return { kind: "related", relation: readRelation(here, columns, relation, where) };
  }

  for (const name of names) resolve(name);
  return conditions;
}

/** An expression with its names looked up. */
export function fromExpression(expression: Expression, resolve: (name: string) => Condition): Condition {
  switch (expression.kind) {
    case "name":
      return resolve(expression.name);
    case "not":
      return not(fromExpression(expression.operand, resolve));
    case "and":
      return all(expression.operands.map((operand) => fromExpression(operand, resolve)));
    case "or":
      return any(expression.operands.map((operand) => fromExpression(operand, resolve)));
  }
}

function readPattern(owner: string, columns: ReadonlyMap<string, Column>, source: unknown): Condition {
  if (typeof source !== "object" || source === null || Array.isArray(source) || Object.keys(source).length === 0)
    throw new TypeError(`${owner} needs columns and what they must be, an expression, or opaque(...).`);
  return all(Object.entries(source).map(([property, match]) => readMatch(owner, columns, property, match)));
}

function columnNamed(owner: string, columns: ReadonlyMap<string, Column>, property: string): Column {
  const column = columns.get(property);
  if (column === undefined) throw unknownWord(owner, "column", property, [...columns.keys()]);
  return column;
}

function readMatch(owner: string, columns: ReadonlyMap<string, Column>, property: string, match: unknown): Condition {
  const column = columnNamed(owner, columns, property);
  if (!isMatch(match, "test"))
    return { kind: "compare", column, operator: "=", operand: readOperand(owner, column, match) };
  const source: TestSource = match.test;
  const here = `${owner} column "${property}",`;
  // Types do not hold what somebody has written by hand or read from JSON, and an operator becomes SQL.
  if (typeof source !== "object" || source === null)
    throw new TypeError(`${here} needs a test, such as anyOf("draft").`);
  const odd = Object.keys(source).find((name) => !PARTS_OF_TESTS.includes(name));
  if (odd !== undefined) throw unknownWord(here, "part", odd, PARTS_OF_TESTS);
  const { kind } = source;
  switch (kind) {
    case "isNull":
      return { kind: "absent", column };
    case "not":
      return not(readMatch(owner, columns, property, source.match));
    case "anyOf":
      return {
        kind: "among",
        column,
        values: demandValues(here, source.values).map((value) => readLiteral(owner, column, column.type, value)),
      };
    case "anyOfCaller":
      if (column.type !== "text") throw unfit(owner, column, "anyOf(caller.roles)");
      return { kind: "member", column, list: demandWord(here, "list of the caller", source.list, ["roles", "groups"]) };
    case "order": {
      if (column.type !== "integer" && column.type !== "bigint") throw unfit(owner, column, "an order");
      const value = readLiteral(owner, column, column.type, source.bound);
      const operator = demandWord(here, "order", source.operator, ["<", "<=", ">", ">="]);
      return { kind: "compare", column, operator, operand: { kind: "literal", value } };
    }
    case "contains":
      if (elementType(column.type) === undefined) throw unfit(owner, column, "contains()");
      return { kind: "contains", column, operand: readOperand(owner, column, source.value) };
    case "column": {
      const other = columnNamed(owner, columns, source.property);
      if (other.type !== column.type || !isComparable(column))
        throw unfit(owner, column, `sameAs("${source.property}")`);
      return { kind: "compare", column, operator: "=", operand: { kind: "column", column: other } };
    }
    default:
      throw unknownWord(here, "test", kind, ["anyOf", "anyOfCaller", "not", "isNull", "order", "contains", "column"]);
  }
}

const PARTS_OF_TESTS = ["kind", "values", "list", "match", "operator", "bound", "value", "property"];

function demandWord<Word extends string>(owner: string, kind: string, word: Word, known: readonly Word[]): Word {
  if (!known.includes(word)) throw unknownWord(owner, kind, word, known);
  return word;
}

function demandValues(owner: string, values: readonly unknown[]): readonly unknown[] {
  if (!Array.isArray(values) || values.length === 0)
    throw new TypeError(`${owner} needs anyOf() with a list of values.`);
  return values;
}

const ATTRIBUTES: readonly Attribute[] = ["userId", "serviceId", "tenantId"];

function isComparable({ type }: Column): boolean {
  return type !== "timestamptz" && elementType(type) === undefined;
}

function readOperand(owner: string, column: Column, match: unknown): Operand {
  const type = elementType(column.type) ?? column.type;
  if (isMatch(match, "attribute")) {
    if (type === "boolean" || type === "timestamptz") throw unfit(owner, column, `caller.${match.name}`);
    return { kind: "attribute", name: demandWord(owner, "attribute of the caller", match.name, ATTRIBUTES) };
  }
  return { kind: "literal", value: readLiteral(owner, column, type, match) };
}

function readLiteral(owner: string, column: Column, type: Column["type"], value: unknown): Scalar {
  const scalar = canonical(type, value);
  if (scalar === undefined || isUnstorable(scalar)) throw unfit(owner, column, describe(value));
  return scalar;
}

function describe(value: unknown): string {
  if (value === null) return "null; write isNull()";
  return typeof value === "string"
    ? JSON.stringify(value.slice(0, 100))
    : typeof value === "number"
      ? `${value}`
      : `a ${typeof value}`;
}

function unfit(owner: string, column: Column, what: string): TypeError {
  return new TypeError(`${owner} cannot compare the column "${column.property}" of type ${column.type} with ${what}.`);
}
