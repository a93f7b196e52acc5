/** The three stores against the pure model and one another, on real servers. */
import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testBouncer } from "../../../../test/support/pgbouncer.ts";
import {
  testDatabase,
  testPool,
  testRedis,
  type TestDatabase,
  type TestRedis,
} from "../../../../test/support/services.ts";
import { allowanceOf, decide, type Allowance, type Arrivals, type Tally } from "./gcra.ts";
import { memoryRateLimits } from "./rate-limit-memory.ts";
import { postgresRateLimits, rateLimitMigration } from "./rate-limit-postgres.ts";
import { redisRateLimits } from "./rate-limit-redis.ts";
import type { LimiterScope, RateLimitStore } from "./rate-limit-store.ts";
import type { Rate } from "./rate.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z") * 1000;
/** An arrival that lies ahead for longer than any test runs. */
const FUTURE_US = 9_000_000_000_000_000;

let database: TestDatabase | undefined;
let redis: TestRedis | undefined;
let unique = 0;

beforeAll(async () => {
  [database, redis] = await Promise.all([testDatabase("rate_stores"), testRedis("rate-stores")]);
  await database?.pool.query(rateLimitMigration());
});

afterAll(async () => {
  await database?.drop();
  await redis?.drop();
});

function scopeOf(...rates: readonly Rate[]): LimiterScope {
  unique += 1;
  return { name: `n${unique}`, methods: [], allowances: rates.map(allowanceOf) };
}

/** Every store that can be had, with the clock in the test's hand. */
function storesUnderTest(): [string, RateLimitStore][] {
  const stores: [string, RateLimitStore][] = [["memory", memoryRateLimits()]];
  if (redis !== undefined) {
    stores.push(["redis", redisRateLimits({ client: redis.client, prefix: redis.prefix, clock: "caller" })]);
  }
  if (database !== undefined) {
    stores.push(["postgres", postgresRateLimits({ database: database.pool, clock: "caller", prepare: false })]);
  }
  return stores;
}

interface Step {
  readonly subject: string;
  readonly moveUs: number;
  readonly cost: number;
  readonly peek: boolean;
}

function model(allowances: readonly Allowance[], trace: readonly Step[]): Tally[] {
  const known = new Map<string, Arrivals>();
  let now = NOW;
  return trace.map(({ subject, moveUs, cost, peek }) => {
    now += moveUs;
    const arrivals = known.get(subject) ?? allowances.map(() => 0);
    const { arrivals: next, allowed, usedUs } = decide(allowances, arrivals, now, peek ? 0 : cost);
    if (!peek) known.set(subject, next);
    return { allowed, usedUs };
  });
}

async function replay(store: RateLimitStore, scope: LimiterScope, trace: readonly Step[]): Promise<Tally[]> {
  const counters = store.open(scope);
  const tallies: Tally[] = [];
  let now = NOW;
  for (const { subject, moveUs, cost, peek } of trace) {
    now += moveUs;
    const { allowed, usedUs } = await (peek ? counters.peek(subject, now) : counters.consume(subject, cost, now));
    tallies.push({ allowed, usedUs: [...usedUs] });
  }
  return tallies;
}

// Redis expires a counter by its own clock, so nothing that is in use may be shorter than a run of the property: one second at least.
const slowRates = fc.uniqueArray(
  fc.record({ limit: fc.integer({ min: 1, max: 12 }), windowSeconds: fc.integer({ min: 20, max: 100_000 }) }),
  { minLength: 1, maxLength: 3, selector: ({ windowSeconds }) => windowSeconds },
);
// The clock goes on: where one goes back, stores may differ by as much as it did, because some have forgotten what had returned by then.
const moves = fc.oneof(
  { weight: 6, arbitrary: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 30_000_000 })) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 200_000_000_000 }) },
);
const trace = fc.array(
  fc.record({
    subject: fc.constantFrom("192.0.2.1", "user é", "x".repeat(500), "line\nbreak|'\"\\ \u0001"),
    moveUs: moves,
    cost: fc.integer({ min: 1, max: 4 }),
    peek: fc.boolean(),
  }),
  { minLength: 1, maxLength: 25 },
);

describe("every store", () => {
  it("forgets one subject of one limiter, whose allowance is whole again, and no other", async () => {
    for (const [name, store] of storesUnderTest()) {
      const counters = store.open(scopeOf({ limit: 2, windowSeconds: 60 }));
      for (const subject of ["a", "a", "b", "b"]) await counters.consume(subject, 1, NOW);
      await counters.forget("a");
      await counters.forget("nobody");
      expect([name, (await counters.consume("a", 2, NOW)).allowed]).toEqual([name, true]);
      expect([name, (await counters.consume("a", 1, NOW)).allowed]).toEqual([name, false]);
      expect([name, (await counters.consume("b", 1, NOW)).allowed]).toEqual([name, false]);
    }
  });

  it(
    "decides like the model, to the microsecond, whatever the rates, costs, subjects and steps of time",
    { timeout: 120_000 },
    async () => {
      const stores = storesUnderTest();
      await fc.assert(
        fc.asyncProperty(slowRates, trace, async (rates, steps) => {
          const scope = scopeOf(...rates);
          const expected = model(scope.allowances, steps);
          for (const [name, store] of stores)
            expect([name, await replay(store, scope, steps)]).toEqual([name, expected]);
        }),
        { numRuns: 80 },
      );
    },
  );

  it("locks nobody out for longer than one window when the clock steps back", async () => {
    const hourAgo = NOW - 3_600_000_000;
    const minute = { limit: 2, windowSeconds: 60 };
    for (const rates of [[minute], [minute, { limit: 4, windowSeconds: 120 }]]) {
      for (const [name, store] of storesUnderTest()) {
        const scope = scopeOf(...rates);
        const counters = store.open(scope);
        const whole = scope.allowances.map(({ burstUs }) => burstUs);
        await counters.consume("a", 2, NOW);
        expect([name, (await counters.peek("a", hourAgo)).usedUs]).toEqual([name, whole]);
        expect([name, await counters.consume("a", 1, hourAgo)]).toMatchObject([name, { allowed: false }]);
        const later = hourAgo + 121_000_000;
        expect([name, await counters.consume("a", 1, later)]).toMatchObject([name, { allowed: true }]);
      }
    }
  });

  it("keeps subjects, names, methods and rates apart, and joins what is the same", async () => {
    for (const [name, store] of storesUnderTest()) {
      const scope = scopeOf({ limit: 1, windowSeconds: 60 });
      const take = async (other: LimiterScope, subject: string): Promise<[string, boolean]> => [
        name,
        (await store.open(other).consume(subject, 1, NOW)).allowed,
      ];
      expect(await take(scope, "a")).toEqual([name, true]);
      expect(await take({ ...scope }, "a")).toEqual([name, false]);
      expect(await take(scope, "b")).toEqual([name, true]);
      expect(await take({ ...scope, methods: ["POST"] }, "a")).toEqual([name, true]);
      expect(await take({ ...scope, allowances: [allowanceOf({ limit: 2, windowSeconds: 60 })] }, "a")).toEqual([
        name,
        true,
      ]);
      expect(await take({ ...scope, name: `${scope.name}a` }, "")).toEqual([name, true]);
    }
  });
});

describe("redisRateLimits", () => {
  it("works with ioredis as with node-redis, on the same counters, also when Redis has forgotten the script", async () => {
    if (redis === undefined) return;
    const scope = scopeOf({ limit: 2, windowSeconds: 60 });
    const io = new Redis(redis.url);
    try {
      const one = redisRateLimits({ client: io, prefix: redis.prefix }).open(scope);
      const other = redisRateLimits({ client: redis.client, prefix: redis.prefix }).open(scope);
      await redis.client.scriptFlush();
      expect((await one.consume("a", 1, 0)).allowed).toBe(true);
      await redis.client.scriptFlush();
      expect((await other.consume("a", 1, 0)).allowed).toBe(true);
      expect((await one.consume("a", 1, 0)).allowed).toBe(false);
    } finally {
      io.disconnect();
    }
  });

  it("reads the server's clock and not the caller's", async () => {
    if (redis === undefined) return;
    const counters = redisRateLimits({ client: redis.client, prefix: redis.prefix }).open(
      scopeOf({ limit: 1, windowSeconds: 60 }),
    );
    expect((await counters.consume("a", 1, 0)).allowed).toBe(true);
    expect((await counters.consume("a", 1, NOW * 1.2)).allowed).toBe(false);
  });

  it("counts in less than a second of that clock", async () => {
    if (redis === undefined) return;
    const store = redisRateLimits({ client: redis.client, prefix: redis.prefix });
    const counters = store.open(scopeOf({ limit: 1, windowSeconds: 60 }));
    await counters.consume("a", 1, 0);
    const used = new Set<number | undefined>();
    for (let index = 0; index < 5; index += 1) used.add((await counters.peek("a", 0)).usedUs[0]);
    expect(used.size).toBe(5);
  });

  it("remembers a subject until the longest of its allowances is whole", async () => {
    if (redis === undefined) return;
    const prefix = `${redis.prefix}longest:`;
    const counters = redisRateLimits({ client: redis.client, prefix }).open(
      scopeOf({ limit: 1, windowSeconds: 600 }, { limit: 5, windowSeconds: 60 }),
    );
    await counters.consume("a", 1, 0);
    const [key = ""] = await redis.client.keys(`${prefix}*`);
    expect(await redis.client.pTTL(key)).toBeGreaterThan(590_000);
  });

  it("concludes nothing from a value that is no counter of these rates", async () => {
    if (redis === undefined) return;
    const prefix = `${redis.prefix}foreign:`;
    const counters = redisRateLimits({ client: redis.client, prefix }).open(scopeOf({ limit: 1, windowSeconds: 60 }));
    await counters.consume("a", 1, 0);
    const [key = ""] = await redis.client.keys(`${prefix}*`);
    for (const value of ["", "none", "1 2"]) {
      await redis.client.set(key, value);
      await expect(counters.consume("a", 1, 0)).rejects.toThrow();
    }
  });

  it("leaves keys that expire, that say nothing about the subject, and that have one length", async () => {
    if (redis === undefined) return;
    const prefix = `${redis.prefix}keys:`;
    const counters = redisRateLimits({ client: redis.client, prefix }).open(scopeOf({ limit: 5, windowSeconds: 60 }));
    const subjects = ["ada@example.com", "x".repeat(100_000), "\u0000\r\n"];
    for (const subject of subjects) await counters.consume(subject, 1, 0);
    const keys = await redis.client.keys(`${prefix}*`);
    expect(keys).toHaveLength(subjects.length);
    for (const key of keys) {
      expect(key).toMatch(new RegExp(`^${prefix}[\\w-]{43}$`, "u"));
      const left = await redis.client.pTTL(key);
      expect(left).toBeGreaterThan(10_000);
      expect(left).toBeLessThanOrEqual(12_000);
    }
  });

  it("refuses to conclude anything from an answer that is not the script's", async () => {
    for (const reply of [null, "OK", [], ["1"], [1.5], [null]]) {
      const client = { evalSha: async () => reply, eval: async () => reply };
      const counters = redisRateLimits({ client }).open(scopeOf({ limit: 5, windowSeconds: 60 }));
      await expect(counters.consume("a", 1, 0)).rejects.toThrow(/not the rate limit script's/u);
    }
  });

  it("refuses what is not a client, and unknown options", () => {
    expect(() => redisRateLimits({ client: {} as never })).toThrow(/node-redis or ioredis/u);
    expect(() => redisRateLimits({ client: {} as never, keyPrefix: "x" } as never)).toThrow(/prefix/u);
  });
});

describe("postgresRateLimits", () => {
  it("reads the server's clock and not the caller's", async () => {
    if (database === undefined) return;
    const counters = postgresRateLimits({ database: database.pool }).open(scopeOf({ limit: 1, windowSeconds: 60 }));
    expect((await counters.consume("a", 1, 0)).allowed).toBe(true);
    expect((await counters.consume("a", 1, NOW * 1.2)).allowed).toBe(false);
    expect((await counters.peek("a", 0)).usedUs[0]).toBeGreaterThan(59_000_000);
  });

  it("sweeps what is whole again, a bounded page at a time, and nothing that is in use", async () => {
    if (database === undefined) return;
    const { pool } = database;
    await pool.query(rateLimitMigration("swept"));
    await pool.query(`insert into swept select md5(n::text), '{1}', 1, true from generate_series(1, 3000) n`);
    const store = postgresRateLimits({ database: pool, table: "swept" });
    const counters = store.open(scopeOf({ limit: 1, windowSeconds: 3600 }));
    await counters.consume("in use", 1, 0);
    const deleted = [await store.sweep(), await store.sweep(), await store.sweep()];
    expect(deleted.every((count) => count <= 1024)).toBe(true);
    expect(deleted.reduce((sum, count) => sum + count, 0)).toBe(3000);
    expect((await counters.consume("in use", 1, 0)).allowed).toBe(false);
  });

  it("writes nothing for a request that costs nothing", async () => {
    if (database === undefined) return;
    const { pool } = database;
    await pool.query(rateLimitMigration("unwritten"));
    const counters = postgresRateLimits({ database: pool, table: "unwritten" }).open(
      scopeOf({ limit: 1, windowSeconds: 60 }),
    );
    expect(await counters.consume("a", 0, 0)).toEqual({ allowed: true, usedUs: [0] });
    expect((await pool.query("select from unwritten")).rowCount).toBe(0);
  });

  it("sweeps page after page, and begins again at the end", async () => {
    if (database === undefined) return;
    const { pool } = database;
    await pool.query(rateLimitMigration("pages"));
    const store = postgresRateLimits({ database: pool, table: "pages" });
    await pool.query(`insert into pages select 'b' || n, '{${FUTURE_US}}', 1, true from generate_series(1, 1100) n`);
    await pool.query("insert into pages select 'c' || n, '{1}', 1, true from generate_series(1, 5) n");
    expect([await store.sweep(), await store.sweep()]).toEqual([0, 5]);
    await pool.query("insert into pages select 'a' || n, '{1}', 1, true from generate_series(1, 7) n");
    // One that finds the end, and one from the beginning.
    expect((await store.sweep()) + (await store.sweep())).toBe(7);
  });

  it("sweeps no row of which one allowance is in use, and none that a request uses meanwhile", async () => {
    if (database === undefined) return;
    const { pool } = database;
    await pool.query(rateLimitMigration("used"));
    const store = postgresRateLimits({ database: pool, table: "used" });
    await pool.query(`insert into used values ('half', '{1,${FUTURE_US}}', 1, true), ('meanwhile', '{1}', 1, true)`);
    const request = await pool.connect();
    try {
      await request.query(`begin; update used set arrivals = '{${FUTURE_US}}' where key = 'meanwhile'`);
      const sweep = store.sweep();
      const waits = "select from pg_stat_activity where wait_event_type = 'Lock' and query like '%used as t%'";
      await expect.poll(async () => (await pool.query(waits)).rowCount).toBe(1);
      await request.query("commit");
      expect(await sweep).toBe(0);
    } finally {
      request.release();
    }
    expect((await pool.query("select from used")).rowCount).toBe(2);
  });

  it("sweeps by itself while it counts", async () => {
    if (database === undefined) return;
    const { pool } = database;
    await pool.query(rateLimitMigration("swept_beside"));
    await pool.query(`insert into swept_beside select md5(n::text), '{1}', 1, true from generate_series(1, 900) n`);
    const counters = postgresRateLimits({ database: pool, table: "swept_beside" }).open(
      scopeOf({ limit: 9999, windowSeconds: 3600 }),
    );
    for (let index = 0; index < 600; index += 1) await counters.consume("a", 1, 0);
    await expect
      .poll(async () => Number((await pool.query("select count(*) from swept_beside")).rows[0].count))
      .toBe(1);
  });

  it("works without prepared statements, and with a schema before the table", async () => {
    if (database === undefined) return;
    const { pool } = database;
    await pool.query("create schema limits");
    await pool.query(rateLimitMigration("limits.counters"));
    const store = postgresRateLimits({ database: pool, table: "limits.counters", prepare: false });
    const counters = store.open(scopeOf({ limit: 1, windowSeconds: 60 }, { limit: 3, windowSeconds: 600 }));
    expect((await counters.consume("a", 1, 0)).allowed).toBe(true);
    expect((await counters.consume("a", 1, 0)).allowed).toBe(false);
  });

  it("counts on behind a pooler that keeps no names", async (test) => {
    if (database === undefined) return;
    const bouncer = await testBouncer(database.url, 3);
    if (bouncer === undefined) return test.skip();
    await database.pool.query(rateLimitMigration("pooled"));
    const pools = Array.from({ length: 4 }, () => testPool({ connectionString: bouncer.url, max: 5 }));
    const scope = scopeOf({ limit: 30, windowSeconds: 3600 });
    const counters = pools.map((pool) => postgresRateLimits({ database: pool, table: "pooled" }).open(scope));
    try {
      const asked = Array.from({ length: 100 }, async (_, index) => counters[index % 4]?.consume("a", 1, 0));
      const tallies = await Promise.all(asked);
      expect(tallies.filter((tally) => tally?.allowed)).toHaveLength(30);
    } finally {
      await Promise.all(pools.map((pool) => pool.end()));
      await bouncer.stop();
    }
  });

  it.each(["", "a b", 'x"; drop table y', "A", "a.b.c", "1a", "a".repeat(60)])("refuses the table name %j", (table) => {
    expect(() => rateLimitMigration(table)).toThrow(/must be plain/u);
    expect(() => postgresRateLimits({ database: { query: async () => ({ rows: [] }) }, table })).toThrow(
      /must be plain/u,
    );
  });

  it("refuses to conclude anything from a row that is not a counter", async () => {
    for (const row of [
      undefined,
      {},
      { allowed: "t", used1: "1" },
      { allowed: true, used1: null },
      { allowed: true, used1: "x" },
    ]) {
      const odd = { query: async () => ({ rows: row === undefined ? [] : [row] }) };
      const counters = postgresRateLimits({ database: odd }).open(scopeOf({ limit: 5, windowSeconds: 60 }));
      await expect(counters.consume("a", 1, 0)).rejects.toThrow(/Postgres gave/u);
    }
  });
});
