/** Group commit: what comes while the disk works waits together, and is written together. */
import type { AuditEvent } from "../core/event.ts";
import { AuditLogError } from "./audit-log-error.ts";
import type { AuditLogFile } from "./audit-log-file.ts";

/** Says that an event is on the disk. */
export interface AuditReceipt {
  readonly seq: number;
}

export interface AuditLogQueue {
  readonly append: (line: string) => Promise<AuditReceipt>;
  /** Without anybody who waits. What is lost is counted, and the count written once it can be. */
  readonly offer: (line: string) => void;
  readonly flush: () => Promise<void>;
  readonly close: () => Promise<void>;
}

interface Waiting {
  readonly line: string;
  readonly resolve: ((receipt: AuditReceipt) => void) | undefined;
  readonly reject: ((error: unknown) => void) | undefined;
}

interface QueueParts {
  /** Where batches go, one at a time. */
  readonly file: Pick<AuditLogFile, "write">;
  readonly nowText: () => string;
  readonly report: (event: AuditEvent) => void;
  readonly onWritten: () => void;
}

/** Small enough that under load one batch is made ready while the disk has another. */
const MOST_BATCH = 1024;
/** Characters that wait at most: a disk that stands still must not take the memory too. */
const MOST_WAITING = 16 * 1024 * 1024;

const nothing = (): void => undefined;

export function auditLogQueue({ file, nowText, report, onWritten }: QueueParts): AuditLogQueue {
  let waiting: Waiting[] = [];
  let characters = 0;
  let running: Promise<void> | undefined;
  let isClosed = false;
  let isDown = false;
  let lost = 0;

  function enqueue(one: Waiting): void {
    waiting.push(one);
    characters += one.line.length;
    // A turn of the loop later, so that events of the same moment share one wait.
    running ??= new Promise((resolve) => setImmediate(() => void drain().then(resolve)));
  }

  async function drain(): Promise<void> {
    let tell = nothing;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MOST_BATCH);
      waiting = waiting.slice(MOST_BATCH);
      for (const { line } of batch) characters -= line.length;
      const writing = write(batch);
      // Those before hear of it while the disk has its next work: what they do then costs nobody a wait.
      tell();
      tell = await writing;
    }
    running = undefined;
    tell();
  }

  /** @returns what tells the callers */
  async function write(batch: readonly Waiting[]): Promise<() => void> {
    const reported = lost;
    const lines = batch.map(({ line }) => line);
    if (reported > 0) lines.push(JSON.stringify({ time: nowText(), ...LOST, count: reported }));
    try {
      const first = await file.write(lines);
      lost -= reported;
      isDown = false;
      onWritten();
      return () => {
        for (const [index, { resolve }] of batch.entries()) resolve?.({ seq: first + index });
      };
    } catch (error) {
      fail(batch, error);
      return nothing;
    }
  }

  function fail(batch: readonly Waiting[], error: unknown): void {
    const cause = new AuditLogError("write_failed", "The audit log could not be written.", { cause: error });
    for (const { reject } of batch) {
      if (reject === undefined) lost += 1;
      else reject(cause);
    }
    if (!isDown) report({ ...DOWN, error: String(error) });
    isDown = true;
  }

  return {
    append: async (line) =>
      new Promise((resolve, reject) => {
        const refused = refusalOf(isClosed, characters);
        if (refused === undefined) enqueue({ line, resolve, reject });
        else reject(refused);
      }),
    offer(line) {
      if (refusalOf(isClosed, characters) === undefined) enqueue({ line, resolve: undefined, reject: undefined });
      else lost += 1;
    },
    flush: async () => running,
    async close() {
      await running;
      isClosed = true;
      if (lost > 0) report({ ...LOST, count: lost });
    },
  };
}

function refusalOf(isClosed: boolean, characters: number): AuditLogError | undefined {
  if (isClosed) return new AuditLogError("closed", "The audit log is closed.");
  return characters > MOST_WAITING
    ? new AuditLogError("full", "The audit log takes nothing more: the disk does not keep up.")
    : undefined;
}

const LOST: AuditEvent = {
  event_type: "audit_integrity",
  status: "failed",
  severity: "critical",
  event: "audit_events_lost",
  control: "audit-integrity",
};
const DOWN: AuditEvent = {
  event_type: "audit_integrity",
  status: "failed",
  severity: "critical",
  event: "audit_log_unwritable",
  control: "audit-integrity",
};
