/** A store that is down: nobody is let in, nobody is taken for anonymous, and the log says why. */
import pg from "pg";
import { createClient, createCluster } from "redis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ownRedis, testDatabase, type OwnRedis } from "../../../../test/support/services.ts";
import { publicAccess } from "../core/access.ts";
import type { AuditRecord } from "../core/event.ts";
import { routeRule } from "../core/route.ts";
import { glacis } from "../glacis.ts";
import { bareLayers } from "../testing/layers.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { sketchProof } from "../testing/proof.ts";
import { postgresSessions, SESSION_MIGRATION } from "./session-postgres.ts";
import type { SessionStore } from "./session-record.ts";
import { redisSessions } from "./session-redis.ts";
import { sessions } from "./session.ts";

let redis: OwnRedis | undefined;
beforeAll(async () => {
  redis = await ownRedis("session-outage");
});
afterAll(() => redis?.discard());

describe("sessions in a Redis that is gone", () => {
  it("refuse whoever brings a cookie, on a public page too, and leave strangers alone", async (test) => {
    if (redis === undefined) return test.skip();
    const client = createClient({ url: redis.url, disableOfflineQueue: true, socket: { reconnectStrategy: false } });
    client.on("error", () => undefined);
    await client.connect();
    const session = sessions({ store: redisSessions({ client }) });
    const records: AuditRecord[] = [];
    const audit = (record: AuditRecord): void => void records.push(record);
    const security = glacis({ ...bareLayers(), authenticate: session.authenticate, audit });
    const signIn = sketchExchange({ method: "POST", nowMs: Date.now() });
    await session.establish(signIn, [sketchProof({ userId: "ada" })], { userId: "ada", tenantId: "acme", roles: [] });
    const cookie = signIn.responseHeaders?.[0]?.[1].split(";")[0] as string;
    const rule = routeRule(publicAccess("a page for everybody"));

    const ask = async (...headers: string[]): Promise<string> => {
      const exchange = security.begin({
        ...signIn.wire,
        method: "GET",
        rawHeaders: ["Host", "app.example.com", ...headers],
      });
      const verdict = await security.enter(exchange, { method: "GET", pattern: "/", rule });
      if (verdict.kind === "respond") return `${verdict.status}`;
      return exchange.principal.kind;
    };
    expect(await ask("Cookie", cookie)).toBe("user");
    await redis.kill();
    expect(await ask("Cookie", cookie)).toBe("503");
    expect(await ask("Cookie", `__Host-session=${"A".repeat(43)}`)).toBe("503");
    expect(await ask()).toBe("anonymous");
    expect(records).toMatchObject([
      { event: "sys_control_failed", control: "authenticate", severity: "critical" },
      { event: "sys_control_failed", control: "authenticate", severity: "critical" },
    ]);
    for (const record of records) expect(JSON.stringify(record)).not.toContain(cookie.split("=")[1]);
    const late = sketchExchange({ method: "POST", nowMs: Date.now() });
    await expect(
      session.establish(late, [sketchProof({ userId: "ada" })], { userId: "ada", tenantId: "acme", roles: [] }),
    ).rejects.toThrow();
    expect(late.responseHeaders).toBeUndefined();
    client.destroy();
  });
});

describe("sessions in a store that is there by halves", () => {
  const user = { userId: "ada", tenantId: "acme", roles: [] };
  const rule = routeRule(publicAccess("a page for everybody"));

  /** Signs somebody in, and asks as him, at a time after the sign-in. */
  async function ground(store: SessionStore) {
    const session = sessions({ store });
    const security = glacis({
      ...bareLayers(),
      controlTimeoutMs: 300,
      authenticate: session.authenticate,
      audit: () => undefined,
    });
    const signIn = sketchExchange({ method: "POST", nowMs: Date.now() - 300_000 });
    await session.establish(signIn, [sketchProof({ userId: "ada", provedAtMs: signIn.receivedAtMs })], user);
    const cookie = signIn.responseHeaders?.[0]?.[1].split(";")[0] as string;
    const ask = async (): Promise<string> => {
      const exchange = security.begin({
        ...signIn.wire,
        method: "GET",
        rawHeaders: ["Host", "app.example.com", "Cookie", cookie],
      });
      const verdict = await security.enter(exchange, { method: "GET", pattern: "/", rule });
      return verdict.kind === "respond" ? `${verdict.status}` : exchange.principal.kind;
    };
    return { session, ask };
  }

  it("are refused while it hangs, and there again when it answers", async (test) => {
    const own = await ownRedis("session-hanging");
    if (own === undefined) return test.skip();
    const client = await createClient({ url: own.url }).connect();
    try {
      const { ask } = await ground(redisSessions({ client }));
      own.freeze();
      expect(await ask()).toBe("503");
      own.thaw();
      expect(await ask()).toBe("user");
    } finally {
      client.destroy();
      await own.discard();
    }
  });

  it("are refused once a replica takes no uses, and are not said to be ended where they are not", async (test) => {
    const own = await ownRedis("session-replica");
    if (own === undefined) return test.skip();
    const client = await createClient({ url: own.url }).connect();
    try {
      const { session, ask } = await ground(redisSessions({ client }));
      await client.sendCommand(["REPLICAOF", "127.0.0.1", "1"]);
      expect(await ask()).toBe("user");
      await expect(session.flush()).rejects.toThrow("READONLY");
      expect(await ask()).toBe("503");
      await expect(session.revoke("ada", { reason: "compromise" })).rejects.toThrow("READONLY");
      await client.sendCommand(["REPLICAOF", "NO", "ONE"]);
      await client.sendCommand(["SCRIPT", "FLUSH"]);
      expect(await ask()).toBe("user");
      expect(await session.revoke("ada", { reason: "compromise" })).toBe(1);
      expect(await ask()).toBe("anonymous");
    } finally {
      client.destroy();
      await own.discard();
    }
  });

  it("are refused while Postgres lets nobody in, and there again with it", async (test) => {
    const database = await testDatabase("session_outage");
    if (database === undefined) return test.skip();
    const name = new URL(database.url).pathname.slice(1);
    const admin = new pg.Client({
      connectionString: Object.assign(new URL(database.url), { pathname: "/postgres" }).href,
    });
    await admin.connect();
    const setAllowed = (allowed: boolean) => admin.query(`alter database ${name} allow_connections ${allowed}`);
    try {
      await database.pool.query(SESSION_MIGRATION);
      const { ask } = await ground(postgresSessions(database.pool));
      expect(await ask()).toBe("user");
      await setAllowed(false);
      await admin.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [name]);
      expect(await ask()).toBe("503");
      await setAllowed(true);
      expect(await ask()).toBe("user");
    } finally {
      await admin.end();
      await database.drop();
    }
  });
});

describe("sessions in a Redis cluster", () => {
  it("ask for each session where it is", async (test) => {
    const own = await ownRedis("session-cluster", ["--cluster-enabled", "yes"]);
    if (own === undefined) return test.skip();
    const admin = await createClient({ url: own.url }).connect();
    const cluster = createCluster({ rootNodes: [{ url: own.url }] });
    try {
      await admin.sendCommand(["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
      await expect
        .poll(() => admin.sendCommand(["CLUSTER", "INFO"]), { timeout: 10_000 })
        .toContain("cluster_state:ok");
      await cluster.connect();
      const session = sessions({ store: redisSessions({ client: cluster }) });
      const user = { userId: "ada", tenantId: "acme", roles: [] };
      const cookies: string[] = [];
      for (let index = 0; index < 5; index += 1) {
        const request = sketchExchange({ method: "POST", nowMs: Date.now() });
        await session.establish(request, [sketchProof({ userId: "ada" })], user);
        cookies.push(request.responseHeaders?.[0]?.[1].split(";")[0] as string);
      }
      const who = async (cookie: string): Promise<string> => {
        const sketch = sketchExchange({ headers: { cookie }, nowMs: Date.now() });
        return (await session.authenticate(sketch)).principal.kind;
      };
      expect(await Promise.all(cookies.map(who))).toEqual(cookies.map(() => "user"));
      expect(await session.list("ada")).toHaveLength(5);
      expect(await session.revoke("ada", { reason: "compromise" })).toBe(5);
      expect(await Promise.all(cookies.map(who))).toEqual(cookies.map(() => "anonymous"));
    } finally {
      cluster.destroy();
      admin.destroy();
      await own.discard();
    }
  });
});
