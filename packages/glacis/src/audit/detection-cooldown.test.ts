import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cooldown, recentMap } from "./detection-cooldown.ts";

describe("a map that forgets", () => {
  it("knows every one of the latest keys with its latest value, and never a wrong one", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 30 })), fc.integer({ min: 1, max: 8 }), (keys, size) => {
        const map = recentMap<number>(size);
        const truth = new Map<string, number>();
        for (const [turn, key] of keys.entries()) {
          map.set(`${key}`, turn);
          truth.delete(`${key}`);
          truth.set(`${key}`, turn);
          const latest = [...truth].slice(-size);
          for (const [known, value] of latest) expect(map.get(known)).toBe(value);
          for (const [any, value] of truth) expect([undefined, value]).toContain(map.get(any));
        }
      }),
    );
  });
});

describe("a cooldown", () => {
  it("lets one of a burst through, and the next when the time is over", () => {
    const quiet = cooldown(1000);
    expect([0, 1, 999, 1000, 1001].map((atMs) => quiet.claim("a", atMs))).toEqual([true, false, false, true, false]);
    expect(quiet.claim("b", 1)).toBe(true);
  });
});
