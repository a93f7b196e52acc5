/** Argon2 (RFC 9106), the one place that knows the library. */
import { hash, verify } from "@node-rs/argon2";

export interface Argon2Parameters {
  readonly memoryKiB: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** @returns a PHC string with a fresh salt of 16 bytes and a tag of 32 */
export function argon2id(password: string, parameters: Argon2Parameters): Promise<string> {
  // The variety is left to the library, whose default is Argon2id: its enum is ambient and const, which isolated modules cannot read.
  return hash(password, {
    memoryCost: parameters.memoryKiB,
    timeCost: parameters.passes,
    parallelism: parameters.parallelism,
    outputLen: 32,
  });
}

/** @throws when the string cannot be read */
export function verifyArgon2(encoded: string, password: string): Promise<boolean> {
  return verify(encoded, password);
}
