import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { currentDeployment, modeOf } from "./deployment.ts";

describe("modeOf", () => {
  it.each([
    [{}, "production"],
    [{ NODE_ENV: "development" }, "development"],
    [{ NODE_ENV: "staging" }, "production"],
    [{ NODE_ENV: "Development" }, "production"],
    [{ GLACIS_ENV: "production", NODE_ENV: "development" }, "production"],
    [{ GLACIS_ENV: "", NODE_ENV: "development" }, "production"],
    [{ GLACIS_ENV: "development", NODE_ENV: "production" }, "development"],
  ])("takes %j for %s", (variables, mode) => {
    expect(modeOf(variables)).toBe(mode);
  });
});

describe("currentDeployment", () => {
  const before = process.cwd();
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "glacis-deployment-"));
    process.chdir(folder);
    mkdirSync("api");
    for (const name of [".env", ".env.example", "api/.env.local", ".envrc"]) writeFileSync(name, "A=1\n");
  });
  afterEach(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true, force: true });
  });

  it("names the dotenv files that git tracks, at any depth, and not the ones that it does not", () => {
    execFileSync("git", ["init", "-q"]);
    expect(currentDeployment("production")).toMatchObject({ envFiles: [".env"], trackedEnvFiles: [] });
    execFileSync("git", ["add", "--force", "."]);
    expect(currentDeployment("production").trackedEnvFiles?.toSorted()).toEqual([".env", "api/.env.local"]);
  });

  it("names none where there is no repository", () => {
    expect(currentDeployment("production").trackedEnvFiles).toEqual([]);
  });

  it.each([
    ["--inspect=0  --title=a", ["--inspect=0", "--title=a"]],
    ['"--inspect=0"', ["--inspect=0"]],
    ['--in"spe"ct', ["--inspect"]],
    ['"--require=/a b/c.js" --trace-tls', ["--require=/a b/c.js", "--trace-tls"]],
    [String.raw`"--title=a\"b" --inspect`, ['--title=a"b', "--inspect"]],
    ["--title=a\\ --inspect", ["--title=a\\", "--inspect"]],
    ["", []],
  ])("reads NODE_OPTIONS %s as Node does", (text, flags) => {
    vi.stubEnv("NODE_OPTIONS", text);
    const { nodeOptions } = currentDeployment("production");
    vi.unstubAllEnvs();
    expect(nodeOptions.slice(process.execArgv.length)).toEqual(flags);
  });
});
