/** Whose value it is and which row's. */
import { isWellFormed } from "./length-prefixed.ts";

const LONGEST_ID = 256;

/** The row that a value belongs to: its tenant and its key, which must be known before the row is written and never change. */
export interface FieldPlace {
  readonly tenantId: string;
  readonly row: string | number | bigint;
}

/** @throws TypeError unless the tenant is text that can be told from any other. */
export function requireTenant(tenantId: unknown): string {
  if (typeof tenantId === "string" && tenantId !== "" && tenantId.length <= LONGEST_ID && isWellFormed(tenantId))
    return tenantId;
  throw new TypeError(`A sealed value needs a tenantId of 1 to ${LONGEST_ID} characters.`);
}

/** The row's key as text. @throws TypeError likewise. */
export function requireRow(row: unknown): string {
  const text = typeof row === "bigint" || Number.isSafeInteger(row) ? String(row) : row;
  if (typeof text === "string" && text !== "" && text.length <= LONGEST_ID && isWellFormed(text)) return text;
  throw new TypeError(`A sealed value needs a row: a key of 1 to ${LONGEST_ID} characters or a whole number.`);
}

/** Room for the longest context and row: four names of at most 256 characters and what tells them apart. */
const scratch = Buffer.allocUnsafeSlow(8192);

/**
 * What is authenticated with a value: the context ends where its lengths say, so what follows is the row and nothing else. The bytes count until the
 * next call, which is soon enough for a cipher that takes them in at once.
 */
export function withRow(context: Buffer, row: string): Buffer {
  context.copy(scratch);
  return scratch.subarray(0, context.length + scratch.write(row, context.length, "utf8"));
}
