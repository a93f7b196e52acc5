/** One suite over every store, on real servers. */
import { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import type { AuditRecord } from "../core/event.ts";
import { readCursor, cursorText, type EventFilter } from "./event-filter.ts";
import { draftOf } from "./event-record.ts";
import { memoryEvents } from "./event-store-memory.ts";
import { EVENT_ARCHIVE_MIGRATION, postgresEvents } from "./event-store-postgres.ts";
import { BUCKET_MS, type EventStore } from "./event-store.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const MINUTE = 60_000;

interface Ground {
  readonly store: EventStore;
  readonly close: () => Promise<void>;
}

const grounds: Readonly<Record<string, () => Promise<Ground | undefined>>> = {
  memory: async () => ({ store: memoryEvents(), close: async () => undefined }),
  async PGlite() {
    const database = new PGlite();
    await database.exec(EVENT_ARCHIVE_MIGRATION);
    return { store: postgresEvents(database), close: () => database.close() };
  },
  async Postgres() {
    const database = await testDatabase("event_stores");
    await database?.pool.query(EVENT_ARCHIVE_MIGRATION);
    return database && { store: postgresEvents(database.pool), close: () => database.drop() };
  },
};

function record(atMs: number, more: Partial<AuditRecord> = {}): AuditRecord {
  return {
    time: new Date(atMs).toISOString(),
    event_type: "authentication",
    status: "failed",
    severity: "warning",
    event: "authn_login_fail",
    ...more,
  } as AuditRecord;
}

/** Sixty events, two at each moment; every third is of one user, every fifth a refusal of another type. */
const EVENTS: readonly AuditRecord[] = Array.from({ length: 60 }, (_, index) =>
  record(NOW - Math.floor(index / 2) * MINUTE, {
    request_id: `request-${index}`,
    ip_address: `192.0.2.${index % 4}`,
    route: "/sign-in",
    ...(index % 3 === 0 && { user_id: "user é ' \" \\", tenant_id: "tenant-1" }),
    ...(index % 5 === 0 && { event_type: "authorization_failure", status: "refused", event: "authz_fail" }),
  }),
);

async function readAll(store: EventStore, filter: EventFilter, limit: number): Promise<readonly string[]> {
  const found: string[] = [];
  for (let before = undefined as ReturnType<typeof readCursor>; ;) {
    const { events, older } = await store.look(filter, limit, before);
    found.push(...events.map((event) => event.record.request_id ?? ""));
    if (older === undefined) return found;
    before = readCursor(cursorText(older));
  }
}

describe.each(Object.entries(grounds))("an event store in %s", (_, open) => {
  let ground: Ground | undefined;
  beforeAll(async () => {
    ground = await open();
    await ground?.store.add(EVENTS.map((event) => draftOf(event, NOW)));
  });
  afterAll(() => ground?.close());

  it("gives every event once and newest first, whatever the length of a page", async ({ skip }) => {
    if (ground === undefined) return skip();
    const whole = await readAll(ground.store, {}, 1000);
    expect(whole).toHaveLength(60);
    expect(new Set(whole).size).toBe(60);
    for (const limit of [1, 7, 60]) expect(await readAll(ground.store, {}, limit)).toEqual(whole);
  });

  it("holds each filter to its field, and joins them", async ({ skip }) => {
    if (ground === undefined) return skip();
    const count = async (filter: EventFilter): Promise<number> =>
      (await readAll(ground?.store as EventStore, filter, 1000)).length;
    expect(await count({ user: "user é ' \" \\" })).toBe(20);
    expect(await count({ tenant: "tenant-1", type: "authorization_failure" })).toBe(4);
    expect(await count({ ip: "192.0.2.1", status: "failed" })).toBe(12);
    expect(await count({ severity: "critical" })).toBe(0);
    expect(await count({ event: "authz_fail" })).toBe(12);
    expect(await count({ fromMs: NOW - 5 * MINUTE, toMs: NOW - 4 * MINUTE })).toBe(4);
    expect(await count({ user: "%" })).toBe(0);
  });

  it("searches every field that identifies, as a whole", async ({ skip }) => {
    if (ground === undefined) return skip();
    const search = async (text: string, more: EventFilter = {}): Promise<number> =>
      (await readAll(ground?.store as EventStore, { ...more, search: text }, 5)).length;
    expect(await search("request-7")).toBe(1);
    expect(await search("192.0.2.3")).toBe(15);
    expect(await search("tenant-1")).toBe(20);
    expect(await search("authz_fail", { ip: "192.0.2.0" })).toBe(3);
    expect(await search("request-")).toBe(0);
    expect(await search("' or true --")).toBe(0);
  });

  it("counts by quarters of an hour, all tenants or one", async ({ skip }) => {
    if (ground === undefined) return skip();
    const range = { fromMs: NOW - 4 * BUCKET_MS, toMs: NOW };
    const total = async (stretchMs: number, tenant?: string): Promise<number> =>
      ((await ground?.store.counts({ ...range, ...(tenant && { tenant }) }, stretchMs)) ?? []).reduce(
        (sum, { refused, failed, succeeded, observed }) => sum + refused + failed + succeeded + observed,
        0,
      );
    expect(await total(BUCKET_MS)).toBe(60);
    expect(await total(4 * BUCKET_MS)).toBe(60);
    expect(await total(BUCKET_MS, "tenant-1")).toBe(20);
    expect(await ground.store.counts(range, 4 * BUCKET_MS)).toEqual([
      { fromMs: NOW - 4 * BUCKET_MS, succeeded: 0, observed: 0, refused: 11, failed: 47, failedSignIns: 47, severe: 0 },
      { fromMs: NOW, succeeded: 0, observed: 0, refused: 1, failed: 1, failedSignIns: 1, severe: 0 },
    ]);
  });

  it("names the addresses and users that most refusals come from", async ({ skip }) => {
    if (ground === undefined) return skip();
    const range = { fromMs: NOW - 4 * BUCKET_MS, toMs: NOW };
    expect(await ground.store.top("ip_address", range, 2)).toEqual([
      { value: "192.0.2.0", count: 15, lastMs: NOW },
      { value: "192.0.2.1", count: 15, lastMs: NOW },
    ]);
    expect(await ground.store.top("route", { ...range, tenant: "tenant-1" }, 5)).toEqual([
      { value: "/sign-in", count: 20, lastMs: NOW },
    ]);
  });

  it("keeps what is hostile as it came, without what no store can hold", async ({ skip }) => {
    if (ground === undefined) return skip();
    const hostile = `<script>\u202E'; drop table glacis_events; --\0\uD800`;
    await ground.store.add([draftOf(record(NOW, { user_id: hostile, request_id: "hostile" }), NOW)]);
    const [found] = await ground.store.page({ search: "hostile" }, 10);
    expect(found?.record.user_id).toBe(`<script>\u202E'; drop table glacis_events; --\uFFFD\uFFFD`);
  });

  it("is followed by id, a look back included, and found by id", async ({ skip }) => {
    if (ground === undefined) return skip();
    const newest = await ground.store.newestId();
    await ground.store.add([draftOf(record(NOW - 90 * MINUTE, { request_id: "late" }), NOW)]);
    const found = await ground.store.since({}, newest, 5);
    expect(found.at(-1)?.record.request_id).toBe("late");
    expect(await ground.store.one(found.at(-1)?.id ?? "")).toEqual(found.at(-1));
    expect(await ground.store.one("999999")).toBeUndefined();
  });

  it("forgets what is older, so much at a time", async ({ skip }) => {
    if (ground === undefined) return skip();
    expect(await ground.store.sweep(NOW - 20 * MINUTE, 5)).toBe(5);
    expect(await ground.store.sweep(NOW - 20 * MINUTE, 100)).toBe(14);
    expect(await ground.store.sweep(NOW - 20 * MINUTE, 100)).toBe(0);
  });

  it("counts longer stretches as the sum of their quarters, all tenants or one", async ({ skip }) => {
    if (ground === undefined) return skip();
    const { store } = ground;
    const longMs = 16 * BUCKET_MS;
    const startMs = NOW - (NOW % (3 * longMs)) - 60 * longMs;
    await store.add(
      Array.from({ length: 200 }, (_, index) => {
        const atMs = startMs + Math.floor((index * 6 * longMs) / 200);
        return draftOf(record(atMs, { ...(index % 4 === 0 && { tenant_id: "tenant-2" }) }), atMs);
      }),
    );
    for (const tenant of [undefined, "tenant-2"]) {
      const range = { fromMs: startMs, toMs: startMs + 6 * longMs - 1, tenant };
      const quarters = await store.counts(range, BUCKET_MS);
      for (const stretchMs of [longMs, 3 * longMs]) {
        const sums = await store.counts(range, stretchMs);
        expect(sums.map(({ fromMs }) => fromMs)).toEqual(
          Array.from({ length: (6 * longMs) / stretchMs }, (_, at) => startMs + at * stretchMs),
        );
        for (const { fromMs, failed } of sums) {
          const own = quarters.filter((one) => one.fromMs >= fromMs && one.fromMs < fromMs + stretchMs);
          expect(failed).toBe(own.reduce((sum, one) => sum + one.failed, 0));
        }
      }
      expect(await store.counts({ ...range, fromMs: startMs + BUCKET_MS }, longMs)).toHaveLength(6);
    }
  });
});
