/** What leaves is what was named: a column that is added later, or a secret, does not appear by itself (catalog mass-assignment; API3:2023). */
import type { Mode } from "../core/control.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { modeOf } from "../primitives/deployment.ts";

/** `true` for a value, a shape of its own for an object or a list of objects. */
export interface ResponseShape {
  readonly [field: string]: true | ResponseShape;
}

/** A row with the named fields alone. */
export type Projected<Row, Shape> = Row extends null | undefined
  ? Row
  : Row extends readonly (infer Item)[]
    ? readonly Projected<Item, Shape>[]
    : {
        readonly [Field in keyof Shape & keyof Row]: Shape[Field] extends true
          ? Row[Field]
          : Projected<Row[Field], Shape[Field]>;
      };

export interface ResponseShapeOptions {
  /** Production drops what was not named; elsewhere it is an error, so that somebody looks. By default what the environment declares. */
  readonly mode?: Mode;
}

/**
 * Makes a function that takes the named fields out of a row, and out of the rows in it. In development and test a row with more or less than
 * was named throws; in production what was not named is left out. Objects where a value was named count as not named: a whole row, a `Secret`
 * or a class could hide in them.
 *
 * @throws TypeError on an unknown option, an empty shape, or something else than `true` and shapes in it
 * @example
 * const documentAnswer = responseShape({ id: true, title: true, owner: { id: true, name: true } });
 * return c.json(documentAnswer(row));
 */
export function responseShape<const Shape extends ResponseShape>(
  shape: Shape,
  options: ResponseShapeOptions = {},
): <Row extends { readonly [Field in keyof Shape]: unknown }>(row: Row) => Projected<Row, Shape> {
  rejectUnknownOptions("responseShape", options, ["mode"]);
  rejectShape(shape, "");
  const { mode = modeOf(process.env) } = options;
  const strict = mode !== "production";
  return (row) => project(row, shape, "", strict) as never;
}

function rejectShape(shape: ResponseShape, place: string): void {
  const entries = Object.entries(shape);
  if (entries.length === 0) throw new TypeError(`responseShape() names no field${place === "" ? "" : ` of ${place}`}.`);
  for (const [field, inner] of entries) {
    if (inner === true) continue;
    if (typeof inner !== "object" || inner === null || Array.isArray(inner))
      throw new TypeError(`responseShape() needs true or a shape for "${place}${field}".`);
    rejectShape(inner, `${place}${field}.`);
  }
}

function project(row: unknown, shape: ResponseShape, place: string, strict: boolean): unknown {
  if (row === null || row === undefined) return row;
  if (Array.isArray(row)) return row.map((item) => project(item, shape, place, strict));
  if (typeof row !== "object") return stray(`${place.slice(0, -1) || "the row"} is no object`, strict);
  const source = row as Readonly<Record<string, unknown>>;
  const names = Object.keys(shape);
  const more = strict ? Object.keys(source).find((name) => !Object.hasOwn(shape, name)) : undefined;
  if (more !== undefined) stray(`"${place}${more}" was not named`, strict);
  const answer: Record<string, unknown> = {};
  for (const name of names) {
    const inner = shape[name] as true | ResponseShape;
    if (!Object.hasOwn(source, name)) {
      stray(`"${place}${name}" was named and is not there`, strict);
      continue;
    }
    const value = source[name];
    if (inner !== true) answer[name] = project(value, inner, `${place}${name}.`, strict);
    else if (isPlain(value)) answer[name] = value;
    else stray(`"${place}${name}" is an object; name its fields`, strict);
  }
  return answer;
}

function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((item) => !Array.isArray(item) && isPlain(item));
  return typeof value !== "object" ? typeof value !== "function" : value === null || value instanceof Date;
}

function stray(what: string, strict: boolean): undefined {
  if (strict) throw new Error(`A response is not of its shape: ${what}. In production it would be left out.`);
  return undefined;
}
