import { describe, expect, it } from "vitest";
import type { Deployment } from "../core/control.ts";
import type { LiveSecret } from "./secret-live.ts";
import { secretRotation } from "./secret-rotation.ts";

const DAY_MS = 86_400_000;
const NOW = Date.parse("2026-11-26");
const production: Deployment = {
  mode: "production",
  nodeVersion: "24.4.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: NOW,
};

function storeOf(ages: Readonly<Record<string, number | undefined>>) {
  return {
    kept: () =>
      Object.entries(ages).map(([name, days]) => {
        const changedMs = days === undefined ? undefined : NOW - days * DAY_MS;
        return { name, changedMs } as LiveSecret;
      }),
  };
}

describe("secretRotation", () => {
  it.each([
    [0, []],
    [71, []],
    [72, ["secret-rotation/due-soon"]],
    [90, ["secret-rotation/due-soon"]],
    [91, ["secret-rotation/overdue"]],
    [undefined, ["secret-rotation/age-unknown"]],
  ])("judges a secret of %s days", (days, expected) => {
    const findings = secretRotation({ store: storeOf({ "/app/key": days }) }).check(production);
    expect(findings.map(({ rule }) => rule.id)).toEqual(expected);
  });

  it("takes a limit of its own for a name, and judges production alone", () => {
    const store = storeOf({ "/app/key": 100, "/app/root": 100 });
    const control = secretRotation({ store, days: { "/app/root": 365 } });
    expect(control.check(production)).toMatchObject([{ at: { name: "/app/key" }, detail: "100 of 90 days" }]);
    expect(control.check({ ...production, mode: "development" })).toEqual([]);
  });

  it("refuses what it cannot work with", () => {
    const store = storeOf({});
    expect(() => secretRotation({ store, everyDays: 0 })).toThrow(/whole numbers/u);
    expect(() => secretRotation({ store, days: { "": 1 } })).toThrow(/name is like/u);
    expect(() => secretRotation({ store, every: 1 } as never)).toThrow(/everyDays/u);
  });
});
