import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { input } from "./input.ts";
import { integerText, pageSize } from "./integer-text.ts";

const WIDE = integerText({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });

function read(schema: ReturnType<typeof integerText>, value: unknown): unknown {
  const result = schema["~standard"].validate(value);
  return "value" in result ? result.value : "refused";
}

describe("a whole number as text", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (number) => {
        expect(read(WIDE, String(number))).toBe(number || 0);
      }),
    );
  });

  it.each([
    ..."|  |+1| 1|1 |1\n|01|00|-0|-01|1.0|1e3|0x10|0b1|1_000|1,000|Infinity|NaN|null|--1|-|\u0661|\uff11|\u22121|9007199254740992|-9007199254740992|99999999999999999999".split(
      "|",
    ),
    1,
    null,
    undefined,
    ["1"],
    true,
    {},
  ])("is not %j", (value) => {
    expect(read(WIDE, value)).toBe("refused");
  });

  it("stays within its bounds", () => {
    const schema = integerText({ min: -1, max: 2 });
    expect(["-2", "-1", "0", "2", "3"].map((value) => read(schema, value))).toEqual(["refused", -1, 0, 2, "refused"]);
  });

  it.each([
    [{ min: 2, max: 1 }],
    [{ min: 0.5, max: 1 }],
    [{ min: 0, max: 2 ** 53 }],
    [{ min: Number.NaN, max: 1 }],
    [{ min: 0, max: 1, step: 2 }],
  ])("has bounds that are %j never", (bounds) => {
    expect(() => integerText(bounds)).toThrow(TypeError);
  });
});

describe("the size of a page", () => {
  it("is what was asked for, up to the most, and the initial one otherwise", () => {
    const size = pageSize({ initial: 20, max: 100 });
    expect([undefined, "1", "100", "101", "0", "-1", ""].map((value) => read(size, value))).toEqual([
      20,
      1,
      100,
      "refused",
      "refused",
      "refused",
      "refused",
    ]);
    expect(() => pageSize({ initial: 20, max: 10 })).toThrow(TypeError);
    expect(() => pageSize({ initial: 0, max: 10 })).toThrow(TypeError);
  });

  it("shows its bounds to a check", () => {
    expect(input({ query: { size: pageSize({ initial: 20, max: 100 }) } }).openness).toEqual({
      bounds: [],
      unseen: [],
    });
  });
});

interface Case {
  readonly id: string;
  readonly validator: string;
  readonly value: unknown;
  readonly valid: boolean;
}

describe("recorded verdicts of another framework's integer validator", () => {
  const cases = (loadVectors<Case>("input_validation")?.cases ?? []).filter(
    ({ validator }) => validator === "validate_integer",
  );
  // Numbers are a JSON body's affair; what arrives as text is judged here.
  it.runIf(cases.length > 0)("are the same for texts", () => {
    const texts = cases.filter(({ value }) => typeof value === "string");
    expect(texts.filter(({ value, valid }) => (read(WIDE, value) !== "refused") !== valid).map(({ id }) => id)).toEqual(
      [],
    );
  });
});
