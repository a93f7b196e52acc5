import { describe, expect, it } from "vitest";
import { npmLock, type ProjectFiles } from "../../../../test/support/project-folder.ts";
import { judged } from "../../../../test/support/supply-chain-judge.ts";
import { updateAutomation } from "./update-automation.ts";

const LOCK = { "package-lock.json": npmLock({}) };
const judge = (files: ProjectFiles): readonly string[] => judged(updateAutomation, { ...LOCK, ...files });
const dependabot = (...entries: readonly string[]): ProjectFiles => ({
  ".github/dependabot.yml": `version: 2\nupdates:\n${entries.map((entry) => `  - ${entry}\n`).join("")}`,
});
const entry = (ecosystem: string, days = 7, interval = "weekly"): string =>
  `{ package-ecosystem: ${ecosystem}, directory: /, schedule: { interval: ${interval} }, cooldown: { default-days: ${days} } }`;

describe("updates", () => {
  it("are proposed by something", () => {
    expect(judge({})).toEqual(["absent package.json:1"]);
    expect(judge({ "renovate.json": { enabled: false } })).toEqual(["absent renovate.json:1 enabled: false"]);
    expect(judge(dependabot(entry("npm")))).toEqual([]);
  });

  it("are proposed for actions and images as well, where there are some", () => {
    const files = { ".github/workflows/ci.yml": "on: push\n", Dockerfile: "FROM scratch\n" };
    expect(judge({ ...files, ...dependabot(entry("npm")) })).toEqual([
      "not-covered .github/dependabot.yml:1 github-actions",
      "not-covered .github/dependabot.yml:1 docker",
    ]);
    expect(judge({ ...files, ...dependabot(entry("npm"), entry("github-actions"), entry("docker")) })).toEqual([]);
  });

  it("wait, and come every week", () => {
    expect(judge(dependabot(entry("npm", 1, "monthly")))).toEqual([
      "no-cooldown .github/dependabot.yml:1 npm",
      "too-rare .github/dependabot.yml:1 npm: monthly",
    ]);
  });

  it.each([
    [{ extends: ["config:recommended"] }, ["no-cooldown renovate.json:1"]],
    [{ extends: ["config:best-practices"] }, []],
    [{ minimumReleaseAge: "7 days" }, []],
    [{ minimumReleaseAge: "1 day" }, ["no-cooldown renovate.json:1"]],
    [{ packageRules: [{ matchManagers: ["npm"], minimumReleaseAge: "1 week" }] }, []],
  ])("by Renovate wait too: %j", (settings, expected) => {
    expect(judge({ "renovate.json": settings })).toEqual(expected);
  });

  it("are configured in a file that can be read", () => {
    expect(judge({ ".github/dependabot.yml": "updates: [" })[0]).toMatch(/^unreadable \.github\/dependabot\.yml:1 /u);
    expect(judge({ "renovate.json": "{" })[0]).toMatch(/^unreadable renovate\.json:1 /u);
    expect(judge({ "renovate.json5": "{\n  // words\n  minimumReleaseAge: '7 days',\n}" })).toEqual([]);
  });
});
