import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { ANONYMOUS } from "../core/principal.ts";
import type { Condition } from "./condition.ts";
import { isConditionName, parseExpression } from "./expression.ts";
import { holds } from "./predicate.ts";
import { fromExpression } from "./read-conditions.ts";

interface Evaluation {
  readonly result: boolean;
  readonly evaluated: readonly string[];
}

/** Evaluates expressions that must all hold, over conditions that say what the table says and write down that they were asked. */
function evaluate(expressions: readonly string[], truth: ReadonlyMap<string, boolean>): Evaluation {
  const evaluated: string[] = [];
  const resolve = (name: string): Condition => {
    const value = truth.get(name);
    if (value === undefined) throw new TypeError(`unknown condition ${name}`);
    const test = (): boolean => {
      evaluated.push(name);
      return value;
    };
    return { kind: "opaque", name, test };
  };
  const conditions = expressions.map((text) => fromExpression(parseExpression(text), resolve));
  const result = holds({ kind: "all", conditions })(ANONYMOUS, {});
  return { result, evaluated };
}

interface ExpressionCase {
  readonly id: string;
  readonly expression: string | readonly string[];
  readonly truth: Readonly<Record<string, boolean>>;
  readonly result?: boolean;
  readonly raises?: string;
  readonly evaluated?: readonly string[];
}

/**
 * The recorded parser drops what it cannot read: `a || b`, `a AND b`, `a)` and `a, b` count as `a` there, `a andb` as `a and b`, and a name of 257
 * characters as another one. Half a condition is another condition, so we refuse the text. This reads the grammar a second time, by shrinking.
 */
function isWhole(text: string): boolean {
  let rest = text
    .trim()
    .replace(/[A-Za-z0-9_:.*]+/gu, (word) => (/^(?:and|or|not)$/u.test(word) ? word : word.length > 256 ? "?" : "@"));
  for (let before = ""; before !== rest;) {
    before = rest;
    rest = rest.replace(/\(\s*@\s*\)|not\s*@|@\s*(?:and|or)\s*@/gu, "@");
  }
  return rest === "@";
}

describe("a condition expression", () => {
  const vectors = loadVectors<ExpressionCase>("condition_expressions");

  it.each(vectors?.cases ?? [])("$id: $expression", ({ expression, truth, result, raises, evaluated }) => {
    const texts = [expression].flat();
    const run = (): Evaluation => evaluate(texts, new Map(Object.entries(truth)));
    if (raises !== undefined || !texts.every(isWhole)) return expect(run).toThrow(TypeError);
    expect(run().result).toBe(result);
    if (evaluated !== undefined) expect(run().evaluated).toEqual(evaluated);
  });

  it.each([
    ["", /a name is missing at the end/u],
    ["   ", /a name is missing at the end/u],
    ["a b", /"b" follows a complete condition/u],
    ["a Or b", /"Or" follows/u],
    ["not", /missing at the end/u],
    ["a and or b", /"or" stands where a name belongs/u],
    ["()", /"\)" stands where a name belongs/u],
    ["(a", /not closed/u],
    ["a\u00a0and b\u2063", /begins no name/u],
    ["а", /begins no name/u],
    ["a;b", /begins no name/u],
    ["x".repeat(257), /stands where a name belongs/u],
    [`${"(".repeat(100)}a${")".repeat(100)}`, /nests deeper/u],
    [`${"not ".repeat(100)}a`, /nests deeper/u],
    ["a and ".repeat(1000), /longer than 4096/u],
  ])("refuses %j as a whole", (text, message) => {
    expect(() => parseExpression(text)).toThrow(message);
  });

  it("means what its structure means: not before and, and before or, parentheses first", () => {
    interface Meaning {
      readonly text: string;
      readonly of: (values: readonly boolean[]) => boolean;
    }
    const names = ["a", "b:1", "c.*", "not_d", "andy"];
    const chain = (part: fc.Arbitrary<Meaning>, word: "and" | "or"): fc.Arbitrary<Meaning> =>
      fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => ({
        text: parts.map(({ text }) => text).join(` ${word} `),
        of: (values) => (word === "and" ? parts.every(({ of }) => of(values)) : parts.some(({ of }) => of(values))),
      }));
    const { expression } = fc.letrec<{ atom: Meaning; expression: Meaning }>((tie) => ({
      atom: fc.oneof(
        { maxDepth: 5 },
        fc.nat(names.length - 1).map((index) => ({
          text: names[index] as string,
          of: (values: readonly boolean[]) => values[index] === true,
        })),
        tie("atom").map(({ text, of }) => ({ text: `not ${text}`, of: (values: readonly boolean[]) => !of(values) })),
        tie("expression").map(({ text, of }) => ({ text: `(${text} )`, of })),
      ),
      expression: chain(chain(tie("atom"), "and"), "or"),
    }));
    fc.assert(
      fc.property(expression, fc.tuple(...names.map(() => fc.boolean())), ({ text, of }, values) => {
        const truth = new Map(names.map((name, index) => [name, values[index] as boolean]));
        expect(evaluate([text], truth).result).toBe(of(values));
      }),
      { numRuns: 500 },
    );
  });

  it("gives a condition only a name that an expression can hold", () => {
    expect(["isOwner", "check:*", "a.b"].map(isConditionName)).toEqual([true, true, true]);
    expect(["and", "or", "not", "", "is owner", "a-b", "é"].map(isConditionName)).toEqual(Array(7).fill(false));
  });
});
