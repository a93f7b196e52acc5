import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { PGlite } from "@electric-sql/pglite";
import { afterAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import type { UserId } from "../core/brand.ts";
import { AUTHENTICATION_MIGRATION, memoryAuthentication, postgresAuthentication } from "./authentication-store.ts";
import type { AuthenticationStore } from "./authentication-store.ts";
import type { Job } from "./job-store.ts";
import { jobWorker } from "./job-worker.ts";

const database = await testDatabase("jobs");
const embedded = await PGlite.create();
await embedded.exec(AUTHENTICATION_MIGRATION);
await database?.pool.query(AUTHENTICATION_MIGRATION);
await database?.pool.query(AUTHENTICATION_MIGRATION);
afterAll(async () => {
  await embedded.close();
  await database?.drop();
});
const stores: readonly (readonly [string, AuthenticationStore])[] = [
  ["memory", memoryAuthentication()],
  ["PGlite", postgresAuthentication(embedded)],
  ...(database === undefined ? [] : [["Postgres", postgresAuthentication(database.pool)] as const]),
];
const jobOf = (runAtMs: number, payload = {}): Job => ({ id: randomUUID(), kind: "mail", payload, runAtMs });

describe.each(stores)("jobs in %s", (_, { jobs, accounts, links }) => {
  it("are handed to one of many workers each, in the order of their time", async () => {
    const added = Array.from({ length: 40 }, (__, index) => jobOf(1000 + index, { index }));
    await jobs.add(added);
    await jobs.add(added);
    expect(await jobs.waiting(1000)).toBe(40);
    expect(await jobs.waiting(7)).toBe(7);
    expect(await jobs.claim(5, 999, 1000)).toEqual([]);
    const claims = await Promise.all(Array.from({ length: 8 }, async () => jobs.claim(5, 2000, 60_000)));
    const ids = claims.flat().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const rest = await jobs.claim(40, 2000, 60_000);
    expect(new Set([...ids, ...rest.map(({ id }) => id)]).size).toBe(40);
    for (const { id } of added) await jobs.done(id);
    expect(await jobs.waiting(1000)).toBe(0);
  });

  it("come back when their worker dies, and say how often they were tried", async () => {
    const job = jobOf(1000, { to: "ada@example.com" });
    await jobs.add([job]);
    expect(await jobs.claim(5, 2000, 60_000)).toMatchObject([{ ...job, runAtMs: expect.any(Number), attempts: 1 }]);
    expect(await jobs.claim(5, 61_999, 60_000)).toEqual([]);
    expect(await jobs.claim(5, 62_000, 60_000)).toMatchObject([{ id: job.id, attempts: 2 }]);
    await jobs.retry(job.id, 500_000);
    expect(await jobs.claim(5, 499_999, 60_000)).toEqual([]);
    expect(await jobs.claim(5, 500_000, 60_000)).toMatchObject([{ id: job.id, attempts: 3 }]);
    await jobs.done(job.id);
  });

  it("are allowed as often as agreed, of any number at once, until the window is over", async () => {
    const tries = await Promise.all(Array.from({ length: 64 }, async () => jobs.allow("address", 3, 1000, 5000)));
    expect(tries.filter(Boolean)).toHaveLength(3);
    expect(await jobs.allow("another", 3, 1000, 5000)).toBe(true);
    expect(await jobs.allow("address", 3, 1000, 5999)).toBe(false);
    expect(await jobs.allow("address", 3, 1000, 6000)).toBe(true);
    await jobs.sweep(10_000);
    expect(await jobs.allow("address", 1, 1000, 6001)).toBe(true);
  });

  it("are queued with the change of an account or not at all", async () => {
    const userId = randomUUID() as UserId;
    const account = {
      userId,
      email: `${userId}@example.com`,
      passwordHash: "x",
      verifiedAtMs: 1,
      status: "active" as const,
      version: 1,
      createdAtMs: 1,
    };
    const link = {
      id: "L".repeat(42) + "1",
      purpose: "password_reset",
      subject: userId,
      detail: {},
      createdAtMs: 1,
      endsAtMs: 100,
    };
    const spend = { id: link.id, purpose: link.purpose, nowMs: 50 };
    const waiting = () => jobs.waiting(1000);
    expect(await accounts.create(account, { spend, jobs: [jobOf(1)] })).toBe(false);
    expect(await accounts.create(account)).toBe(true);
    expect(await accounts.create({ ...account, userId: "other" as UserId }, { jobs: [jobOf(1)] })).toBe(false);
    expect(await accounts.change(userId, 2, { passwordHash: "y" }, { jobs: [jobOf(1)] })).toBeUndefined();
    expect(await accounts.change(userId, 1, { passwordHash: "y" }, { spend, jobs: [jobOf(1)] })).toBeUndefined();
    expect(await waiting()).toBe(0);
    await links.put(link);
    const job = jobOf(1);
    const both = await Promise.all([
      accounts.change(userId, 1, { passwordHash: "y" }, { spend, jobs: [job] }),
      accounts.change(userId, 1, { passwordHash: "z" }, { spend, jobs: [jobOf(1)] }),
    ]);
    expect(both.filter((one) => one !== undefined)).toMatchObject([{ version: 2 }]);
    expect(await waiting()).toBe(1);
    for (const { id } of await jobs.claim(5, 10, 1)) await jobs.done(id);
    await accounts.remove(userId);
  });
});

describe("the worker", () => {
  it("works by itself until it is stopped, and finishes what it has begun", async () => {
    const { jobs } = memoryAuthentication();
    const done: unknown[] = [];
    const worker = jobWorker({
      store: jobs,
      handlers: {
        async mail({ payload }) {
          await delay(200);
          done.push(payload["index"]);
        },
      },
    }).start();
    await jobs.add([jobOf(0, { index: 1 })]);
    while ((await jobs.claim(1, 0, 0)).length > 0) await delay(20);
    await worker.stop();
    expect(done).toEqual([1]);
    await jobs.add([jobOf(0, { index: 2 })]);
    await delay(1200);
    expect(done).toEqual([1]);
  });

  it("leaves nothing to a second worker while a slow mail server holds up the first", async () => {
    const { jobs } = memoryAuthentication();
    const clock = { nowMs: 1000 };
    const runs: string[] = [];
    const second = jobWorker({
      store: jobs,
      now: () => clock.nowMs,
      handlers: { mail: async ({ id }) => void runs.push(id) },
    });
    const first = jobWorker({
      store: jobs,
      now: () => clock.nowMs,
      handlers: {
        async mail({ id }) {
          runs.push(id);
          // Connection, greeting and silence, each as long as the transport waits.
          clock.nowMs += 45_000;
          await second.drain();
        },
      },
    });
    await jobs.add(Array.from({ length: 5 }, () => jobOf(1000)));
    await first.drain();
    expect(runs).toHaveLength(5);
    expect(new Set(runs).size).toBe(5);
  });

  it("reports a store that is away once for each try, and goes on when it is back", async () => {
    const { jobs } = memoryAuthentication();
    const events: unknown[] = [];
    const done: unknown[] = [];
    let isAway = true;
    const worker = jobWorker({
      store: {
        ...jobs,
        claim: async (...asked) => (isAway ? Promise.reject(new Error("away")) : jobs.claim(...asked)),
      },
      handlers: { mail: async ({ id }) => void done.push(id) },
      report: (event) => void events.push(event),
    }).start();
    await jobs.add([jobOf(0)]);
    await expect
      .poll(() => events, { timeout: 10_000 })
      .toContainEqual(expect.objectContaining({ event: "sys_job_store_failed", error: "Error" }));
    isAway = false;
    await expect.poll(() => done, { timeout: 10_000 }).toHaveLength(1);
    await worker.stop();
  });

  it("reports a kind that nobody handles, such as the name of a method of every object, and goes on", async () => {
    const { jobs } = memoryAuthentication();
    const events: unknown[] = [];
    const worker = jobWorker({
      store: jobs,
      handlers: { mail: async () => undefined },
      report: (event) => void events.push(event),
      now: () => 1000,
    });
    await jobs.add([{ ...jobOf(0), kind: "constructor" }, jobOf(0)]);
    expect(await worker.drain()).toBe(1);
    expect(events).toMatchObject([{ event: "sys_job_failed", resource_type: "constructor" }]);
  });
});
