import { expect, it } from "vitest";
import { canParseUrl } from "./can-parse-url.ts";

it("gives the same answer however often it is asked", () => {
  const answers = new Set<boolean>();
  // More than enough for the compiler to take an interest.
  for (let index = 0; index < 100_000; index += 1) {
    canParseUrl(`https://app.example.com/${index % 7}`);
    if (index % 100 === 0) answers.add(canParseUrl("https://bücher.example"));
  }
  expect([...answers]).toEqual([true]);
});

it("takes what new URL() takes, and nothing else", () => {
  expect(canParseUrl("documents", "https://app.example.com/a/")).toBe(true);
  for (const text of ["", "documents", "https://", "https://a b.example"]) expect(canParseUrl(text)).toBe(false);
});
