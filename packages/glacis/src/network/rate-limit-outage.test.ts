/** A shared store that goes away, hangs, lies, and comes back. */
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { createClient, createCluster } from "redis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ownRedis, testDatabase, testPool, type OwnRedis } from "../../../../test/support/services.ts";
import type { Decision } from "../core/decision.ts";
import type { AuditEvent } from "../core/event.ts";
import type { RequestFacts } from "../core/facts.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { allowanceOf, type Tally } from "./gcra.ts";
import { dangerouslyAllowWhenStoreIsDown } from "./rate-limit-guard.ts";
import { postgresRateLimits, rateLimitMigration } from "./rate-limit-postgres.ts";
import { redisRateLimits } from "./rate-limit-redis.ts";
import type { RateLimitStore } from "./rate-limit-store.ts";
import { rateLimit, type ClientRateLimitOptions, type RateLimit } from "./rate-limit.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
/** The guard's bound, and what a busy machine adds to it. */
const BOUND_MS = 250 + 400;

let redis: OwnRedis | undefined;
let client: ReturnType<typeof connect> | undefined;
const unhandled: unknown[] = [];
const keep = (reason: unknown): void => void unhandled.push(reason);

function connect(url: string) {
  const made = createClient({ url, socket: { reconnectStrategy: () => 50 } });
  made.on("error", () => undefined);
  return made;
}

beforeAll(async () => {
  process.on("unhandledRejection", keep);
  redis = await ownRedis("rate-limit-outage");
  if (redis !== undefined) client = await connect(redis.url).connect();
});

afterAll(async () => {
  process.off("unhandledRejection", keep);
  client?.destroy();
  redis?.thaw();
  await redis?.discard();
});

function limit(store: RateLimitStore, more: Partial<ClientRateLimitOptions> = {}): RateLimit<RequestFacts> {
  return rateLimit({ name: "outage", rates: "40/h", by: "client", store, ...more });
}

interface Timed {
  readonly decision: Decision;
  readonly tookMs: number;
}

async function ask(control: RateLimit<RequestFacts>, address = "192.0.2.1"): Promise<Timed> {
  const start = performance.now();
  const decision = await control.decide(sketchExchange({ nowMs: NOW, client: address }));
  return { decision, tookMs: performance.now() - start };
}

const storeEvents = (timed: readonly Timed[]): string[] =>
  timed
    .flatMap(({ decision }): readonly AuditEvent[] => decision.events)
    .filter(({ event }) => event.startsWith("sys_rate_limit_store"))
    .map(({ event }) => event);

/** Asks on until something is told of the store. */
async function eventsUntilBack(control: RateLimit<RequestFacts>): Promise<string[]> {
  for (const deadline = performance.now() + 10_000; performance.now() < deadline; await delay(100)) {
    const told = storeEvents([await ask(control)]);
    if (told.length > 0) return told;
  }
  return [];
}

/** A store whose answer the test decides. */
function storeThat(answer: () => Promise<Tally>): RateLimitStore {
  return { kind: "custom", shared: true, open: () => ({ consume: answer, peek: answer, forget: () => undefined }) };
}

describe("a store that is killed", () => {
  it("is replaced by a quarter of the limit in this process, with one event when it goes and one when it is back", async () => {
    if (redis === undefined || client === undefined) return;
    const control = limit(redisRateLimits({ client, prefix: "killed:" }));
    const before = [await ask(control), await ask(control)];
    expect(before.map(({ decision }) => decision.kind)).toEqual(["allow", "allow"]);

    await redis.kill();
    const during: Timed[] = [];
    for (let index = 0; index < 60; index += 1) during.push(await ask(control));
    expect(during.filter(({ decision }) => decision.kind === "allow")).toHaveLength(10);
    expect(during.at(-1)?.decision).toMatchObject({ kind: "deny", reason: "rate_limited", members: { limit: 10 } });
    expect(Math.max(...during.map(({ tookMs }) => tookMs))).toBeLessThan(BOUND_MS);
    // Only the first may have waited; the others find the circuit open.
    expect(during.slice(1).reduce((sum, { tookMs }) => sum + tookMs, 0)).toBeLessThan(BOUND_MS);
    expect(storeEvents(during)).toEqual(["sys_rate_limit_store_down"]);

    await redis.start();
    expect(await eventsUntilBack(control)).toEqual(["sys_rate_limit_store_up"]);
    expect((await ask(control)).decision.kind).toBe("allow");
  });

  it("that hangs without closing its connections is waited for once, 250 ms, by whoever was first", async () => {
    if (redis === undefined || client === undefined) return;
    const control = limit(redisRateLimits({ client, prefix: "frozen:" }), { whenStoreDown: "refuse" });
    expect((await ask(control)).decision.kind).toBe("allow");
    redis.freeze();
    try {
      const together = await Promise.all(Array.from({ length: 50 }, () => ask(control)));
      expect(Math.max(...together.map(({ tookMs }) => tookMs))).toBeLessThan(BOUND_MS);
      expect(Math.min(...together.map(({ tookMs }) => tookMs))).toBeGreaterThan(200);
      expect(together.every(({ decision }) => decision.kind === "deny" && decision.reason === "control_failed")).toBe(
        true,
      );
      expect(storeEvents(together)).toEqual(["sys_rate_limit_store_down"]);
      const later = await ask(control);
      expect(later.tookMs).toBeLessThan(50);
      expect(later.decision).toMatchObject({
        kind: "deny",
        reason: "control_failed",
        headers: [["retry-after", "1"]],
        events: [{ event: "sys_rate_limit_uncounted" }],
      });
    } finally {
      redis.thaw();
    }
  });

  it("has left no promise behind that nobody handles", async () => {
    await delay(50);
    expect(unhandled).toEqual([]);
  });
});

describe("a store that can be read and not written", () => {
  it("as after a failover to a replica, stays away until it takes a count again: one event, and nobody asks in vain", async () => {
    const own = await ownRedis("rate-limit-replica");
    if (own === undefined) return;
    const replica = await connect(own.url).connect();
    try {
      const control = limit(redisRateLimits({ client: replica }));
      expect((await ask(control)).decision.kind).toBe("allow");
      await replica.sendCommand(["REPLICAOF", "127.0.0.1", "1"]);
      const during: Timed[] = [];
      for (let index = 0; index < 8; index += 1) {
        // Who only asks where somebody stands is answered by a replica, too.
        await control.usage(sketchExchange({ nowMs: NOW, client: "192.0.2.1" }));
        during.push(await ask(control));
        await delay(350);
      }
      expect(storeEvents(during)).toEqual(["sys_rate_limit_store_down"]);

      await replica.sendCommand(["REPLICAOF", "NO", "ONE"]);
      expect(await eventsUntilBack(control)).toEqual(["sys_rate_limit_store_up"]);
    } finally {
      replica.destroy();
      await own.discard();
    }
  });
});

describe("a Postgres that others hold up", () => {
  it("is waited for once, and a connection that is cut meanwhile is no more than that", async () => {
    const database = await testDatabase("rate_outage");
    if (database === undefined) return;
    const { pool, url } = database;
    const limits = testPool({ connectionString: url, application_name: "limits" });
    await pool.query(rateLimitMigration());
    const [holder, other] = [await pool.connect(), await pool.connect()];
    try {
      const control = limit(postgresRateLimits({ database: limits }));
      const held = async (meanwhile: () => Promise<unknown>): Promise<readonly Timed[]> => {
        await holder.query("begin; lock table glacis_rate_limits in access exclusive mode");
        const together = Array.from({ length: 5 }, () => ask(control));
        await delay(50);
        await meanwhile();
        const timed = [...(await Promise.all(together)), await ask(control)];
        await holder.query("commit");
        return timed;
      };
      const cut = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'limits'";
      for (const meanwhile of [async () => undefined, () => other.query(cut)]) {
        expect((await ask(control)).decision.kind).toBe("allow");
        const during = await held(meanwhile);
        expect(Math.max(...during.map(({ tookMs }) => tookMs))).toBeLessThan(BOUND_MS);
        expect(during.at(-1)?.tookMs).toBeLessThan(50);
        expect(storeEvents(during)).toEqual(["sys_rate_limit_store_down"]);
        expect(await eventsUntilBack(control)).toEqual(["sys_rate_limit_store_up"]);
      }
    } finally {
      holder.release();
      other.release();
      await limits.end();
      await database.drop();
    }
  });
});

describe("whenStoreDown", () => {
  const away = (): Promise<Tally> => Promise.reject(new Error("connection refused to 10.0.0.7"));

  it("counts locally by default, and never tells a client about the store", async () => {
    const control = limit(storeThat(away), { rates: ["4/m", "400/d"] });
    const timed = [await ask(control), await ask(control)];
    expect(timed.map(({ decision }) => decision.kind)).toEqual(["allow", "deny"]);
    const [, { decision } = { decision: undefined }] = timed;
    expect(decision).toMatchObject({ reason: "rate_limited", members: { limit: 1, remaining: 0 } });
    expect(JSON.stringify({ ...decision, events: [] })).not.toContain("10.0.0.7");
    expect(timed[0]?.decision.events).toMatchObject([
      { event: "sys_rate_limit_store_down", error: expect.stringContaining("10.0.0.7") },
    ]);
  });

  it("keeps at least one request of the smallest limit, so that nobody is shut out", async () => {
    const control = limit(storeThat(away), { rates: "1/m" });
    expect([(await ask(control)).decision.kind, (await ask(control)).decision.kind]).toEqual(["allow", "deny"]);
  });

  it("lets everything pass only under the name that says so", async () => {
    const control = limit(storeThat(away), { rates: "1/m", whenStoreDown: dangerouslyAllowWhenStoreIsDown });
    for (let index = 0; index < 5; index += 1) expect((await ask(control)).decision.kind).toBe("allow");
    await expect(control.usage(sketchExchange())).rejects.toThrow(/does not answer/u);
  });

  it("treats a store that throws at once, or answers nonsense, as one that is away", async () => {
    const throws = limit(
      storeThat(() => {
        throw new Error("not a promise");
      }),
      { whenStoreDown: "refuse" },
    );
    expect((await ask(throws)).decision).toMatchObject({ kind: "deny", reason: "control_failed" });
    const liar = { evalSha: async () => "OK", eval: async () => "OK" };
    const lies = limit(redisRateLimits({ client: liar }), { whenStoreDown: "refuse" });
    expect((await ask(lies)).decision).toMatchObject({ kind: "deny", reason: "control_failed" });
  });

  it("does not let a late answer reopen what is closed: only a fresh question counts", async () => {
    let release: (tally: Tally) => void = () => undefined;
    let calls = 0;
    const control = limit(
      storeThat(() => {
        calls += 1;
        if (calls === 1) return new Promise((resolve) => (release = resolve));
        return Promise.reject(new Error("away"));
      }),
      { whenStoreDown: "refuse" },
    );
    const slow = ask(control);
    expect((await ask(control)).decision.kind).toBe("deny");
    release({ allowed: true, usedUs: [1] });
    expect((await slow).decision.kind).toBe("allow");
    expect((await ask(control)).tookMs).toBeLessThan(50);
    expect((await ask(control)).decision.kind).toBe("deny");
    expect(calls).toBe(2);
  });

  it("is asked whether it is back by one request a second, never by two at once, and not by who only looks", async () => {
    const room: Tally = { allowed: true, usedUs: [1] };
    let calls = 0;
    let isBack = false;
    let release: (tally: Tally) => void = () => undefined;
    const control = limit(
      storeThat(() => {
        calls += 1;
        if (calls === 1) return away();
        return isBack ? Promise.resolve(room) : new Promise((resolve) => (release = resolve));
      }),
    );
    const askOften = async (): Promise<readonly Timed[]> => Promise.all(Array.from({ length: 10 }, () => ask(control)));
    await ask(control);
    await askOften();
    expect(calls).toBe(1);
    await delay(1050);
    await control.usage(sketchExchange({ nowMs: NOW, client: "192.0.2.1" }));
    expect(calls).toBe(1);
    await askOften();
    expect(calls).toBe(2);
    // Its answer comes, and comes too late.
    await delay(300);
    release(room);
    expect(storeEvents(await askOften())).toEqual([]);
    isBack = true;
    await delay(1050);
    await ask(control);
    expect(storeEvents([await ask(control)])).toEqual(["sys_rate_limit_store_up"]);
  });

  it("shares the state of a store between its limiters: one event, one wait", async () => {
    const store = storeThat(away);
    const [one, other] = [limit(store), limit(store, { name: "other" })];
    const timed = [await ask(one), await ask(other), await ask(one)];
    expect(storeEvents(timed)).toEqual(["sys_rate_limit_store_down"]);
  });

  it("passes in a dry run", async () => {
    expect((await ask(limit(storeThat(away), { dryRun: true, whenStoreDown: "refuse" }))).decision.kind).toBe("allow");
  });
});

describe("a Redis cluster", () => {
  it("takes a decision over several rates as it stands, because everything is under one key", async () => {
    const own = await ownRedis("rate-limit-cluster", ["--cluster-enabled", "yes"]);
    if (own === undefined) return;
    const admin = await createClient({ url: own.url }).connect();
    const cluster = createCluster({ rootNodes: [{ url: own.url }] });
    try {
      await admin.sendCommand(["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
      const state = { timeout: 10_000 };
      await expect.poll(() => admin.sendCommand(["CLUSTER", "INFO"]), state).toContain("cluster_state:ok");
      await cluster.connect();
      const counters = redisRateLimits({ client: cluster }).open({
        name: "x",
        methods: [],
        allowances: [allowanceOf({ limit: 2, windowSeconds: 60 }), allowanceOf({ limit: 3, windowSeconds: 600 })],
      });
      for (let subject = 0; subject < 20; subject += 1) {
        const outcomes = [1, 2, 3].map(async () => (await counters.consume(`${subject}`, 1, 0)).allowed);
        expect(await Promise.all(outcomes)).toEqual([true, true, false]);
      }
    } finally {
      cluster.destroy();
      admin.destroy();
      await own.discard();
    }
  });
});
