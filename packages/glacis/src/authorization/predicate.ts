/**
 * A condition as a function: the in-memory enforcer. What it says of a row is what Postgres says of it, null included: a condition is true, false
 * or unknown, and is compiled to two questions, whether it holds and whether it fails. What is unknown does neither.
 */
import { types } from "node:util";
import type { Principal } from "../core/principal.ts";
import { attributeOf, holdsFor, listOf } from "./caller.ts";
import { canonical, compareNumbers, elementType, type Column, type Scalar } from "./columns.ts";
import { isRecord } from "../primitives/is-record.ts";
import {
  all,
  any,
  type Attribute,
  type Comparison,
  type Condition,
  type Operand,
  type Operator,
  type Relation,
} from "./condition.ts";

export type PolicyRow = Readonly<Record<string, unknown>>;

export type Predicate = (principal: Principal, row: PolicyRow) => boolean;

/** An opaque condition answered with something that is neither true nor false. */
export class ConditionError extends Error {
  override readonly name = "ConditionError";
}

/** True where the condition is true. */
export function holds(condition: Condition): Predicate {
  return compile(condition, true);
}

/** True where the condition is false, and not merely unknown. */
export function fails(condition: Condition): Predicate {
  return compile(condition, false);
}

function compile(condition: Condition, wanted: boolean): Predicate {
  switch (condition.kind) {
    case "constant": {
      const answer = condition.value === wanted;
      return () => answer;
    }
    case "caller": {
      const { pattern } = condition;
      return (principal) => holdsFor(pattern, principal) === wanted;
    }
    case "compare":
      return comparison(condition, wanted);
    case "among":
      return among(condition.column, condition.values, wanted);
    case "member": {
      const { column, list } = condition;
      return (principal, row) => {
        const known = listOf(principal, list);
        if (known.length === 0) return !wanted;
        const value = row[column.property];
        return typeof value === "string" && known.includes(value) === wanted;
      };
    }
    case "contains":
      return containment(condition.column, condition.operand, wanted);
    case "absent": {
      const { property } = condition.column;
      // A property that is undefined was not loaded; whether the column is null is not known.
      return (_, row) => row[property] !== undefined && (row[property] === null) === wanted;
    }
    case "related":
      return relatedRow(condition.relation, wanted);
    case "not":
      return compile(condition.condition, !wanted);
    case "all":
      return wanted ? everyOf(condition.conditions.map(holds)) : someOf(condition.conditions.map(fails));
    case "any":
      if (condition.every === true) return asked(condition.conditions, wanted);
      return wanted ? someOf(byRole(condition.conditions, true)) : everyOf(byRole(condition.conditions, false));
    case "opaque": {
      const { name, test } = condition;
      return (principal, row) => answerOf(name, test(principal, row)) === wanted;
    }
  }
}

function answerOf(name: string, answer: unknown): boolean {
  if (answer === true || answer === false) return answer;
  if (types.isPromise(answer)) {
    // Nobody awaits it: without a handler its rejection would end the process.
    answer.catch(() => undefined);
    throw new ConditionError(`The condition "${name}" returned a promise; a condition is decided at once.`);
  }
  throw new ConditionError(`The condition "${name}" returned neither true nor false, but ${typeof answer}.`);
}

export function everyOf(parts: readonly Predicate[]): Predicate {
  const [first, second] = parts as readonly [Predicate, Predicate];
  switch (parts.length) {
    case 1:
      return first;
    case 2:
      return (principal, row) => first(principal, row) && second(principal, row);
    default:
      return (principal, row) => parts.every((part) => part(principal, row));
  }
}

export function someOf(parts: readonly Predicate[]): Predicate {
  if (parts.length === 0) return () => false;
  const [first, second] = parts as readonly [Predicate, Predicate];
  switch (parts.length) {
    case 1:
      return first;
    case 2:
      return (principal, row) => first(principal, row) || second(principal, row);
    default:
      return (principal, row) => parts.some((part) => part(principal, row));
  }
}

/** Asks every part, because one that fails must not be passed over. */
function asked(conditions: readonly Condition[], wanted: boolean): Predicate {
  const parts = conditions.map((condition) => compile(condition, wanted));
  return (principal, row) => {
    const answers = new Set(parts.map((part) => part(principal, row)));
    return wanted ? answers.has(true) : !answers.has(false);
  };
}

/** Alternatives that differ by role are looked up by the roles that the caller has, instead of asked one after the other. */
function byRole(conditions: readonly Condition[], wanted: boolean): readonly Predicate[] {
  const { roles, others } = rolesApart(conditions, wanted);
  if (roles.length === 0) return others;
  const lookup: Predicate = (principal, row) =>
    (principal.kind !== "anonymous" && oneOf(roles, principal.roles, principal, row, wanted)) === wanted;
  return [...others, lookup];
}

/** What is asked of one role; of a role without a predicate nothing is. */
export interface RolePredicate {
  readonly role: string;
  readonly decide: Predicate | undefined;
}

export function rolesApart(
  conditions: readonly Condition[],
  wanted: boolean,
): { readonly roles: readonly RolePredicate[]; readonly others: readonly Predicate[] } {
  const others: Predicate[] = [];
  const roles = new Map<string, Condition[]>();
  for (const condition of conditions) {
    const [first, ...rest] = condition.kind === "all" ? condition.conditions : [condition];
    if (first?.kind !== "caller" || first.pattern.kind !== "role") others.push(compile(condition, wanted));
    else roles.set(first.pattern.name, [...(roles.get(first.pattern.name) ?? []), all(rest)]);
  }
  const predicate = (condition: Condition): Predicate | undefined =>
    condition.kind === "constant" ? undefined : compile(condition, wanted);
  return { roles: [...roles].map(([role, each]) => ({ role, decide: predicate(any(each)) })), others };
}

/** Whether one of the caller's roles decides it: what is wanted holds, what is unwanted does not fail. A short list finds a name faster than a Map. */
export function oneOf(
  predicates: readonly RolePredicate[],
  held: readonly string[],
  principal: Principal,
  row: PolicyRow,
  wanted: boolean,
): boolean {
  for (let index = 0; index < held.length; index += 1) {
    const role = held[index];
    for (let at = 0; at < predicates.length; at += 1) {
      const part = predicates[at] as RolePredicate;
      if (part.role !== role) continue;
      if (part.decide === undefined || part.decide(principal, row) === wanted) return true;
      break;
    }
  }
  return false;
}

function comparison({ column, operator, operand }: Comparison, wanted: boolean): Predicate {
  const { property, type } = column;
  if (operator === "=" && operand.kind === "literal") return isLiteral(column, operand.value, wanted);
  if (operator === "=" && operand.kind === "attribute" && (type === "text" || type === "uuid"))
    return isAttribute(column, operand.name, wanted);
  const right = reader(type, operand);
  const compares = COMPARES[operator];
  return (principal, row) => {
    const left = canonical(type, row[property]);
    if (left === undefined) return false;
    const other = right(principal, row);
    return other !== undefined && compares(left, other) === wanted;
  };
}

const COMPARES: Readonly<Record<Operator, (left: Scalar, right: Scalar) => boolean>> = {
  "=": (left, right) => left === right,
  "<": (left, right) => compareNumbers(left, right) < 0,
  "<=": (left, right) => compareNumbers(left, right) <= 0,
  ">": (left, right) => compareNumbers(left, right) > 0,
  ">=": (left, right) => compareNumbers(left, right) >= 0,
};

/** A text or a flag that is the literal needs no second look. */
function isLiteral({ property, type }: Column, literal: Scalar, wanted: boolean): Predicate {
  if (type === "text" || type === "boolean") {
    if (wanted) return (_, row) => row[property] === literal;
    const kind = typeof literal;
    return (_, row) => row[property] !== literal && typeof row[property] === kind;
  }
  return (_, row) => {
    const value = canonical(type, row[property]);
    return value !== undefined && (value === literal) === wanted;
  };
}

/** A column and who asks, whose id and tenant are texts and not empty. The same text is the same uuid; in another case it needs a second look. */
function isAttribute({ property, type }: Column, name: Attribute, wanted: boolean): Predicate {
  if (!wanted) {
    return (principal, row) => {
      const value = canonical(type, row[property]);
      const other = canonical(type, attributeOf(principal, name));
      return value !== undefined && other !== undefined && value !== other;
    };
  }
  return (principal, row) => {
    const value = row[property];
    const other = attributeOf(principal, name);
    return other !== undefined && (value === other || (type === "uuid" && isSameUuid(value, other)));
  };
}

export function isSameUuid(left: unknown, right: string): boolean {
  if (typeof left !== "string" || left.length !== right.length || left.toLowerCase() !== right.toLowerCase())
    return false;
  return canonical("uuid", left) !== undefined;
}

/** Whether there is a related row is known where they were loaded: then there is one or there is none, and nothing in between. */
function relatedRow({ property, where }: Relation, wanted: boolean): Predicate {
  const matches = holds(where);
  return (principal, row) => {
    const rows: unknown = row[property];
    return Array.isArray(rows) && rows.some((each) => isRecord(each) && matches(principal, each)) === wanted;
  };
}

function reader(type: Column["type"], operand: Operand): (principal: Principal, row: PolicyRow) => Scalar | undefined {
  switch (operand.kind) {
    case "literal": {
      const { value } = operand;
      return () => value;
    }
    case "attribute": {
      const { name } = operand;
      return (principal) => canonical(type, attributeOf(principal, name));
    }
    case "column": {
      const { property } = operand.column;
      return (_, row) => canonical(type, row[property]);
    }
  }
}

function among(column: Column, values: readonly Scalar[], wanted: boolean): Predicate {
  const { property, type } = column;
  const known = new Set(values);
  return (_, row) => {
    const value = canonical(type, row[property]);
    return value !== undefined && known.has(value) === wanted;
  };
}

/** Like `value = any (list)`: an element that is null leaves it open unless another one matches. */
function containment(column: Column, operand: Operand, wanted: boolean): Predicate {
  const { property } = column;
  const type = elementType(column.type) as "text" | "uuid";
  const right = reader(type, operand);
  return (principal, row) => {
    const list: unknown = row[property];
    if (!Array.isArray(list)) return false;
    if (list.length === 0) return !wanted;
    const value = right(principal, row);
    if (value === undefined) return false;
    const elements = new Set(list.map((element: unknown) => canonical(type, element)));
    return wanted ? elements.has(value) : !elements.has(value) && !elements.has(undefined);
  };
}
