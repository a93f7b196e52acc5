import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { xaes256Gcm, XAES_NONCE_BYTES } from "./xaes-256-gcm.ts";

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
      fc.property(
        bytes(24).map((nonce) => Buffer.from(nonce)),
        fc.string({ unit: "grapheme" }),
        fc.uint8Array(),
        fc.nat(),
        (nonce, text, aad, place) => {
          const [ciphertext, tag] = cipher.encrypt(nonce, text, aad);
          expect(cipher.decrypt(nonce, ciphertext, tag, aad)).toBe(text);
          const parts = [nonce, ciphertext, tag, Buffer.from(aad)] as const;
          const bits = parts.reduce((sum, part) => sum + part.length * 8, 0);
          let bit = place % bits;
          for (const part of parts) {
            if (bit < part.length * 8 && bit >= 0) part[bit >> 3] = (part[bit >> 3] as number) ^ (1 << (bit & 7));
            bit -= part.length * 8;
          }
          expect(() => cipher.decrypt(...parts)).toThrow();
        },
      ),
      { numRuns: 300 },
    );
  });

  it("takes neither a short key nor a short tag", () => {
    expect(() => xaes256Gcm(new Uint8Array(16))).toThrow(/32 bytes/u);
    const cipher = xaes256Gcm(Buffer.alloc(32, 1));
    const [ciphertext, tag] = cipher.encrypt(NONCE, "x", NONE);
    expect(() => cipher.decrypt(NONCE, ciphertext, tag.subarray(0, 12), NONE)).toThrow();
  });

  it("takes no nonce of another length", () => {
    const cipher = xaes256Gcm(Buffer.alloc(32, 1));
    for (const length of [0, 12, 23, 25, 48])
      expect(() => cipher.encrypt(Buffer.alloc(length), "x", NONE), String(length)).toThrow(/24 bytes/u);
  });

  it("never repeats a nonce, and gives at most 64 in a row one derived key", () => {
    const ciphers = [xaes256Gcm(Buffer.alloc(32, 1)), xaes256Gcm(Buffer.alloc(32, 1))] as const;
    const nonces = ciphers.flatMap((cipher) =>
      Array.from({ length: 1000 }, () => {
        const nonce = Buffer.alloc(XAES_NONCE_BYTES);
        cipher.writeNonce(nonce, 0);
        return nonce.toString("hex");
      }),
    );
    expect(new Set(nonces).size).toBe(2000);
    const perKey = new Map<string, number>();
    for (const nonce of nonces) {
      const half = nonce.slice(0, XAES_NONCE_BYTES);
      perKey.set(half, (perKey.get(half) ?? 0) + 1);
    }
    expect(Math.max(...perKey.values())).toBe(64);
    expect(perKey.size).toBe(2 * Math.ceil(1000 / 64));
  });

  it("opens under the key of each nonce, in whatever order, long after that key was forgotten", () => {
    const cipher = xaes256Gcm(Buffer.alloc(32, 1));
    const sealed = Array.from({ length: 64 * 40 }, (_, index) => {
      const nonce = Buffer.alloc(XAES_NONCE_BYTES);
      cipher.writeNonce(nonce, 0);
      return [String(index), nonce, ...cipher.encrypt(nonce, String(index), NONE)] as const;
    });
    for (const [text, nonce, ciphertext, tag] of [...sealed.toReversed(), ...sealed])
      expect(cipher.decrypt(nonce, ciphertext, tag, NONE)).toBe(text);
  });
});
