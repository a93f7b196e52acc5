/** A condition as a function: the in-memory enforcer. What it says of a row is what Postgres says of it, null included. */
import type { Principal } from "../core/principal.ts";
import { attributeOf, holdsFor, listOf } from "./caller.ts";
import { canonical, compareNumbers, elementType, type Column, type Scalar } from "./columns.ts";
import type { Attribute, Condition, Operand, Operator } from "./condition.ts";

export type PolicyRow = Readonly<Record<string, unknown>>;

/** Undefined is SQL's unknown. */
export type Truth = boolean | undefined;

export type Predicate = (principal: Principal, row: PolicyRow) => Truth;

/** An opaque condition answered with something that is neither true nor false. */
export class ConditionError extends Error {
  override readonly name = "ConditionError";
}

export function predicate(condition: Condition): Predicate {
  switch (condition.kind) {
    case "constant": {
      const { value } = condition;
      return () => value;
    }
    case "caller": {
      const { pattern } = condition;
      return (principal) => holdsFor(pattern, principal);
    }
    case "compare":
      return comparison(condition.column, condition.operator, condition.operand);
    case "among":
      return among(condition.column, condition.values);
    case "member": {
      const { column, list } = condition;
      return (principal, row) => {
        const known = listOf(principal, list);
        const value = row[column.property];
        if (known.length === 0) return false;
        return typeof value === "string" ? known.includes(value) : undefined;
      };
    }
    case "contains":
      return containment(condition.column, condition.operand);
    case "absent": {
      const { property } = condition.column;
      // A property that is undefined was not loaded; whether the column is null is not known.
      return (_, row) => (row[property] === undefined ? undefined : row[property] === null);
    }
    case "not": {
      const inner = predicate(condition.condition);
      return (principal, row) => {
        const truth = inner(principal, row);
        return truth === undefined ? undefined : !truth;
      };
    }
    case "all":
      return conjunction(condition.conditions.map(predicate));
    case "any":
      return disjunction(condition.conditions.map(predicate), condition.every === true);
    case "opaque": {
      const { name, test } = condition;
      return (principal, row) => answerOf(name, test(principal, row));
    }
  }
}

function answerOf(name: string, answer: unknown): boolean {
  if (answer === true || answer === false) return answer;
  if (answer instanceof Promise) {
    // Nobody awaits it: without a handler its rejection would end the process.
    answer.catch(() => undefined);
    throw new ConditionError(`The condition "${name}" returned a promise; a condition is decided at once.`);
  }
  throw new ConditionError(`The condition "${name}" returned neither true nor false, but ${typeof answer}.`);
}

function conjunction(parts: readonly Predicate[]): Predicate {
  if (parts.length === 2) {
    const [first, second] = parts as readonly [Predicate, Predicate];
    return (principal, row) => {
      const truth = first(principal, row);
      if (truth === false) return false;
      const other = second(principal, row);
      return other === false ? false : truth === undefined ? undefined : other;
    };
  }
  return (principal, row) => {
    let result: Truth = true;
    for (let index = 0; index < parts.length; index += 1) {
      const truth = (parts[index] as Predicate)(principal, row);
      if (truth === false) return false;
      if (truth === undefined) result = undefined;
    }
    return result;
  };
}

function disjunction(parts: readonly Predicate[], every: boolean): Predicate {
  if (every) return disjunctionOfAll(parts);
  return (principal, row) => {
    let result: Truth = false;
    for (let index = 0; index < parts.length; index += 1) {
      const truth = (parts[index] as Predicate)(principal, row);
      if (truth === true) return true;
      if (truth === undefined) result = undefined;
    }
    return result;
  };
}

function disjunctionOfAll(parts: readonly Predicate[]): Predicate {
  return (principal, row) => {
    const truths = parts.map((part) => part(principal, row));
    return truths.includes(true) ? true : truths.includes(undefined) ? undefined : false;
  };
}

function comparison(column: Column, operator: Operator, operand: Operand): Predicate {
  const { property, type } = column;
  if (operator === "=" && type === "text" && operand.kind === "attribute")
    return textIsAttribute(property, operand.name);
  const right = reader(type, operand);
  const holds = HOLDS[operator];
  return (principal, row) => {
    const left = canonical(type, row[property]);
    if (left === undefined) return undefined;
    const other = right(principal, row);
    return other === undefined ? undefined : holds(left, other);
  };
}

const HOLDS: Readonly<Record<Operator, (left: Scalar, right: Scalar) => boolean>> = {
  "=": (left, right) => left === right,
  "<": (left, right) => compareNumbers(left, right) < 0,
  "<=": (left, right) => compareNumbers(left, right) <= 0,
  ">": (left, right) => compareNumbers(left, right) > 0,
  ">=": (left, right) => compareNumbers(left, right) >= 0,
};

/** The commonest comparison, without a call in between. */
function textIsAttribute(property: string, name: Attribute): Predicate {
  switch (name) {
    case "tenantId":
      return (principal, row) => {
        const value = row[property];
        return principal.kind === "anonymous" || typeof value !== "string" ? undefined : value === principal.tenantId;
      };
    case "userId":
      return (principal, row) => {
        const value = row[property];
        return principal.kind !== "user" || typeof value !== "string" ? undefined : value === principal.id;
      };
    case "serviceId":
      return (principal, row) => {
        const value = row[property];
        return principal.kind !== "service" || typeof value !== "string" ? undefined : value === principal.id;
      };
  }
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

function among(column: Column, values: readonly Scalar[]): Predicate {
  const { property, type } = column;
  const known = new Set(values);
  return (_, row) => {
    const value = canonical(type, row[property]);
    return value === undefined ? undefined : known.has(value);
  };
}

/** Like `value = any (list)`: an element that is null leaves it open unless another one matches. */
function containment(column: Column, operand: Operand): Predicate {
  const { property } = column;
  const type = elementType(column.type) as "text" | "uuid";
  const wanted = reader(type, operand);
  return (principal, row) => {
    const list: unknown = row[property];
    if (!Array.isArray(list)) return undefined;
    if (list.length === 0) return false;
    const value = wanted(principal, row);
    if (value === undefined) return undefined;
    let result: Truth = false;
    for (const element of list as readonly unknown[]) {
      const known = canonical(type, element);
      if (known === value) return true;
      if (known === undefined) result = undefined;
    }
    return result;
  };
}
