/** PHC strings, `$algorithm$v=19$name=value,...$salt$hash`: argon2, scrypt, PBKDF2, and the two dialects of passlib and Adonis. */
import type { StoredHash } from "./password-hash.ts";
import { verifyArgon2, type Argon2Parameters } from "./password-hash-argon2.ts";
import { pbkdf2Hash, type Pbkdf2Digest } from "./password-hash-pbkdf2.ts";
import { scryptHash } from "./password-hash-scrypt.ts";

const GREATEST_MEMORY_KIB = 262_144;
const GREATEST_KIB_PASSES = 2_097_152;
const GREATEST_PARALLELISM = 16;
/** Work of one KiB in one pass in PBKDF2 iterations. */
const ITERATIONS_PER_KIB = 0.8;

const ARGON2 =
  /^\$(argon2(?:id|i|d))\$(?:v=(16|19)\$)?m=(\d{1,7}),t=(\d{1,5}),p=(\d{1,3})(?:,keyid=([A-Za-z0-9+/_-]{1,128}))?\$([A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,86})$/u;
const SCRYPT = /^\$scrypt\$(ln|n)=(\d{1,8}),r=(\d{1,4}),p=(\d{1,3})\$([A-Za-z0-9+/]{1,171})\$([A-Za-z0-9+/]{22,171})$/u;
const PBKDF2 =
  /^\$pbkdf2(?:-(sha1|sha256|sha512))?\$(?:i=)?(\d{1,8})(?:,l=\d{1,3})?\$([A-Za-z0-9+/.]{1,171})\$([A-Za-z0-9+/.]{22,171})$/u;

export interface Argon2Hash extends StoredHash, Argon2Parameters {
  readonly variety: string;
  readonly version: number;
  /** The key of the pepper, as it stands in the string. */
  readonly keyId: string | undefined;
}

export function readPhc(encoded: string): StoredHash | undefined {
  return readArgon2(encoded) ?? readScrypt(encoded) ?? readPbkdf2(encoded);
}

/** @returns undefined when the string is malformed, or asks for more than 256 MiB or some seconds */
export function readArgon2(encoded: string): Argon2Hash | undefined {
  const found = ARGON2.exec(encoded);
  if (found === null) return undefined;
  const [, variety = "", version = "16", m, t, p, keyId, rest = ""] = found;
  const [memoryKiB, passes, parallelism] = [Number(m), Number(t), Number(p)];
  const sane =
    parallelism > 0 &&
    parallelism <= GREATEST_PARALLELISM &&
    passes > 0 &&
    memoryKiB >= 8 * parallelism &&
    memoryKiB <= GREATEST_MEMORY_KIB &&
    memoryKiB * passes <= GREATEST_KIB_PASSES;
  if (!sane) return undefined;
  // Without a version the string is of version 16, which the library would take for 19; and it knows no keyid.
  const plain = `$${variety}$v=${version}$m=${memoryKiB},t=${passes},p=${parallelism}$${rest}`;
  return {
    algorithm: variety,
    variety,
    version: Number(version),
    memoryKiB,
    passes,
    parallelism,
    keyId,
    work: Math.ceil(memoryKiB * passes * ITERATIONS_PER_KIB),
    verify: (password) => verifyArgon2(plain, password),
  };
}

/** PHC writes `ln`, the logarithm; Adonis writes `n`, the number. */
function readScrypt(encoded: string): StoredHash | undefined {
  const found = SCRYPT.exec(encoded);
  if (found === null) return undefined;
  const [, name, n, r, p, salt, hash] = found;
  const cost = name === "ln" ? 2 ** Number(n) : Number(n);
  return scryptHash({ cost, blockSize: Number(r), parallelism: Number(p) }, bytes(salt), bytes(hash));
}

function readPbkdf2(encoded: string): StoredHash | undefined {
  const found = PBKDF2.exec(encoded);
  if (found === null) return undefined;
  const [, digest = "sha1", iterations, salt, hash] = found;
  return pbkdf2Hash(digest as Pbkdf2Digest, Number(iterations), bytes(salt), bytes(hash));
}

/** passlib writes a dot for the plus. */
function bytes(text: string | undefined): Buffer {
  return Buffer.from((text ?? "").replaceAll(".", "+"), "base64");
}
