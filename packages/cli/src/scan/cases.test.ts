import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { scanText } from "./scan.ts";

/** Of each weakness, by framework and style: code that has it, and the same code mended, in which no rule may find anything. */
const folder = new URL("cases/", import.meta.url);
const CASE = /^## ([\w-]+): (.+)\n```(\w+)\n([^]*?)```\n```\w+\n([^]*?)```/gmu;

const cases = readdirSync(folder).flatMap((file) =>
  [...readFileSync(new URL(file, folder), "utf8").matchAll(CASE)].map(
    ([, rule = "", title = "", language = "", weak = "", sound = ""]) => ({ file, rule, title, language, weak, sound }),
  ),
);

describe.each(readdirSync(folder))("%s", (file) => {
  const own = cases.filter((one) => one.file === file);

  it.each(own)("sees $rule: $title", ({ rule, language, weak }) => {
    expect(scanText(`example.${language}`, weak).map(({ rule: { id } }) => id)).toContain(`scan/${rule}`);
  });

  it.each(own)("sees nothing once mended, $rule: $title", ({ language, sound }) => {
    expect(scanText(`example.${language}`, sound).map(({ rule: { id }, at }) => `${id}:${at.line}`)).toEqual([]);
  });
});

describe("the cases", () => {
  it("are read one and all", () => {
    const headings = readdirSync(folder).map(
      (file) => [...readFileSync(new URL(file, folder), "utf8").matchAll(/^## /gmu)].length,
    );
    expect(cases.length).toBe(headings.reduce((sum, count) => sum + count, 0));
  });
});
