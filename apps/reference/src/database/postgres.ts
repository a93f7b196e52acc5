import { databasePosture } from "glacis/data";
import pg from "pg";
import { makeDatabase, type Database } from "./database.ts";
import { migrate } from "./migrate.ts";
import { allowLogin, runtimeUrl } from "./runtime-login.ts";
import { FOUNDATION, migrations, ROLES, upkeep, type DatabaseRoles } from "./migrations.ts";

const CONNECT_TIMEOUT_MS = 5_000;
/** A request that needs longer than this has gone wrong, and holds a connection that others wait for. */
const STATEMENT_TIMEOUT_MS = 10_000;

/**
 * Migrates a Postgres database as the role of the URL, which owns the tables, and opens a pool that logs in as the unprivileged runtime role,
 * and judges what it finds there. The role of the URL needs CREATEROLE for that, and the server's `pg_hba.conf` a line that lets the runtime role in.
 */
export async function openPostgres(url: string, roles: DatabaseRoles = ROLES): Promise<Database> {
  await migrateAs(url, roles);
  const database = connectTo(url, roles);
  try {
    return { ...database, posture: await databasePosture(database.driver, { shared: ["migrations"] }) };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** The pool alone: it connects with the first query. */
export function connectTo(url: string, roles: DatabaseRoles = ROLES): Database {
  const pool = new pg.Pool({
    connectionString: runtimeUrl(url, roles.runtime),
    max: 10,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
  });
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on("error", () => undefined);
  return makeDatabase({
    description: `Postgres at ${new URL(url).hostname}`,
    shared: true,
    driver: pool,
    role: roles.runtime,
    close: () => pool.end(),
  });
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

async function migrateAs(url: string, roles: DatabaseRoles): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  await client.connect();
  try {
    await migrate(
      { query: (text, values) => client.query(text, values), exec: (sql) => client.query(sql) },
      migrations(roles),
      upkeep(roles),
      FOUNDATION,
    );
    if (!(await canLogIn(runtimeUrl(url, roles.runtime)))) await client.query(allowLogin(url, roles.runtime));
  } finally {
    await client.end();
  }
}
