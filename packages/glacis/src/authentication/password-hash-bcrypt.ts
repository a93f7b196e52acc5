/** bcrypt as other systems stored it, read and never written: it ignores what follows byte 72. */
import { verify } from "@node-rs/bcrypt";
import { createHash } from "node:crypto";
import type { StoredHash } from "./password-hash.ts";

const MODULAR = /^\$2[aby]\$(\d{2})\$[./A-Za-z0-9]{53}$/u;
const LEAST_COST = 4;
/** Two seconds of work: a hostile hash must not cost minutes. */
const GREATEST_COST = 15;
const BYTES = 72;
/** Work of one bcrypt round in PBKDF2 iterations: a rough estimate, close enough to level response times. */
const ITERATIONS_PER_ROUND = 125;

/** `$2a$`, `$2b$` and `$2y$`. A password of more than 72 bytes never verifies: its end would not have been looked at. */
export function readBcrypt(encoded: string): StoredHash | undefined {
  return read(encoded, "bcrypt", (password) => password);
}

/** Django's `bcrypt_sha256`: bcrypt over the lower-case hexadecimal SHA-256, so that every byte counts. */
export function readBcryptSha256(encoded: string): StoredHash | undefined {
  // glacis-waive scan/weak-hash: a step of an imported format, and bcrypt follows (maintainers, until 2027-02-20)
  return read(encoded, "bcrypt_sha256", (password) => createHash("sha256").update(password, "utf8").digest("hex"));
}

function read(encoded: string, algorithm: string, prepare: (password: string) => string): StoredHash | undefined {
  const found = MODULAR.exec(encoded);
  const cost = Number(found?.[1]);
  if (found === null || cost < LEAST_COST || cost > GREATEST_COST) return undefined;
  return {
    algorithm,
    work: 2 ** cost * ITERATIONS_PER_ROUND,
    verify: async (password) => {
      const input = prepare(password);
      const matches = await verify(input, encoded);
      return matches && Buffer.byteLength(input) <= BYTES;
    },
  };
}
