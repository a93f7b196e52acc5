import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { scan } from "./scan.ts";

/** Projects of several files: the weak one, and after a rule the files that mend it. */
const folder = new URL("projects/", import.meta.url);
const FILE = /^```\w+ (\S+)\n([^]*?)```$/gmu;

const projects = readdirSync(folder).flatMap((name) =>
  readFileSync(new URL(name, folder), "utf8")
    .split(/^## /mu)
    .slice(1)
    .map((text) => {
      const [, rule = "", title = ""] = /^([\w-]+): (.+)/u.exec(text) ?? [];
      const [weak = {}, mended = {}] = text.split(/^---$/mu).map(filesIn);
      return { rule, title, weak, sound: { ...weak, ...mended } };
    }),
);

function filesIn(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries([...text.matchAll(FILE)].map(([, path = "", content = ""]) => [path, content]));
}

const root = mkdtempSync(join(tmpdir(), "glacis-projects-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function found(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const place = mkdtempSync(join(root, "project-"));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(place, path)), { recursive: true });
    writeFileSync(join(place, path), text);
  }
  return (await scan([place])).findings.map(({ rule }) => rule.id);
}

describe("a project of several files", () => {
  it("is one of a dozen at least", () => {
    expect(projects.length).toBeGreaterThanOrEqual(12);
  });

  it.each(projects)("shows $rule: $title", async ({ rule, weak }) => {
    expect(await found(weak)).toContain(`scan/${rule}`);
  });

  it.each(projects)("shows nothing once mended, $rule: $title", async ({ sound }) => {
    expect(await found(sound)).toEqual([]);
  });
});
