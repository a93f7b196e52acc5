import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HeaderNames } from "./response.ts";

const letters = fc.string({ unit: fc.constantFrom("a", "b", "-", "x"), maxLength: 5 });
const list = fc.array(letters, { maxLength: 8 });

describe("names to look for", () => {
  it("are found as in a set, whatever is asked", () => {
    fc.assert(
      fc.property(list, list, (names, asked) => {
        const wanted = new HeaderNames(names);
        const set = new Set(names);
        for (const name of [...asked, ...names]) expect(wanted.has(name)).toBe(set.has(name));
      }),
    );
  });

  it("are told apart from constants, and from others the next time", () => {
    fc.assert(
      fc.property(list, fc.array(list, { minLength: 1, maxLength: 4 }), (names, rounds) => {
        const wanted = new HeaderNames(names);
        for (const constants of rounds) {
          const values = new Map(constants.map((name) => [name, "1"] as const));
          const expected = constants.some((name) => names.includes(name));
          expect(wanted.areAmong({ names: [...values.keys()], values })).toBe(expected);
        }
      }),
    );
  });
});
