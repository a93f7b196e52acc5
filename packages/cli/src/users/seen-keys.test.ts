import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seenKeys } from "./seen-keys.ts";

describe("keys that were seen before", () => {
  it("answers as a map of the first line of each key would", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 2 })), (keys) => {
        const seen = seenKeys();
        const model = new Map<string, number>();
        for (const [index, key] of keys.entries()) {
          expect(seen.firstLine(key, index + 1)).toBe(model.get(key));
          if (!model.has(key)) model.set(key, index + 1);
        }
      }),
    );
  });

  it("keeps every key while it grows, and says when it takes no more", () => {
    const seen = seenKeys(20_000);
    for (let index = 1; index <= 20_000; index += 1) expect(seen.firstLine(`key ${index}`, index)).toBeUndefined();
    expect([seen.firstLine("key 1", 30_000), seen.firstLine("key 20000", 30_000), seen.full]).toEqual([
      1,
      20_000,
      false,
    ]);
    expect([seen.firstLine("one more", 1), seen.full]).toEqual([undefined, true]);
  });
});
