/**
 * `npm run bench -- center`: how long an administrator waits, with a million events in Postgres. First what a page of events costs in the store, from
 * its top and from a place deep inside, then the whole pages of the Security Center over HTTP, session and second factor included. An event in nine
 * is of an attack, and an attack that was loud and is over lies before all others: a search for it must not read what came since.
 */
import { createServer } from "node:net";
import { glacis, keyRing, newKey, publicAccess, saas } from "glacis";
import { memorySessions } from "glacis/authentication";
import { EVENT_ARCHIVE_MIGRATION, eventArchive, postgresEvents, securityCenter } from "glacis/center";
import { access, listenHono, requestOf, secureHono } from "glacis/hono";
import { sketchProof } from "glacis/testing";
import { Hono } from "hono";
import { listen } from "./http/listen.mjs";
import { median, printTable, rounded, saveResults } from "./harness.mjs";
import { throwawayDatabase } from "./throwaway-database.mjs";

const EVENTS = 1_000_000;
const OLD_ATTACK = 40_000;
const SPAN_MS = 30 * 86_400_000;
const PAGE = 50;
const TARGET_MS = 50;
const COOKIES = { accept: "text/html" };

const FILTERS = Object.entries({
  all: {},
  "of a type": { type: "authentication" },
  "of a type and a status": { type: "authentication", status: "failed" },
  "of a tenant": { tenant: "tenant-7" },
  "of a user": { user: "user-7" },
  "from an address": { ip: "192.0.2.7" },
  "severe, where none is": { severity: "critical", tenant: "tenant-7" },
  "of an attack that is over": { search: "203.0.113.7" },
  "of nobody": { search: "unknown" },
});
const PAGES = [
  "",
  "?range=30d",
  "/events",
  "/events?status=refused",
  "/events?search=user-7",
  "/alarms",
  "/limits",
  "/csp",
  "/routes",
  "/keys",
  "/findings",
  "/audit",
];

/** @param options `--rounds`, 15 unless said otherwise */
export async function run({ rounds = "15" } = {}) {
  const ground = await prepare();
  try {
    const store = await measureStore(ground.store, Number(rounds));
    const pages = await measurePages(ground, Number(rounds));
    print("a page of fifty events, from the store", store);
    print("a page of the Security Center, over HTTP", pages);
    saveResults("center", { events: EVENTS + OLD_ATTACK, targetMs: TARGET_MS, store, pages });
  } finally {
    await ground.close();
  }
}

async function measureStore(store, rounds) {
  const asked = [];
  for (const [label, filter] of FILTERS) {
    const middle = { timeMs: Date.now() - SPAN_MS / 2, id: String(EVENTS) };
    asked.push({ label: `${label}, the latest`, ask: () => store.look(filter, PAGE) });
    asked.push({ label: `${label}, half a million back`, ask: () => store.look(filter, PAGE, middle) });
  }
  return timesOf(asked, rounds);
}

async function measurePages({ origin, prefix, cookie }, rounds) {
  const asked = PAGES.map((path) => ({
    label: `${prefix}${path}`,
    async ask() {
      const response = await fetch(`${origin}${prefix}${path}`, {
        headers: { ...COOKIES, cookie },
        redirect: "manual",
      });
      await response.text();
      if (response.status !== 200) throw new Error(`${path} answered ${response.status}.`);
    },
  }));
  return timesOf(asked, rounds);
}

/** Everything in each round: what else the machine does then falls on all alike. */
async function timesOf(asked, rounds) {
  const taken = asked.map(() => []);
  for (let round = -1; round < rounds; round += 1) {
    for (const [index, { ask }] of asked.entries()) {
      const before = performance.now();
      await ask();
      if (round >= 0) taken[index].push(performance.now() - before);
    }
  }
  return asked.map(({ label }, index) => ({
    label,
    medianMs: rounded(median(taken[index])),
    worstMs: rounded(Math.max(...taken[index])),
  }));
}

function print(title, rows) {
  console.log(`\n${title}, with ${EVENTS.toLocaleString("en")} events; at most ${TARGET_MS} ms\n`);
  printTable([
    ["", "ms", "worst"],
    ...rows.map(({ label, medianMs, worstMs }) => [label, medianMs.toFixed(1), worstMs.toFixed(1)]),
  ]);
}

async function prepare() {
  const database = await throwawayDatabase({ max: 4 });
  const { pool } = database;
  const closing = [database.close];
  const close = async () => {
    for (const step of closing.toReversed()) await step();
  };
  try {
    await fill(pool);
    const archive = eventArchive({ store: postgresEvents(pool) });
    closing.push(() => archive.close());
    const { stop, ...center } = await serve(archive);
    closing.push(stop);
    return { store: archive.store, ...center, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function fill(pool) {
  const startMs = Date.now() - SPAN_MS;
  const step = SPAN_MS / EVENTS;
  console.log(`writing ${EVENTS.toLocaleString("en")} events`);
  await pool.query(EVENT_ARCHIVE_MIGRATION);
  await pool.query(`
    insert into glacis_events (time_ms, event_type, status, severity, event, user_id, tenant_id, ip_address, request_id, record)
    select made.time_ms, kind[1], kind[2], kind[3], kind[4], made.user_id, made.tenant_id, made.ip_address, made.request_id, jsonb_build_object(
      'event_type', kind[1], 'status', kind[2], 'severity', kind[3], 'event', kind[4], 'user_id', made.user_id, 'tenant_id', made.tenant_id,
      'ip_address', made.ip_address, 'request_id', made.request_id, 'method', 'GET', 'route', '/documents/:id', 'user_agent', repeat('x', 110))
    from (
      select (${startMs} + n::bigint * ${step})::bigint as time_ms, 'user-' || n % 1000 as user_id, 'tenant-' || n % 20 as tenant_id,
        '192.0.2.' || n % 250 as ip_address, 'request-' || n as request_id, n % 9 as turn from generate_series(1, ${EVENTS}) as n
      union all
      select ${startMs - 1}::bigint, null, null, '203.0.113.7', 'attack-' || n, 9 from generate_series(1, ${OLD_ATTACK}) as n
    ) as made cross join lateral (select case when made.turn = 9 then array['authentication', 'failed', 'warning', 'authn_login_fail']
      when made.turn = 8 then array['authorization_failure', 'refused', 'warning', 'authz_fail']
      when made.turn > 5 then array['authentication', 'succeeded', 'info', 'authn_login_success']
      when made.turn = 5 then array['session', 'observed', 'info', 'session_created']
      else array['data_access', 'succeeded', 'info', 'document_read'] end as kind) as kinds`);
  for (const [table, lengthMs] of [
    ["glacis_event_counts", 900_000],
    ["glacis_event_sums", 14_400_000],
  ]) {
    await pool.query(`insert into ${table} (tenant_id, bucket_ms, event_type, status, severity, count)
      select owner, time_ms - time_ms % ${lengthMs}, event_type, status, severity, count(*)
      from glacis_events cross join lateral (values (''), (tenant_id)) as owners(owner) where owner is not null group by 1, 2, 3, 4, 5`);
  }
  await pool.query("vacuum analyze");
}

/** An application with nothing but the Security Center and a way in. */
async function serve(archive) {
  // Plain HTTP on the loopback is no production.
  process.env.GLACIS_ENV = "development";
  const prefix = "/admin/security";
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const keys = keyRing(newKey("k1"));
  const rates = { limit: 60_000, windowSeconds: 60 };
  const layers = saas({
    origin,
    keys,
    sessionStore: memorySessions(),
    limits: { client: rates, anonymous: rates, user: rates },
    audit: archive.tee(() => undefined),
  });
  const { csrf, sessions, watch } = layers;
  const center = securityCenter({
    archive,
    csrf,
    sessions,
    keys,
    prefix,
    reach: "deployment",
    alarms: watch.alarms,
    chain: watch.chain,
    security: () => security,
  });
  const security = glacis({ ...layers, endpoints: [...layers.endpoints, ...center] });
  const app = new Hono();
  secureHono(app, security);
  app.get("/become", access(publicAccess("benchmark")), async (c) => {
    const request = requestOf(c);
    const user = { userId: "admin", tenantId: "tenant-7", roles: ["admin", "owner"] };
    const proofs = ["password", "totp"].map((method) =>
      sketchProof({ userId: user.userId, method, provedAtMs: request.receivedAtMs }),
    );
    await sessions.establish(request, proofs, user);
    return c.text("done");
  });
  const server = listenHono(app, security, { port, hostname: "127.0.0.1" });
  if (!server.listening) await new Promise((resolve) => server.once("listening", resolve));
  const signedIn = await fetch(`${origin}/become`);
  return {
    origin,
    prefix,
    cookie: signedIn.headers
      .getSetCookie()
      .map((line) => line.split(";")[0])
      .join("; "),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await watch.close();
    },
  };
}

/** The origin stands in the composition, so the port is chosen before anything listens. */
async function freePort() {
  const probe = createServer();
  const port = await listen(probe);
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
