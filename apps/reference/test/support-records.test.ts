import type { AuditRecord } from "glacis";
import { memoryEvents, type EventDraft } from "glacis/center";
import { describe, expect, it } from "vitest";
import { supportEvents } from "../src/support/records.ts";

const at = Date.parse("2026-10-01T00:00:00Z");

function draft(number: number, tenant: string, event: string, route = "/documents"): EventDraft {
  const timeMs = at + number;
  const base = {
    time: new Date(timeMs).toISOString(),
    event_type: "data_access",
    status: "observed",
    severity: "info",
  };
  return { timeMs, record: { ...base, event, tenant_id: tenant, route } as AuditRecord };
}

const many = (count: number, from: number, tenant: string, event: string, route?: string): EventDraft[] =>
  Array.from({ length: count }, (_, number) => draft(from + number, tenant, event, route));

describe("the record of what support did", () => {
  it("keeps a visit that a workspace has done thousands of other things since, and hides nobody's", async () => {
    const store = memoryEvents();
    await store.add([
      draft(1, "alpha", "support.consent_given"),
      draft(2, "alpha", "support.visit_begun"),
      draft(3, "alpha", "support.viewed"),
      draft(4, "bravo", "support.viewed"),
      ...many(3_000, 10, "alpha", "resource.shared"),
    ]);
    const events = (await supportEvents(store, "alpha")).map(({ record }) => record);
    expect(events.map(({ event }) => event)).toEqual([
      "support.viewed",
      "support.visit_begun",
      "support.consent_given",
    ]);
    expect(events.every(({ tenant_id: tenant }) => tenant === "alpha")).toBe(true);
  });

  it("lets neither what was tried nor what shows nothing push out what was seen, and stays short", async () => {
    const store = memoryEvents();
    await store.add([
      ...many(3, 1, "alpha", "support.viewed"),
      ...many(200, 10, "alpha", "support.viewed", "/assets/:file"),
      ...many(200, 300, "alpha", "support.visit_refused"),
    ]);
    const count = async (event: string): Promise<number> =>
      (await supportEvents(store, "alpha")).filter(({ record }) => record.event === event).length;
    expect([await count("support.viewed"), await count("support.visit_refused")]).toEqual([3, 20]);
    await store.add(many(400, 1_000, "alpha", "support.viewed"));
    expect(await supportEvents(store, "alpha")).toHaveLength(100);
  });
});
