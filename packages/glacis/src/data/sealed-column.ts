/** A column type for Drizzle that stores ciphertext and nothing else (catalog field-encryption). */
import { isSealed, type Sealed } from "./sealed-text.ts";

/**
 * What Drizzle's `customType` takes: a text column of `Sealed`, so that a plain string does not type-check, and does not get through where the
 * types were silenced.
 *
 * @example
 * const sealed = customType<{ data: Sealed; driverData: string }>(sealedColumn);
 * const users = pgTable("users", { id: uuid("id").primaryKey(), ssn: sealed("ssn") });
 */
export const sealedColumn: {
  readonly dataType: () => string;
  readonly toDriver: (value: Sealed) => string;
} = {
  dataType: () => "text",
  toDriver(value) {
    if (!isSealed(value)) throw new TypeError("An encrypted column takes what seal() made, and was given other text.");
    return value;
  },
};
