import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { projectFiles, read } from "../support/repository.ts";
import { fuzzAll, fuzzTarget, isMeant } from "./run.ts";
import type { Target } from "./target.ts";
import { TARGETS } from "./targets.ts";

describe("the parsers", () => {
  it("neither crash nor throw what they do not mean to, over a few thousand inputs", async () => {
    const results = await fuzzAll(20261126, 6000, () => undefined);
    expect(results.filter(({ failure }) => failure !== undefined)).toEqual([]);
    expect(results.reduce((sum, { runs }) => sum + runs, 0)).toBeGreaterThanOrEqual(6000);
  });

  it("are there, each function whose name says that it parses", () => {
    /** Which are reached through another one. */
    const through: Readonly<Record<string, string>> = {
      parseDelimitedPattern: "filterPattern",
      parseJsonPattern: "filterPattern",
      parseSchema: "scanText",
    };
    const files = projectFiles();
    const thrown = files
      .filter((file) => file.startsWith("test/fuzz/"))
      .map(read)
      .join("");
    const names = files
      .filter((file) => /^packages\/[^/]+\/src\/.*(?<!\.test)\.ts$/u.test(file))
      .flatMap((file) => [...read(file).matchAll(/^export (?:async )?function (parse[A-Z]\w*)/gmu)])
      .map(([, name = ""]) => name);
    expect(names.length).toBeGreaterThan(25);
    expect(names.filter((name) => !new RegExp(`\\b${through[name] ?? name}\\(`, "u").test(thrown))).toEqual([]);
  });

  it("are each there once", () => {
    const names = TARGETS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("the fuzzer", () => {
  const broken = (run: Target["run"], throws: Target["throws"] = []): Target => ({
    name: "broken",
    inputs: fc.string(),
    run,
    throws,
    share: 1,
  });

  it("finds a crash, and gives the seed and the shortest input", async () => {
    const crash = broken(
      (text: string) => (text.includes("a") ? (undefined as unknown as string).length : 0),
      [TypeError],
    );
    const { failure } = await fuzzTarget(crash, 1, 5000);
    expect(failure).toMatch(/seed: 1/u);
    expect(failure).toContain('["a"]');
  });

  it("finds a rejection, and an error of another class", async () => {
    expect(
      (
        await fuzzTarget(
          broken(async () => Promise.reject(new RangeError("x")), [TypeError]),
          1,
          10,
        )
      ).failure,
    ).toBeDefined();
  });

  it("knows the language's own mistakes from errors that are meant", () => {
    const target = broken(() => undefined, [TypeError]);
    expect(isMeant(target, new TypeError('parseRate() cannot read "x".'))).toBe(true);
    for (const run of [
      () => (null as unknown as string).length,
      () => (1 as unknown as () => void)(),
      () => [...(1 as unknown as string)],
    ]) {
      let thrown: unknown;
      try {
        run();
      } catch (error) {
        thrown = error;
      }
      expect(isMeant(target, thrown)).toBe(false);
    }
  });
});
