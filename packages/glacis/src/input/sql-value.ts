/** What may be bound to a statement. What a driver would convert in its own way, such as an object, is refused before the database. */

export type SqlScalar = string | number | bigint | boolean | null | Date | Uint8Array;

/** A list is one parameter: `= any(${ids})`. */
export type SqlValue = SqlScalar | readonly SqlScalar[];

/**
 * Holds a value to its type at run time: `{ "$ne": null }` in the place of a text, a number that has lost digits, a text that Postgres cannot hold.
 *
 * @throws TypeError that says what kind of value it is and never the value
 */
export function checkSqlValue(value: unknown): SqlValue {
  if (!Array.isArray(value)) return checkScalar(value);
  for (const element of value) checkScalar(element);
  return value as readonly SqlScalar[];
}

function checkScalar(value: unknown): SqlScalar {
  switch (typeof value) {
    case "string":
      if (value.includes("\0")) throw new TypeError("A text with a null character cannot be bound: Postgres has none.");
      if (!value.isWellFormed()) throw new TypeError("A text with half a surrogate pair cannot be bound.");
      return value;
    case "number":
      if (!Number.isFinite(value)) throw new TypeError("NaN and Infinity are not bound.");
      if (Number.isInteger(value) && !Number.isSafeInteger(value))
        throw new TypeError("A whole number beyond 2^53 has lost digits: bind a bigint or a text.");
      return value;
    case "bigint":
    case "boolean":
      return value;
    case "object":
      if (value === null || value instanceof Uint8Array) return value;
      if (value instanceof Date && !Number.isNaN(value.getTime())) return value;
      throw new TypeError(
        "An object is not bound as it is: bind its fields, or sql.json(value) where the column is jsonb.",
      );
    case "undefined":
    case "function":
    case "symbol":
      throw new TypeError(`A value of type ${typeof value} cannot be bound to a statement; null is SQL's own.`);
  }
}
