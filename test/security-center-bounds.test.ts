/** What a page of the Security Center makes Postgres read, over an archive in which what a panel asks for is old or another tenant's. */
import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EVENT_ARCHIVE_MIGRATION, eventArchive, postgresEvents } from "glacis/center";
import { startCenter, type CenterGround } from "./support/center-ground.ts";
import { explained } from "./support/explained-database.ts";
import { testDatabase } from "./support/services.ts";

const EACH = 20_000;
/** More rows than any step may look at, and fewer than a scan of one kind of event would. */
const MOST_ROWS = 12_500;
const database = await testDatabase("center_bounds");
afterAll(() => database?.drop());

/**
 * Of the last hour: what Alpha does all day, and between it the attacks on Beta, one kind after the other. From before: what panels ask for and nobody does
 * any more. The user is of both tenants, so that neither condition alone is rare.
 */
const FILL = `insert into glacis_events (time_ms, event_type, status, severity, event, user_id, tenant_id, ip_address, request_id, record)
select time_ms, event_type, status, severity, event, user_id, tenant_id, '192.0.2.1', 'shared-request', jsonb_build_object('event_type', event_type, 'status', status,
  'severity', severity, 'event', event, 'user_id', user_id, 'tenant_id', tenant_id, 'request_id', 'shared-request') from (
  select $1::bigint - number * (3500000 / ${EACH}) as time_ms, 'data_access' as event_type, 'succeeded' as status, 'info' as severity, 'document_read' as event,
    'user-axel' as user_id, 'alpha' as tenant_id from generate_series(1, ${EACH}) as number
  union all
  select $1::bigint - number * (3500000 / ${EACH}), 'authentication', 'failed', 'critical', event, 'user-amy', 'beta'
  from generate_series(1, ${EACH}) as number, unnest(array['admin_action', 'authn_login_fail']) as event
  union all
  select $1::bigint - 172800000 - number, event_type::text, 'refused', 'warning', event, 'user-old', 'gamma'
  from generate_series(1, ${EACH}) as number, (values ('rate_limit', 'rate_limit_exceeded'), ('csp_violation', 'csp_violation'),
    ('audit_integrity', 'audit_log_altered'), ('system', 'sys_alarm_raised'), ('authentication', 'authn_login_lock')) as kinds(event_type, event)
) as events`;

const PAGES = {
  tenant: ["", "?range=30d", "/events", "/accounts", "/account?user=user-amy", "/account?user=user-axel"],
  deployment: ["/alarms", "/limits", "/csp", "/audit"],
} as const;

describe.skipIf(database === undefined)("the Security Center over an archive in Postgres", () => {
  const counting = explained(database?.pool as pg.Pool);
  const grounds = new Map<string, CenterGround>();
  const read = async (reach: "tenant" | "deployment", path: string): Promise<string> => {
    const ground = grounds.get(reach) as CenterGround;
    const { headers } = await fetch(`${ground.origin}/become?user=user-ada`);
    const cookie = headers
      .getSetCookie()
      .map((line) => line.split(";")[0])
      .join("; ");
    const ask = async (): Promise<Response> =>
      fetch(`${ground.origin}/security${path}`, { headers: { cookie, accept: "text/html" } });
    let response = await ask();
    // The application sheds load while the machine has other work.
    for (let tries = 0; response.status === 503 && tries < 20; tries += 1) {
      await delay(500);
      response = await ask();
    }
    expect([path, response.status]).toEqual([path, 200]);
    return (await response.text()).replaceAll(/\s+/gu, " ");
  };

  beforeAll(async () => {
    await database?.pool.query(EVENT_ARCHIVE_MIGRATION);
    await database?.pool.query(FILL, [Date.now()]);
    await database?.pool.query("vacuum analyze glacis_events");
    for (const reach of ["tenant", "deployment"] as const) {
      const archive = eventArchive({ store: postgresEvents(counting) });
      grounds.set(reach, await startCenter("hono", { reach, archive }));
    }
  }, 180_000);
  afterAll(async () => {
    for (const ground of grounds.values()) await ground.close();
  });

  it.each([
    ...PAGES.tenant.map((path) => ["tenant", path] as const),
    ...[...PAGES.tenant, ...PAGES.deployment].map((path) => ["deployment", path] as const),
  ])("reads a bounded number of events for each panel, as a %s, on %s", async (reach, path) => {
    counting.reset();
    await read(reach, path);
    expect(counting.looked()).toBeLessThan(MOST_ROWS);
    expect(counting.looked()).toBeGreaterThan(0);
  });

  it("says in each panel how far back it has looked, and leads on from there", async () => {
    const onwards = /<p class="searched">Searched back to [\d-]+ [\d:]+ UTC\. ?<a href="([^"]+)" ?>Look further back/u;
    expect(await read("tenant", "/accounts")).toContain("None among the latest events.");
    for (const path of ["", "/accounts", "/account?user=user-amy"]) {
      const [, href = ""] = onwards.exec(await read("tenant", path)) ?? [];
      expect([path, href]).toEqual([path, expect.stringMatching(/\/events\?.*before=\d+-\d+$/u)]);
      expect(await read("tenant", href.replace("/security", "").replaceAll("&amp;", "&"))).toMatch(
        /Searched back to|Nothing found/u,
      );
    }
    expect(await read("tenant", "")).toMatch(
      /Passwords guessed: only the latest were counted, back to [\d-]+ [\d:]+ UTC/u,
    );
    expect(await read("deployment", "")).toMatch(/Passwords guessed: only the latest were counted/u);
  });

  it("says on the page of events too, and goes on until there is nothing older", async () => {
    let path: string | undefined = "/events?type=authentication&event=document_read";
    const times: string[] = [];
    while (path !== undefined && times.length < 100) {
      const text = await read("tenant", path);
      const [, time] = /Searched back to ([\d-]+ [\d:]+) UTC/u.exec(text) ?? [];
      if (time !== undefined) times.push(time);
      const [, next] = /rel="next" href="([^"]+)">Look further back/u.exec(text) ?? [];
      path = next?.replace("/security", "").replaceAll("&amp;", "&");
    }
    expect(times.length).toBeGreaterThan(2);
    expect(times).toEqual(times.toSorted().reverse());
    expect(path).toBeUndefined();
  });

  it("tells of a request with more events than it lists", async () => {
    const [event] =
      (await grounds.get("tenant")?.archive.store.page({ tenant: "alpha", event: "document_read" }, 1)) ?? [];
    expect(await read("tenant", `/event?id=${event?.id ?? ""}`)).toMatch(
      /Searched back to .* UTC\. <a href="[^"]*search=shared-request/u,
    );
  });
});
