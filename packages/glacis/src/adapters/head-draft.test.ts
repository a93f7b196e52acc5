import { assert, constantFrom, array, property, record, tuple, uniqueArray } from "fast-check";
import { describe, expect, it } from "vitest";
import { HeaderNames, type ConstantHeaders } from "../core/response.ts";
import { HeadDraft, type HeaderLines } from "./head-draft.ts";

const NAMES = ["a", "b", "c", "d", "set-cookie"] as const;
const VALUES = ["1", "2"] as const;
const name = constantFrom(...NAMES);
const value = constantFrom(...VALUES);
const names = uniqueArray(name).map((list) => new HeaderNames(list));

type Step = (draft: HeadDraft) => unknown;

const step = tuple(constantFrom("get", "set", "remove", "hasAny", "removeAny", "cookies"), name, value, names).map(
  ([method, one, text, several]): Step =>
    (draft) => {
      switch (method) {
        case "get":
          return draft.get(one);
        case "set":
          return draft.set(one, text);
        case "remove":
          return draft.remove(one);
        case "hasAny":
          return draft.hasAny(several);
        case "removeAny":
          return draft.removeAny(several);
        case "cookies":
          return draft.setCookieLines([text, text]);
      }
    },
);

function constantsOf(pairs: readonly (readonly [string, string])[]): ConstantHeaders {
  const values = new Map(pairs);
  return { names: [...values.keys()], values };
}

function sorted(lines: HeaderLines): readonly string[] {
  return lines.flatMap((line, index) => (index % 2 === 0 ? [`${line}: ${lines[index + 1]}`] : [])).toSorted();
}

describe("the draft of a head", () => {
  it("reads back what its lines say: each cookie by itself, other names joined", () => {
    const draft = new HeadDraft(200, ["set-cookie", "a=1", "vary", "Origin", "set-cookie", "b=2", "vary", "Cookie"]);
    expect(draft.setCookies).toEqual(["a=1", "b=2"]);
    expect(draft.get("vary")).toBe("Origin, Cookie");
    expect(draft.get("etag")).toBeUndefined();
    expect(new HeadDraft(200, ["vary", "Origin"]).setCookies).toEqual([]);
  });

  it("has what a line or a constant says, and no more", () => {
    const draft = new HeadDraft(200, ["a", "1", "b", "2"]);
    draft.addConstants(constantsOf([["c", "1"]]));
    expect(["a", "b", "c", "d"].map((one) => draft.hasAny(new HeaderNames([one])))).toEqual([true, true, true, false]);
    // A value is no name.
    expect(draft.hasAny(new HeaderNames(["1", "2"]))).toBe(false);
  });

  it("leaves one of a name that was there several times", () => {
    const lines: HeaderLines = ["a", "1", "a", "2", "b", "1", "a", "3"];
    new HeadDraft(200, lines).set("a", "4");
    expect(lines).toEqual(["a", "4", "b", "1"]);
  });

  it("keeps other cookies' neighbours where cookies are replaced", () => {
    const lines: HeaderLines = ["set-cookie", "a=1", "x", "set-cookie", "set-cookie", "b=2"];
    new HeadDraft(200, lines).setCookieLines(["c=3"]);
    expect(lines).toEqual(["x", "set-cookie", "set-cookie", "c=3"]);
  });

  it("answers and ends the same whether its constants are beside the lines or lines themselves", () => {
    const input = record({
      constants: uniqueArray(tuple(constantFrom("a", "b", "c"), value), { selector: ([key]) => key }),
      own: array(tuple(constantFrom("d", "set-cookie"), value), { maxLength: 4 }),
      steps: array(step, { maxLength: 12 }),
    });
    assert(
      property(input, ({ constants, own, steps }) => {
        const beside: HeaderLines = own.flat();
        const written: HeaderLines = own.flat();
        const draft = new HeadDraft(200, beside);
        const plain = new HeadDraft(200, written);
        draft.addConstants(constantsOf(constants));
        for (const [key, text] of constants) plain.add(key, text);
        for (const take of steps) expect(take(draft)).toEqual(take(plain));
        draft.spellOut();
        expect(sorted(beside)).toEqual(sorted(written));
      }),
      { numRuns: 2000 },
    );
  });

  it("keeps constants beside the lines while they are only read, or set to what they are", () => {
    const lines: HeaderLines = ["d", "1"];
    const draft = new HeadDraft(200, lines);
    const constants = constantsOf([["a", "1"]]);
    draft.addConstants(constants);
    expect([draft.get("a"), draft.hasAny(new HeaderNames(["a"])), draft.hasAny(new HeaderNames(["b"]))]).toEqual([
      "1",
      true,
      false,
    ]);
    draft.set("a", "1");
    draft.set("b", "2");
    draft.remove("c");
    expect([draft.constants, lines]).toEqual([constants, ["d", "1", "b", "2"]]);
  });
});
