import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { writeNonce, xaes256Gcm, XAES_NONCE_BYTES } from "./xaes-256-gcm.ts";

const NONCE = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWX");
const NONE = new Uint8Array(0);

describe("xaes256Gcm", () => {
  it.each([
    ["without a carry in the subkey", 1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"],
    ["with one", 3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"],
  ])("computes the specification's vector %s", (_, byte, additional, expected) => {
    const cipher = xaes256Gcm(Buffer.alloc(32, byte));
    const [ciphertext, tag] = cipher.encrypt(NONCE, "XAES-256-GCM", Buffer.from(additional));
    expect(Buffer.concat([ciphertext, tag]).toString("hex")).toBe(expected);
    expect(cipher.decrypt(NONCE, ciphertext, tag, Buffer.from(additional))).toBe("XAES-256-GCM");
  });

  it("computes the specification's ten thousand accumulated messages", () => {
    // SHAKE-128 has no incremental output in Node, so the whole stream is made at once: at most 568 bytes a message.
    const stream = createHash("shake128", { outputLength: 10_000 * 568 }).digest();
    const hash = createHash("shake128", { outputLength: 32 });
    let offset = 0;
    const take = (length: number): Buffer => stream.subarray(offset, (offset += length));
    for (let message = 0; message < 10_000; message += 1) {
      const cipher = xaes256Gcm(take(32));
      const nonce = take(24);
      const plaintext = take(take(1)[0] as number);
      const additional = take(take(1)[0] as number);
      for (const part of cipher.encrypt(nonce, plaintext, additional)) hash.update(part);
    }
    expect(hash.digest("hex")).toBe("e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939");
  }, 60_000);

  it("gives back any text, many times under one key, and refuses any flipped bit", () => {
    const cipher = xaes256Gcm(createHash("sha256").update("key").digest());
    const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
    fc.assert(
      fc.property(bytes(24), fc.string({ unit: "grapheme" }), fc.uint8Array(), fc.nat(), (nonce, text, aad, place) => {
        const [ciphertext, tag] = cipher.encrypt(nonce, text, aad);
        expect(cipher.decrypt(nonce, ciphertext, tag, aad)).toBe(text);
        const parts = [Buffer.from(nonce), ciphertext, tag, Buffer.from(aad)] as const;
        const bits = parts.reduce((sum, part) => sum + part.length * 8, 0);
        let bit = place % bits;
        for (const part of parts) {
          if (bit < part.length * 8 && bit >= 0) part[bit >> 3] = (part[bit >> 3] as number) ^ (1 << (bit & 7));
          bit -= part.length * 8;
        }
        expect(() => cipher.decrypt(...parts)).toThrow();
      }),
      { numRuns: 300 },
    );
  });

  it("takes neither a short key nor a short tag", () => {
    expect(() => xaes256Gcm(new Uint8Array(16))).toThrow(/32 bytes/u);
    const cipher = xaes256Gcm(Buffer.alloc(32, 1));
    const [ciphertext, tag] = cipher.encrypt(NONCE, "x", NONE);
    expect(() => cipher.decrypt(NONCE, ciphertext, tag.subarray(0, 12), NONE)).toThrow();
  });
});

describe("writeNonce", () => {
  it("never repeats, across refills of its pool", () => {
    const seen = new Set<string>();
    for (let index = 0; index < 2000; index += 1) {
      const nonce = Buffer.alloc(XAES_NONCE_BYTES);
      writeNonce(nonce, 0);
      seen.add(nonce.toString("hex"));
    }
    expect(seen.size).toBe(2000);
  });
});
