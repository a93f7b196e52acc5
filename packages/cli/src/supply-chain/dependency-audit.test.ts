import { describe, expect, it } from "vitest";
import type { Advisory } from "../audit/advisory.ts";
import type { Lockfile, LockedPackage } from "../audit/lockfile.ts";
import { judgeAdvisories, judgeAge } from "./dependency-audit.ts";

const QS: LockedPackage = {
  key: "qs",
  name: "qs",
  version: "6.5.2",
  origin: "registry",
  resolved: undefined,
  integrity: undefined,
  installScript: false,
  deprecated: undefined,
  licence: undefined,
  dependencies: [],
};
const ADVISORY: Advisory = {
  id: "GHSA-aaaa-bbbb-cccc",
  aliases: [],
  name: "qs",
  version: "6.5.2",
  summary: "Denial of service",
  severity: { level: "high", score: 7.5, vector: undefined },
  malicious: false,
  knownExploited: false,
  path: { names: ["app", "express@4.0.0", "qs@6.5.2"], direct: false, dev: false },
  keys: ["qs"],
  fixedIn: "6.5.3",
  affectedUntil: undefined,
};

function lockfile(range: string | undefined, manager: Lockfile["manager"] = "npm"): Lockfile {
  const express = {
    ...QS,
    key: "express",
    name: "express",
    dependencies: [{ name: "qs", range, to: "qs", kind: "prod" as const }],
  };
  return {
    file: "lock",
    manager,
    projects: [{ folder: "packages/app", name: "app", version: undefined, dependencies: [] }],
    packages: new Map([
      ["qs", QS],
      ["express", express],
    ]),
    asked: undefined,
  };
}

const fix = (advisory: Advisory, locked: Lockfile): string | undefined =>
  judgeAdvisories([advisory], locked, "low")[0]?.rule.fix;

describe("the fix of an advisory", () => {
  it("updates within the ranges of whatever needs the package, and overrides outside them", () => {
    expect(fix(ADVISORY, lockfile("~6.5.0"))).toBe("npm update qs");
    expect(fix(ADVISORY, lockfile("npm:qs@~6.5.0", "yarn"))).toBe("yarn up --recursive qs");
    expect(fix(ADVISORY, lockfile("6.5.2"))).toContain('{ "qs": "6.5.3" } in the "overrides" of package.json');
    expect(fix(ADVISORY, lockfile(undefined, "pnpm"))).toContain("in the overrides of pnpm-workspace.yaml");
    expect(fix(ADVISORY, lockfile("6.5.2", "yarn-classic"))).toContain('in the "resolutions" of package.json');
  });

  it("installs what the project asks for itself, in the workspace that asks", () => {
    const path = { names: ["app", "qs@6.5.2"], direct: true, dev: true };
    expect(fix({ ...ADVISORY, path }, lockfile("6.5.2"))).toBe(
      "npm install --save-dev --workspace packages/app qs@6.5.3",
    );
    expect(fix({ ...ADVISORY, path: { ...path, dev: false } }, lockfile("6.5.2", "pnpm"))).toBe("pnpm add qs@6.5.3");
  });

  it("goes above the last version that has the hole, where none is named that mends it", () => {
    const advisory = { ...ADVISORY, fixedIn: undefined, affectedUntil: "6.9.0" };
    expect(fix(advisory, lockfile("1"))).toContain(
      'npm install "qs@>6.9.0", or update express@4.0.0, which brings it.',
    );
  });

  it("says so where no version mends it, and what else to do where the package is malicious", () => {
    expect(fix({ ...ADVISORY, fixedIn: undefined }, lockfile("1"))).toContain("No version mends it");
    expect(fix({ ...ADVISORY, malicious: true, fixedIn: undefined }, lockfile("1"))).toMatch(/^Remove qs, .+ revoke/u);
  });
});

describe("a local database", () => {
  it("is old after two days", () => {
    const now = Date.parse("2026-11-26T12:00:00Z");
    expect(judgeAge("osv", now - 47 * 3_600_000, now)).toEqual([]);
    expect(judgeAge("osv", now - 49 * 3_600_000, now)).toHaveLength(1);
    expect(judgeAge("osv", undefined, now)).toEqual([]);
  });
});
