import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { scanText } from "../scan.ts";
import { SCAN_RULES } from "./index.ts";

const found = (code: string): readonly string[] => scanText("example.tsx", code).map(({ rule }) => rule.id);

describe.each(SCAN_RULES.map((rule) => [rule.id, rule] as const))("%s", (id, { bad, good }) => {
  it("finds its bad example", () => {
    expect(found(bad)).toContain(id);
  });

  it("finds nothing in its good example, nor does another rule", () => {
    expect(found(good)).toEqual([]);
  });
});

describe("the list of rules", () => {
  it("names each rule once", () => {
    expect(new Set(SCAN_RULES.map(({ id }) => id)).size).toBe(SCAN_RULES.length);
  });
});

describe("a pattern that is none", () => {
  it.each(["[ -", "[", "(", "a{", "\\\\", "[\\\\"])("ends no scan: %s", (pattern) => {
    expect(scanText("a.ts", `export const a = new RegExp("${pattern}");`)).toEqual([]);
  });
});

describe("docs/scan.md", () => {
  it("lists every rule as it is", () => {
    const page = readFileSync(new URL("../../../../../docs/scan.md", import.meta.url), "utf8");
    const rows = [...page.matchAll(/^\| `(scan\/[a-z-]+)` \| (\w+) \| ([^|]+) \|$/gmu)].map(([, id, severity, cwe]) => [
      id,
      severity,
      cwe,
    ]);
    expect(rows).toEqual(SCAN_RULES.map(({ id, severity, cwe }) => [id, severity, cwe.join(", ")]));
  });
});
