import { describe, expect, it } from "vitest";
import type { Deployment } from "../core/control.ts";
import { runtimeHardening } from "./runtime-hardening.ts";

const production: Deployment = {
  mode: "production",
  nodeVersion: "22.20.0",
  variables: new Map(),
  nodeOptions: [],
  userId: 10_001,
  nowMs: Date.parse("2026-11-26T12:00:00Z"),
};

function ids(change: Partial<Deployment>): readonly string[] {
  return runtimeHardening()
    .check({ ...production, ...change })
    .map(({ rule }) => rule.id);
}

describe("runtime-hardening", () => {
  it("finds nothing in a supported Node with a user of its own", () => {
    expect(ids({})).toEqual([]);
  });

  it.each([
    ["20.18.3", ["runtime-hardening/node-unsupported"]],
    ["18.20.8", ["runtime-hardening/node-unsupported"]],
    ["21.7.0", ["runtime-hardening/node-unsupported"]],
    ["23.11.0", ["runtime-hardening/node-unsupported"]],
    ["nonsense", ["runtime-hardening/node-unsupported"]],
    ["", ["runtime-hardening/node-unsupported"]],
    ["20.19.0", ["runtime-hardening/node-end-of-life"]],
    ["20.20.2", ["runtime-hardening/node-end-of-life"]],
    ["22.0.0", []],
    ["24.3.0", []],
    ["26.0.0", []],
  ])("judges Node %s by its line and its date", (nodeVersion, expected) => {
    expect(ids({ nodeVersion })).toEqual(expected);
  });

  it.each(["--security-revert=CVE-2023-46809", "--security_revert"])("finds %s, which opens a hole again", (flag) => {
    expect(ids({ nodeOptions: ["--enable-source-maps", flag] })).toEqual(["runtime-hardening/hole-reopened"]);
  });

  it("counts the last day of support as supported", () => {
    expect(ids({ nodeVersion: "20.20.0", nowMs: Date.parse("2026-04-30T23:59:59Z") })).toEqual([]);
    expect(ids({ nodeVersion: "20.20.0", nowMs: Date.parse("2026-05-01T00:00:00Z") })).toHaveLength(1);
    expect(ids({ nodeVersion: "22.20.0", nowMs: Date.parse("2027-05-01T00:00:00Z") })).toHaveLength(1);
  });

  it("notes a production process that runs as root, and says nothing where there is no user id", () => {
    expect(ids({ userId: 0 })).toEqual(["runtime-hardening/root"]);
    expect(ids({ userId: 0, mode: "development" })).toEqual([]);
    const { userId: _, ...windows } = production;
    expect(runtimeHardening().check(windows)).toEqual([]);
  });
});
