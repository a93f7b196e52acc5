import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { caseFold } from "./case-fold.ts";

describe("caseFold", () => {
  it.each([
    ["STRASSE", "straße"],
    ["STRAẞE", "strasse"],
    ["ΟΔΟΣ", "οδος"],
    ["ſ", "S"],
    ["\u212a", "k"],
    ["ŉ", "ʼN"],
  ])("makes %s and %s the same", (a, b) => {
    expect(caseFold(a)).toBe(caseFold(b));
  });

  it.each([
    ["ı", "i"],
    ["ı", "I"],
    ["İ", "i"],
    ["é", "e"],
  ])("keeps %s and %s apart", (a, b) => {
    expect(caseFold(a)).not.toBe(caseFold(b));
  });

  it("changes nothing that it has folded", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(caseFold(caseFold(text))).toBe(caseFold(text));
      }),
    );
  });
});
