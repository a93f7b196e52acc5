/** Recorded verdicts of Django's validators: each one here gives the same. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import {
  djangoValidators,
  exceedsLengthRatio,
  quickRatio,
  valueParts,
  type DjangoValidatorsOptions,
} from "./password-policy-django.ts";
import { passwordPolicy } from "./password-policy.ts";

interface Case {
  readonly id: string;
  readonly validator?: string;
  readonly fn?: string;
  readonly options?: {
    readonly min_length?: number;
    readonly user_attributes?: readonly string[];
    readonly max_similarity?: number;
    readonly list?: "default" | readonly string[];
  };
  readonly password: string;
  readonly user?: Readonly<Record<string, unknown>>;
  readonly code?: string;
  readonly attribute?: string;
  readonly a: string;
  readonly b: string;
  readonly ratio: number;
  readonly password_length: number;
  readonly max_similarity: number;
  readonly value_length: number;
  readonly result: boolean;
  readonly value: string;
  readonly parts: readonly string[];
}

const cases = loadVectors<Case>("passwords")?.cases ?? [];
const NOTHING = {
  userAttributeSimilarity: false,
  minimumLength: false,
  commonPassword: false,
  numericPassword: false,
} as const;

/** Cases that go the other way, and why. */
const DIFFERENT: Readonly<Record<string, string>> = {
  "passwords-013": "the list that ships here holds `asdfjkl;` and its like, but not this one of Django's list",
};

function optionsOf({ validator, options = {} }: Case): DjangoValidatorsOptions {
  const { min_length: minLength, user_attributes: userAttributes, max_similarity: maxSimilarity, list } = options;
  switch (validator) {
    case "MinimumLengthValidator":
      return { ...NOTHING, minimumLength: minLength === undefined ? {} : { minLength } };
    case "UserAttributeSimilarityValidator":
      return {
        ...NOTHING,
        userAttributeSimilarity: { ...(userAttributes && { userAttributes }), ...(maxSimilarity && { maxSimilarity }) },
      };
    case "CommonPasswordValidator":
      return { ...NOTHING, commonPassword: Array.isArray(list) ? { passwords: list as readonly string[] } : {} };
    case "NumericPasswordValidator":
    case undefined:
    default:
      return { ...NOTHING, numericPassword: true };
  }
}

describe.skipIf(cases.length === 0)("djangoValidators, by recorded cases", () => {
  const verdicts = cases.filter(({ validator }) => validator !== undefined);
  it.each(verdicts.map((one) => [one.id, one] as const))("agree about %s, or the reason is listed", async (id, one) => {
    const [rule] = djangoValidators(optionsOf(one));
    const problem = await rule?.judge(one.password, one.user === undefined ? {} : { attributes: one.user });
    if (DIFFERENT[id] !== undefined) return expect(problem?.code, DIFFERENT[id]).not.toBe(one.code);
    expect(problem?.code).toBe(one.code);
    if (one.attribute !== undefined) expect(problem?.message).toContain(one.attribute);
  });

  const functions = cases.filter(({ fn }) => fn !== undefined && fn !== "identifier_ci_compare");
  it.each(functions.map((one) => [one.id, one] as const))("compute %s alike", (_, one) => {
    if (one.fn === "quick_ratio") expect(quickRatio(one.a, one.b)).toBeCloseTo(one.ratio, 10);
    else if (one.fn === "value_parts") expect(valueParts(one.value)).toEqual(one.parts);
    else expect(exceedsLengthRatio(one.password_length, one.max_similarity, one.value_length)).toBe(one.result);
  });
});

describe("djangoValidators", () => {
  it("refuse a similarity that would match everything, and options that they do not know", () => {
    expect(() => djangoValidators({ userAttributeSimilarity: { maxSimilarity: 0.09 } })).toThrow("0.1");
    expect(() => djangoValidators({ userAttributeSimilarity: { maxSimilarity: Number.NaN } })).toThrow("0.1");
    expect(() => djangoValidators({ userAttributeSimilarity: { maxSimilarity: 0.1 } })).not.toThrow();
    expect(() => djangoValidators({ minLength: 3 } as never)).toThrow('"minLength"');
  });

  it("tell every problem at once as rules of a policy, and stand in its findings", async () => {
    const policy = passwordPolicy({ rules: djangoValidators() });
    const judgement = await policy.judge("12345678", { attributes: { username: "12345678" } });
    expect(judgement.kind === "rejected" && judgement.problems.map(({ code }) => code)).toEqual([
      "password_too_short",
      "password_too_common",
      "password_too_similar",
      "password_too_short",
      "password_too_common",
      "password_entirely_numeric",
    ]);
  });

  it("find a text like itself in any order, and a ratio between nothing and all", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
        expect(quickRatio(a, [...a].reverse().join(""))).toBe(1);
        expect(quickRatio(a, b)).toBe(quickRatio(b, a));
        expect(quickRatio(a, b)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("look at the own properties of attributes alone", async () => {
    const [rule] = djangoValidators({ userAttributeSimilarity: { userAttributes: ["constructor", "toString"] } });
    expect(await rule?.judge("constructor", { attributes: {} })).toBeUndefined();
  });
});
