/** What a policy knows of a row: its columns, their SQL types, and which value of JavaScript means the same as which value of Postgres. */

/** `timestamptz` can be asked for presence only: JavaScript keeps milliseconds, Postgres microseconds, and the two would disagree. */
export type ColumnType = "text" | "uuid" | "integer" | "bigint" | "boolean" | "timestamptz" | "text[]" | "uuid[]";

export interface ColumnDeclaration {
  readonly type: ColumnType;
  /** Its name in the database, where that is not the property in snake case. */
  readonly name: string;
}

/** Properties of a row and what they are in the database, such as `{ ownerId: "uuid" }` for a column `owner_id`. */
export type Columns = Readonly<Record<string, ColumnType | ColumnDeclaration>>;

interface RowValues {
  readonly text: string;
  readonly uuid: string;
  readonly integer: number;
  readonly bigint: bigint | number | string;
  readonly boolean: boolean;
  readonly timestamptz: Date | string;
  readonly "text[]": readonly string[];
  readonly "uuid[]": readonly string[];
}

interface LiteralValues {
  readonly text: string;
  readonly uuid: string;
  readonly integer: number;
  readonly bigint: bigint | number;
  readonly boolean: boolean;
  readonly timestamptz: never;
  readonly "text[]": readonly string[];
  readonly "uuid[]": readonly string[];
}

export type TypeOfColumn<Declared> = Declared extends ColumnType
  ? Declared
  : Declared extends { readonly type: infer Type extends ColumnType }
    ? Type
    : never;

/** What a literal in a condition on this type of column may be. */
export type LiteralOf<Type extends ColumnType> = LiteralValues[Type];

/** A row as far as the policy looks at it; it may have other properties. */
export type RowOf<C extends Columns> = {
  readonly [Name in keyof C]?: RowValues[TypeOfColumn<C[Name]>] | null | undefined;
};

/** A column as the compilers see it. */
export interface Column {
  readonly property: string;
  readonly name: string;
  readonly type: ColumnType;
}

/** Values that compare alike in memory and in SQL. */
export type Scalar = string | number | boolean;

const TYPES: readonly ColumnType[] = [
  "text",
  "uuid",
  "integer",
  "bigint",
  "boolean",
  "timestamptz",
  "text[]",
  "uuid[]",
];
const RESERVED: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
const LONGEST_IDENTIFIER_BYTES = 63;

/**
 * Reads declared columns.
 *
 * @throws TypeError on an unknown type or a name that Postgres would cut or refuse.
 */
export function readColumns(owner: string, declared: Columns): ReadonlyMap<string, Column> {
  const columns = new Map<string, Column>();
  for (const [property, declaration] of Object.entries(declared)) {
    if (RESERVED.has(property)) throw new TypeError(`${owner} cannot have a column "${property}".`);
    const { type, name } =
      typeof declaration === "string" ? { type: declaration, name: snakeCase(property) } : declaration;
    if (!TYPES.includes(type))
      throw new TypeError(`${owner} has a column "${property}" of unknown type. Known: ${TYPES.join(", ")}.`);
    if (!isIdentifier(name)) throw new TypeError(`${owner} needs a plain name for the column "${property}".`);
    columns.set(property, { property, name, type });
  }
  if (columns.size === 0) throw new TypeError(`${owner} needs columns, such as { tenantId: "uuid", ownerId: "uuid" }.`);
  return columns;
}

export function isIdentifier(name: unknown): name is string {
  return (
    typeof name === "string" &&
    name !== "" &&
    isStorableText(name) &&
    Buffer.byteLength(name) <= LONGEST_IDENTIFIER_BYTES
  );
}

function snakeCase(property: string): string {
  return property.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`);
}

/** Postgres keeps neither NUL nor half a surrogate pair: such a text would arrive as another one. */
export function isStorableText(value: string): boolean {
  return !value.includes("\0") && value.isWellFormed();
}

/** What a comparison in memory could find among roles and groups: a number there is no text of digits. */
export function storableTexts(list: readonly unknown[]): readonly string[] {
  return list.filter((text): text is string => typeof text === "string" && isStorableText(text));
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/u;
const WHOLE = /^(?:0|-?[1-9]\d{0,18})$/u;
const INT4 = 2n ** 31n;
const INT8 = 2n ** 63n;

/**
 * The one form in which values of a scalar column are compared: lower case for a uuid, decimal digits for a bigint, and nothing for null,
 * undefined or a value of another type. What is nothing equals nothing.
 */
export function canonical(type: ColumnType, value: unknown): Scalar | undefined {
  switch (type) {
    case "text":
      return typeof value === "string" ? value : undefined;
    case "uuid":
      return canonicalUuid(value);
    case "boolean":
      return typeof value === "boolean" ? value : undefined;
    case "integer": {
      const whole = wholeWithin(value, INT4);
      return whole === undefined ? undefined : Number(whole);
    }
    case "bigint":
      return wholeWithin(value, INT8)?.toString();
    case "timestamptz":
    case "text[]":
    case "uuid[]":
      return undefined;
  }
}

function canonicalUuid(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  if (UUID.test(value)) return value;
  const lower = value.toLowerCase();
  return UUID.test(lower) ? lower : undefined;
}

function wholeWithin(value: unknown, bound: bigint): bigint | undefined {
  if (
    typeof value === "number"
      ? !Number.isSafeInteger(value)
      : typeof value === "string"
        ? !WHOLE.test(value)
        : typeof value !== "bigint"
  )
    return undefined;
  const whole = BigInt(value as number | string | bigint);
  return whole >= -bound && whole < bound ? whole : undefined;
}

/** Which of two canonical values of a numeric column is greater. */
export function compareNumbers(left: Scalar, right: Scalar): number {
  const difference = BigInt(left) - BigInt(right);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** The type of the elements of a list column, or undefined of a scalar one. */
export function elementType(type: ColumnType): "text" | "uuid" | undefined {
  if (type === "text[]") return "text";
  return type === "uuid[]" ? "uuid" : undefined;
}
