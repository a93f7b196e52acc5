import { describe, expect, it } from "vitest";
import { describeStoredHash, likenessOfHash } from "./password-hash-likeness.ts";
import { passwordHashing } from "./password-hashing.ts";

const WRITTEN = [
  "pbkdf2_sha256$600000$fJ3kq0P2vX8s$3Yxq2dYh0m9C6q1m0g4yq1m8m8y1g7G5o2t1v3x5z7A=",
  "pbkdf2_sha1$30000$abcdefghijkl$Tq2dYh0m9C6q1m0g4yq1m8m8y1g=",
  "md5$somesalt$5f4dcc3b5aa765d61d8327deb882cf99",
  "5f4dcc3b5aa765d61d8327deb882cf99",
  "$2b$12$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyz01234",
  "bcrypt_sha256$$2b$12$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyz01234",
  "argon2$argon2id$v=19$m=102400,t=2,p=8$c29tZXNhbHRzb21lc2FsdA$ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGlnZXN0MTI",
  "scrypt$16384$saltsaltsalt$8$1$Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYg==",
];

describe("a likeness of a stored hash", () => {
  it.each(WRITTEN)("costs the same and shares neither salt nor digest with %s", (encoded) => {
    const likeness = likenessOfHash(encoded);
    expect(likeness).toBeDefined();
    expect(describeStoredHash(likeness ?? "")).toEqual(describeStoredHash(encoded));
    const [digest] = encoded.split("$").slice(-1);
    expect(likeness).not.toContain(digest?.slice(0, 12));
    expect(() => passwordHashing({ costliestImported: likeness ?? "" })).not.toThrow();
  });

  it("is not made of what sign-in cannot verify", () => {
    expect(likenessOfHash("sha1$salt$aaaa")).toBeUndefined();
    expect(describeStoredHash("nothing")).toBeUndefined();
  });
});
