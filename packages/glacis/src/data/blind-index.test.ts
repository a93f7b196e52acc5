import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fieldEncryption } from "./field-encryption.ts";
import { keyRing, newKey } from "./key-ring.ts";

const first = newKey("k1");
const second = newKey("k2");
const fields = fieldEncryption({ keys: keyRing(first) });
const email = fields.column({ table: "users", column: "email" }).blindIndex();
const T1 = { tenantId: "t1" };

describe("blindIndex", () => {
  it("is equal for the spellings of one value, and for nothing else", () => {
    expect(email.of(" ADA@Example.com", T1)).toBe(email.of("ada@example.com", T1));
    expect(email.of("ｅ\u0301", T1)).toBe(email.of("é", T1));
    fc.assert(
      fc.property(fc.string(), fc.string(), (left, right) => {
        const fold = (text: string): string => text.normalize("NFKC").trim().toLowerCase();
        expect(email.of(left, T1) === email.of(right, T1)).toBe(fold(left) === fold(right));
      }),
    );
  });

  it("finds what was indexed when the format was made", () => {
    const known = createHash("sha256").update("a key that everybody may know").digest("base64url");
    const ssn = fieldEncryption({ keys: keyRing(`k1:${known}`) }).column({ table: "users", column: "ssn" });
    expect([64, 256].map((bits) => ssn.blindIndex({ bits }).of("078-05-1120", T1))).toEqual([
      "b1.k1.BT7LnoudnKk",
      "b1.k1.oyOOnwp4oWW-R2f1g_RLfDVUTkNhmfBm5_lM3hmSPO0",
    ]);
  });

  it("never matches across tenants, columns, tables or lengths", () => {
    const others = [
      email.of("a", { tenantId: "t2" }),
      fields.column({ table: "users", column: "name" }).blindIndex().of("a", T1),
      fields.column({ table: "staff", column: "email" }).blindIndex().of("a", T1),
    ].map((value) => value.split(".")[2]);
    const own = email.of("a", T1).split(".")[2];
    expect(new Set([own, ...others]).size).toBe(4);
    const long = fields.column({ table: "users", column: "email" }).blindIndex({ bits: 256 }).of("a", T1);
    expect(long.startsWith(email.of("a", T1))).toBe(false);
  });

  it("keeps as many bits as it was told", () => {
    const lengths = [8, 32, 64, 256].map((bits) => {
      const [, , body = ""] = fields.column({ table: "a", column: "b" }).blindIndex({ bits }).of("x", T1).split(".");
      return Buffer.from(body, "base64url").length * 8;
    });
    expect(lengths).toEqual([8, 32, 64, 256]);
  });

  it("finds rows of old and new keys during a rotation", () => {
    const both = fieldEncryption({ keys: keyRing(`${second},${first}`) })
      .column({ table: "users", column: "email" })
      .blindIndex();
    const candidates = both.candidates("ada@example.com", T1);
    expect(candidates).toEqual([both.of("ada@example.com", T1), email.of("ada@example.com", T1)]);
    expect(new Set(candidates.map((value) => value.split(".")[2])).size).toBe(2);
  });

  it("takes a rule of its own for what is equal", () => {
    const digits = fields
      .column({ table: "users", column: "ssn" })
      .blindIndex({ normalize: (text) => text.replaceAll(/\D/gu, "") });
    expect(digits.of("078-05-1120", T1)).toBe(digits.of("078051120", T1));
  });

  it("refuses what it cannot index", () => {
    const column = fields.column({ table: "users", column: "email" });
    for (const bits of [0, 7, 12, 264, Number.NaN, "64"])
      expect(() => column.blindIndex({ bits } as never)).toThrow(/bits/u);
    for (const value of [undefined, 7, "\ud800", "a".repeat(65_537)])
      expect(() => email.of(value as never, T1)).toThrow(/well-formed/u);
    expect(() => column.blindIndex({ normalize: () => undefined as never }).of("a", T1)).toThrow(/well-formed/u);
    expect(() => email.of("a", { tenantId: "" })).toThrow(/tenantId/u);
    expect(() => column.blindIndex({ bit: 8 } as never)).toThrow(/Did you mean "bits"/u);
  });
});
