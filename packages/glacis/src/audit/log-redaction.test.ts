import { afterEach, describe, expect, it, vi } from "vitest";
import type { Deployment } from "../core/control.ts";
import { logRedaction } from "./log-redaction.ts";

const anywhere: Deployment = {
  mode: "test",
  nodeVersion: "24.4.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: Date.parse("2026-11-26"),
};
afterEach(() => void vi.restoreAllMocks());

describe("logRedaction", () => {
  it("finds nothing in a process as it should be", () => {
    expect(logRedaction().check(anywhere)).toEqual([]);
  });

  it("finds a process whose texts no longer replace what is found in them", () => {
    vi.spyOn(String.prototype, "replace").mockImplementation(function unchanged(this: string) {
      return this.slice();
    });
    const findings = logRedaction().check(anywhere);
    vi.restoreAllMocks();
    expect(findings.map(({ detail }) => detail)).toEqual(["redactText", "redactFields", "errorReportHooks"]);
  });
});
