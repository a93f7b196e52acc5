/** Keeps files and rows in agreement: what a crash leaves between the two is found here, and removed. */
import { and, eq } from "drizzle-orm";
import type { AuditEvent } from "glacis";
import type { Storage } from "glacis/data";
import type { UploadQuota, Uploads, UploadStore } from "glacis/input";
import { systemScope } from "../accounts/accounts.ts";
import type { Database, TenantDrizzle } from "../database/database.ts";
import { attachments } from "../database/schema.ts";
import { fileKeeper } from "./policy.ts";

/** Longer than any upload may take: what has not arrived by then never will. */
const ARRIVING_SECONDS = 3600;
/** Files that nobody could scan for so long are a fault of ours, and somebody should hear of it. */
const OVERDUE_SECONDS = 900;
const MOST_AT_ONCE = 500;
const MOST_SILENCES = 3;
const EVERY_MS = 60_000;

/** One thing that is to be done with a file. */
interface FileTask {
  readonly storage_key: string;
  readonly tenant: string;
  readonly bytes: number;
  readonly task: "arriving" | "scan" | "remove";
  readonly seconds: number;
}

/** Writes each key down before its file is stored, so that no file is ever there that nobody knows of. */
export function announced(storage: Storage, { query }: Pick<Database, "query">): UploadStore {
  return {
    ...storage,
    async quarantine() {
      const file = await storage.quarantine();
      return {
        ...file,
        async commit(key, content) {
          // A tenant's id is the folder of its files.
          const [tenant] = key.split("/");
          await query("insert into file_tasks (storage_key, tenant, bytes, task) values ($1, $2, $3, 'arriving')", [
            key,
            tenant,
            content.bytes,
          ]);
          return file.commit(key, content);
        },
      };
    },
  };
}

export interface FileTasks {
  /** Removes a file that was received and is not wanted after all, and gives its room back. */
  withdraw(key: string, tenantId: string): Promise<void>;
  /** Removes what is to be removed, for one tenant or for all. Never throws: what could not be done is told, and tried again. */
  run(tenantId?: string): Promise<void>;
  /** Does that every minute, and asks the scanner about what waits for it. @returns stops it */
  start(): () => Promise<void>;
}

export interface FileTasksParts {
  readonly database: Database;
  readonly storage: Storage;
  readonly upload: Uploads;
  readonly quota: UploadQuota;
  readonly report: (event: AuditEvent) => void;
}

export function fileTasksOf(parts: FileTasksParts): FileTasks {
  const { database, report } = parts;
  const run = async (tenantId?: string): Promise<void> => {
    try {
      for (const task of await removalsOf(database, tenantId)) await remove(parts, task).catch(tell);
    } catch (error) {
      tell(error);
    }
  };
  const runAll = async (): Promise<void> => {
    await run();
    await scanAll(parts).catch(tell);
  };
  const tell = (error: unknown): void => report(failure(error));
  return {
    run,
    async withdraw(key, tenantId) {
      // Where its row was made after all, no task is left, and the file stays.
      await database.query("update file_tasks set task = 'remove' where storage_key = $1", [key]);
      await run(tenantId);
    },
    start() {
      let running = runAll();
      const timer = setInterval(() => {
        running = running.then(runAll);
      }, EVERY_MS);
      timer.unref();
      return async () => {
        clearInterval(timer);
        await running;
      };
    },
  };
}

const COLUMNS =
  "storage_key, tenant, bytes::int8::int as bytes, task, extract(epoch from now() - since)::int as seconds";

async function removalsOf(database: Database, tenantId: string | undefined): Promise<readonly FileTask[]> {
  const { rows } = await database.query(
    `select ${COLUMNS} from file_tasks where ($1::text is null or tenant = $1)
       and (task = 'remove' or (task = 'arriving' and since < now() - make_interval(secs => $2)))
     order by since limit $3`,
    [tenantId ?? null, ARRIVING_SECONDS, MOST_AT_ONCE],
  );
  return rows as readonly FileTask[];
}

async function remove({ database, storage, quota }: FileTasksParts, task: FileTask): Promise<void> {
  // A file that a row names stays, whatever is written here.
  if (!(await isNamed(database, task))) await storage.remove(task.storage_key);
  // Of two processes that do the same, one gets the row; only what had been stored with its row was counted.
  const { rows } = await database.query("delete from file_tasks where storage_key = $1 returning task", [
    task.storage_key,
  ]);
  if (rows.length > 0 && task.task === "remove") await quota.release(task.tenant, task.bytes);
}

function isNamed(database: Database, { tenant, storage_key: key }: FileTask): Promise<boolean> {
  const work = async (db: TenantDrizzle): Promise<boolean> => {
    const [row] = await db.select({ id: attachments.id }).from(attachments).where(named(tenant, key));
    return row !== undefined;
  };
  return database.withTenant(systemScope(tenant, "files"), work, fileKeeper(tenant));
}

const named = (tenant: string, key: string) => and(eq(attachments.tenantId, tenant), eq(attachments.storageKey, key));

/**
 * Asks the scanner again about files that it had no answer for. In any order, so that one which it never answers for holds up no other; and a
 * scanner that says nothing three times says nothing now.
 */
async function scanAll({ database, upload, report }: FileTasksParts): Promise<void> {
  const { rows } = await database.query(
    `select ${COLUMNS} from file_tasks where task = 'scan' order by random() limit $1`,
    [MOST_AT_ONCE],
  );
  let silences = 0;
  for (const { tenant, storage_key: key, bytes, seconds } of rows as readonly FileTask[]) {
    const verdict = await upload.rescan({ key, bytes });
    if (verdict === "pending") {
      if (seconds > OVERDUE_SECONDS) report(overdue(key, seconds));
      if ((silences += 1) === MOST_SILENCES) return;
      continue;
    }
    silences = 0;
    const note = async (db: TenantDrizzle): Promise<void> => {
      await db.update(attachments).set({ scan: verdict }).where(named(tenant, key));
    };
    await database.withTenant(systemScope(tenant, "files"), note, fileKeeper(tenant));
    await database.query("delete from file_tasks where storage_key = $1 and task = 'scan'", [key]);
  }
}

function failure(error: unknown): AuditEvent {
  return {
    event_type: "upload",
    status: "failed",
    severity: "error",
    event: "file_task_failed",
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}

function overdue(key: string, seconds: number): AuditEvent {
  return {
    event_type: "upload",
    status: "observed",
    severity: "error",
    event: "upload_scan_overdue",
    control: "malware-scan",
    resource_type: "file",
    resource_id: key,
    count: seconds,
  };
}
