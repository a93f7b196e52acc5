/** Whether the log still verifies: read anew from time to time, and an event when it does not (catalog audit-integrity). */
import { createPublicKey } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { AuditEvent } from "../core/event.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { integrityEvent } from "./audit-integrity.ts";
import { verifyPostgresAuditLog } from "./audit-log-postgres-verify.ts";
import type { PostgresAuditLog } from "./audit-log-postgres.ts";
import { verifyAuditLog, type AuditLogVerdict } from "./audit-log-verify.ts";
import type { AuditLog } from "./audit-log.ts";

/** What the last reading of a log said. */
export interface AuditChainState {
  readonly intact: boolean;
  readonly entries: number;
  /** When the chain was last read from end to end, in milliseconds since the epoch. */
  readonly verifiedAtMs?: number;
  /** The root over all entries, to compare with one that was kept elsewhere. */
  readonly head?: string;
  /** How many signed checkpoints agree; undefined where nobody signs. */
  readonly checkpoints?: number;
  /** The names of those who keep checkpoints out of this process's reach. */
  readonly anchors?: readonly string[];
  /** The first entry that does not fit, and why. */
  readonly fault?: string;
}

export interface AuditChainOptions {
  readonly log: AuditLog | PostgresAuditLog;
  /** Told of a log that does not verify; the alarm `AuditIntegrityFailure` rings on it. */
  readonly report: (event: AuditEvent) => void;
  /** Seconds between two readings of the whole log. An hour unless you say otherwise. */
  readonly verifySeconds?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

export interface AuditChain {
  /** What the last reading said; before the first, that nothing has been read. */
  readonly state: () => AuditChainState | undefined;
  /** Reads the log from its first entry to its last. @throws what the disk or the database throws */
  readonly verify: () => Promise<AuditChainState>;
  /** Begins to read from time to time, and in Postgres to chain each second. The timers keep no process alive. */
  readonly start: () => void;
  readonly stop: () => Promise<void>;
}

const HOUR_SECONDS = 3600;
/** A start has enough to do. */
const FIRST_AFTER_MS = 10_000;
const SEQUENCE_MS = 1000;
/** The log is written while it is read: what looks cut off may be half written. */
const ATTEMPTS = 4;
const HALF_WRITTEN: ReadonlySet<string> = new Set(["torn", "unsigned"]);

/**
 * Keeps a log that is being written under watch.
 *
 * @throws TypeError on an unknown option, or seconds that are not above zero
 * @example
 * const chain = auditChain({ log, report: security.report });
 * chain.start();
 */
export function auditChain(options: AuditChainOptions): AuditChain {
  rejectUnknownOptions("auditChain", options, ["log", "report", "verifySeconds", "now"]);
  const { log, report, verifySeconds = HOUR_SECONDS, now = Date.now } = options;
  if (!(verifySeconds > 0)) throw new TypeError("auditChain() needs verifySeconds above zero.");
  let state: AuditChainState | undefined;
  let verifying: Promise<AuditChainState> | undefined;
  let isUnreadable = false;
  const timers: NodeJS.Timeout[] = [];
  let working: Promise<unknown> = Promise.resolve();

  async function read(): Promise<AuditChainState> {
    const verdict = await verdictOf(log);
    const event = integrityEvent(verdict);
    if (event !== undefined) report(event);
    return (state = stateOf(log, verdict, now()));
  }

  async function verify(): Promise<AuditChainState> {
    verifying ??= read().finally(() => (verifying = undefined));
    return verifying;
  }

  /** One after another, however long each takes; what fails is told of once. */
  function work(task: () => Promise<unknown>): void {
    working = working.then(task).then(
      () => (isUnreadable = false),
      (error: unknown) => {
        if (!isUnreadable) report({ ...UNREADABLE, error: String(error) });
        isUnreadable = true;
      },
    );
  }

  return {
    state: () => state,
    verify,
    start() {
      if (timers.length > 0) return;
      timers.push(setTimeout(() => work(verify), FIRST_AFTER_MS).unref());
      timers.push(setInterval(() => work(verify), verifySeconds * 1000).unref());
      if (!isFile(log)) timers.push(setInterval(() => work(async () => log.sequence()), SEQUENCE_MS).unref());
    },
    async stop() {
      for (const timer of timers.splice(0)) clearInterval(timer);
      await working;
    },
  };
}

function isFile(log: AuditLog | PostgresAuditLog): log is AuditLog {
  return "directory" in log.options;
}

async function verdictOf(log: AuditLog | PostgresAuditLog): Promise<AuditLogVerdict> {
  const { origin, signingKey } = log.options;
  const common = { origin, ...(signingKey !== undefined && { publicKey: createPublicKey(signingKey) }) };
  if (!isFile(log)) {
    await log.sequence();
    return verifyPostgresAuditLog({ ...common, database: log.options.database });
  }
  for (let attempt = 1; ; attempt += 1) {
    await log.flush();
    const verdict = await verifyAuditLog({ ...common, directory: log.options.directory });
    if (verdict.whole || attempt === ATTEMPTS || !HALF_WRITTEN.has(verdict.broken?.problem ?? "")) return verdict;
    await delay(50 * attempt);
  }
}

function stateOf(
  { options: { signingKey, anchors = [] } }: AuditLog | PostgresAuditLog,
  { whole, size, root, checkpoints, broken }: AuditLogVerdict,
  nowMs: number,
): AuditChainState {
  return {
    intact: whole,
    entries: size,
    verifiedAtMs: nowMs,
    head: root,
    ...(signingKey !== undefined && { checkpoints }),
    anchors: anchors.map(({ name }) => name),
    ...(broken !== undefined && { fault: `${broken.problem} at entry ${broken.seq}` }),
  };
}

const UNREADABLE: AuditEvent = {
  event_type: "audit_integrity",
  status: "failed",
  severity: "error",
  event: "audit_log_unreadable",
  control: "audit-integrity",
};
