import { describe, expect, it, vi } from "vitest";
import type { AuditRecord } from "../core/event.ts";
import { Secret } from "../core/secret.ts";
import { eventArchive } from "./event-archive.ts";
import { memoryEvents } from "./event-store-memory.ts";
import type { EventStore } from "./event-store.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");

function record(id: number): AuditRecord {
  return {
    time: new Date(NOW).toISOString(),
    event_type: "session",
    status: "succeeded",
    severity: "info",
    event: "session_created",
    request_id: `request-${id}`,
  };
}

/** A store that fails while `down` says so. */
function fragile(): EventStore & { down: boolean } {
  const store = memoryEvents(100_000);
  const own = {
    ...store,
    down: false,
    async add(drafts: Parameters<EventStore["add"]>[0]): Promise<void> {
      if (own.down) throw new Error("the store is down");
      await store.add(drafts);
    },
  };
  return own;
}

describe("eventArchive", () => {
  it("writes to the log first and to the store later, and neither waits", async () => {
    const store = memoryEvents();
    const archive = eventArchive({ store, now: () => NOW });
    const logged: AuditRecord[] = [];
    archive.tee((event) => void logged.push(event))(record(1));
    expect(logged).toHaveLength(1);
    expect(archive.state.queued).toBe(1);
    await archive.flush();
    expect(await store.page({}, 10)).toMatchObject([{ record: record(1), timeMs: NOW }]);
  });

  it("archives an event although the log throws, and lets the error through", async () => {
    const archive = eventArchive({ store: memoryEvents(), now: () => NOW });
    const sink = archive.tee(() => {
      throw new Error("no disk");
    });
    expect(() => sink(record(1))).toThrow("no disk");
    expect(archive.state.queued).toBe(1);
  });

  it("says what a store answered, and none of the secrets in it", async () => {
    const errors = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const revealed = new Secret("archive-password-4711").reveal();
    const answer = `no route to postgres://app:hunter2@db, tried ${revealed}`;
    const archive = eventArchive({ store: { ...memoryEvents(), add: () => Promise.reject(new Error(answer)) } });
    archive.sink(record(1));
    await expect(archive.flush()).rejects.toThrow("no route");
    const said = errors.mock.calls.map(([text]) => String(text)).join("");
    errors.mockRestore();
    expect(said).toContain("no route to postgres://[redacted]@db, tried [secret]");
  });

  it("keeps events while the store is down and writes each once when it is back", async () => {
    const errors = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const store = fragile();
    const archive = eventArchive({ store, now: () => NOW });
    store.down = true;
    for (let id = 0; id < 1200; id += 1) archive.sink(record(id));
    await expect(archive.flush()).rejects.toThrow("down");
    await expect(archive.flush()).rejects.toThrow("down");
    expect(archive.state).toEqual({ queued: 1200, lost: 0, failing: true });
    expect(errors).toHaveBeenCalledTimes(1);
    store.down = false;
    await archive.flush();
    const ids = (await store.page({}, 5000)).map((event) => event.record.request_id);
    expect(new Set(ids).size).toBe(1200);
    expect(ids).toHaveLength(1200);
    expect(archive.state).toEqual({ queued: 0, lost: 0, failing: false });
    errors.mockRestore();
  });

  it("holds so many events and no more, and says afterwards how many were lost", async () => {
    const store = fragile();
    const archive = eventArchive({ store, now: () => NOW });
    for (let id = 0; id < 20_007; id += 1) archive.sink(record(id));
    expect(archive.state).toMatchObject({ queued: 20_000, lost: 7 });
    await archive.close();
    const [loss] = await store.page({ event: "archive_events_lost" }, 10);
    expect(loss?.record).toMatchObject({ event_type: "audit_integrity", count: 7 });
  });

  it("takes records of any shape: no time, too long, no scalar, too many fields", async () => {
    const store = memoryEvents();
    const archive = eventArchive({ store, now: () => NOW });
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`field-${index}`, "x"]));
    archive.sink({
      ...record(1),
      time: "yesterday",
      detail: "é".repeat(100_000),
      resource_id: { a: 1 } as never,
      ...many,
    });
    await archive.flush();
    const [found] = await store.page({}, 1);
    expect(found?.timeMs).toBe(NOW);
    expect(JSON.stringify(found).length).toBeLessThan(2_500);
  });

  it("removes what is older than the retention", async () => {
    const store = memoryEvents();
    const archive = eventArchive({ store, retentionDays: 1, now: () => NOW + 86_400_001 });
    archive.sink(record(1));
    await archive.flush();
    expect(await archive.sweep()).toBe(1);
    expect(await store.page({}, 10)).toEqual([]);
  });

  it("refuses what it does not know", () => {
    expect(() => eventArchive({ store: memoryEvents(), retention: 1 } as never)).toThrow(/retentionDays/u);
    expect(() => eventArchive({ store: memoryEvents(), retentionDays: 0.5 })).toThrow(/whole number/u);
  });
});
