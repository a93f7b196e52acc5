import { describe, expect, it } from "vitest";
import { alarmEngine } from "../audit/alarm-engine.ts";
import { memoryAlarms } from "../audit/alarm-store.ts";
import type { Deployment } from "../core/control.ts";
import { adminInterface } from "./admin-interface.ts";
import { settingsOf, type SecurityCenterOptions } from "./center-options.ts";
import { eventArchive } from "./event-archive.ts";
import { memoryEvents } from "./event-store-memory.ts";
import { securityCenter } from "./security-center.ts";

const deployment: Deployment = {
  mode: "production",
  nodeVersion: "24.4.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: 0,
};
const shared = { ...memoryEvents(), kind: "shared" } as const;
const definitions = { filters: [], alarms: [], composites: [] };
const whole: SecurityCenterOptions = {
  archive: eventArchive({ store: shared }),
  csrf: { token: () => "" },
  security: () => {
    throw new Error("not asked at construction");
  },
  alarms: alarmEngine({ definitions, sink: () => undefined, store: memoryAlarms() }),
  chain: { state: () => undefined, verify: () => Promise.reject(new Error("not asked")) },
};
const found = (options: Partial<SecurityCenterOptions>): readonly string[] =>
  adminInterface(settingsOf({ ...whole, ...options }))
    .check(deployment)
    .map(({ rule }) => rule.id);

describe("adminInterface", () => {
  it("finds nothing where two factors are asked for and everything is shown", () => {
    expect(found({})).toEqual([]);
  });

  it("finds a level of one, events in memory, and what is not shown", () => {
    expect(found({ level: 1 })).toEqual(["admin-interface/one-factor"]);
    expect(found({ archive: eventArchive({ store: memoryEvents() }) })).toEqual(["admin-interface/archive-in-memory"]);
    expect(found({ alarms: undefined, chain: undefined })).toEqual([
      "admin-interface/shows-no-alarms",
      "admin-interface/shows-no-alarms",
    ]);
  });

  it("stands on every page and action that shows or does something, and on no stylesheet", () => {
    const endpoints = securityCenter(whole);
    const open = endpoints.filter(({ rule }) => rule.controls.every(({ meta }) => meta.id !== "admin-interface"));
    expect(open.map(({ rule }) => rule.kind)).toEqual(["asset", "asset"]);
  });
});
