import pg from "pg";
import { makeDatabase, type Database } from "./database.ts";
import { migrate } from "./migrate.ts";
import { migrations, ROLES, upkeep, type DatabaseRoles } from "./migrations.ts";

const CONNECT_TIMEOUT_MS = 5_000;
/** A request that needs longer than this has gone wrong, and holds a connection that others wait for. */
const STATEMENT_TIMEOUT_MS = 10_000;

/**
 * Migrates a Postgres database as the role of the URL, which owns the tables, and opens a pool whose connections become the unprivileged
 * runtime role before their first query.
 */
export async function openPostgres(url: string, roles: DatabaseRoles = ROLES): Promise<Database> {
  await migrateAs(url, roles);
  return connectTo(url, roles);
}

/** The pool alone: it connects with the first query. */
export function connectTo(url: string, roles: DatabaseRoles = ROLES): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    options: `-c role=${roles.runtime}`,
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

async function migrateAs(url: string, roles: DatabaseRoles): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  await client.connect();
  try {
    await migrate(
      { query: (text, values) => client.query(text, values), exec: (sql) => client.query(sql) },
      migrations(roles),
      upkeep(roles),
    );
  } finally {
    await client.end();
  }
}
