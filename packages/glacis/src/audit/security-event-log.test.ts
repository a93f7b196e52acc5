import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import type { Deployment } from "../core/control.ts";
import { securityEventLog, type SecurityEventLogOptions } from "./security-event-log.ts";

const production: Deployment = {
  mode: "production",
  nodeVersion: "24.4.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: Date.parse("2026-11-26"),
};
const found = (options: SecurityEventLogOptions, about: Partial<Deployment> = {}): readonly string[] =>
  securityEventLog(options)
    .check({ ...production, ...about })
    .map(({ rule }) => rule.id);

describe("securityEventLog", () => {
  it("finds events that go to a stdout that is thrown away, and nowhere else", () => {
    const isDiscarded = (): boolean => true;
    expect(found({ isStdoutAlone: true, isDiscarded })).toEqual(["security-event-log/discarded"]);
    expect(found({ isStdoutAlone: false, isDiscarded })).toEqual([]);
    expect(found({ isStdoutAlone: true, isDiscarded: () => false })).toEqual([]);
    expect(found({ isStdoutAlone: true, isDiscarded }, { mode: "development" })).toEqual([]);
  });

  it.each(["2019-01-01", "2000-01-01", "2070-01-01"])("finds a clock that shows %s", (date) => {
    expect(found({ isStdoutAlone: false }, { nowMs: Date.parse(date) })).toEqual(["security-event-log/clock"]);
  });

  it("asks the system what stdout is", () => {
    const script = `
      import { securityEventLog } from ${JSON.stringify(new URL("../../dist/audit/index.js", import.meta.url).href)};
      const about = { mode: "production", variables: new Map(), nodeOptions: [], nowMs: Date.parse("2026-11-26") };
      process.stderr.write(String(securityEventLog({ isStdoutAlone: true }).check(about).length));`;
    const run = (stdout: "ignore" | "pipe"): string => {
      const options = { stdio: ["ignore", stdout, "pipe"] as ("ignore" | "pipe")[] };
      return spawnSync(process.execPath, ["--input-type=module", "-e", script], options).stderr.toString();
    };
    expect(run("ignore")).toBe("1");
    expect(run("pipe")).toBe("0");
  });
});
