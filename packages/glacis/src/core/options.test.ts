import { describe, expect, it } from "vitest";
import { nearestWord, rejectUnknownOptions, rejectNonRecord } from "./options.ts";

describe("rejectUnknownOptions", () => {
  it.each([null, 31_536_000, true, "strict", [{ a: 1 }], () => ({ a: 1 })])(
    "refuses options that are %s",
    (options) => {
      expect(() => rejectUnknownOptions("hsts", options as object, ["a"])).toThrow(
        /hsts\(\) takes its options as an object/u,
      );
    },
  );

  it("accepts known names", () => {
    expect(() => rejectUnknownOptions("f", { a: 1 }, ["a", "b"])).not.toThrow();
  });

  it("corrects a misspelt name, and lists the known ones when nothing is near", () => {
    expect(() => rejectUnknownOptions("hsts", { maxAge: 1 }, ["maxAgeSeconds", "preload"])).toThrow(
      'hsts() has no option "maxAge". Did you mean "maxAgeSeconds"?',
    );
    expect(() => rejectUnknownOptions("f", { zzzzzzzz: 1 }, ["alpha", "beta"])).toThrow("Known options: alpha, beta.");
  });

  it("is not fooled by names that every object has", () => {
    expect(() => rejectUnknownOptions("f", { constructor: 1 }, ["a"])).toThrow(/no option "constructor"/u);
  });
});

describe("nearestWord", () => {
  it.each([
    ["self", "'self'"],
    ["defualt-src", "default-src"],
    ["DEFAULT-SRC", "default-src"],
  ])("finds what %s was meant to be", (word, expected) => {
    expect(nearestWord(word, ["'none'", "'self'", "default-src", "script-src"])).toBe(expected);
  });
});

describe("rejectNonRecord", () => {
  it.each([[{}], [{ a: 1 }], [Object.create(null) as object], [undefined]])("accepts %j", (value) => {
    expect(() => rejectNonRecord("csp", "directives", value)).not.toThrow();
  });

  it.each([[false], [0], [""], ["a"], [[]], [null], [new Map()], [() => undefined]])(
    "refuses %j, which a spread would swallow",
    (value) => {
      expect(() => rejectNonRecord("csp", "directives", value)).toThrow(/csp\(\) needs directives as an object/u);
    },
  );
});
