import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isWellFormed, lengthPrefixed } from "./length-prefixed.ts";

const wellFormed = fc.string({ unit: "grapheme", maxLength: 8 });

describe("lengthPrefixed", () => {
  it("gives two lists the same bytes only when they are the same list", () => {
    fc.assert(
      fc.property(fc.array(wellFormed, { maxLength: 4 }), fc.array(wellFormed, { maxLength: 4 }), (left, right) => {
        const same = lengthPrefixed(left).equals(lengthPrefixed(right));
        expect(same).toBe(JSON.stringify(left) === JSON.stringify(right));
      }),
    );
  });

  it.each([
    [
      ["ab", "c"],
      ["a", "bc"],
    ],
    [["a"], ["a", ""]],
    [[], [""]],
    [
      ["a", "b"],
      ["b", "a"],
    ],
  ])("tells %j from %j", (left, right) => {
    expect(lengthPrefixed(left).equals(lengthPrefixed(right))).toBe(false);
  });

  it("writes the count, then each length and text", () => {
    expect(lengthPrefixed(["é", ""]).toString("hex")).toBe("0000000200000002c3a900000000");
  });
});

describe("isWellFormed", () => {
  it("knows half a surrogate pair from a whole one", () => {
    expect(["", "a", "é", "😀"].every(isWellFormed)).toBe(true);
    expect(["\ud83d", "\ude00", "a\ud83db"].some(isWellFormed)).toBe(false);
  });
});
