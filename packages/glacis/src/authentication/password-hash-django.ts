/** Every password hash that Django has written. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { StoredHash } from "./password-hash.ts";
import { readBcrypt, readBcryptSha256 } from "./password-hash-bcrypt.ts";
import { pbkdf2Hash } from "./password-hash-pbkdf2.ts";
import { readArgon2 } from "./password-hash-phc.ts";
import { scryptHash } from "./password-hash-scrypt.ts";

const WHOLE = /^[1-9]\d{0,8}$/u;
const DIGEST_BYTES = { sha1: 20, sha256: 32 } as const;
const SCRYPT_BYTES = 64;

/** @param encoded `algorithm$...`; an unsalted MD5 may stand alone */
export function readDjango(encoded: string): StoredHash | undefined {
  const at = encoded.indexOf("$");
  const rest = encoded.slice(at + 1);
  switch (at < 0 ? "" : encoded.slice(0, at)) {
    case "pbkdf2_sha256":
      return readPbkdf2("sha256", rest);
    case "pbkdf2_sha1":
      return readPbkdf2("sha1", rest);
    case "argon2":
      return readArgon2(`$${rest}`);
    case "bcrypt_sha256":
      return readBcryptSha256(rest);
    case "bcrypt":
      return readBcrypt(rest);
    case "scrypt":
      return readScrypt(rest);
    case "md5":
      return readMd5(rest);
    case "":
      return readMd5(`$${encoded}`);
    default:
      return undefined;
  }
}

function readPbkdf2(digest: "sha1" | "sha256", rest: string): StoredHash | undefined {
  const [iterations = "", salt = "", hash = "", ...more] = rest.split("$");
  const expected = exactBytes(hash, DIGEST_BYTES[digest]);
  if (more.length > 0 || !WHOLE.test(iterations) || salt === "" || expected === undefined) return undefined;
  return pbkdf2Hash(digest, Number(iterations), salt, expected);
}

function readScrypt(rest: string): StoredHash | undefined {
  const [cost = "", salt = "", blockSize = "", parallelism = "", hash = "", ...more] = rest.split("$");
  const numbers = [cost, blockSize, parallelism];
  const expected = exactBytes(hash, SCRYPT_BYTES);
  if (more.length > 0 || salt === "" || !numbers.every((one) => WHOLE.test(one)) || expected === undefined)
    return undefined;
  const parameters = { cost: Number(cost), blockSize: Number(blockSize), parallelism: Number(parallelism) };
  return scryptHash(parameters, salt, expected);
}

/** Django compares whole texts: one that was cut short, or is spelt in another way, is no hash of its making. */
function exactBytes(text: string, length: number): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.length === length && bytes.toString("base64") === text ? bytes : undefined;
}

function readMd5(rest: string): StoredHash | undefined {
  const [salt = "", hash = "", ...more] = rest.split("$");
  if (more.length > 0 || !/^[0-9a-f]{32}$/u.test(hash)) return undefined;
  const expected = Buffer.from(hash, "hex");
  return {
    algorithm: "md5",
    work: 0,
    // MD5 proves an old password once, at the sign-in that replaces it.
    verify: (password) =>
      Promise.resolve(
        timingSafeEqual(
          // glacis-waive scan/weak-hash: an imported format, replaced at the next sign-in (maintainers, until 2027-02-20)
          createHash("md5")
            .update(salt + password, "utf8")
            .digest(),
          expected,
        ),
      ),
  };
}
