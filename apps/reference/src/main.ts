import type { AuditEvent, Watch } from "glacis";
import { eventLog, lastResort, redactFields } from "glacis/audit";
import { activityIn } from "./activity/activity.ts";
import { keyRing, type Storage } from "glacis/data";
import { hashingLine, passwordHashing } from "glacis/authentication";
import { listenHono } from "glacis/hono";
import { once } from "node:events";
import { createWriteStream, existsSync, mkdirSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { inspect } from "node:util";
import { accountsIn } from "./accounts/accounts.ts";
import { createApp } from "./app.ts";
import { attachmentsIn } from "./attachments/attachments.ts";
import { loadAssets } from "./assets.ts";
import type { Database } from "./database/database.ts";
import { PERSONAL_DATA } from "./database/personal-map.ts";
import { DEMO, TEST_TENANTS } from "./demo.ts";
import { documentsIn } from "./documents/documents.ts";
import { emptyFolder, keysIn, lockFolder, prepareFolder } from "./operations/data-folder.ts";
import { announce } from "./operations/announce.ts";
import { openHealthPort } from "./operations/health-port.ts";
import { openTrail } from "./operations/audit-trail.ts";
import { progressOn, type Output } from "./operations/progress.ts";
import { startFault } from "./operations/start-fault.ts";
import { withSecrets } from "./operations/secrets.ts";
import { readSettings, StartError, type Settings } from "./operations/settings.ts";
import { guardOf, MODES, type GuardParts } from "./security.ts";
import { hashAhead, seedDemo } from "./seed.ts";

const SHUTDOWN_MS = 10_000;

interface StartParts extends Pick<GuardParts, "alarmClock" | "hashing" | "ssoFetch" | "webhookOutbound"> {
  /** A black-box test's folder holds what it starts from already, and is neither emptied nor seeded once more. */
  readonly isSeeded?: boolean;
}

/** A running application. */
export interface Running {
  readonly settings: Settings;
  /** What runs beside the requests. */
  readonly watch: Watch;
  readonly report: (event: AuditEvent) => void;
  stop(): Promise<void>;
}

/**
 * Starts the application: folder, database, demonstration, security, server, in this order, and nothing listens before all of it stands.
 *
 * @throws StartError with the correction when it cannot start.
 */
export async function start(
  settings: Settings,
  output: Output = process.stdout,
  more: StartParts = {},
): Promise<Running> {
  try {
    return await startIn(settings, output, more);
  } catch (error) {
    throw startFault(error, settings) ?? error;
  }
}

async function startIn(settings: Settings, output: Output, more: StartParts): Promise<Running> {
  const progress = progressOn(output);
  await refuseTakenPort(settings);
  prepareFolder(settings.dataFolder);
  const unlock = settings.databaseUrl === undefined ? lockFolder(settings.dataFolder) : () => undefined;
  try {
    const afresh = settings.kind === "test-target" && more.isSeeded !== true;
    if (afresh) emptyFolder(settings.dataFolder);
    const storage = await openFiles(settings);
    const tenants = settings.kind === "production" ? [] : settings.kind === "demo" ? DEMO : TEST_TENANTS;
    const isFirst = !existsSync(join(settings.dataFolder, "keys"));
    const keys = settings.keys ?? keysIn(settings.dataFolder);
    const ring = keyRing(keys);
    // Nobody waits for the demonstration's passwords, so none of them is sent away where a hash takes long.
    const hashing = passwordHashing({ pepper: ring, line: hashingLine({ longestWaitMs: 60_000 }), ...more.hashing });
    const passwords = isFirst ? hashAhead(hashing, tenants) : hashing;
    const database = await progress.step("Opening the database", () => openDatabase(settings));
    const accounts = accountsIn(database);
    const assets = loadAssets();
    const auditLog = await openTrail(settings, database);
    const parts = { settings, keys, database, assets, audit: auditOf(settings), auditLog, accounts, demo: tenants };
    const guard = guardOf({ ...parts, storage, ...more });
    const { security, sessions, flows, previews, hooks, archive, fileTasks, watch } = guard;
    if (tenants.length > 0) {
      await progress.step("Seeding the demonstration", () =>
        seedDemo({ database, accounts, passwords, keys: ring, afresh }, tenants),
      );
    }
    let ready = false;
    const app = createApp(security, {
      origin: settings.origin,
      accounts,
      documents: documentsIn(database),
      activity: activityIn(database),
      attachments: attachmentsIn(database),
      ...guard,
      assets,
      outbox: settings.mail === undefined ? { folder: settings.mailFolder, tenants } : undefined,
      report: (event, request) => security.report(event, request),
      ready: () => ready,
    });
    const worker = flows.worker.start();
    const stopFileTasks = fileTasks.start();
    const stopWebhooks = hooks.start();
    const server = listenHono(app, security, { port: settings.port, hostname: settings.host });
    await once(server, "listening");
    const healthServer = await openHealthPort(settings, () => ready);
    ready = true;
    watch.start();
    announce(settings, database, security, tenants, output);
    const stop = async (): Promise<void> => {
      ready = false;
      await closeServer(server);
      healthServer?.close();
      await worker.stop();
      await stopFileTasks();
      await stopWebhooks();
      await previews.close();
      // Uses that the store does not take any more cost a user a minute of his idle hour at most.
      await sessions.flush().catch(() => undefined);
      await watch.close().catch(() => undefined);
      await archive.close().catch(() => undefined);
      await database.close();
      unlock();
    };
    return { settings, watch, report: (event) => security.report(event), stop };
  } catch (error) {
    unlock();
    throw error;
  }
}

async function openDatabase({ databaseUrl, dataFolder }: Settings): Promise<Database> {
  // Each is loaded when it is used: the embedded one alone is twenty megabytes of WebAssembly.
  if (databaseUrl === undefined) return (await import("./database/embedded.ts")).openEmbedded(dataFolder);
  return (await import("./database/postgres.ts")).openPostgres(databaseUrl);
}

async function openFiles(settings: Settings): Promise<Storage | undefined> {
  return settings.bucket && (await import("./attachments/bucket.ts")).openBucket(settings);
}

/** Production logs to stdout for its collector; elsewhere stdout is for people, and events go to a file beside the data. */
function auditOf({ kind, dataFolder, mailFolder }: Settings) {
  if (kind === "production") return eventLog();
  mkdirSync(mailFolder, { recursive: true, mode: 0o700 });
  return eventLog(createWriteStream(join(dataFolder, "events.jsonl"), { flags: "a", mode: 0o600 }));
}

/** Asked before the slow part, so that a taken port is said at once. */
async function refuseTakenPort(settings: Settings): Promise<void> {
  const probe = createServer();
  probe.listen(settings.port, settings.host);
  await once(probe, "listening");
  await new Promise((resolve) => probe.close(resolve));
}

/** Lets requests that are being answered finish, for a bounded time. */
async function closeServer(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  const late = setTimeout(() => server.closeAllConnections(), SHUTDOWN_MS);
  await closed;
  clearTimeout(late);
}

/** The command: starts, and stops on a signal. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    const settings = readSettings(argv, await withSecrets(argv, process.env));
    // What the environment leaves open is production to the library; this command is the place that knows better.
    if (settings.kind !== "production") process.env["GLACIS_ENV"] = MODES[settings.kind];
    const starting = start(settings);
    const end = (): void => {
      starting
        .then((running) => running.stop())
        .then(
          () => process.exit(0),
          () => process.exit(1),
        );
    };
    // Before it says that it is ready: whoever reads that may stop it at once.
    process.once("SIGTERM", end);
    process.once("SIGINT", end);
    const running = await starting;
    lastResort({ report: running.report, close: async () => running.stop() });
  } catch (error) {
    process.stderr.write(error instanceof StartError ? `\n${error.message}\n` : `\n${describe(error)}\n`);
    process.exit(1);
  }
}

/** The whole of an error, its causes and the database's details included, without what people wrote and what opens things. */
function describe(error: unknown): string {
  return inspect(redactFields(error, { keys: PERSONAL_DATA.redactionKeys }), { depth: 8 });
}
