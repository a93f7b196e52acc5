/** Group commit: what comes while the disk works waits together, and is written together. */
import type { AuditEvent, EventSeverity } from "../core/event.ts";
import { AuditLogError } from "./audit-log-error.ts";
import type { AuditLogFile } from "./audit-log-file.ts";

/** Says that an event is on the disk. */
export interface AuditReceipt {
  readonly seq: number;
}

export interface AuditLogQueue {
  readonly append: (line: string) => Promise<AuditReceipt>;
  /**
   * Without anybody who waits: written within 200 ms, and at once when it is an error or worse. What is lost is counted, and the count written once
   * it can be.
   */
  readonly offer: (line: string, severity: EventSeverity) => void;
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

/**
 * How long an event that nobody waits for may wait for others. Each write takes the process a moment and the disk another, and a request that
 * meets it pays for both.
 */
const LINGER_MS = 200;
const URGENT: ReadonlySet<EventSeverity> = new Set(["error", "critical"]);

const nothing = (): void => undefined;

export function auditLogQueue(parts: QueueParts): AuditLogQueue {
  const writer = batchWriter(parts);
  let waiting: Waiting[] = [];
  let characters = 0;
  let running: Promise<void> | undefined;
  /** Something that waits must not wait for others. */
  let isDue = false;
  let lingering: NodeJS.Timeout | undefined;
  let isClosed = false;

  function enqueue(one: Waiting): void {
    waiting.push(one);
    characters += one.line.length;
  }

  function begin(): void {
    isDue = waiting.length > 0;
    clearTimeout(lingering);
    lingering = undefined;
    // A turn of the loop later, so that events of the same moment share one wait.
    if (isDue) running ??= new Promise((resolve) => setImmediate(() => void drain().then(resolve)));
  }

  async function drain(): Promise<void> {
    let tell = nothing;
    while (isDue) {
      const batch = waiting.slice(0, MOST_BATCH);
      waiting = waiting.slice(MOST_BATCH);
      isDue = waiting.length > 0;
      for (const { line } of batch) characters -= line.length;
      const writing = writer.write(batch);
      // Those before hear of it while the disk has its next work: what they do then costs nobody a wait.
      tell();
      tell = await writing;
    }
    running = undefined;
    tell();
  }

  async function flush(): Promise<void> {
    begin();
    await running;
  }

  return {
    append: (line) =>
      new Promise((resolve, reject) => {
        const refused = refusalOf(isClosed, characters);
        if (refused !== undefined) return reject(refused);
        enqueue({ line, resolve, reject });
        return begin();
      }),
    offer(line, severity) {
      if (refusalOf(isClosed, characters) !== undefined) return writer.lose();
      enqueue({ line, resolve: undefined, reject: undefined });
      if (URGENT.has(severity) || waiting.length >= MOST_BATCH) return begin();
      lingering ??= setTimeout(begin, LINGER_MS);
    },
    flush,
    async close() {
      await flush();
      isClosed = true;
      writer.close();
    },
  };
}

interface BatchWriter {
  /** Never throws. @returns what tells the callers */
  readonly write: (batch: readonly Waiting[]) => Promise<() => void>;
  /** One event is lost before it could wait. */
  readonly lose: () => void;
  readonly close: () => void;
}

/** Writes batches, and counts what is lost until that could be written too. */
function batchWriter({ file, nowText, report, onWritten }: QueueParts): BatchWriter {
  let isDown = false;
  let lost = 0;

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
    async write(batch) {
      const reported = lost;
      const lines = batch.map(({ line }) => line);
      if (reported > 0) lines.push(JSON.stringify({ time: nowText(), ...LOST, count: reported }));
      try {
        const first = await file.write(lines);
        lost -= reported;
        isDown = false;
        onWritten();
        return () => tellOf(batch, first);
      } catch (error) {
        fail(batch, error);
        return nothing;
      }
    },
    lose() {
      lost += 1;
    },
    close() {
      if (lost > 0) report({ ...LOST, count: lost });
    },
  };
}

function tellOf(batch: readonly Waiting[], first: number): void {
  let seq = first;
  for (const { resolve } of batch) {
    resolve?.({ seq });
    seq += 1;
  }
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
