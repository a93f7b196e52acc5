import { randomBytes } from "node:crypto";
import type pg from "pg";
import { testDatabase, testPool, type TestDatabase } from "./services.ts";

/** A database, and an unprivileged login into it. */
export interface TenantGround {
  /** As its owner. */
  readonly owner: pg.Pool;
  readonly role: string;
  /** The URL of the unprivileged login. */
  readonly url: string;
  /** A pool of that login. */
  readonly pool: (config?: pg.PoolConfig) => pg.Pool;
  drop(): Promise<void>;
}

/**
 * A database with a role that can log in and do nothing yet.
 *
 * @returns undefined where no Postgres answers, after saying so
 */
export async function tenantGround(suite: string): Promise<TenantGround | undefined> {
  const database: TestDatabase | undefined = await testDatabase(suite);
  if (database === undefined) return undefined;
  const role = `${suite}_${randomBytes(6).toString("hex")}`;
  const password = randomBytes(12).toString("hex");
  await database.pool.query(`create role ${role} login password '${password}'`);
  const url = new URL(database.url);
  url.username = role;
  url.password = password;
  const pools: pg.Pool[] = [];
  return {
    owner: database.pool,
    role,
    url: url.href,
    pool(config = {}) {
      const pool = testPool({ connectionString: url.href, ...config });
      pools.push(pool);
      return pool;
    },
    async drop() {
      await Promise.all(pools.filter((pool) => !pool.ended).map((pool) => pool.end()));
      for (const name of [role, `${role}_keeper`, `${role}_system`]) {
        const { rowCount } = await database.pool.query("select from pg_roles where rolname = $1", [name]);
        if (rowCount === 1) await database.pool.query(`drop owned by ${name}; drop role ${name}`);
      }
      await database.drop();
    },
  };
}
