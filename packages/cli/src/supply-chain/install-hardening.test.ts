import { describe, expect, it } from "vitest";
import { npmLock, type ProjectFiles } from "../../../../test/support/project-folder.ts";
import { judged } from "../../../../test/support/supply-chain-judge.ts";
import { installHardening } from "./install-hardening.ts";

const judge = (files: ProjectFiles): readonly string[] => judged(installHardening, files);
const PNPM = { "pnpm-lock.yaml": "lockfileVersion: '9.0'\n" };
const YARN = { "yarn.lock": "__metadata:\n  version: 8\n" };

describe("an install", () => {
  it.each([
    ["", ["scripts-run .npmrc:1", "no-cooldown .npmrc:1", "not-exact .npmrc:1"]],
    ["ignore-scripts=true\nmin-release-age=7\nsave-exact=true\n", []],
    ['ignore_scripts = true\nmin-release-age = "3"\nsave-exact\n', []],
    ["strict-allow-scripts=true\nbefore=2026-11-20\nsave-exact=true\n", []],
    [
      "ignore-scripts=true\nignore-scripts=false\nmin-release-age=2\nsave-exact=true\n",
      ["scripts-run .npmrc:1", "no-cooldown .npmrc:1"],
    ],
    ["#ignore-scripts=true\nmin-release-age=7\nsave-exact=true\n", ["scripts-run .npmrc:1"]],
  ])("with npm, by %j", (npmrc, expected) => {
    expect(judge({ "package-lock.json": npmLock({}), ".npmrc": npmrc })).toEqual(expected);
  });

  it.each([
    ["minimumReleaseAge: 10080\nsavePrefix: ''\n", "pnpm@10.0.0", []],
    [
      "minimumReleaseAge: 60\n",
      "pnpm@10.0.0",
      ["no-cooldown pnpm-workspace.yaml:1", "not-exact pnpm-workspace.yaml:1"],
    ],
    ["minimumReleaseAge: 10080\nsavePrefix: ''\n", "pnpm@9.1.0", ["scripts-run pnpm-workspace.yaml:1"]],
    [
      "minimumReleaseAge: 10080\nsavePrefix: ''\ndangerouslyAllowAllBuilds: true\n",
      "pnpm@10.0.0",
      ["scripts-run pnpm-workspace.yaml:1"],
    ],
  ])("with pnpm, by %j", (workspace, packageManager, expected) => {
    const manifest = { name: "app", private: true, packageManager };
    expect(judge({ ...PNPM, "pnpm-workspace.yaml": workspace, "package.json": manifest })).toEqual(expected);
  });

  it.each([
    ['enableScripts: false\nnpmMinimalAgeGate: 7d\ndefaultSemverRangePrefix: ""\n', []],
    ["npmMinimalAgeGate: 1d\n", ["scripts-run .yarnrc.yml:1", "no-cooldown .yarnrc.yml:1", "not-exact .yarnrc.yml:1"]],
  ])("with Yarn, by %j", (yarnrc, expected) => {
    expect(judge({ ...YARN, ".yarnrc.yml": yarnrc })).toEqual(expected);
  });

  it("is not judged where nothing is installed", () => {
    expect(judge({})).toEqual([]);
  });
});
