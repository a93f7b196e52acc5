import { describe, expect, it } from "vitest";
import { locked, npmLock, type ProjectFiles } from "../../../../test/support/project-folder.ts";
import { judged } from "../../../../test/support/supply-chain-judge.ts";
import { registryIntegrity } from "./registry-integrity.ts";
import { lookalikeOf } from "./lookalike.ts";

function judge(name: string, more: object, files: ProjectFiles = {}): readonly string[] {
  const lock = npmLock(
    { dependencies: { [name]: "1.0.0" } },
    { [`node_modules/${name}`]: locked(name, "1.0.0", more) },
  );
  return judged(registryIntegrity, { "package-lock.json": lock, ...files });
}

describe("where packages come from", () => {
  it.each([
    ["the public registry", "a", {}],
    ["its other name", "a", { resolved: "https://registry.yarnpkg.com/a/-/a-1.0.0.tgz" }],
    ["a scope", "@s/a", {}],
    ["a lockfile that leaves addresses out", "a", { resolved: undefined }],
    ["an alias", "alias", { name: "real", resolved: "https://registry.npmjs.org/real/-/real-1.0.0.tgz" }],
    ["build metadata", "a", { version: "1.0.0+x", resolved: "https://registry.npmjs.org/a/-/a-1.0.0.tgz" }],
  ])("is unsuspicious: %s", (_, name, more) => {
    expect(judge(name, more)).toEqual([]);
  });

  it.each([
    ["http://registry.npmjs.org/a/-/a-1.0.0.tgz", ["plain-http a@1.0.0"]],
    ["https://evil.example/a/-/a-1.0.0.tgz", ["unexpected-host a@1.0.0 evil.example"]],
    [
      "https://registry.npmjs.org.evil.example/a/-/a-1.0.0.tgz",
      ["unexpected-host a@1.0.0 registry.npmjs.org.evil.example"],
    ],
    ["https://registry.npmjs.org@evil.example/a/-/a-1.0.0.tgz", ["unexpected-host a@1.0.0 evil.example"]],
    ["https://registry.npmjs.org/b/-/b-1.0.0.tgz", ["wrong-tarball a@1.0.0"]],
    ["https://registry.npmjs.org/a/-/a-1.0.1.tgz", ["wrong-tarball a@1.0.0"]],
    ["https://registry.npmjs.org/@evil/a/-/a-1.0.0.tgz", ["wrong-tarball a@1.0.0"]],
    ["https://example.com/a.tgz", ["not-from-registry a@1.0.0 remote"]],
    ["git+ssh://git@github.com/x/a.git#0123", ["not-from-registry a@1.0.0 git"]],
    ["git+http://example.com/a.git#0123", ["plain-http a@1.0.0", "not-from-registry a@1.0.0 git"]],
    ["file:../a.tgz", ["not-from-registry a@1.0.0 file"]],
  ])("is suspicious: %s", (resolved, expected) => {
    expect(judge("a", { resolved })).toEqual(expected);
  });

  it("is the registry that the project names, for a scope or for all", () => {
    const resolved = "https://npm.example.com/repo/@s/a/-/a-1.0.0.tgz";
    expect(judge("@s/a", { resolved })).toEqual(["unexpected-host @s/a@1.0.0 npm.example.com"]);
    expect(judge("@s/a", { resolved }, { ".npmrc": "@s:registry=https://npm.example.com/repo/\n" })).toEqual([]);
    expect(judge("@s/a", { resolved }, { ".npmrc": "registry=https://npm.example.com/repo/\n" })).toEqual([]);
    const both = "registry=https://npm.example.com/repo/\n@t:registry=https://other.example.com/\n";
    expect(judge("@s/a", { resolved }, { ".npmrc": both })).toEqual(["scope-unpinned @s/a@1.0.0 npm.example.com"]);
    // The public name of a private scope: confusion.
    expect(judge("@s/a", {}, { ".npmrc": "@s:registry=https://npm.example.com/repo/\n" })).toEqual([
      "unexpected-host @s/a@1.0.0 registry.npmjs.org",
    ]);
  });

  it("is never a registry for a name of the project's own", () => {
    const files = {
      "package.json": { name: "app", private: true, workspaces: ["packages/*"] },
      "packages/a/package.json": { name: "@own/a", private: true },
    };
    expect(judge("@own/a", {}, files)).toEqual(["confusable @own/a@1.0.0"]);
  });

  it.each([
    ["//registry.npmjs.org/:_authToken=npm_abc", ["token-in-file .npmrc:2"]],
    ["_auth = YTpi", ["token-in-file .npmrc:2"]],
    ["//registry.npmjs.org/:_authToken=${NPM_TOKEN}", []],
    ["; //registry.npmjs.org/:_authToken=npm_abc", []],
    ["registry=http://registry.npmjs.org/", ["plain-http .npmrc:2 registry"]],
    ["strict-ssl=false", ["plain-http .npmrc:2 strict-ssl"]],
  ])("says in .npmrc: %s", (line, expected) => {
    expect(judged(registryIntegrity, { ".npmrc": `# policy\n${line}\n` })).toEqual(expected);
  });

  it.each([
    ["lodahs", "lodash"],
    ["loadsh", "lodash"],
    ["expresss", "express"],
    ["crossenv", "cross-env"],
    ["cross-env.js", undefined],
    ["momnet", "moment"],
    ["chalk-", "chalk"],
    ["preact", undefined],
    ["react", undefined],
    ["express", undefined],
    ["@types/express", undefined],
    ["my-own-package", undefined],
  ])("is not the name that was meant: %s", (name, meant) => {
    expect(lookalikeOf(name)).toBe(meant);
  });

  it("remarks on lookalikes that the project asks for itself", () => {
    expect(judge("lodahs", {})).toEqual(["lookalike lodahs@1.0.0 like lodash"]);
  });
});
