import { PGlite } from "@electric-sql/pglite";
import { Redis } from "ioredis";
import { afterAll, describe, expect, it } from "vitest";
import { testDatabase, testRedis } from "../../../../test/support/services.ts";
import { keyRing, newKey } from "./key-ring.ts";
import { signer } from "./signed-value.ts";
import { postgresSingleUse, SINGLE_USE_MIGRATION } from "./single-use-postgres.ts";
import { redisSingleUse } from "./single-use-redis.ts";
import { memorySingleUse, singleUse, type SingleUseStore } from "./single-use.ts";

const keys = keyRing(newKey("k1"));
const QUARTER = { expiresInSeconds: 900 };
const redis = await testRedis("single-use");
const postgres = await testDatabase("single_use");
const pglite = new PGlite();
const io = redis && new Redis(redis.url, { maxRetriesPerRequest: 1 });
await pglite.exec(SINGLE_USE_MIGRATION);
await postgres?.pool.query(SINGLE_USE_MIGRATION);
afterAll(async () => {
  await pglite.close();
  io?.disconnect();
  await redis?.drop();
  await postgres?.drop();
});

const STORES: readonly (readonly [string, SingleUseStore])[] = [
  ["memory", memorySingleUse()],
  ["PGlite", postgresSingleUse({ database: pglite })],
  ...(postgres === undefined ? [] : [["Postgres", postgresSingleUse({ database: postgres.pool })] as const]),
  ...(redis === undefined || io === undefined
    ? []
    : [
        ["node-redis", redisSingleUse({ client: redis.client, prefix: redis.prefix })] as const,
        ["ioredis", redisSingleUse({ client: io, prefix: `${redis.prefix}io:` })] as const,
      ]),
];

describe.each(STORES)("singleUse over %s", (_, store) => {
  const resets = singleUse({ keys, purpose: "password-reset", store });

  it("gives the payload to one of 64 who redeem at once, and to nobody afterwards", async () => {
    const text = resets.sign("user-1", { ...QUARTER, context: "v7" });
    const redeemed = await Promise.all(Array.from({ length: 64 }, () => resets.redeem(text, { context: "v7" })));
    expect(redeemed.filter((payload) => payload === "user-1")).toHaveLength(1);
    expect(redeemed.filter((payload) => payload === undefined)).toHaveLength(63);
    expect(await resets.redeem(text, { context: "v7" })).toBeUndefined();
  });

  it("gives it once although the store's clock is ten minutes ahead of ours", async () => {
    const behind = singleUse({ keys, purpose: "password-reset", store, now: () => Date.now() - 600_000 });
    const text = behind.sign("user-1", { expiresInSeconds: 300 });
    expect([await behind.redeem(text), await behind.redeem(text)]).toEqual(["user-1", undefined]);
  });

  it("does not use a value up that is refused for another reason", async () => {
    const text = resets.sign("", { ...QUARTER, context: "v7" });
    expect(await resets.redeem(text, { context: "v8" })).toBeUndefined();
    expect(await resets.redeem(`${text}x`, { context: "v7" })).toBeUndefined();
    expect(await resets.redeem(text, { context: "v7" })).toBe("");
  });

  it("keeps values apart that carry the same payload", async () => {
    const [one, two] = [resets.sign("same", QUARTER), resets.sign("same", QUARTER)];
    expect(one).not.toBe(two);
    expect(await Promise.all([resets.redeem(one), resets.redeem(two)])).toEqual(["same", "same"]);
  });
});

describe("singleUse", () => {
  it("refuses what was not signed to be used once, and hostile input, without asking the store", async () => {
    const store: SingleUseStore = { take: () => Promise.reject(new Error("asked")) };
    const resets = singleUse({ keys, purpose: "password-reset", store });
    const reusable = signer({ keys, purpose: "password-reset" });
    expect(reusable.verify(resets.sign("user-1", QUARTER))).toBeUndefined();
    for (const text of [
      reusable.sign("long enough for a nonce and more", QUARTER),
      "",
      null,
      undefined,
      7,
      {},
      ["x"],
      "\0",
      "\ud800",
      "v1.".repeat(10_000),
    ])
      expect(await resets.redeem(text)).toBeUndefined();
    for (const context of [7, null, {}, ["a", 1], "\ud800"])
      expect(await resets.redeem(resets.sign("user-1", QUARTER), { context: context as string })).toBeUndefined();
    const other = singleUse({ keys, purpose: "invitation", store }).sign("user-1", QUARTER);
    expect(await resets.redeem(other)).toBeUndefined();
  });

  it("refuses when the store does not answer", async () => {
    const store: SingleUseStore = { take: () => Promise.reject(new Error("down")) };
    const resets = singleUse({ keys, purpose: "password-reset", store });
    await expect(resets.redeem(resets.sign("user-1", QUARTER))).rejects.toThrow("down");
  });

  it("asks the store to remember for as long as a slow clock would accept the value", async () => {
    const taken: number[] = [];
    const store: SingleUseStore = { take: async (_id, untilMs) => taken.push(untilMs) > 0 };
    const now = (): number => 1_000_000;
    const resets = singleUse({ keys, purpose: "password-reset", store, clockSkewSeconds: 60, now });
    await resets.redeem(resets.sign("user-1", QUARTER));
    expect(taken).toEqual([1_960_000]);
  });

  it("refuses what it cannot work with", () => {
    expect(() => singleUse({ keys, purpose: "x" } as never)).toThrow(/needs store/u);
    expect(() => redisSingleUse({ client: {} as never })).toThrow(/node-redis or ioredis/u);
    expect(() => postgresSingleUse({ database: pglite, tabel: "x" } as never)).toThrow(/Did you mean "table"/u);
  });
});

describe("postgresSingleUse", () => {
  it("forgets what expired more than an hour ago, once a minute", async () => {
    await pglite.exec("delete from glacis_used");
    let nowMs = 10_000_000;
    const store = postgresSingleUse({ database: pglite, now: () => nowMs });
    await store.take("old", nowMs + 1000);
    nowMs += 3_700_000;
    await store.take("new", nowMs + 1000);
    const { rows } = await pglite.query("select id from glacis_used");
    expect(rows).toEqual([{ id: "new" }]);
  });
});
