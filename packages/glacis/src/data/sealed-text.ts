/** How a sealed value is written: `x1.<key id>.<commitment, nonce, ciphertext and tag in base64url>`. */
import type { Brand } from "../core/brand.ts";
import { COMMITMENT_BYTES, type FieldKey } from "./field-keys.ts";
import { XAES_NONCE_BYTES, XAES_TAG_BYTES } from "./xaes-256-gcm.ts";

/** Text that is ciphertext: where a column takes `Sealed`, a plain string does not type-check. */
export type Sealed = Brand<string, "Sealed">;

export const MOST_PLAINTEXT_BYTES = 1_048_576;
const OVERHEAD_BYTES = COMMITMENT_BYTES + XAES_NONCE_BYTES + XAES_TAG_BYTES;
const KEPT_BYTES = 8192;
const LONGEST_TEXT = Math.ceil(((MOST_PLAINTEXT_BYTES + OVERHEAD_BYTES) * 4) / 3) + 40;
const NONCE_END = COMMITMENT_BYTES + XAES_NONCE_BYTES;
const HEAD = /^x1\.([a-z0-9][a-z0-9_-]{0,31})\./u;

export interface SealedParts {
  readonly keyId: string;
  /** Begins with the commitment. */
  readonly body: Buffer;
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

/** Used anew by each call for values that fit; it holds nothing but what is stored. */
const kept = Buffer.allocUnsafeSlow(KEPT_BYTES);

/** What every value that this key sealed starts with, so that SQL finds the others: `not starts_with(column, 'x1.k2.')`. */
export function sealedPrefix(keyId: string): string {
  return `x1.${keyId}.`;
}

export function isSealed(text: unknown): text is Sealed {
  return parseSealed(text) !== undefined;
}

/**
 * Undefined for everything that was not written by `sealedText`. Node reads base64 leniently, so what it has read must be written the same again: each
 * value has one spelling. The parts count until the next call, which is soon enough for a cipher that takes them in at once.
 */
export function parseSealed(text: unknown): SealedParts | undefined {
  const head = typeof text === "string" && text.length <= LONGEST_TEXT ? HEAD.exec(text) : null;
  if (head === null) return undefined;
  const encoded = (text as string).slice(head[0].length);
  const body = memoryFor(encoded.length);
  const length = body.write(encoded, "base64url");
  if (length < OVERHEAD_BYTES || body.toString("base64url", 0, length) !== encoded) return undefined;
  const tagStart = length - XAES_TAG_BYTES;
  return {
    keyId: head[1] as string,
    body,
    nonce: body.subarray(COMMITMENT_BYTES, NONCE_END),
    ciphertext: body.subarray(NONCE_END, tagStart),
    tag: body.subarray(tagStart, length),
  };
}

/** The text of a value whose plaintext has so many bytes. */
export function sealedText(
  prefix: string,
  { cipher, commitment }: Pick<FieldKey, "cipher" | "commitment">,
  plaintext: string,
  plaintextBytes: number,
  additionalData: Buffer,
): Sealed {
  const length = OVERHEAD_BYTES + plaintextBytes;
  const body = memoryFor(length);
  body.set(commitment);
  cipher.writeNonce(body, COMMITMENT_BYTES);
  const [ciphertext, tag] = cipher.encrypt(body.subarray(COMMITMENT_BYTES, NONCE_END), plaintext, additionalData);
  body.set(ciphertext, NONCE_END);
  body.set(tag, length - XAES_TAG_BYTES);
  return (prefix + body.toString("base64url", 0, length)) as Sealed;
}

function memoryFor(bytes: number): Buffer {
  return bytes <= KEPT_BYTES ? kept : Buffer.allocUnsafeSlow(bytes);
}

/**
 * Whether the body begins with a key's commitment. It stands in every value in the clear, so how long the comparison takes tells nothing.
 */
export function isCommitted(body: Buffer, commitment: Buffer): boolean {
  for (let index = 0; index < COMMITMENT_BYTES; index += 1) if (body[index] !== commitment[index]) return false;
  return true;
}
