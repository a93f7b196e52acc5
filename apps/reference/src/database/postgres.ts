import type { Finding } from "glacis";
import { policyPosture } from "glacis/authorization";
import { databasePosture, personalDataPosture } from "glacis/data";
import pg from "pg";
import { ENFORCED_POLICIES } from "./access-policies.ts";
import { makeDatabase, type Database } from "./database.ts";
import { migrate } from "./migrate.ts";
import { PERSONAL_DATA } from "./personal-map.ts";
import { allowLogin, runtimeUrl } from "./runtime-login.ts";
import { FOUNDATION, migrations, ROLES, upkeep, type DatabaseRoles } from "./migrations.ts";

const CONNECT_TIMEOUT_MS = 5_000;
/** A request that needs longer than this has gone wrong, and holds a connection that others wait for. */
const STATEMENT_TIMEOUT_MS = 10_000;
/** Of each role. */
const MOST_CONNECTIONS = 10;

/**
 * Migrates a Postgres database as the role of the URL, which owns the tables, opens a pool for each of the two roles without privileges, and
 * judges what tenants' work finds there. The role of the URL needs CREATEROLE for that, and the server's `pg_hba.conf` a line that lets both in.
 */
export async function openPostgres(url: string, roles: DatabaseRoles = ROLES): Promise<Database> {
  const drift = await migrateAs(url, roles);
  const database = connectTo(url, roles);
  try {
    const posture = [
      ...(await databasePosture(database.tenantDriver, { shared: ["migrations", "file_tasks", "webhook_queue"] })),
      ...drift,
      ...(await personalDataPosture(database.tenantDriver, PERSONAL_DATA)),
    ];
    return { ...database, posture };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** The pools alone: each connects with its first query. */
export function connectTo(url: string, roles: DatabaseRoles = ROLES): Database {
  const [driver, tenantDriver] = [poolOf(url, roles.library), poolOf(url, roles.runtime)];
  return makeDatabase({
    description: `Postgres at ${new URL(url).hostname}`,
    shared: true,
    driver,
    tenantDriver,
    role: roles.runtime,
    close: async () => {
      await Promise.all([driver.end(), tenantDriver.end()]);
    },
  });
}

function poolOf(url: string, role: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: runtimeUrl(url, role),
    max: MOST_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
  });
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on("error", () => undefined);
  return pool;
}

/** Asked first, because a role belongs to the whole server and two databases may not alter it at the same moment. */
async function canLogIn(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** @returns where the policies are not what the access policies compile to */
async function migrateAs(url: string, roles: DatabaseRoles): Promise<readonly Finding[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  await client.connect();
  try {
    await migrate(
      { query: (text, values) => client.query(text, values), exec: (sql) => client.query(sql) },
      migrations(roles),
      upkeep(roles),
      FOUNDATION,
    );
    for (const role of [roles.library, roles.runtime])
      if (!(await canLogIn(runtimeUrl(url, role)))) await client.query(allowLogin(url, role));
    return await policyPosture(client, ENFORCED_POLICIES);
  } finally {
    await client.end();
  }
}
