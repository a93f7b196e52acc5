/** Every password hash that Django has written. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { StoredHash } from "./password-hash.ts";
import { readBcrypt, readBcryptSha256 } from "./password-hash-bcrypt.ts";
import { pbkdf2Hash } from "./password-hash-pbkdf2.ts";
import { readArgon2 } from "./password-hash-phc.ts";
import { scryptHash } from "./password-hash-scrypt.ts";

const BASE64 = /^[A-Za-z0-9+/]{20,172}={0,2}$/u;
const WHOLE = /^\d{1,9}$/u;

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
  if (more.length > 0 || !WHOLE.test(iterations) || salt === "" || !BASE64.test(hash)) return undefined;
  return pbkdf2Hash(digest, Number(iterations), salt, Buffer.from(hash, "base64"));
}

function readScrypt(rest: string): StoredHash | undefined {
  const [cost = "", salt = "", blockSize = "", parallelism = "", hash = "", ...more] = rest.split("$");
  const numbers = [cost, blockSize, parallelism];
  if (more.length > 0 || salt === "" || !numbers.every((one) => WHOLE.test(one)) || !BASE64.test(hash))
    return undefined;
  const parameters = { cost: Number(cost), blockSize: Number(blockSize), parallelism: Number(parallelism) };
  return scryptHash(parameters, salt, Buffer.from(hash, "base64"));
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
