import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { joinVary, varyNames } from "./vary.ts";

describe("joinVary", () => {
  it.each([
    [undefined, "Origin, Cookie"],
    ["", "Origin, Cookie"],
    [" ", "Origin, Cookie"],
    ["Accept-Encoding", "Accept-Encoding, Origin, Cookie"],
    ["cookie", "cookie, Origin"],
    ["ORIGIN,Cookie", "ORIGIN,Cookie"],
    ["*", "*"],
    ["Accept, *", "Accept, *"],
  ])("joins to %j", (existing, joined) => {
    const join = joinVary("Origin, Cookie");
    expect(join(existing)).toBe(joined);
    expect(join(existing)).toBe(joined);
  });

  it("keeps every name, adds what is missing, and changes nothing the second time", () => {
    const name = fc.constantFrom("Origin", "cookie", "Accept", "x-a", "*", "");
    fc.assert(
      fc.property(fc.array(name, { maxLength: 6 }), (names) => {
        const join = joinVary("Origin, Cookie");
        const before = names.join(", ");
        const after = join(before);
        for (const kept of varyNames(before)) if (kept !== "") expect(varyNames(after)).toContain(kept);
        if (!names.includes("*")) expect([...varyNames(after)]).toEqual(expect.arrayContaining(["origin", "cookie"]));
        expect(join(after)).toBe(after);
      }),
    );
  });
});
