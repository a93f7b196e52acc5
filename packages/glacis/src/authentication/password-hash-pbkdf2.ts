/** PBKDF2 (RFC 8018) as other systems stored it, read and never written; also the measure of all work here. */
import { pbkdf2, timingSafeEqual, type BinaryLike } from "node:crypto";
import { promisify } from "node:util";
import type { StoredHash } from "./password-hash.ts";

const derive = promisify(pbkdf2);

/** Some seconds of work; the largest that Django has written is 1.5 million. */
const GREATEST_ITERATIONS = 5_000_000;
/** Bytes of the digests that are read. */
const DIGESTS = { sha1: 20, sha256: 32, sha512: 64 } as const;

export type Pbkdf2Digest = keyof typeof DIGESTS;

/** @returns undefined when the parameters mean nothing, or would cost more time than a sign-in may */
export function pbkdf2Hash(
  digest: Pbkdf2Digest,
  iterations: number,
  salt: BinaryLike,
  expected: Uint8Array,
): StoredHash | undefined {
  const sane = Number.isSafeInteger(iterations) && iterations > 0 && iterations <= GREATEST_ITERATIONS;
  // A longer key would cost the defender more than one block, and the attacker nothing.
  if (!sane || expected.length < 16 || expected.length > DIGESTS[digest]) return undefined;
  return {
    algorithm: `pbkdf2_${digest}`,
    work: iterations,
    verify: async (password) =>
      timingSafeEqual(await derive(password, salt, iterations, expected.length, digest), expected),
  };
}

/** Spends as many iterations of PBKDF2-HMAC-SHA256, so that a cheap answer takes as long as a dear one. */
export async function spendWork(iterations: number): Promise<void> {
  // glacis-waive scan/weak-hash: nothing is kept of it, the time alone counts (maintainers, until 2027-02-20)
  if (iterations > 0) await derive("no password", "no salt", Math.ceil(iterations), 32, "sha256");
}

/** Work that is still missing to the level, in PBKDF2 iterations. A hash of today stands for the one that the others compute beside it. */
export function topUp(stored: StoredHash | undefined, isCurrent: boolean, level: number): number {
  const spent = stored === undefined || isCurrent ? 0 : stored.work;
  return Math.max(0, level - spent);
}
