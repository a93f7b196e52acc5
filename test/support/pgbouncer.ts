import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { freePort } from "./free-port.ts";

/** A PgBouncer of the test's own, pooling by transaction. */
export interface TestBouncer {
  /** The URL to use in place of the database's. */
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Starts a PgBouncer before the server of a URL on a free port. Its few server connections are shared by all clients, each for a transaction.
 *
 * @param url of a database, with the user and password that clients will have
 * @param serverConnections how many connections all clients share
 * @returns undefined where `pgbouncer` is not installed, after saying so; with `CI=true` that is an error instead
 */
export async function testBouncer(url: string, serverConnections: number): Promise<TestBouncer | undefined> {
  const target = new URL(url);
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "glacis-pgbouncer-"));
  const users = join(folder, "users.txt");
  const settings = join(folder, "pgbouncer.ini");
  const { username, password } = target;
  await writeFile(users, `"${decodeURIComponent(username)}" "${decodeURIComponent(password)}"\n`);
  await writeFile(
    settings,
    `[databases]
* = host=${target.hostname} port=${target.port === "" ? "5432" : target.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = transaction
default_pool_size = ${serverConnections}
max_client_conn = 300
`,
  );
  // It refuses to run as root, and whoever it runs as instead reads its settings.
  const asRoot = userInfo().uid === 0;
  await chmod(folder, 0o755);
  // Debian keeps it where only an administrator's PATH leads.
  const env = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin` };
  const child = spawn("pgbouncer", [...(asRoot ? ["-u", "nobody"] : []), settings], { stdio: "ignore", env });
  const failed = new Promise<Error>((resolve) => child.once("error", resolve));
  const stop = async (): Promise<void> => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  const error = await Promise.race([failed, answers(port, url)]);
  if (error === undefined) {
    const bouncer = new URL(url);
    bouncer.hostname = "127.0.0.1";
    bouncer.port = String(port);
    return { url: bouncer.href, stop };
  }
  await stop();
  if (process.env["CI"] === "true") throw new Error(`PgBouncer does not answer, and CI=true: ${error.message}`);
  process.stderr.write(`\nSKIPPED: PgBouncer is not here, so nothing is proved behind it (${error.message}).\n`);
  return undefined;
}

async function answers(port: number, url: string): Promise<Error | undefined> {
  const address = new URL(url);
  address.hostname = "127.0.0.1";
  address.port = String(port);
  let last = new Error("It did not start.");
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const client = new pg.Client({ connectionString: address.href, connectionTimeoutMillis: 2000 });
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.query("select 1");
      return undefined;
    } catch (error) {
      last = error as Error;
      await delay(100);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  return last;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}
