/** A condition as data: the one form that the predicate, the list filter and the row-level security policy are all compiled from. */
import type { Principal } from "../core/principal.ts";
import type { Column, Scalar } from "./columns.ts";

/** One thing about the caller. A service has no `userId` and a user no `serviceId`, so that equal texts are not taken for equal callers. */
export type Attribute = "userId" | "serviceId" | "tenantId";
export type ListAttribute = "roles" | "groups";

export type Operator = "=" | "<" | "<=" | ">" | ">=";

export type Operand =
  | { readonly kind: "literal"; readonly value: Scalar }
  | { readonly kind: "attribute"; readonly name: Attribute }
  | { readonly kind: "column"; readonly column: Column };

/** Who asks, as a statement names it. */
export type CallerPattern =
  | { readonly kind: "anonymous" | "authenticated" | "any-user" | "any-service" }
  | { readonly kind: "role" | "group" | "user" | "service"; readonly name: string };

/** The relation as the compilers see it. */
export interface Relation {
  readonly property: string;
  /** The schema where one was named, and the table. */
  readonly table: readonly string[];
  readonly on: readonly { readonly there: Column; readonly here: Column }[];
  readonly where: Condition;
}

/** A function of the application. It sees more than SQL could, so nothing but the predicate can be made of it. */
export type OpaqueTest = (principal: Principal, row: Readonly<Record<string, unknown>>) => unknown;

/**
 * Three-valued like SQL: a comparison with null is unknown, and `not` of unknown is unknown. An allowing statement needs true, a denying one
 * is lifted by false alone; so what is unknown refuses either way.
 */
export type Condition =
  | { readonly kind: "constant"; readonly value: boolean }
  | { readonly kind: "caller"; readonly pattern: CallerPattern }
  | { readonly kind: "compare"; readonly column: Column; readonly operator: Operator; readonly operand: Operand }
  | { readonly kind: "among"; readonly column: Column; readonly values: readonly Scalar[] }
  | { readonly kind: "member"; readonly column: Column; readonly list: ListAttribute }
  | { readonly kind: "contains"; readonly column: Column; readonly operand: Operand }
  | { readonly kind: "absent"; readonly column: Column }
  | { readonly kind: "related"; readonly relation: Relation }
  | { readonly kind: "not"; readonly condition: Condition }
  | { readonly kind: "all"; readonly conditions: readonly Condition[] }
  | {
      readonly kind: "any";
      readonly conditions: readonly Condition[];
      /** Every part is asked even after one is true, because a part may fail. */
      readonly every?: true;
    }
  | { readonly kind: "opaque"; readonly name: string; readonly test: OpaqueTest };

export type Comparison = Extract<Condition, { kind: "compare" }>;

export const TRUE: Condition = Object.freeze({ kind: "constant", value: true });
export const FALSE: Condition = Object.freeze({ kind: "constant", value: false });

/** True when every one is; the empty conjunction is true. */
export function all(conditions: readonly Condition[]): Condition {
  const flat = conditions.flatMap((each) => (each.kind === "all" ? each.conditions : [each]));
  const rest = flat.filter((each) => each.kind !== "constant" || !each.value);
  if (rest.some((each) => each.kind === "constant")) return FALSE;
  if (rest.length === 0) return TRUE;
  return rest.length === 1 ? (rest[0] as Condition) : { kind: "all", conditions: rest };
}

/** True when one is; the empty disjunction is false. */
export function any(conditions: readonly Condition[]): Condition {
  const flat = conditions.flatMap((each) => (each.kind === "any" && each.every !== true ? each.conditions : [each]));
  const rest = flat.filter((each) => each.kind !== "constant" || each.value);
  if (rest.some((each) => each.kind === "constant")) return TRUE;
  if (rest.length === 0) return FALSE;
  return rest.length === 1 ? (rest[0] as Condition) : { kind: "any", conditions: rest };
}

/** The same, but a function among the conditions that fails is not passed over because another one is true. */
export function anyAsked(conditions: readonly Condition[]): Condition {
  const risky = conditions.filter((each) => opaqueIn(each) !== undefined);
  if (risky.length === 0) return any(conditions);
  const rest = any(conditions.filter((each) => !risky.includes(each)));
  return { kind: "any", conditions: [...risky, rest], every: true };
}

export function not(condition: Condition): Condition {
  if (condition.kind === "constant") return condition.value ? FALSE : TRUE;
  return condition.kind === "not" ? condition.condition : { kind: "not", condition };
}

/**
 * The same condition once something is known about the caller.
 *
 * @param know says whether a pattern holds, or undefined where that is not known yet
 */
export function knowing(condition: Condition, know: (pattern: CallerPattern) => boolean | undefined): Condition {
  switch (condition.kind) {
    case "caller": {
      const known = know(condition.pattern);
      return known === undefined ? condition : known ? TRUE : FALSE;
    }
    case "not":
      return not(knowing(condition.condition, know));
    case "all":
      return all(condition.conditions.map((each) => knowing(each, know)));
    case "any": {
      const parts = condition.conditions.map((each) => knowing(each, know));
      return condition.every === true ? anyAsked(parts) : any(parts);
    }
    case "constant":
    case "compare":
    case "among":
    case "member":
    case "contains":
    case "absent":
    case "related":
    case "opaque":
      return condition;
  }
}

/** A column that a condition looks at, and its table where that is another one. */
export interface ComparedColumn {
  readonly table: readonly string[] | undefined;
  readonly column: Column;
}

export function columnsIn(condition: Condition, table?: readonly string[]): readonly ComparedColumn[] {
  switch (condition.kind) {
    case "compare":
    case "contains": {
      const { column, operand } = condition;
      return [{ table, column }, ...(operand.kind === "column" ? [{ table, column: operand.column }] : [])];
    }
    case "among":
    case "member":
    case "absent":
      return [{ table, column: condition.column }];
    case "related": {
      const { relation } = condition;
      const keys = relation.on.flatMap(({ there, here }) => [
        { table: relation.table, column: there },
        { table, column: here },
      ]);
      return [...keys, ...columnsIn(relation.where, relation.table)];
    }
    case "not":
      return columnsIn(condition.condition, table);
    case "all":
    case "any":
      return condition.conditions.flatMap((each) => columnsIn(each, table));
    case "constant":
    case "caller":
    case "opaque":
      return [];
  }
}

/** What a condition is made of: everything inside of it that holds no further condition of the same row. */
function leavesOf(condition: Condition): readonly Condition[] {
  if (condition.kind === "not") return leavesOf(condition.condition);
  if (condition.kind === "all" || condition.kind === "any") return condition.conditions.flatMap(leavesOf);
  return [condition];
}

/** The properties under which a condition looks for rows of other tables. */
export function relationsIn(condition: Condition): readonly string[] {
  return leavesOf(condition).flatMap((leaf) => (leaf.kind === "related" ? [leaf.relation.property] : []));
}

/** The name of an opaque function inside a condition, if there is one. */
export function opaqueIn(condition: Condition): string | undefined {
  return leavesOf(condition).find((leaf) => leaf.kind === "opaque")?.name;
}
