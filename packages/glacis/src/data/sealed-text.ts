/** How a sealed value is written: `x1.<key id>.<commitment, nonce, ciphertext and tag in base64url>`. */
import type { Brand } from "../core/brand.ts";
import { COMMITMENT_BYTES } from "./field-keys.ts";
import { XAES_NONCE_BYTES, XAES_TAG_BYTES } from "./xaes-256-gcm.ts";

/** Text that is ciphertext: where a column takes `Sealed`, a plain string does not type-check. */
export type Sealed = Brand<string, "Sealed">;

export const MOST_PLAINTEXT_BYTES = 1_048_576;
const OVERHEAD_BYTES = COMMITMENT_BYTES + XAES_NONCE_BYTES + XAES_TAG_BYTES;
const LONGEST_TEXT = Math.ceil(((MOST_PLAINTEXT_BYTES + OVERHEAD_BYTES) * 4) / 3) + 40;
const HEAD = /^x1\.([a-z0-9][a-z0-9_-]{0,31})\./u;

export interface SealedParts {
  readonly keyId: string;
  /** Begins with the commitment. */
  readonly body: Buffer;
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

/** What every value that this key sealed starts with, so that SQL finds the others: `not starts_with(column, 'x1.k2.')`. */
export function sealedPrefix(keyId: string): string {
  return `x1.${keyId}.`;
}

export function isSealed(text: unknown): text is Sealed {
  return parseSealed(text) !== undefined;
}

/** Undefined for everything that was not written by `seal`; each value has one spelling. */
export function parseSealed(text: unknown): SealedParts | undefined {
  const head = typeof text === "string" && text.length <= LONGEST_TEXT ? HEAD.exec(text) : null;
  if (head === null) return undefined;
  const encoded = (text as string).slice(head[0].length);
  const body = Buffer.from(encoded, "base64url");
  if (body.length < OVERHEAD_BYTES || !isSpelling(encoded, body)) return undefined;
  const nonceEnd = COMMITMENT_BYTES + XAES_NONCE_BYTES;
  return {
    keyId: head[1] as string,
    body,
    nonce: body.subarray(COMMITMENT_BYTES, nonceEnd),
    ciphertext: body.subarray(nonceEnd, body.length - XAES_TAG_BYTES),
    tag: body.subarray(body.length - XAES_TAG_BYTES),
  };
}

/**
 * Whether a text is what Node would write of the bytes that it has read from it. It reads leniently, skips what it does not know and takes the other
 * alphabet too: so nothing may have been skipped, nothing be of that alphabet or beyond ASCII, and the last character hold no bits of its own.
 */
function isSpelling(text: string, bytes: Buffer): boolean {
  const rest = bytes.length % 3;
  return (
    bytes.length === Math.floor((text.length * 3) / 4) &&
    text.length % 4 !== 1 &&
    Buffer.byteLength(text) === text.length &&
    !text.includes("+") &&
    !text.includes("/") &&
    (rest === 0 || text.endsWith(bytes.toString("base64url", bytes.length - rest)))
  );
}

/**
 * Whether the body begins with a key's commitment. It stands in every value in the clear, so how long the comparison takes tells nothing.
 */
export function isCommitted(body: Buffer, commitment: Buffer): boolean {
  for (let index = 0; index < COMMITMENT_BYTES; index += 1) if (body[index] !== commitment[index]) return false;
  return true;
}
