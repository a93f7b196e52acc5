/** A stored hash of whatever origin. */
import type { StoredHash } from "./password-hash.ts";
import { readBcrypt } from "./password-hash-bcrypt.ts";
import { readDjango } from "./password-hash-django.ts";
import { readPhc } from "./password-hash-phc.ts";
import { readBetterAuth } from "./password-hash-scrypt.ts";

const MOST_STORED = 1024;

/** @returns undefined when it is malformed, or asks for more than a sign-in may cost */
export function readStored(encoded: string): StoredHash | undefined {
  if (encoded.length > MOST_STORED) return undefined;
  return readPhc(encoded) ?? readBcrypt(encoded) ?? readBetterAuth(encoded) ?? readDjango(encoded);
}
