/** Group commit: what comes while the disk works waits together, and is written together. */
import type { AuditEvent, EventSeverity } from "../core/event.ts";
import { AuditLogError } from "./audit-log-error.ts";

export interface AuditLogQueue {
  readonly append: (line: string) => Promise<void>;
  /**
   * Without anybody who waits: written within 200 ms, and at once when it is an error or worse. What is lost is counted, and the count written once
   * it can be.
   */
  readonly offer: (line: string, severity: EventSeverity) => void;
  readonly flush: () => Promise<void>;
  /** For a process that ends: what is not written yet is, before this returns. It never throws. */
  readonly flushNow: () => void;
  readonly close: () => Promise<void>;
}

interface QueueParts {
  /** Where groups go, one at a time. */
  readonly file: {
    readonly write: (lines: readonly string[]) => Promise<void>;
    /** Before it returns; what cannot leaves it out. */
    readonly writeNow?: (lines: readonly string[]) => void;
  };
  readonly nowText: () => string;
  readonly report: (event: AuditEvent) => void;
  readonly onWritten: () => void;
}

/** Lines that are written together, and whoever waits for them: all hear the same, so that one promise does. */
interface Group {
  readonly lines: string[];
  characters: number;
  outcome: Outcome | undefined;
  /** Lines that nobody waits for. */
  offered: number;
}

interface Outcome {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Making one ready takes the process two milliseconds; more would make requests wait. */
const MOST_LINES = 2048;
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
  const writer = groupWriter(parts);
  /** The last takes what comes. */
  const groups: Group[] = [];
  let characters = 0;
  let running: Promise<void> | undefined;
  let current: Group | undefined;
  /** Something that waits must not wait for others. */
  let isDue = false;
  let lingering: NodeJS.Timeout | undefined;
  let isClosed = false;

  function join(line: string): Group {
    let group = groups.at(-1);
    if (group === undefined || group.lines.length === MOST_LINES)
      groups.push((group = { lines: [], characters: 0, outcome: undefined, offered: 0 }));
    group.lines.push(line);
    group.characters += line.length;
    characters += line.length;
    return group;
  }

  function begin(): void {
    isDue = groups.length > 0;
    clearTimeout(lingering);
    lingering = undefined;
    // A turn of the loop later, so that events of the same moment share one wait.
    if (isDue) running ??= new Promise((resolve) => setImmediate(() => void drain().then(resolve)));
  }

  async function drain(): Promise<void> {
    let tell = nothing;
    while (isDue) {
      const group = groups.shift() as Group;
      isDue = groups.length > 0;
      characters -= group.characters;
      current = group;
      const writing = writer.write(group);
      // Those before hear of it while the disk has its next work: what they do then costs nobody a wait.
      tell();
      tell = await writing;
      current = undefined;
    }
    running = undefined;
    tell();
  }

  async function flush(): Promise<void> {
    begin();
    await running;
  }

  return {
    append(line) {
      const refused = refusalOf(isClosed, characters);
      if (refused !== undefined) return Promise.reject(refused);
      const { promise } = (join(line).outcome ??= newOutcome());
      begin();
      return promise;
    },
    offer(line, severity) {
      const refused = refusalOf(isClosed, characters);
      if (refused !== undefined) return writer.lose(refused);
      join(line).offered += 1;
      if (URGENT.has(severity) || groups.length > 1) return begin();
      lingering ??= setTimeout(begin, LINGER_MS);
    },
    flush,
    flushNow() {
      if (current !== undefined) groups.unshift(current);
      for (const group of groups.splice(0)) writer.writeNow(group);
    },
    async close() {
      await flush();
      isClosed = true;
      writer.close();
    },
  };
}

function newOutcome(): Outcome {
  let settle: Omit<Outcome, "promise"> = { resolve: nothing, reject: nothing };
  const promise = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  return { promise, ...settle };
}

interface GroupWriter {
  /** Never throws. @returns what tells those who wait */
  readonly write: (group: Group) => Promise<() => void>;
  readonly writeNow: (group: Group) => void;
  /** One event is lost before it could wait. */
  readonly lose: (why: AuditLogError) => void;
  readonly close: () => void;
}

/** Writes groups, and counts what is lost until that could be written too. */
function groupWriter({ file, nowText, report, onWritten }: QueueParts): GroupWriter {
  let isDown = false;
  let lost = 0;

  function tellOnce(error: unknown): void {
    if (!isDown) report({ ...DOWN, error: String(error) });
    isDown = true;
  }

  return {
    async write({ lines, outcome, offered }) {
      const reported = lost;
      if (reported > 0) lines.push(JSON.stringify({ time: nowText(), ...LOST, count: reported }));
      try {
        await file.write(lines);
        lost -= reported;
        isDown = false;
        onWritten();
        return outcome?.resolve ?? nothing;
      } catch (error) {
        lost += offered;
        tellOnce(error);
        const cause = new AuditLogError("write_failed", "The audit log could not be written.", { cause: error });
        return () => outcome?.reject(cause);
      }
    },
    writeNow({ lines }) {
      try {
        if (file.writeNow === undefined) throw new TypeError("What waits cannot be written while the process ends.");
        file.writeNow(lines);
      } catch (error) {
        report({ ...LOST, count: lines.length, error: String(error) });
      }
    },
    lose(why) {
      lost += 1;
      tellOnce(why);
    },
    close() {
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
