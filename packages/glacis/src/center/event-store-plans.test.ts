import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import type { AuditDatabase } from "../audit/audit-database.ts";
import type { EventCursor, EventFilter } from "./event-filter.ts";
import { EVENT_ARCHIVE_MIGRATION, postgresEvents } from "./event-store-postgres.ts";
import { MOST_LOOKED_AT } from "./event-store.ts";

const EVENTS = 200_000;
const START = Date.parse("2026-10-01T00:00:00Z");
const database = await testDatabase("event_plans");
afterAll(() => database?.drop());

/** Four kinds in turn, and three events that are rare in each of their fields and old. */
const FILL = `insert into glacis_events (time_ms, event_type, status, severity, event, user_id, tenant_id, ip_address, request_id, record)
select ${START}::bigint + number * 2000, (array['data_access', 'authentication', 'session', 'authorization_failure'])[1 + number % 4],
  (array['succeeded', 'succeeded', 'observed', 'refused'])[1 + number % 4], (array['info', 'info', 'info', 'warning'])[1 + number % 4],
  (array['document_read', 'authn_login_success', 'session_created', 'authz_fail'])[1 + number % 4],
  'user-' || number % 1000, 'tenant-' || number % 20, '192.0.2.' || number % 250, 'request-' || number, jsonb_build_object('user_agent', repeat('x', 200), 'number', number)
from generate_series(1, ${EVENTS}) as number
union all
select ${START}::bigint, 'token', 'failed', 'critical', 'token_reuse', 'rare-user', 'rare-tenant', '203.0.113.9', 'rare-request', '{}'::jsonb from generate_series(1, 3)`;

/** Reads pages, and counts the rows that each statement looked at. */
function counting(pool: pg.Pool): { database: AuditDatabase; looked: () => number; blocks: () => number } {
  let looked = 0;
  let blocks = 0;
  return {
    looked: () => looked,
    blocks: () => blocks,
    database: {
      async query(text: string, values?: unknown[]) {
        const explained = await pool.query<Explained>(`explain (analyze, buffers, format json) ${text}`, values);
        for (const { "QUERY PLAN": plans } of explained.rows) {
          const { Plan } = plans[0];
          looked = Math.max(looked, lookedAt(Plan));
          blocks = Math.max(blocks, Plan["Shared Hit Blocks"] + Plan["Shared Read Blocks"]);
        }
        return pool.query(text, values);
      },
    },
  };
}

interface Explained {
  readonly "QUERY PLAN": readonly [{ readonly Plan: Plan }];
}

interface Plan {
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly Plans?: readonly Plan[];
}

function lookedAt(plan: Plan): number {
  const own = (plan["Actual Rows"] + (plan["Rows Removed by Filter"] ?? 0)) * plan["Actual Loops"];
  return (plan.Plans ?? []).reduce((most, below) => Math.max(most, lookedAt(below)), own);
}

const FILTERS: readonly EventFilter[] = [
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
      const { database: explained, looked } = counting(database?.pool as pg.Pool);
      const store = postgresEvents(explained);
      for (const before of [undefined, { timeMs: START + EVENTS * 1000, id: String(EVENTS / 2) }]) {
        await store.look(filter, 50, before);
        expect(looked()).toBeLessThan(2000);
      }
    },
  );

  it.each(SELDOM.map((filter) => [JSON.stringify(filter), filter] as const))(
    "reads a bounded number of blocks for conditions that never meet, and says how far, for %s",
    async (_, filter) => {
      const { database: explained, blocks } = counting(database?.pool as pg.Pool);
      const store = postgresEvents(explained);
      let pages = 0;
      let before: EventCursor | undefined;
      do {
        const { events, older } = await store.look(filter, 50, before);
        expect(events).toEqual([]);
        // The database may prefer to walk along the time where the events of an index lie scattered, which is no more blocks.
        expect(blocks()).toBeLessThan(1.2 * MOST_LOOKED_AT);
        if (before !== undefined && older !== undefined) expect(older.timeMs).toBeLessThan(before.timeMs);
        before = older;
        pages += 1;
      } while (before !== undefined && pages < 100);
      expect(before).toBeUndefined();
    },
  );

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
