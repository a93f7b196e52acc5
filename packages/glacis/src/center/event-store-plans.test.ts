import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { explained } from "../../../../test/support/explained-database.ts";
import { testDatabase } from "../../../../test/support/services.ts";
import type { EventCursor, EventFilter } from "./event-filter.ts";
import { exportEvents } from "./event-export.ts";
import { EVENT_ARCHIVE_MIGRATION, postgresEvents } from "./event-store-postgres.ts";
import { BUCKET_MS, LONGEST_GAP, MOST_COUNTED, MOST_LOOKED_AT } from "./event-store.ts";

const EVENTS = 200_000;
const START = Date.parse("2026-10-01T00:00:00Z");
const database = await testDatabase("event_plans");
afterAll(() => database?.drop());

/**
 * Four kinds in turn, three events that are rare in each of their fields and old, and before them an attack that was loud and is over: whoever walks
 * along the time to it reads everything that came after.
 */
const FILL = `insert into glacis_events (time_ms, event_type, status, severity, event, user_id, tenant_id, ip_address, request_id, record)
select ${START}::bigint + number * 2000, (array['data_access', 'authentication', 'session', 'authorization_failure'])[1 + number % 4],
  (array['succeeded', 'succeeded', 'observed', 'refused'])[1 + number % 4], (array['info', 'info', 'info', 'warning'])[1 + number % 4],
  (array['document_read', 'authn_login_success', 'session_created', 'authz_fail'])[1 + number % 4],
  'user-' || number % 1000, 'tenant-' || number % 20, '192.0.2.' || number % 250, 'request-' || number, jsonb_build_object('user_agent', repeat('x', 200), 'number', number)
from generate_series(1, ${EVENTS}) as number
union all
select ${START}::bigint, 'token', 'failed', 'critical', 'token_reuse', 'rare-user', 'rare-tenant', '203.0.113.9', 'rare-request', '{}'::jsonb from generate_series(1, 3)
union all
select ${START}::bigint - number * 100, (array['rate_limit', 'csp_violation', 'audit_integrity', 'ssrf_blocked'])[1 + number % 4],
  (array['refused', 'observed', 'failed', 'refused'])[1 + number % 4], (array['warning', 'warning', 'critical', 'error'])[1 + number % 4],
  'old_' || number % 4, 'old-user', 'old-tenant', '203.0.113.7', 'old-request-' || number, '{}'::jsonb from generate_series(1, 40000) as number`;

const OVER: readonly EventFilter[] = [
  ...(["rate_limit", "csp_violation", "audit_integrity", "ssrf_blocked"] as const).map((type) => ({ type })),
  { type: "rate_limit", status: "refused" },
  ...(["error", "critical"] as const).map((severity) => ({ severity })),
  { status: "failed" },
  { event: "old_1" },
  { user: "old-user" },
  { tenant: "old-tenant" },
  { ip: "203.0.113.7" },
  { search: "old-tenant" },
  { type: "csp_violation", fromMs: START + 1e6 },
];

const FILTERS: readonly EventFilter[] = [
  ...OVER,
  {},
  ...(["authentication", "token"] as const).map((type) => ({ type })),
  ...["succeeded", "observed", "refused", "failed"].map((status) => ({ status }) as EventFilter),
  ...["info", "warning", "error", "critical"].map((severity) => ({ severity }) as EventFilter),
  ...["authz_fail", "token_reuse", "unknown"].map((event) => ({ event })),
  ...["user-7", "rare-user", "unknown"].map((user) => ({ user })),
  ...["tenant-7", "rare-tenant"].map((tenant) => ({ tenant })),
  ...["192.0.2.7", "203.0.113.9"].map((ip) => ({ ip })),
  ...["user-7", "authz_fail", "request-77", "rare-user", "unknown"].map((search) => ({ search })),
  { fromMs: START + 1e8, toMs: START + 1e8 + 3_600_000 },
  { status: "observed", severity: "warning" },
  { status: "succeeded", severity: "warning" },
  { type: "authentication", status: "refused" },
  { user: "user-7", type: "token" },
];

/** Each value is frequent, and no event has both. */
const SELDOM: readonly EventFilter[] = [
  { event: "authz_fail", status: "failed" },
  { event: "authz_fail", status: "succeeded" },
  { type: "authentication", severity: "error" },
  { type: "authorization_failure", severity: "info" },
  { type: "authentication", severity: "warning" },
  { type: "session", event: "document_read" },
  { type: "authentication", status: "succeeded", severity: "warning" },
  { tenant: "tenant-7", search: "document_read" },
  { tenant: "tenant-4", event: "authz_fail", severity: "warning" },
  { search: "authz_fail", severity: "info" },
];

describe.skipIf(database === undefined)("a page of events in Postgres", () => {
  beforeAll(async () => {
    await database?.pool.query(EVENT_ARCHIVE_MIGRATION);
    await database?.pool.query(FILL);
    await database?.pool.query("vacuum analyze glacis_events");
  }, 120_000);

  it.each(FILTERS.map((filter) => [JSON.stringify(filter), filter] as const))(
    "reads few more events than it shows, for %s",
    async (_, filter) => {
      const counting = explained(database?.pool as pg.Pool);
      const store = postgresEvents(counting);
      for (const before of [undefined, { timeMs: START + EVENTS * 1000, id: String(EVENTS / 2) }]) {
        await store.look(filter, 50, before);
        expect(counting.looked()).toBeLessThan(600);
      }
    },
  );

  it.each(SELDOM.map((filter) => [JSON.stringify(filter), filter] as const))(
    "reads a bounded number of blocks for conditions that never meet, and says how far, for %s",
    async (_, filter) => {
      const counting = explained(database?.pool as pg.Pool);
      const store = postgresEvents(counting);
      let pages = 0;
      let before: EventCursor | undefined;
      do {
        const { events, older } = await store.look(filter, 50, before);
        expect(events).toEqual([]);
        // Of two indexes both are followed to see which reaches further back, in blocks of the index and of the table.
        expect(counting.blocks()).toBeLessThan(2.5 * MOST_LOOKED_AT);
        if (before !== undefined && older !== undefined) expect(older.timeMs).toBeLessThan(before.timeMs);
        before = older;
        pages += 1;
      } while (before !== undefined && pages < 200);
      expect(before).toBeUndefined();
    },
  );

  it("counts the latest refusals alone, of all tenants, of a loud one, a quiet one, and one that is over", async () => {
    const counting = explained(database?.pool as pg.Pool);
    const store = postgresEvents(counting);
    const range = { fromMs: START - 1e9, toMs: START + 2 * EVENTS * 1000 };
    for (const tenant of [undefined, "tenant-3", "tenant-4", "old-tenant", "unknown"])
      for (const field of ["ip_address", "route"] as const) await store.top(field, { ...range, tenant }, 6);
    // Where there are not many more than that, sorting all of them is less work.
    expect(counting.looked()).toBeLessThanOrEqual(3 * MOST_COUNTED);
  });

  it("follows from no further back than a bounded number of events, whatever id somebody says they saw last", async () => {
    const counting = explained(database?.pool as pg.Pool);
    expect(await postgresEvents(counting).since({ event: "unknown" }, "0", 200)).toEqual([]);
    expect(counting.looked()).toBeLessThanOrEqual(LONGEST_GAP);
  });

  it("draws a chart of a month from few counts, of those of an archive that had none before too", async () => {
    const counting = explained(database?.pool as pg.Pool);
    const store = postgresEvents(counting);
    const [monthMs, barMs] = [30 * 86_400_000, 12 * 3_600_000];
    const fromMs = START - (START % barMs);
    // Thirty kinds of event in each quarter of an hour, of all tenants and of one.
    await database?.pool.query(`truncate glacis_event_sums;
      insert into glacis_event_counts select ${fromMs}::bigint + quarter * ${BUCKET_MS}, tenant, 'kind-' || kind, 'failed', 'info', 1
      from generate_series(0::bigint, ${monthMs / BUCKET_MS - 1}) quarter, generate_series(1, 30) kind, (values (''), ('tenant-1')) as owner(tenant)`);
    await database?.pool.query(EVENT_ARCHIVE_MIGRATION);
    await database?.pool.query("analyze glacis_event_counts; analyze glacis_event_sums");
    for (const tenant of [undefined, "tenant-1"]) {
      const counts = await store.counts({ fromMs, toMs: fromMs + monthMs - 1, tenant }, barMs);
      expect(counts.map(({ failed }) => failed)).toEqual(Array.from({ length: 60 }, () => (barMs / BUCKET_MS) * 30));
    }
    // Where there are two tenants and no more, reading both is less work; quarters of an hour would be sixteen times as many.
    expect(counting.looked()).toBeLessThanOrEqual((2 * monthMs * 30) / BUCKET_MS / 16);
  });

  it("is exported whole by statements of which each is bounded, however seldom its conditions meet", async () => {
    const counting = explained(database?.pool as pg.Pool);
    const store = postgresEvents(counting);
    const linesOf = async (filter: EventFilter): Promise<number> => {
      let lines = 0;
      for await (const part of exportEvents(store, filter, "jsonl")) lines += part.split("\n").length - 1;
      return lines;
    };
    expect(await linesOf({ event: "authz_fail", status: "failed" })).toBe(0);
    expect(counting.blocks()).toBeLessThan(2.5 * MOST_LOOKED_AT);
    const some: EventFilter = { status: "refused", type: "authorization_failure", tenant: "tenant-3", ip: "192.0.2.3" };
    expect(await linesOf(some)).toBe((await store.page(some, 1_000)).length);
    expect(await linesOf({ event: "old_1" })).toBe(10_000);
  });

  it("loses nothing between pages that stop early", async () => {
    const store = postgresEvents(database?.pool as pg.Pool);
    const filter: EventFilter = {
      status: "refused",
      type: "authorization_failure",
      tenant: "tenant-3",
      ip: "192.0.2.3",
    };
    const ids: string[] = [];
    let before: EventCursor | undefined;
    do {
      const page = await store.look(filter, 7, before);
      ids.push(...page.events.map(({ id }) => id));
      before = page.older;
    } while (before !== undefined);
    expect(ids).toEqual((await store.page(filter, 1_000)).map(({ id }) => id));
    expect(ids.length).toBeGreaterThan(100);
  });
});
