import { RegExpParser, type AST } from "@eslint-community/regexpp";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { input } from "./input.ts";
import { judgePattern } from "./pattern-automaton.ts";
import { escapePattern, safePattern } from "./safe-pattern.ts";

const BUDGET = 2_000_000;

/** Matches as the standard's own algorithm does (ECMA-262 section 22.2.2), and counts the characters that are compared. */
function stepsOf(source: string, text: string): number {
  const tree = new RegExpParser({ ecmaVersion: 2024 }).parsePattern(source, 0, source.length, { unicode: true });
  let steps = 0;
  type Next = (at: number) => boolean;
  const sequence = (elements: readonly AST.Element[], at: number, next: Next): boolean => {
    const [head, ...rest] = elements;
    return head === undefined ? next(at) : element(head, at, (then) => sequence(rest, then, next));
  };
  const choice = (alternatives: readonly AST.Alternative[], at: number, next: Next): boolean =>
    alternatives.some(({ elements }) => sequence(elements, at, next));
  const atoms = new Map<string, RegExp>();
  const element = (node: AST.Element, at: number, next: Next): boolean => {
    if (steps > BUDGET) return true;
    if (node.type === "Quantifier") return repeat(node, 0, at, next);
    if (node.type === "Group" || node.type === "CapturingGroup") return choice(node.alternatives, at, next);
    if (node.type === "Assertion") return next(at);
    steps += 1;
    let atom = atoms.get(node.raw);
    if (atom === undefined) atoms.set(node.raw, (atom = new RegExp(`^(?:${node.raw})$`, "u")));
    return at < text.length && atom.test(text[at] as string) && next(at + 1);
  };
  const repeat = (node: AST.Quantifier, done: number, at: number, next: Next): boolean => {
    const again = (): boolean =>
      done < node.max &&
      element(node.element, at, (then) =>
        done >= node.min && then === at ? false : repeat(node, done + 1, then, next),
      );
    return again() || (done >= node.min && next(at));
  };
  choice(tree.alternatives, 0, (at) => at === text.length);
  return steps;
}

const CATASTROPHIC: readonly (readonly [pattern: string, pump: string])[] = [
  ["(a+)+b", "a"],
  ["(a*)*b", "a"],
  ["(a|a)*b", "a"],
  ["(a|aa)+b", "a"],
  ["(?:a?b?)*c", "ab"],
  ["(?:(?:a|b)*)*c", "ab"],
  ["(\\w+\\d+)+x", "a1"],
  ["([a-zA-Z]+)*1", "a"],
  ["(?:\\d+|[0-9]+)*x", "1"],
  ["(?:.|\\n)*(?:.|\\n)*(?:.|\\n)*x", "a"],
  ["(?:a|b|ab)*c", "ab"],
  ["([^@]+|[^.]+)+@", "x"],
  ["(?:[a-z]+\\.?)+@", "a"],
  ["(a{1,20}){1,20}b", "a"],
  ["(?:x+x+)+y", "x"],
  ["(?:ab?|a)+c", "a"],
  ["(?:a?){30}a{30}", "a"],
];
const POLYNOMIAL: readonly string[] = [
  "\\s*\\s*\\s*x",
  "a*a*a*b",
  ".*.*x",
  "\\d+\\d+x",
  "(?:a|b)*a*b*c",
  "[a-z]*[a-f]*x",
];

describe("a safe pattern", () => {
  it.each(CATASTROPHIC)("is not %s, which an engine reads in more than two million steps", (pattern, pump) => {
    const text = `${pump.repeat(pattern.includes("{30}") ? 29 : 60)}!`;
    expect(stepsOf(pattern, text)).toBeGreaterThan(BUDGET / 100);
    expect(() => safePattern(pattern, { maxLength: 100 })).toThrow(/read in two ways/u);
  });

  it.each(POLYNOMIAL)("is not %s, whose steps grow faster than the text", (pattern) => {
    expect(() => safePattern(pattern, { maxLength: 100 })).toThrow(/read in two ways/u);
  });

  it.each([
    ["(a)\\1", /refers back/u],
    ["(?<x>a)\\k<x>", /refers back/u],
    ["(?=a)b", /looks ahead/u],
    ["(?<!a)b", /looks ahead/u],
    ["a{501}", /positions/u],
    ["(?:a{100}){100}", /positions/u],
    ["(", /no regular expression/u],
    ["a{2,1}", /no regular expression/u],
    ["\\8", /no regular expression/u],
  ])("is not %s", (pattern, why) => {
    expect(() => safePattern(pattern, { maxLength: 10 })).toThrow(why);
  });

  it.each([
    ["[a-z0-9]+(?:-[a-z0-9]+)*", "my-slug-1", "my--slug"],
    ["[0-9]{4}-[0-9]{2}-[0-9]{2}", "2026-11-26", "2026-1-26"],
    ["\\d{1,3}(?:\\.\\d{1,3}){3}", "10.0.0.1", "10.0.0"],
    ["[A-Z]{2}\\d{2}(?:[A-Z0-9]{4}){2,7}[A-Z0-9]{0,3}", "GB33BUKB20201555", "GB3"],
    ["-?(?:0|[1-9]\\d*)(?:\\.\\d+)?", "-10.5", "01"],
    ["#(?:[0-9a-f]{3}|[0-9a-f]{6})", "#ffcc00", "#ffc0"],
    ["[\\p{L}\\p{M}' -]{1,100}", "Ada O'Hára", "Ada1"],
    ["(?:[a-z]{1,3},)*[a-z]{1,3}", "a,bc,def", "a,,b"],
    ["[^@\\s]+@[^@\\s]+", "a@b", "a@"],
    ["", "", "a"],
  ])("is %s", (pattern, yes, no) => {
    const safe = safePattern(pattern, { maxLength: 60 });
    expect([safe.test(yes), safe.test(no), safe.test(yes.repeat(100))]).toEqual([true, false, pattern === "" && true]);
    expect(stepsOf(pattern, `${yes.repeat(5)}\n`)).toBeLessThanOrEqual(safe.mostSteps);
  });

  it("matches as a whole, not a line of it", () => {
    const safe = safePattern("a|b", { maxLength: 10 });
    expect(["a", "b", "ab", "xa", "b\n", "a\nb"].map((text) => safe.test(text))).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it("knows which characters a case-insensitive pattern reads", () => {
    expect(judgePattern("(?:a|A)*b", "u")).toMatchObject({ links: 9 });
    expect(judgePattern("(?:a|A)*b", "ui")).toEqual({ fault: "ambiguous" });
    expect(judgePattern("(?:k|\\u212a)*b", "ui")).toEqual({ fault: "ambiguous" });
    expect(judgePattern("(?:\\p{L}|\\p{Lu})*b", "u")).toEqual({ fault: "ambiguous" });
  });

  it("takes no more steps than it says, whatever is made of groups, choices and repetitions", () => {
    const { pattern } = fc.letrec<{ pattern: string; atom: string; item: string }>((tie) => ({
      atom: fc.constantFrom("a", "b", "[ab]", "c", "[^a]", "."),
      item: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        tie("atom"),
        fc
          .tuple(tie("item"), fc.constantFrom("?", "*", "+", "{2}", "{1,3}", "*?"))
          .map(([item, times]) => `(?:${item})${times}`),
        fc.tuple(tie("item"), tie("item")).map(([one, other]) => `(?:${one}|${other})`),
        fc.tuple(tie("item"), tie("item")).map((items) => items.join("")),
      ),
      pattern: fc.array(tie("item"), { minLength: 1, maxLength: 3 }).map((items) => items.join("")),
    }));
    const text = fc
      .array(fc.constantFrom("a", "b", "c"), { minLength: 10, maxLength: 40 })
      .map((letters) => `${letters.join("")}!`);
    let accepted = 0;
    fc.assert(
      fc.property(pattern, text, fc.constantFrom("a", "ab", "c", "b"), (source, tail, pump) => {
        const judgement = judgePattern(source, "u");
        if (judgement.fault !== undefined) return;
        accepted += 1;
        for (const each of [tail, `${pump.repeat(30)}!`])
          expect(stepsOf(source, each), source).toBeLessThanOrEqual(2 * (each.length + 1) * judgement.links);
      }),
      { numRuns: 3000 },
    );
    expect(accepted).toBeGreaterThan(300);
  });

  it("is a schema with a bound", () => {
    const slug = safePattern("[a-z]+", { maxLength: 5, message: "Use small letters." });
    const declared = input({ body: { slug, rest: z.int().optional() } });
    expect(declared.openness).toEqual({ bounds: [], unseen: [] });
    expect(slug["~standard"].validate("ABC")).toEqual({ issues: [{ message: "Use small letters." }] });
    expect(slug["~standard"].validate(["abc"])).toHaveProperty("issues");
  });

  it("refuses options that bound nothing", () => {
    expect(() => safePattern("a", { maxLength: Infinity })).toThrow(/whole number/u);
    expect(() => safePattern("[a-z]{400}", { maxLength: 100_000 })).toThrow(/steps are possible/u);
    expect(() => safePattern("a", { maxLength: 5, flags: "g" as never })).toThrow(/flags i and s/u);
  });
});

describe("an escaped text", () => {
  it("matches itself and nothing else, wherever it stands", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (text, other) => {
        const escaped = escapePattern(text);
        for (const flags of ["", "u", "v"]) {
          const whole = new RegExp(`^(?:${escaped})$`, flags);
          expect(whole.test(text)).toBe(true);
          expect(whole.test(other)).toBe(other === text);
        }
        expect(new RegExp(`^(.)\\1${escaped}$`, "su").test(`~~${text}`)).toBe(true);
      }),
    );
  });
});
