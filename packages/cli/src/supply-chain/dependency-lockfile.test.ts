import { describe, expect, it } from "vitest";
import { locked, npmLock } from "../../../../test/support/project-folder.ts";
import { judged } from "../../../../test/support/supply-chain-judge.ts";
import { dependencyLockfile } from "./dependency-lockfile.ts";

const APP = { name: "app", private: true, dependencies: { a: "^1.0.0" } };
const LOCK = npmLock(APP, { "node_modules/a": locked("a", "1.2.0") });
const judge = (files: Parameters<typeof judged>[1], git = false): readonly string[] =>
  judged(dependencyLockfile, files, git);

describe("the lockfile", () => {
  it("is asked for where there are dependencies", () => {
    expect(judge({})).toEqual([]);
    expect(judge({ "package.json": APP })).toEqual(["missing package.json:1"]);
    expect(judge({ "package.json": APP, "package-lock.json": LOCK })).toEqual([]);
  });

  it("is in git, where the project is", () => {
    const files = { "package.json": APP, "package-lock.json": LOCK };
    expect(judge(files, true)).toEqual([]);
    expect(judge({ ...files, ".gitignore": "package-lock.json\n" }, true)).toEqual(["untracked package-lock.json:1"]);
  });

  it("is one", () => {
    const files = { "package.json": APP, "package-lock.json": LOCK, "yarn.lock": "# yarn lockfile v1\n" };
    expect(judge(files)).toEqual(["several package.json:1 package-lock.json, yarn.lock"]);
  });

  it.each([
    ["a range that was changed", { a: "^1.1.0" }, "a"],
    ["a dependency that was added", { a: "^1.0.0", b: "1.0.0" }, "b"],
    ["a dependency that was removed", {}, "a"],
  ])("is in step with package.json: %s", (_, dependencies, name) => {
    const files = { "package.json": { ...APP, dependencies }, "package-lock.json": LOCK };
    expect(judge(files)).toEqual([`out-of-step package.json:1 ${name}`]);
  });

  it("is in step with package.json: a version that does not lie in the range, without an override", () => {
    const lock = npmLock(APP, { "node_modules/a": locked("a", "2.0.0") });
    expect(judge({ "package.json": APP, "package-lock.json": lock })).toEqual(["out-of-step package.json:1 a"]);
    const overridden = { ...APP, overrides: { a: "2.0.0" } };
    expect(judge({ "package.json": overridden, "package-lock.json": lock })).toEqual([]);
  });

  it("is in step with every workspace", () => {
    const files = {
      "package.json": { name: "app", private: true, workspaces: ["packages/*"] },
      "packages/lib/package.json": { name: "lib", dependencies: { a: "1.0.0" } },
      "package-lock.json": npmLock({}, { "packages/lib": {}, "node_modules/a": locked("a", "1.0.0") }),
    };
    expect(judge(files)).toEqual(["out-of-step packages/lib/package.json:1 a"]);
  });

  it("of Yarn and pnpm is in step too", () => {
    const yarn =
      '# yarn lockfile v1\n\nb@1:\n  version "1.0.0"\n  resolved "https://registry.yarnpkg.com/b/-/b-1.0.0.tgz"\n  integrity sha512-x\n';
    expect(judge({ "package.json": APP, "yarn.lock": yarn })).toEqual(["out-of-step package.json:1 a"]);
    const pnpm =
      "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a: { specifier: ^2.0.0, version: 2.0.0 }\n";
    expect(judge({ "package.json": APP, "pnpm-lock.yaml": pnpm })).toEqual(["out-of-step package.json:1 a"]);
  });

  it("has a strong hash for every package of a registry", () => {
    const dependencies = { a: "1.0.0", b: "1.0.0", c: "1.0.0" };
    const app = { ...APP, dependencies };
    const lock = npmLock(app, {
      "node_modules/a": locked("a", "1.0.0", { integrity: undefined }),
      "node_modules/b": locked("b", "1.0.0", { integrity: "sha1-AAAA" }),
      "node_modules/c": locked("c", "1.0.0", { integrity: "sha1-AAAA sha512-AAAA" }),
      "node_modules/c/node_modules/bundled": { version: "1.0.0", inBundle: true },
    });
    expect(judge({ "package.json": app, "package-lock.json": lock })).toEqual([
      "no-integrity a@1.0.0",
      "weak-integrity b@1.0.0",
    ]);
  });
});
