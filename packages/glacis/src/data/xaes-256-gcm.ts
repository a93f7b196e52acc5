/** XAES-256-GCM, the extended-nonce AEAD of https://c2sp.org/XAES-256-GCM, out of Node's AES-256 and AES-256-GCM (catalog crypto-algorithms). */
import { createCipheriv, createDecipheriv, randomFillSync } from "node:crypto";

export const XAES_KEY_BYTES = 32;
export const XAES_NONCE_BYTES = 24;
export const XAES_TAG_BYTES = 16;
const HALF_NONCE = 12;
const BLOCK = 16;
const MSB = 0x80;
/** The reduction polynomial of CMAC's doubling (NIST SP 800-38B section 5.3). */
const POLYNOMIAL = 0x87;
const GCM = { authTagLength: XAES_TAG_BYTES };
const POOL_BYTES = XAES_NONCE_BYTES * 170;

export interface Xaes {
  /** Ciphertext and tag. The nonce must be random, and is 24 bytes. */
  encrypt(
    nonce: Uint8Array,
    plaintext: string | Uint8Array,
    additionalData: Uint8Array,
  ): readonly [ciphertext: Buffer, tag: Buffer];
  /** @throws when the tag does not fit; nothing of the plaintext is returned then. */
  decrypt(nonce: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array, additionalData: Uint8Array): string;
}

/**
 * The cipher under one key. A new AES-256-GCM key comes out of each nonce's first half, so that 2^80 random nonces are as safe as a counter;
 * CMAC's subkey, which the spec lets us keep, and the AES key schedule are made once.
 *
 * @throws TypeError unless the key has 32 bytes.
 */
export function xaes256Gcm(key: Uint8Array): Xaes {
  if (key.length !== XAES_KEY_BYTES) throw new TypeError(`XAES-256-GCM needs a key of ${XAES_KEY_BYTES} bytes.`);
  // Without an initialisation vector and padding, each whole block that goes in comes out at once: AES-256 itself.
  const aes = createCipheriv("aes-256-ecb", key, null).setAutoPadding(false);
  const subkey = doubled(aes.update(Buffer.alloc(BLOCK)));
  const masks = Buffer.concat([counterBlock(1, subkey), counterBlock(2, subkey)]);

  // Written anew for each nonce, and read before anything else runs.
  const blocks = Buffer.from(masks);

  function derive(nonce: Uint8Array): Buffer {
    for (let index = 0; index < HALF_NONCE; index += 1) {
      const byte = nonce[index] as number;
      blocks[4 + index] = (masks[4 + index] as number) ^ byte;
      blocks[BLOCK + 4 + index] = (masks[BLOCK + 4 + index] as number) ^ byte;
    }
    return aes.update(blocks);
  }

  return {
    encrypt(nonce, plaintext, additionalData) {
      const cipher = createCipheriv("aes-256-gcm", derive(nonce), nonce.subarray(HALF_NONCE), GCM);
      cipher.setAAD(additionalData);
      const ciphertext = typeof plaintext === "string" ? cipher.update(plaintext, "utf8") : cipher.update(plaintext);
      cipher.final();
      return [ciphertext, cipher.getAuthTag()];
    },
    decrypt(nonce, ciphertext, tag, additionalData) {
      const decipher = createDecipheriv("aes-256-gcm", derive(nonce), nonce.subarray(HALF_NONCE), GCM);
      decipher.setAAD(additionalData).setAuthTag(tag);
      const plaintext = decipher.update(ciphertext);
      decipher.final();
      return plaintext.toString("utf8");
    },
  };
}

const pool = Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;

/** Writes a random nonce, from a pool that is filled by one call for many. Nonces are no secrets. */
export function writeNonce(target: Buffer, offset: number): void {
  if (used === POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  pool.copy(target, offset, used, used + XAES_NONCE_BYTES);
  used += XAES_NONCE_BYTES;
}

/** Steps 1 and 2: doubling in GF(2^128). */
function doubled(block: Buffer): Buffer {
  const result = Buffer.alloc(BLOCK);
  for (let index = 0; index < BLOCK; index += 1) {
    const carry = index + 1 < BLOCK && ((block[index + 1] as number) & MSB) !== 0 ? 1 : 0;
    result[index] = ((block[index] as number) << 1) | carry;
  }
  if (((block[0] as number) & MSB) !== 0) result[BLOCK - 1] = (result[BLOCK - 1] as number) ^ POLYNOMIAL;
  return result;
}

/** Steps 3 and 4 without the nonce: a 16-bit counter, the letter X and a zero, masked by the subkey. */
function counterBlock(counter: number, subkey: Buffer): Buffer {
  const block = Buffer.from(subkey);
  block[1] = (block[1] as number) ^ counter;
  block[2] = (block[2] as number) ^ 0x58;
  return block;
}
