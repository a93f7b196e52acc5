/** One suite over every store, on real servers, by a clock that the suite holds. */
import { PGlite } from "@electric-sql/pglite";
import fc from "fast-check";
import { Redis } from "ioredis";
import { randomBytes } from "node:crypto";
import { afterAll, describe, expect, it } from "vitest";
import { testDatabase, testRedis } from "../../../../test/support/services.ts";
import type { AttemptCounter } from "./sign-in-throttle-counter.ts";
import { postgresSignInThrottle, SIGN_IN_THROTTLE_MIGRATION } from "./sign-in-throttle-postgres.ts";
import { redisSignInThrottle } from "./sign-in-throttle-redis.ts";
import { memorySignInThrottle, type SignInThrottleStore } from "./sign-in-throttle-store.ts";

const START = Date.parse("2026-11-26T12:00:00Z");
let nowMs = START;
const now = (): number => nowMs;

const database = await testDatabase("sign_in_throttle");
const pglite = new PGlite();
const redis = await testRedis("sign-in-throttle");
const io = redis && new Redis(redis.url, { maxRetriesPerRequest: 1 });
await pglite.exec(SIGN_IN_THROTTLE_MIGRATION);
await database?.pool.query(SIGN_IN_THROTTLE_MIGRATION);
await database?.pool.query(SIGN_IN_THROTTLE_MIGRATION);
afterAll(async () => {
  io?.disconnect();
  await pglite.close();
  await database?.drop();
  await redis?.drop();
});

const stores: readonly (readonly [string, SignInThrottleStore])[] = [
  ["memory", memorySignInThrottle({ now })],
  ["PGlite", postgresSignInThrottle({ database: pglite, now })],
  ...(database === undefined ? [] : [["Postgres", postgresSignInThrottle({ database: database.pool, now })] as const]),
  ...(redis === undefined || io === undefined
    ? []
    : [
        ["node-redis", redisSignInThrottle({ client: redis.client, prefix: `${redis.prefix}n:`, now })] as const,
        ["ioredis", redisSignInThrottle({ client: io, prefix: `${redis.prefix}i:`, now })] as const,
      ]),
];

const SECOND = 1000;
const DAY = 86_400 * SECOND;
const newKey = (): string => randomBytes(16).toString("base64url");

function progressive(key: string, more: Partial<AttemptCounter> = {}): AttemptCounter {
  const waits = { limit: 5, firstWaitMs: 30 * SECOND, longestWaitMs: 3600 * SECOND };
  return { key, ...waits, forgetMs: DAY, forgetAfter: "failure", cap: 0, ...more };
}

function windowed(key: string, limit: number, windowMs: number): AttemptCounter {
  return {
    key,
    limit,
    firstWaitMs: windowMs,
    longestWaitMs: windowMs,
    forgetMs: windowMs,
    forgetAfter: "start",
    cap: 0,
  };
}

const kindsOf = (attempts: readonly { readonly kind: string }[]): number =>
  attempts.filter(({ kind }) => kind === "counted").length;

describe.each(stores)("sign-in attempts in %s", (_, store) => {
  it("never begin more often than the limit, of a thousand at once", async () => {
    const counters = [progressive(newKey()), windowed(newKey(), 30, 900 * SECOND)];
    expect(kindsOf(await Promise.all(Array.from({ length: 1000 }, async () => store.attempt(counters))))).toBe(5);
  });

  it("never count twice under keys that overlap in another order, nor wait for one another", async () => {
    const [a, b, c] = [progressive(newKey()), progressive(newKey()), progressive(newKey(), { limit: 8 })];
    const lists = [
      [a, b, c],
      [c, b, a],
      [b, c],
      [c, a],
    ];
    const attempts = await Promise.all(
      Array.from({ length: 200 }, async (__, index) => store.attempt(lists[index % 4]!)),
    );
    expect(kindsOf(attempts)).toBeLessThanOrEqual(8);
    const [one, two, three] = await store.read([a.key, b.key, c.key]);
    expect(one?.failures).toBeLessThanOrEqual(5);
    expect(two?.failures).toBeLessThanOrEqual(5);
    expect(three?.failures).toBe(kindsOf(attempts));
  });

  it("wait longer after each failure, up to the longest wait, and a refused attempt changes nothing", async () => {
    const counter = progressive(newKey());
    for (let count = 0; count < 5; count += 1)
      expect(await store.attempt([counter])).toMatchObject({ kind: "counted" });
    for (const seconds of [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]) {
      const refused = { kind: "refused", counter: 0, waitMs: seconds * SECOND };
      expect(await store.attempt([counter])).toEqual(refused);
      expect(await store.attempt([counter])).toEqual(refused);
      nowMs += seconds * SECOND - 1;
      expect(await store.attempt([counter])).toEqual({ ...refused, waitMs: 1 });
      nowMs += 1;
      expect(await store.attempt([counter])).toMatchObject({ kind: "counted" });
    }
    nowMs += DAY;
    expect(await store.read([counter.key])).toEqual([undefined]);
    expect(kindsOf(await Promise.all(Array.from({ length: 9 }, async () => store.attempt([counter]))))).toBe(5);
  });

  it("count under no key when one of them refuses, and name the one with the longest wait", async () => {
    const [free, short, long] = [
      progressive(newKey()),
      progressive(newKey(), { limit: 1 }),
      windowed(newKey(), 1, DAY),
    ];
    await store.attempt([short]);
    await store.attempt([long]);
    expect(await store.attempt([free, short, long])).toEqual({ kind: "refused", counter: 2, waitMs: DAY });
    expect(await store.read([free.key])).toEqual([undefined]);
    expect(await store.attempt([free])).toMatchObject({ kind: "counted" });
  });

  it("end at the cap for ever, whatever the wait, until the counter is reset", async () => {
    const capped = progressive(newKey(), { limit: 3, firstWaitMs: 0, longestWaitMs: 0, cap: 3 });
    for (let count = 0; count < 3; count += 1) expect(await store.attempt([capped])).toMatchObject({ kind: "counted" });
    nowMs += 3000 * DAY;
    const waiting = progressive(newKey(), { limit: 1, firstWaitMs: DAY, longestWaitMs: DAY });
    await store.attempt([waiting]);
    expect(await store.attempt([waiting, capped])).toEqual({ kind: "refused", counter: 1, waitMs: -1 });
    expect(await store.attempt([{ ...capped, cap: 4 }])).toMatchObject({ kind: "counted" });
    await store.settle([{ key: capped.key }]);
    expect(await store.attempt([capped])).toMatchObject({ kind: "counted" });
  });

  it("are given back one by one, and never out of a count that began since", async () => {
    const counter = windowed(newKey(), 2, 60 * SECOND);
    const first = await store.attempt([counter]);
    await store.attempt([counter]);
    expect(await store.attempt([counter])).toMatchObject({ kind: "refused" });
    const untilMs = first.kind === "counted" ? first.untilMs[0]! : 0;
    await store.settle([{ key: counter.key, untilMs }]);
    expect(await store.attempt([counter])).toMatchObject({ kind: "counted" });
    nowMs += 60 * SECOND;
    await store.attempt([counter]);
    await store.attempt([counter]);
    await store.settle([{ key: counter.key, untilMs }]);
    expect(await store.attempt([counter])).toMatchObject({ kind: "refused" });
  });

  it("are all given back when all succeed at once", async () => {
    const counters = [windowed(newKey(), 100, 60 * SECOND), windowed(newKey(), 100, 60 * SECOND)];
    const attempts = await Promise.all(Array.from({ length: 64 }, async () => store.attempt(counters)));
    await Promise.all(
      attempts.map(async (attempt, index) => {
        if (attempt.kind === "refused") throw new Error("refused");
        const given = counters.map(({ key }, at) => ({ key, untilMs: attempt.untilMs[at]! }));
        await store.settle(index % 2 === 0 ? given : given.toReversed());
      }),
    );
    expect(await store.read(counters.map(({ key }) => key))).toEqual([undefined, undefined]);
  });

  it("begin, succeed and are forgotten side by side without waiting for one another", async () => {
    const counters = Array.from({ length: 5 }, () => windowed(newKey(), 1000, 60 * SECOND));
    const work = Array.from({ length: 300 }, async (__, index) => {
      const some = index % 2 === 0 ? counters : counters.toReversed();
      const attempt = await store.attempt(some);
      if (attempt.kind === "refused") throw new Error("refused");
      if (index % 50 === 0) return store.settle(some.slice(0, 2).map(({ key }) => ({ key })));
      return store.settle(some.map(({ key }, at) => ({ key, untilMs: attempt.untilMs[at]! })));
    });
    await expect(Promise.all(work)).resolves.toHaveLength(300);
  });

  it("keep what is marked, exactly", async () => {
    const key = newKey();
    await store.mark(key, { failures: 1, opensMs: nowMs, untilMs: nowMs + DAY });
    await store.mark(key, { failures: 2, opensMs: nowMs + 7, untilMs: nowMs + DAY });
    expect(await store.read([newKey(), key])).toEqual([
      undefined,
      { failures: 2, opensMs: nowMs + 7, untilMs: nowMs + DAY },
    ]);
  });
});

describe("the stores", () => {
  const step = fc.record({
    afterMs: fc.constantFrom(0, 1, 999, 30_000, 60_000, 3_600_000, DAY),
    keys: fc.uniqueArray(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 4 }),
    ending: fc.constantFrom("fail", "fail", "fail", "reset", "return", "late return"),
  });
  const kinds: readonly Partial<AttemptCounter>[] = [
    { limit: 3 },
    { limit: 2, firstWaitMs: 60_000, longestWaitMs: 60_000, forgetMs: 60_000, forgetAfter: "start" },
    { limit: 6, firstWaitMs: 0, longestWaitMs: 0, cap: 6 },
    { limit: 1, firstWaitMs: 1, longestWaitMs: 50_000 },
  ];

  it("answer alike, whatever is attempted, given back and reset while time goes on", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
        const names = kinds.map(newKey);
        const earlier = new Map<string, number>();
        for (const { afterMs, keys, ending } of steps) {
          nowMs += afterMs;
          const counters = keys.map((index) => progressive(names[index]!, kinds[index]));
          const answers = await Promise.all(stores.map(async ([, store]) => store.attempt(counters)));
          for (const answer of answers) expect(answer).toEqual(answers[0]);
          const [answer] = answers;
          if (ending !== "fail" && answer?.kind === "counted") {
            const settlements = counters.map(({ key }, index) => {
              const untilMs = ending === "late return" ? earlier.get(key) : answer.untilMs[index];
              return ending === "reset" || untilMs === undefined ? { key } : { key, untilMs };
            });
            await Promise.all(stores.map(async ([, store]) => store.settle(settlements)));
          }
          if (answer?.kind === "counted")
            for (const [at, { key }] of counters.entries()) earlier.set(key, answer.untilMs[at]!);
          const states = await Promise.all(stores.map(async ([, store]) => store.read(names)));
          for (const state of states) expect(state).toEqual(states[0]);
        }
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});

describe("postgresSignInThrottle", () => {
  it("deletes what has been forgotten beside the attempts", async () => {
    const [old, dead] = [newKey(), newKey()];
    const store = postgresSignInThrottle({ database: pglite, now });
    await store.mark(old, { failures: 1, opensMs: 0, untilMs: nowMs - 1 });
    await store.mark(dead, { failures: 100, opensMs: 0, untilMs: 8_640_000_000_000_000 });
    await store.attempt([progressive(newKey())]);
    const { rows } = await pglite.query("select key from glacis_sign_in_counters where key in ($1, $2)", [old, dead]);
    expect(rows).toEqual([{ key: dead }]);
  });
});

describe("memorySignInThrottle", () => {
  it("never remembers more than it may, and keeps what is under attack through a flood of invented accounts", () => {
    const store = memorySignInThrottle({ maxCounters: 1000, now });
    const attacked = progressive("attacked");
    for (let count = 0; count < 5; count += 1) void store.attempt([attacked]);
    for (let index = 0; index < 20_000; index += 1) void store.attempt([progressive(`flood ${index}`)]);
    expect(store.size).toBe(1000);
    expect(store.attempt([attacked])).toMatchObject({ kind: "refused" });
  });

  it("refuses what it cannot work with", () => {
    for (const options of [{ maxCounters: 1 }, { maxCounters: 1.5 }, { maxCounter: 100 }])
      expect(() => memorySignInThrottle(options as never)).toThrow(TypeError);
    expect(() => redisSignInThrottle({ client: {} as never })).toThrow(/node-redis or ioredis/u);
    expect(() => postgresSignInThrottle({ database: {} as never })).toThrow(/pg pool/u);
  });
});
