/** What an imported hash is and costs, and a stand-in of the same cost that proves nobody's password. */
import { randomBytes } from "node:crypto";
import { readStored } from "./password-hash-stored.ts";

export interface StoredHashDescription {
  /** The name for reports, such as `pbkdf2_sha256`. */
  readonly algorithm: string;
  /** What one verification costs, in iterations of PBKDF2-HMAC-SHA256; an estimate. */
  readonly work: number;
}

/**
 * @param encoded a stored hash of any format that sign-in can verify
 * @returns undefined when sign-in could not verify it: it is malformed, or asks for more than a sign-in may cost
 */
export function describeStoredHash(encoded: string): StoredHashDescription | undefined {
  const read = readStored(encoded);
  return read === undefined ? undefined : { algorithm: read.algorithm, work: read.work };
}

const SEPARATOR = /([$:])/u;
const PARAMETER =
  /^(?:\d{1,10}|[a-z]{1,8}=[^,=]*(?:,[a-z]{1,8}=[^,=]*)*|argon2(?:id|i|d)?|pbkdf2[_-][a-z0-9]+|bcrypt|bcrypt_sha256|scrypt|md5|2[aby])$/u;

/**
 * A hash with the parameters of this one and a random salt and digest: for `passwordHashing({ costliestImported })`, and safe to write into a
 * configuration, because nobody's password matches it.
 *
 * @returns undefined for what `describeStoredHash` cannot describe
 */
export function likenessOfHash(encoded: string): string | undefined {
  const original = readStored(encoded);
  if (original === undefined) return undefined;
  const likeness = encoded
    .split(SEPARATOR)
    .map((part) => (part === "" || SEPARATOR.test(part) || PARAMETER.test(part) ? part : randomLike(part)))
    .join("");
  const read = readStored(likeness);
  return read?.algorithm === original.algorithm && read.work === original.work ? likeness : undefined;
}

/** Characters of the same alphabet, so that the format still reads it. */
function randomLike(part: string): string {
  // The last character before padding has bits to spare, which a format may want to be zero.
  if (part.endsWith("=")) return randomBytes(Buffer.byteLength(part, "base64")).toString("base64");
  const isHex = /^[0-9a-f]+$/u.test(part);
  return isHex ? randomBytes(part.length).toString("hex").slice(0, part.length) : alphanumeric(part.length);
}

function alphanumeric(length: number): string {
  return randomBytes(2 * length + 64)
    .toString("base64")
    .replaceAll(/[^A-Za-z0-9]/gu, "")
    .slice(0, length);
}
