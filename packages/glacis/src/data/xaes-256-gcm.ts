/** XAES-256-GCM, the extended-nonce AEAD of https://c2sp.org/XAES-256-GCM, out of Node's AES-256 and AES-256-GCM (catalog crypto-algorithms). */
import { createCipheriv, createDecipheriv, randomFillSync } from "node:crypto";
import { recent } from "../primitives/recent.ts";

export const XAES_KEY_BYTES = 32;
export const XAES_NONCE_BYTES = 24;
export const XAES_TAG_BYTES = 16;
const HALF_NONCE = 12;
const BLOCK = 16;
const MSB = 0x80;
/** The reduction polynomial of CMAC's doubling (NIST SP 800-38B section 5.3). */
const POLYNOMIAL = 0x87;
const GCM = { authTagLength: XAES_TAG_BYTES };
const POOL_BYTES = HALF_NONCE * 340;
/** Far below the 2^32 that an AES-256-GCM key takes with random nonces (NIST SP 800-38D section 8.3); docs/adr/0002 counts what that leaves. */
const NONCES_PER_KEY = 64;
const KEPT_KEYS = 16;

export interface Xaes {
  /** Writes a random nonce, new to this key, to the 24 bytes from the offset on. A few in a row share their first half, and so the derived key. */
  writeNonce(target: Buffer, offset: number): void;
  /** Ciphertext and tag. The nonce is 24 bytes, by `writeNonce`. */
  encrypt(
    nonce: Buffer,
    plaintext: string | Uint8Array,
    additionalData: Uint8Array,
  ): readonly [ciphertext: Buffer, tag: Buffer];
  /** @throws when the tag does not fit; nothing of the plaintext is returned then. */
  decrypt(nonce: Buffer, ciphertext: Uint8Array, tag: Uint8Array, additionalData: Uint8Array): string;
}

/**
 * The cipher under one key. An AES-256-GCM key comes out of each nonce's first half; CMAC's subkey, which the spec lets us keep, the AES key schedule
 * and the last derived keys are made once.
 *
 * @throws TypeError unless the key has 32 bytes.
 */
export function xaes256Gcm(key: Uint8Array): Xaes {
  if (key.length !== XAES_KEY_BYTES) throw new TypeError(`XAES-256-GCM needs a key of ${XAES_KEY_BYTES} bytes.`);
  const derive = keyDerivation(key);
  const kept = recent<Buffer>(KEPT_KEYS);

  function keyFor(nonce: Buffer): Buffer {
    if (nonce.length !== XAES_NONCE_BYTES)
      throw new TypeError(`XAES-256-GCM needs a nonce of ${XAES_NONCE_BYTES} bytes.`);
    const half = nonce.toString("latin1", 0, HALF_NONCE);
    const known = kept.get(half);
    if (known !== undefined) return known;
    const derived = derive(nonce);
    kept.set(half, derived);
    return derived;
  }

  return {
    writeNonce: nonceWriter(),
    encrypt(nonce, plaintext, additionalData) {
      const cipher = createCipheriv("aes-256-gcm", keyFor(nonce), nonce.subarray(HALF_NONCE), GCM);
      cipher.setAAD(additionalData);
      const ciphertext = typeof plaintext === "string" ? cipher.update(plaintext, "utf8") : cipher.update(plaintext);
      cipher.final();
      return [ciphertext, cipher.getAuthTag()];
    },
    decrypt(nonce, ciphertext, tag, additionalData) {
      const decipher = createDecipheriv("aes-256-gcm", keyFor(nonce), nonce.subarray(HALF_NONCE), GCM);
      decipher.setAAD(additionalData).setAuthTag(tag);
      const plaintext = decipher.update(ciphertext);
      decipher.final();
      return plaintext.toString("utf8");
    },
  };
}

/** The derived key of a nonce, by its first half. */
function keyDerivation(key: Uint8Array): (nonce: Uint8Array) => Buffer {
  // Without an initialisation vector and padding, each whole block that goes in comes out at once: AES-256 itself.
  // glacis-waive scan/weak-cipher: the block function that XAES derives keys with (maintainers, until 2027-02-20)
  const aes = createCipheriv("aes-256-ecb", key, null).setAutoPadding(false);
  const subkey = doubled(aes.update(Buffer.alloc(BLOCK)));
  const masks = Buffer.concat([counterBlock(1, subkey), counterBlock(2, subkey)]);
  // Written anew for each nonce, and read before anything else runs.
  const blocks = Buffer.from(masks);

  return (nonce) => {
    for (let index = 0; index < HALF_NONCE; index += 1) {
      const byte = nonce[index] as number;
      blocks[4 + index] = (masks[4 + index] as number) ^ byte;
      blocks[BLOCK + 4 + index] = (masks[BLOCK + 4 + index] as number) ^ byte;
    }
    return aes.update(blocks);
  };
}

/** Both halves are random, the second for each nonce: a counter would repeat in a copy of a process that runs. */
function nonceWriter(): Xaes["writeNonce"] {
  const half = Buffer.alloc(HALF_NONCE);
  let left = 0;
  return (target, offset) => {
    if (left === 0) {
      writeRandom(half, 0);
      left = NONCES_PER_KEY;
    }
    left -= 1;
    half.copy(target, offset);
    writeRandom(target, offset + HALF_NONCE);
  };
}

const pool = Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;

/** Half a nonce, from a pool that is filled by one call for many. Nonces are no secrets. */
function writeRandom(target: Buffer, offset: number): void {
  if (used === POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  pool.copy(target, offset, used, used + HALF_NONCE);
  used += HALF_NONCE;
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
