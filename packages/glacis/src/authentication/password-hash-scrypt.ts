/** scrypt (RFC 7914) as other systems stored it, read and never written. */
import { scrypt, timingSafeEqual, type BinaryLike } from "node:crypto";
import type { StoredHash } from "./password-hash.ts";

const MEBIBYTE = 1_048_576;
const GREATEST_MEMORY = 256 * MEBIBYTE;
const GREATEST_WORK = 2 ** 23;
const GREATEST_PARALLELISM = 16;
/** Work of one step of N*r*p in PBKDF2 iterations. */
const ITERATIONS_PER_STEP = 0.75;

export interface ScryptParameters {
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelism: number;
}

/** @returns undefined when the parameters mean nothing, or would cost more memory or time than a sign-in may */
export function scryptHash(
  parameters: ScryptParameters,
  salt: BinaryLike,
  expected: Uint8Array,
  prepare: (password: string) => string = (password) => password,
): StoredHash | undefined {
  const { cost, blockSize, parallelism } = parameters;
  const memory = 128 * cost * blockSize;
  const work = cost * blockSize * parallelism;
  const sane =
    Number.isSafeInteger(work) &&
    cost > 1 &&
    Number.isInteger(Math.log2(cost)) &&
    blockSize > 0 &&
    parallelism > 0 &&
    parallelism <= GREATEST_PARALLELISM &&
    memory <= GREATEST_MEMORY &&
    work <= GREATEST_WORK;
  if (!sane || expected.length < 16 || expected.length > 128) return undefined;
  const options = { N: cost, r: blockSize, p: parallelism, maxmem: 2 * memory + 4 * MEBIBYTE };
  return {
    algorithm: "scrypt",
    work: Math.ceil(work * ITERATIONS_PER_STEP),
    verify: (password) =>
      new Promise((resolve, reject) => {
        scrypt(prepare(password), salt, expected.length, options, (error, key) => {
          if (error !== null) reject(error);
          else resolve(timingSafeEqual(key, expected));
        });
      }),
  };
}

const BETTER_AUTH = /^([0-9a-f]{32}):([0-9a-f]{128})$/u;
const BETTER_AUTH_PARAMETERS: ScryptParameters = { cost: 16_384, blockSize: 16, parallelism: 1 };

/** better-auth's `salt:key`, both in hexadecimal; the salt goes in as that text, the password as NFKC. */
export function readBetterAuth(encoded: string): StoredHash | undefined {
  const found = BETTER_AUTH.exec(encoded);
  if (found === null) return undefined;
  const expected = Buffer.from(found[2] as string, "hex");
  return scryptHash(BETTER_AUTH_PARAMETERS, found[1] as string, expected, (password) => password.normalize("NFKC"));
}
