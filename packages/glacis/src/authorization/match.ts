/** The words in which a condition is written: what a column must be, as data that compiles to code and to SQL alike. */
import { rejectUnknownOptions } from "../core/options.ts";
import type { Principal } from "../core/principal.ts";
import { isStorableText, type Columns, type LiteralOf, type RowOf, type TypeOfColumn } from "./columns.ts";
import type { Attribute, ListAttribute, OpaqueTest } from "./condition.ts";

/** Something of the caller to compare a column with. */
export interface CallerAttribute {
  readonly match: "attribute";
  readonly name: Attribute;
}

export interface CallerList {
  readonly match: "list";
  readonly name: ListAttribute;
}

/** What a column must be besides equal to something. `Value` is what the column holds; it exists for the type checker alone. */
export interface Test<in Value> {
  readonly match: "test";
  readonly test: TestSource;
  readonly fits?: (value: Value) => void;
}

export type TestSource =
  | { readonly kind: "anyOf"; readonly values: readonly unknown[] }
  | { readonly kind: "anyOfCaller"; readonly list: ListAttribute }
  | { readonly kind: "not"; readonly match: unknown }
  | { readonly kind: "isNull" }
  | { readonly kind: "order"; readonly operator: "<" | "<=" | ">" | ">="; readonly bound: unknown }
  | { readonly kind: "contains"; readonly value: unknown }
  | { readonly kind: "column"; readonly property: string };

/** A condition that only the application can decide. Lists, SQL and row-level security cannot use it, and say so. */
export interface Opaque<in Row> {
  readonly match: "opaque";
  readonly test: OpaqueTest;
  readonly fits?: (row: Row) => void;
}

type ScalarMatch<Type, Literal> =
  | Literal
  | Test<Literal>
  | (Type extends "boolean" | "timestamptz" ? never : CallerAttribute);

type MatchOf<Type> = Type extends "text[]" | "uuid[]"
  ? Test<readonly string[]>
  : Type extends "timestamptz"
    ? Test<Date>
    : Type extends "text" | "uuid" | "integer" | "bigint" | "boolean"
      ? ScalarMatch<Type, LiteralOf<Type>>
      : never;

/** Every named column must match. */
export type Pattern<C extends Columns> = { readonly [Name in keyof C]?: MatchOf<TypeOfColumn<C[Name]>> };

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

/** A pattern, an expression over other conditions such as `"isOwner or isShared"`, a related row, or an opaque function. */
export type ConditionSource<C extends Columns> = Pattern<C> | string | Related | Opaque<RowOf<C>>;

/**
 * The one who asks. A service has no `userId` and a user no `serviceId`; an anonymous caller has nothing, which equals nothing.
 *
 * @example
 * const conditions = { isOwner: { ownerId: caller.userId }, isColleague: { tenantId: caller.tenantId } };
 */
export const caller: {
  readonly userId: CallerAttribute;
  readonly serviceId: CallerAttribute;
  readonly tenantId: CallerAttribute;
  readonly roles: CallerList;
  readonly groups: CallerList;
} = Object.freeze({
  userId: Object.freeze({ match: "attribute", name: "userId" }),
  serviceId: Object.freeze({ match: "attribute", name: "serviceId" }),
  tenantId: Object.freeze({ match: "attribute", name: "tenantId" }),
  roles: Object.freeze({ match: "list", name: "roles" }),
  groups: Object.freeze({ match: "list", name: "groups" }),
});

/** The column is one of these values, or one of the caller's roles or groups. */
export function anyOf(list: CallerList): Test<string>;
export function anyOf<const Value extends string | number | bigint>(
  ...values: readonly [Value, ...Value[]]
): Test<Value>;
export function anyOf(...values: readonly unknown[]): Test<unknown> {
  const [first] = values;
  if (values.length === 1 && isCallerList(first)) return test({ kind: "anyOfCaller", list: first.name });
  if (values.length === 0) throw new TypeError("anyOf() needs at least one value; a column cannot be one of nothing.");
  return test({ kind: "anyOf", values });
}

/** The column is there and does not match. A null column neither matches nor does not. */
export function not<Value>(match: Test<Value>): Test<Value>;
export function not(match: CallerAttribute): Test<string & number & bigint>;
export function not<const Value extends string | number | bigint | boolean>(match: Value): Test<Value>;
export function not(match: unknown): Test<unknown> {
  return test({ kind: "not", match });
}

/** The column holds nothing. */
export function isNull(): Test<unknown> {
  return test({ kind: "isNull" });
}

/** The column holds something. */
export function isPresent(): Test<unknown> {
  return test({ kind: "not", match: isNull() });
}

export function atLeast(bound: number | bigint): Test<number | bigint> {
  return test({ kind: "order", operator: ">=", bound });
}

export function atMost(bound: number | bigint): Test<number | bigint> {
  return test({ kind: "order", operator: "<=", bound });
}

export function above(bound: number | bigint): Test<number | bigint> {
  return test({ kind: "order", operator: ">", bound });
}

export function below(bound: number | bigint): Test<number | bigint> {
  return test({ kind: "order", operator: "<", bound });
}

/** A list column has this element, such as the caller among those a document is shared with. */
export function contains(value: string | CallerAttribute): Test<readonly string[]> {
  return test({ kind: "contains", value });
}

/** The column equals another column of the same row. */
export function sameAs(property: string): Test<string | number | bigint | boolean> {
  return test({ kind: "column", property });
}

/**
 * A condition in code. It must return `true` or `false` at once: whatever else it returns, a promise included, and whatever it throws refuses
 * and raises an event.
 *
 * @example
 * const conditions = { duringOfficeHours: opaque(() => new Date().getUTCHours() < 18) };
 */
export function opaque<Row>(decide: (principal: Principal, row: Row) => boolean): Opaque<Row> {
  if (typeof decide !== "function") throw new TypeError("opaque() needs a function of the principal and the row.");
  return { match: "opaque", test: decide as OpaqueTest };
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
  return Object.freeze({ match: "related", relation: relation });
}

function test(source: TestSource): Test<unknown> {
  return Object.freeze({ match: "test", test: Object.freeze(source) });
}

export function isMatch(value: unknown, match: "attribute"): value is CallerAttribute;
export function isMatch(value: unknown, match: "test"): value is Test<never>;
export function isMatch(value: unknown, match: "related"): value is Related;
export function isMatch(value: unknown, match: "opaque"): value is Opaque<never>;
export function isMatch(value: unknown, match: string): boolean {
  return typeof value === "object" && value !== null && (value as { readonly match?: unknown }).match === match;
}

function isCallerList(value: unknown): value is CallerList {
  return typeof value === "object" && value !== null && (value as { readonly match?: unknown }).match === "list";
}

/** A literal that would be another value once Postgres has it. */
export function isUnstorable(value: unknown): boolean {
  return typeof value === "string" && !isStorableText(value);
}
