import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { createClient } from "redis";
import { freePort } from "./free-port.ts";

const CONNECT_TIMEOUT_MS = 2000;

/** A database of its own, on the real server. */
export interface TestDatabase {
  readonly url: string;
  readonly pool: pg.Pool;
  drop(): Promise<void>;
}

/** A pool whose owner may drop its database: that cuts connections which are still saying goodbye, and nobody is left to hear it. */
export function testPool(config: pg.PoolConfig): pg.Pool {
  const deaf = (): void => undefined;
  return new pg.Pool(config).on("error", deaf).on("connect", (client) => client.on("error", deaf));
}

/**
 * Creates a database on the server of `DATABASE_URL` or on 127.0.0.1:5432.
 *
 * @param suite stands in the name
 * @returns undefined where no server answers, after saying so; with `CI=true` that is an error instead
 */
export async function testDatabase(suite: string): Promise<TestDatabase | undefined> {
  const server = process.env["DATABASE_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres";
  const name = `glacis_${suite}_${randomBytes(6).toString("hex")}`;
  const admin = new pg.Client({ connectionString: server, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  try {
    await admin.connect();
  } catch (error) {
    return absent("Postgres", suite, error);
  }
  await admin.query(`create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const pool = testPool({ connectionString: url.href });
  return {
    url: url.href,
    pool,
    async drop() {
      await pool.end();
      await admin.query(`drop database if exists ${name} with (force)`);
      await admin.end();
    },
  };
}

/** Where tests find Redis. */
export const REDIS_URL: string = process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379";

// Without a written return type, because the client's type depends on its options in ways that nobody should have to spell.
function connectRedis(url: string) {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: { connectTimeout: CONNECT_TIMEOUT_MS, reconnectStrategy: false },
  });
  client.on("error", () => undefined);
  return client;
}

/** A key prefix of one's own, on the real server. */
export interface TestRedis {
  readonly url: string;
  readonly client: ReturnType<typeof connectRedis>;
  readonly prefix: string;
  drop(): Promise<void>;
}

/**
 * Connects to the Redis of `REDIS_URL` or on 127.0.0.1:6379.
 *
 * @param suite stands in the prefix
 * @returns undefined where no server answers, after saying so; with `CI=true` that is an error instead
 */
export async function testRedis(suite: string): Promise<TestRedis | undefined> {
  const client = connectRedis(REDIS_URL);
  try {
    await client.connect();
  } catch (error) {
    return absent("Redis", suite, error);
  }
  const prefix = `glacis-test:${suite}:${randomBytes(6).toString("hex")}:`;
  return {
    url: REDIS_URL,
    client,
    prefix,
    async drop() {
      for await (const keys of client.scanIterator({ MATCH: `${prefix}*`, COUNT: 1000 })) {
        if (keys.length > 0) await client.unlink(keys);
      }
      await client.close();
    },
  };
}

/** A Redis process that the test may stop, freeze and kill. */
export interface OwnRedis {
  readonly url: string;
  readonly port: number;
  start(): Promise<void>;
  /** Ends the process; connections are reset. */
  kill(): Promise<void>;
  /** The process stays and its connections with it, but nothing answers. */
  freeze(): void;
  thaw(): void;
  /** Ends it for good and removes its folder. */
  discard(): Promise<void>;
}

/**
 * Starts a Redis of the test's own on a free port, in memory alone.
 *
 * @param flags further command-line flags, such as `--cluster-enabled yes`
 * @returns undefined where `redis-server` is not installed, after saying so; with `CI=true` that is an error instead
 */
export async function ownRedis(suite: string, flags: readonly string[] = []): Promise<OwnRedis | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const redis = await redisOnFreePort(flags);
    try {
      await redis.start();
      return redis;
    } catch (error) {
      await redis.discard();
      // A port may be taken after it was free, and a cluster's node takes the one that lies 10,000 above its own as well.
      if (attempt === MOST_ATTEMPTS) return absent("redis-server", suite, error);
    }
  }
}

const MOST_ATTEMPTS = 3;

async function redisOnFreePort(flags: readonly string[]): Promise<OwnRedis> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "glacis-redis-"));
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const settings = ["--port", `${port}`, "--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--dir", folder];
    child = spawn("redis-server", [...settings, ...flags], { stdio: "ignore" });
    await once(child, "spawn");
    const url = `redis://127.0.0.1:${port}`;
    for (let attempt = 0; attempt < 100 && child.exitCode === null; attempt += 1) {
      const client = createClient({ url, socket: { reconnectStrategy: false } });
      client.on("error", () => undefined);
      try {
        await client.connect();
        await client.close();
        return;
      } catch {
        await delay(50);
      }
    }
    throw new Error(`The test's own Redis did not answer on port ${port}.`);
  }

  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async function discard(): Promise<void> {
    await kill();
    await rm(folder, { recursive: true, force: true });
  }

  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    start,
    kill,
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    discard,
  };
}

function absent(service: string, suite: string, error: unknown): undefined {
  const cause = error instanceof Error ? error.message : String(error);
  if (process.env["CI"] === "true") throw new Error(`${service} does not answer, and CI=true: ${cause}`);
  process.stderr.write(`\nSKIPPED: ${service} does not answer, so "${suite}" proves nothing here (${cause}).\n`);
  return undefined;
}
