import { describe, expect, it } from "vitest";
import { randomToken } from "./random-token.ts";

describe("randomToken", () => {
  it("has 256 bits, or as many as are asked for, and needs no escaping", () => {
    expect(randomToken()).toMatch(/^[\w-]{43}$/u);
    expect(randomToken(128)).toMatch(/^[\w-]{22}$/u);
  });

  it("never repeats, and every bit of it is as often one as zero", () => {
    const tokens = Array.from({ length: 4000 }, () => randomToken());
    expect(new Set(tokens).size).toBe(tokens.length);
    const ones = Array.from({ length: 256 }, () => 0);
    for (const token of tokens) {
      const bytes = Buffer.from(token, "base64url");
      for (let bit = 0; bit < 256; bit += 1)
        ones[bit] = (ones[bit] as number) + (((bytes[bit >> 3] as number) >> (bit & 7)) & 1);
    }
    // Eight standard deviations around the half: a fair generator leaves it once in 10^12 runs.
    for (const count of ones) expect(Math.abs(count - 2000)).toBeLessThan(8 * Math.sqrt(1000));
  });

  it.each([0, 64, 127, 130, 256.5, Number.NaN, 8192, "256"])("refuses %s bits", (bits) => {
    expect(() => randomToken(bits as number)).toThrow(/multiple of 8/u);
  });
});
