/** An audit log that nobody changes unseen: chained, signed, on the disk before anybody is told so (catalog audit-integrity). */
import { mkdirSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import type { AuditEvent, AuditRecord, AuditSink } from "../core/event.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { checkOrigin, checkSigningKey } from "./audit-checkpoint.ts";
import { auditCheckpointer, type AuditCheckpointOptions } from "./audit-checkpointer.ts";
import { auditLogFile } from "./audit-log-file.ts";
import { lockAuditLog } from "./audit-log-lock.ts";
import { auditLogQueue } from "./audit-log-queue.ts";
import { recoverAuditLog } from "./audit-log-recovery.ts";
import { CHECKPOINTS_FILE } from "./audit-log-segment.ts";
import { eventLine } from "./event-line.ts";

export interface AuditLogOptions extends AuditCheckpointOptions {
  /** A directory of this process alone. It is made when it is not there. */
  readonly directory: string;
  /**
   * Changes a record before it is written, such as sealing personal fields with a key of the person: destroying that key erases what they say, and
   * the chain stays whole.
   */
  readonly protect?: (record: AuditRecord) => AuditRecord;
  /** A file is closed and the next begun at this size. 64 MiB unless you say otherwise. */
  readonly segmentBytes?: number;
  /** Where faults of the log itself are told; stderr unless you say otherwise. Never the log. */
  readonly report?: (event: AuditEvent) => void;
}

export interface AuditLog {
  /** The sink to compose: returns at once, and the event is on the disk within 200 ms; an error or worse without that delay. */
  readonly audit: AuditSink;
  /**
   * Writes an event and waits until it is on the disk. For what must not happen unseen.
   *
   * @throws AuditLogError when it cannot be; then do not do what it would have recorded
   */
  append(record: AuditRecord): Promise<void>;
  /** Signs where the log stands. @returns the note; undefined without a key */
  checkpoint(): Promise<string | undefined>;
  /** Waits until all that was handed over is on the disk. */
  flush(): Promise<void>;
  close(): Promise<void>;
  readonly options: AuditLogOptions;
}

const OPTIONS = [
  "directory",
  "origin",
  "signingKey",
  "anchors",
  "protect",
  "segmentBytes",
  "checkpointEvents",
  "checkpointSeconds",
  "report",
  "now",
] as const;
const SEGMENT_BYTES = 64 * 1024 * 1024;
const TOUCH_MS = 10_000;

/**
 * Opens a log, takes back what a crash left half written, and records that. Events that come while the disk works are written together, with one
 * wait for all of them.
 *
 * @throws TypeError on an unknown option; AuditLogError when the log has been altered; Error when another process writes into the directory
 * @example
 * const log = await openAuditLog({ directory: "/var/log/app/audit", origin: "app.example.com/audit", signingKey });
 * const security = glacis({ ...saas(options), audit: log.audit });
 */
export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  rejectUnknownOptions("openAuditLog", options, OPTIONS);
  const { directory, signingKey, protect, report = toStderr, now = Date.now, segmentBytes = SEGMENT_BYTES } = options;
  checkOrigin(options.origin);
  if (signingKey !== undefined) checkSigningKey(signingKey, "private");
  if (!Number.isSafeInteger(segmentBytes) || segmentBytes < 4096)
    throw new TypeError("openAuditLog() needs segmentBytes of at least 4096.");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lock = lockAuditLog(directory);
  const recovered = await recoverAuditLog(directory).catch((error: unknown) => {
    lock.release();
    throw error;
  });
  const nowText = (): string => new Date(now()).toISOString();
  const file = auditLogFile({ directory, recovered, segmentBytes, nowText, report });
  const checkpointer = auditCheckpointer(
    options,
    file.state,
    async (note) => appendCheckpoint(directory, note),
    report,
  );
  const queue = auditLogQueue({ file, nowText, report, onWritten: checkpointer.note });
  process.on("exit", queue.flushNow);
  const timer = setInterval(lock.touch, TOUCH_MS).unref();
  const lineOf = (record: AuditRecord): string => eventLine(protect === undefined ? record : protect(record));
  // A group commit is one promise: `async` would make three for each event.
  const append = (record: AuditRecord): Promise<void> => {
    try {
      return queue.append(lineOf(record));
    } catch (error) {
      return Promise.reject(error);
    }
  };
  if (recovered.isCut) await append({ time: nowText(), ...REPAIRED, count: recovered.tornBytes });
  return {
    options,
    append,
    audit: (record) => queue.offer(lineOf(record), record.severity),
    async checkpoint() {
      await queue.flush();
      return checkpointer.sign();
    },
    flush: queue.flush,
    async close() {
      await queue.close();
      await checkpointer.close();
      process.off("exit", queue.flushNow);
      clearInterval(timer);
      await file.close();
      lock.release();
    },
  };
}

async function appendCheckpoint(directory: string, note: string): Promise<void> {
  await appendFile(join(directory, CHECKPOINTS_FILE), `${JSON.stringify({ note })}\n`, { mode: 0o600, flush: true });
}

/** A crash in the middle of a write is no attack, and looks like the beginning of one. */
const REPAIRED: AuditEvent = {
  event_type: "audit_integrity",
  status: "observed",
  severity: "warning",
  event: "audit_log_repaired",
  control: "audit-integrity",
  detail: "torn_tail",
};

function toStderr(event: AuditEvent): void {
  process.stderr.write(`${JSON.stringify(event)}\n`);
}
