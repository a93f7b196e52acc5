import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyRing, newKey } from "./key-ring.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("keyRing", () => {
  it("derives a different key for each purpose and each master, and the same one every time", () => {
    const ring = keyRing(`${newKey("k2")},${newKey("k1")}`);
    const csrf = ring.derive("csrf");
    const keys = [...csrf.all, ...ring.derive("signing").all].map(({ bytes }) => hex(bytes));
    expect(new Set(keys).size).toBe(4);
    expect(ring.derive("csrf")).toBe(csrf);
    expect(csrf.current.id).toBe("k2");
  });

  it("derives nothing without a purpose, and tells purposes apart to the letter", () => {
    const ring = keyRing(newKey("k1"));
    for (const purpose of ["", " "]) expect(() => ring.derive(purpose)).toThrow(/purpose/u);
    expect(hex(ring.derive("csrf").current.bytes)).not.toBe(hex(ring.derive("CSRF").current.bytes));
    expect(ring.purposes).toEqual(["CSRF", "csrf"]);
  });

  it("takes every key that newKey makes", () => {
    for (let count = 0; count < 2000; count += 1) expect(keyRing(newKey("k1")).ids).toEqual(["k1"]);
  });

  it("holds sixteen keys", () => {
    expect(keyRing(Array.from({ length: 16 }, (_, index) => newKey(`k${index}`)).join(",")).ids).toHaveLength(16);
  });

  it("derives by HKDF-SHA-256 with the purpose as info, so that another program can", async () => {
    const entry = newKey("k1");
    const master = Buffer.from(entry.slice(3), "base64url");
    const imported = await crypto.subtle.importKey("raw", master, "HKDF", false, ["deriveBits"]);
    const info = new TextEncoder().encode("glacis/v1/csrf");
    const bits = await crypto.subtle.deriveBits(
      { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info },
      imported,
      256,
    );
    expect(hex(keyRing(entry).derive("csrf").current.bytes)).toBe(hex(new Uint8Array(bits)));
  });

  const good = newKey("k1");
  it.each([
    ["nothing", undefined, /GLACIS_KEYS/u],
    ["blanks", "   ", /GLACIS_KEYS/u],
    ["a passphrase", "k1:correct-horse-battery-staple", /32 bytes/u],
    ["a patterned key", `k1:${Buffer.alloc(32, 7).toString("base64url")}`, /not random/u],
    ["a short text over and over", `k1:${Buffer.from("abcdefgh".repeat(4)).toString("base64url")}`, /not random/u],
    [
      "the bytes in their order",
      `k1:${Buffer.from(Array.from({ length: 32 }, (_, n) => n)).toString("base64url")}`,
      /not random/u,
    ],
    [
      "every seventh byte",
      `k1:${Buffer.from(Array.from({ length: 32 }, (_, n) => 250 - n * 7)).toString("base64url")}`,
      /not random/u,
    ],
    ["the alphabet", "k1:abcdefghijklmnopqrstuvwxyz0123456789ABCDEFE", /not random/u],
    [
      "a sentence",
      `k1:${Buffer.from("It was a dark & stormy Night, no?").subarray(0, 32).toString("base64url")}`,
      /not random/u,
    ],
    [
      "a password of 32 signs",
      `k1:${Buffer.from("Zq7!mB2#xK9@vL4$wR8%tY1^uI6&oP3*").toString("base64url")}`,
      /not random/u,
    ],
    ["padding", `${good}=`, /32 bytes/u],
    ["a missing id", good.slice(3), /id such as/u],
    ["one id twice", `${newKey("k1")},${newKey("k1")}`, /share an id/u],
    ["one key twice", `${good},k2${good.slice(2)}`, /share one key/u],
    ["too many keys", Array.from({ length: 17 }, (_, index) => newKey(`k${index}`)).join(","), /at most 16/u],
  ])("refuses %s", (_, text, message) => {
    expect(() => keyRing(text)).toThrow(message);
  });

  it("never quotes key material in an error, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 24, maxLength: 60 }).filter((text) => !text.includes(",") && text.trim().length > 20),
        (secret) => {
          let message = "";
          try {
            keyRing(`k1:${secret}`);
          } catch (error) {
            message = (error as Error).message;
          }
          expect(message).not.toContain(secret.trim());
        },
      ),
    );
  });
});
