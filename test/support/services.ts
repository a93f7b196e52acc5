import { randomBytes } from "node:crypto";
import pg from "pg";
import { createClient } from "redis";

const CONNECT_TIMEOUT_MS = 2000;

/** A database of its own, on the real server. */
export interface TestDatabase {
  readonly url: string;
  readonly pool: pg.Pool;
  drop(): Promise<void>;
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
  const pool = new pg.Pool({ connectionString: url.href });
  // Dropping the database cuts connections that are still saying goodbye; nobody is left to hear it.
  pool.on("error", () => undefined).on("connect", (client) => client.on("error", () => undefined));
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

/** A key prefix of one's own, on the real server. */
export interface TestRedis {
  readonly url: string;
  readonly client: ReturnType<typeof createClient>;
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
  const client = createClient({
    url: REDIS_URL,
    disableOfflineQueue: true,
    socket: { connectTimeout: CONNECT_TIMEOUT_MS, reconnectStrategy: false },
  });
  client.on("error", () => undefined);
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

function absent(service: string, suite: string, error: unknown): undefined {
  const cause = error instanceof Error ? error.message : String(error);
  if (process.env["CI"] === "true") throw new Error(`${service} does not answer, and CI=true: ${cause}`);
  process.stderr.write(`\nSKIPPED: ${service} does not answer, so "${suite}" proves nothing here (${cause}).\n`);
  return undefined;
}
