/** Recorded verdicts about filter patterns: the examples of the CloudWatch Logs user guide, and what follows from its text. */
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { FilterPatternError } from "./filter-pattern-error.ts";
import { filterPattern, logLine } from "./filter-pattern.ts";

interface MatchCase {
  readonly id: string;
  readonly pattern: string;
  readonly message: string;
  readonly match: boolean;
  readonly extracted?: Readonly<Record<string, string>>;
}

const recorded = loadVectors("cloudwatch_filters");
const matches = (recorded?.["match"] ?? []) as readonly MatchCase[];
const invalid = (recorded?.["invalid"] ?? []) as readonly { readonly pattern: string }[];

describe.skipIf(recorded === undefined)("filterPattern, by recorded cases", () => {
  it.each(matches)("says of $id what CloudWatch Logs says", ({ pattern, message, match, extracted }) => {
    const compiled = filterPattern(pattern);
    const line = logLine(message);
    expect(compiled.matches(line)).toBe(match);
    if (extracted !== undefined) expect(Object.fromEntries(compiled.extract(line) ?? [])).toEqual(extracted);
  });

  it.each(invalid)("refuses $pattern", ({ pattern }) => {
    expect(() => filterPattern(pattern)).toThrow(FilterPatternError);
  });
});
