import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Decision } from "../core/decision.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { prototypePollution } from "./prototype-pollution.ts";

function judge(query: string): string {
  const decision = prototypePollution().decide?.(sketchExchange({ target: `/search?${query}` })) as Decision;
  return decision.kind === "deny" ? decision.reason : decision.kind;
}

describe("prototype-pollution", () => {
  it.each([
    "",
    "q=__proto__",
    "q=constructor&page=2",
    "q=100%",
    "protocol=https&prototypes=1",
    "constructors[]=1",
    "a=b%3D__proto__",
    "__proto=1",
  ])("lets the query %j pass", (query) => {
    expect(judge(query)).toBe("allow");
  });

  it.each([
    "__proto__=1",
    "a=1&__proto__[admin]=1",
    "a[constructor][prototype][x]=1",
    "a.__proto__.b=1",
    "%5f%5fproto%5f%5f=1",
    "a%5Bconstructor%5D=1",
    "a[%63onstructor]=%",
    "x=%zz&prototype",
  ])("refuses the query %j", (query) => {
    expect(judge(query)).toBe("key_forbidden");
  });

  it("refuses a reserved name however its letters are escaped", () => {
    const words = fc.constantFrom("__proto__", "constructor", "prototype");
    fc.assert(
      fc.property(words, fc.array(fc.boolean(), { minLength: 11, maxLength: 11 }), (word, escaped) => {
        const name = word
          .split("")
          .map((char, at) => (escaped[at] === true ? `%${char.charCodeAt(0).toString(16)}` : char))
          .join("");
        expect(judge(`a=1&b[${name}]=2`)).toBe("key_forbidden");
      }),
    );
  });

  it("notes that the accessor is still there, unless node was started without it", () => {
    const deployment = { mode: "production", nodeVersion: "22.0.0", variables: new Map(), nowMs: 0 } as const;
    const ids = (nodeOptions: readonly string[]): readonly string[] =>
      prototypePollution()
        .check({ ...deployment, nodeOptions })
        .map(({ rule }) => rule.id);
    expect(ids([])).toEqual(["prototype-pollution/proto-accessor"]);
    expect(ids(["--disable-proto=delete"])).toEqual([]);
    expect(ids(["--disable-proto=throw"])).toEqual([]);
  });
});
