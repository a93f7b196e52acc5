/** Many processes, one allowance: what passes is the limit exactly, on real servers. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { rateLimitMigration } from "glacis/network";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase, testRedis, type TestDatabase, type TestRedis } from "./support/services.ts";

const WORKER = fileURLToPath(new URL("./support/rate-limit-worker.mjs", import.meta.url));
const PROCESSES = 6;

let database: TestDatabase | undefined;
let redis: TestRedis | undefined;

beforeAll(async () => {
  [database, redis] = await Promise.all([testDatabase("rate_race"), testRedis("rate-race")]);
  await database?.pool.query(rateLimitMigration("race"));
});

afterAll(async () => {
  await database?.drop();
  await redis?.drop();
});

interface Result {
  readonly passed: number;
}

interface Race {
  readonly rates: readonly { readonly limit: number; readonly windowSeconds: number }[];
  /** By each process. */
  readonly attempts: number;
  /** Done to the store again and again while they race. */
  readonly meanwhile?: () => Promise<unknown>;
}

/** Starts the processes, lets them go at the same moment in each race, and adds up what they were granted. */
async function run(
  store: readonly [kind: string, url: string, place: string],
  races: readonly Race[],
): Promise<number[]> {
  const workers = Array.from({ length: PROCESSES }, () => fork(WORKER, [...store], { execArgv: [] }));
  try {
    await Promise.all(workers.map(messageFrom));
    const granted: number[] = [];
    for (const { meanwhile, ...race } of races) {
      const results = workers.map(messageFrom);
      for (const worker of workers) worker.send(race);
      const disturbing = setInterval(() => void meanwhile?.(), 5);
      granted.push(((await Promise.all(results)) as Result[]).reduce((sum, { passed }) => sum + passed, 0));
      clearInterval(disturbing);
    }
    return granted;
  } finally {
    for (const worker of workers) worker.kill();
  }
}

/** What the process says next; an error when it ends without a word. */
async function messageFrom(worker: ChildProcess): Promise<unknown> {
  const ended = once(worker, "exit").then(([code]) => {
    throw new Error(`A process of the race ended with ${String(code)}.`);
  });
  const [message] = (await Promise.race([once(worker, "message"), ended])) as [unknown];
  return message;
}

// Windows of a day: nothing comes back while the race lasts.
const ONE = [{ limit: 137, windowSeconds: 86_400 }];
const TWO = [
  { limit: 500, windowSeconds: 86_400 },
  { limit: 211, windowSeconds: 172_800 },
];

const OTHER = [{ limit: 139, windowSeconds: 86_400 }];

/** Node processes start slowly on a busy machine. */
const PATIENCE_MS = 120_000;

describe("many processes that take from one allowance", () => {
  it(
    "are granted the limit exactly, by Redis, also when it forgets the script while they race",
    { timeout: PATIENCE_MS },
    async () => {
      if (redis === undefined) return;
      const { client, url, prefix } = redis;
      const races = [ONE, TWO, OTHER].map((rates) => ({ rates, attempts: 400 }));
      const forgetful = { ...races[2], meanwhile: () => client.scriptFlush() } as Race;
      expect(await run(["redis", url, prefix], [...races.slice(0, 2), forgetful])).toEqual([137, 211, 139]);
    },
  );

  it("are granted the limit exactly, by Postgres", { timeout: PATIENCE_MS }, async () => {
    if (database === undefined) return;
    const races = [ONE, TWO].map((rates) => ({ rates, attempts: 80 }));
    expect(await run(["postgres", database.url, "race"], races)).toEqual([137, 211]);
  });
});
