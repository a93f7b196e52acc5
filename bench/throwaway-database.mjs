/** A database of the benchmark's own, on the server of `DATABASE_URL` or of this machine. */
import pg from "pg";

const SERVER = process.env.DATABASE_URL ?? "postgres://postgres@127.0.0.1:5432/postgres";
const DROP_TIMEOUT_MS = 60_000;

/**
 * @param max connections of its pool
 * @returns its name, its URL, a pool, and `close`, which drops it
 */
export async function throwawayDatabase({ max }) {
  const name = `glacis_bench_${process.pid}_${Date.now()}`;
  await onServer((admin) => admin.query(`create database ${name}`));
  const url = new URL(SERVER);
  url.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: url.href, max });
  // Dropping the database may overtake the goodbye of a connection.
  pool.on("error", () => undefined).on("connect", (client) => client.on("error", () => undefined));
  return {
    name,
    url,
    pool,
    async close() {
      await pool.end();
      try {
        // It waits for a checkpoint of the whole server, which took for ever where others wrote: what is left is said, and nobody waits for it.
        await onServer((admin) => admin.query(`drop database ${name} with (force)`), DROP_TIMEOUT_MS);
      } catch (error) {
        console.error(`The database ${name} is still there: ${error.message}`);
      }
    },
  };
}

/** Runs statements beside every database of a benchmark, such as those about databases and roles. */
export async function onServer(act, timeoutMs = 0) {
  const admin = new pg.Client({ connectionString: SERVER, statement_timeout: timeoutMs });
  await admin.connect();
  try {
    return await act(admin);
  } finally {
    await admin.end();
  }
}
