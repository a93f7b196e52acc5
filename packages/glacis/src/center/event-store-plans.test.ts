import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import type { AuditDatabase } from "../audit/audit-database.ts";
import type { EventFilter } from "./event-filter.ts";
import { EVENT_ARCHIVE_MIGRATION, postgresEvents } from "./event-store-postgres.ts";

const EVENTS = 200_000;
const START = Date.parse("2026-10-01T00:00:00Z");
const database = await testDatabase("event_plans");
afterAll(() => database?.drop());

/** Four kinds in turn, and three events that are rare in each of their fields and old. */
const FILL = `insert into glacis_events (time_ms, event_type, status, severity, event, user_id, tenant_id, ip_address, request_id, record)
select ${START}::bigint + number * 2000, (array['data_access', 'authentication', 'session', 'authorization_failure'])[1 + number % 4],
  (array['succeeded', 'succeeded', 'observed', 'refused'])[1 + number % 4], (array['info', 'info', 'info', 'warning'])[1 + number % 4],
  (array['document_read', 'authn_login_success', 'session_created', 'authz_fail'])[1 + number % 4],
  'user-' || number % 1000, 'tenant-' || number % 20, '192.0.2.' || number % 250, 'request-' || number, '{}'::jsonb
from generate_series(1, ${EVENTS}) as number
union all
select ${START}::bigint, 'token', 'failed', 'critical', 'token_reuse', 'rare-user', 'rare-tenant', '203.0.113.9', 'rare-request', '{}'::jsonb from generate_series(1, 3)`;

/** Reads pages, and counts the rows that each statement looked at. */
function counting(pool: pg.Pool): { database: AuditDatabase; looked: () => number } {
  let looked = 0;
  return {
    looked: () => looked,
    database: {
      async query(text: string, values?: unknown[]) {
        const explained = await pool.query<Explained>(`explain (analyze, format json) ${text}`, values);
        for (const { "QUERY PLAN": plans } of explained.rows) looked = lookedAt(plans[0].Plan);
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
  { event: "authz_fail", status: "failed" },
  { user: "user-7", type: "token" },
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
        await store.page(filter, 50, before);
        expect(looked()).toBeLessThan(2000);
      }
    },
  );
});
