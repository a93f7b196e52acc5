import type { KeyObject } from "node:crypto";
import type { AuditEvent } from "../core/event.ts";
import { publishNote, type AuditAnchor } from "./audit-anchor.ts";
import { signCheckpoint } from "./audit-checkpoint.ts";
import type { ChainState } from "./audit-log-segment.ts";

export interface AuditCheckpointer {
  /** Called after each write: signs when it is time. */
  readonly note: () => void;
  readonly sign: () => Promise<string | undefined>;
  readonly close: () => Promise<void>;
}

/** However fast events come, signing and keeping a note once a second is enough. */
const SHORTEST_PAUSE_MS = 1000;

export interface AuditCheckpointOptions {
  /** The log's name in its checkpoints, such as `app.example.com/audit`. */
  readonly origin: string;
  /** Signs checkpoints: an Ed25519 private key. Without it whoever writes the log can rewrite all of it. */
  readonly signingKey?: KeyObject;
  /** Who keeps the checkpoints out of this process's reach. */
  readonly anchors?: readonly AuditAnchor[];
  /** A checkpoint is signed after so many events. 1,000 unless you say otherwise. */
  readonly checkpointEvents?: number;
  /** And after so many seconds, when there was any event. 60 unless you say otherwise. */
  readonly checkpointSeconds?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** @param keep stores a note beside the log */
export function auditCheckpointer(
  {
    origin,
    signingKey,
    anchors = [],
    checkpointEvents = 1000,
    checkpointSeconds = 60,
    now = Date.now,
  }: AuditCheckpointOptions,
  stateOf: () => ChainState,
  keep: (note: string) => Promise<void>,
  report: (event: AuditEvent) => void,
): AuditCheckpointer {
  let signedSeq = stateOf().seq;
  let signedMs = now();
  let last: string | undefined;
  let running: Promise<unknown> = Promise.resolve();

  async function publish(note: string): Promise<void> {
    const kept = [{ name: "own", publish: keep }, ...anchors];
    const outcomes = await Promise.allSettled(kept.map(async (anchor) => publishNote(anchor, note)));
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === "rejected")
        report({ ...UNANCHORED, detail: kept[index]?.name ?? "anchor", error: String(outcome.reason) });
    }
  }

  async function sign(): Promise<string | undefined> {
    if (signingKey === undefined) return undefined;
    const { seq, frontier } = stateOf();
    if (seq === signedSeq && last !== undefined) return last;
    signedSeq = seq;
    signedMs = now();
    const note = signCheckpoint({ origin, size: frontier.size(), root: frontier.root() }, signingKey);
    last = note;
    const before = running;
    running = before.then(async () => publish(note));
    await running;
    return note;
  }

  const timer = setInterval(() => {
    if (stateOf().seq > signedSeq) void sign();
  }, checkpointSeconds * 1000).unref();
  return {
    note() {
      if (stateOf().seq - signedSeq >= checkpointEvents && Math.abs(now() - signedMs) >= SHORTEST_PAUSE_MS) void sign();
    },
    sign,
    async close() {
      clearInterval(timer);
      if (stateOf().seq > signedSeq) await sign();
      await running;
    },
  };
}

const UNANCHORED: AuditEvent = {
  event_type: "audit_integrity",
  status: "failed",
  severity: "error",
  event: "audit_anchor_failed",
  control: "audit-integrity",
};
