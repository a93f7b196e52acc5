import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { recent } from "./recent.ts";

describe("recent", () => {
  it("never answers with anything but what was last set", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(fc.tuple(fc.nat(20), fc.nat())), (size, steps) => {
        const cache = recent<number>(size);
        const truth = new Map<string, number>();
        for (const [key, value] of steps) {
          const found = cache.get(String(key));
          if (found !== undefined) expect(found).toBe(truth.get(String(key)));
          cache.set(String(key), value);
          truth.set(String(key), value);
          expect(cache.get(String(key))).toBe(value);
        }
      }),
    );
  });

  it("forgets: a flood of new keys leaves only the newest behind", () => {
    const cache = recent<number>(100);
    for (let index = 0; index < 10_000; index += 1) cache.set(String(index), index);
    const kept = Array.from({ length: 10_000 }, (_, index) => cache.get(String(index))).filter(
      (hit) => hit !== undefined,
    );
    expect(kept.length).toBeLessThanOrEqual(100);
    expect(kept.length).toBeGreaterThanOrEqual(50);
  });

  it("keeps what is asked for while a flood passes", () => {
    const cache = recent<string>(100);
    cache.set("ours", "kept");
    for (let index = 0; index < 10_000; index += 1) {
      if (index % 20 === 0) cache.get("ours");
      cache.set(String(index), "flood");
    }
    expect(cache.get("ours")).toBe("kept");
  });
});
