/** What people see of sessions: a list without secrets, and a handle to end one by (catalog session-inventory; ASVS 5 section 7.5.2). */
import { hash } from "node:crypto";
import type { AssuranceLevel } from "../core/principal.ts";
import type { SessionRecord } from "./session-record.ts";

/** One session as a user or an administrator sees it. */
export interface SessionView {
  /** Names the session to `revokeOne`; worth nothing as a credential. */
  readonly handle: string;
  /** A browser and a system, such as `Firefox on Linux`. */
  readonly label: string;
  /** The one that is looking. */
  readonly current: boolean;
  readonly assurance: AssuranceLevel;
  /** To five minutes: an hour's habits are nobody's business. Milliseconds since the epoch. */
  readonly createdAtMs: number;
  readonly seenAtMs: number;
}

const COARSE_MS = 300_000;
const HANDLE_CHARACTERS = 22;

/** The public name of a session, one-way from its id, which is one-way from its token. */
export function handleOf(id: string): string {
  return hash("sha256", `glacis session handle\n${id}`, "base64url").slice(0, HANDLE_CHARACTERS);
}

export function viewOf(record: SessionRecord, currentId: string | undefined): SessionView {
  const { id, label, assurance, createdAtMs, seenAtMs } = record;
  return {
    handle: handleOf(id),
    label,
    current: id === currentId,
    assurance,
    createdAtMs: coarse(createdAtMs),
    seenAtMs: coarse(seenAtMs),
  };
}

function coarse(ms: number): number {
  return Math.floor(ms / COARSE_MS) * COARSE_MS;
}

/** The sessions that make one too many, longest unused first; never the one just made. */
export function overflow(records: readonly SessionRecord[], most: number, keepId: string): readonly SessionRecord[] {
  const others = records.filter(({ id }) => id !== keepId).toSorted((a, b) => a.seenAtMs - b.seenAtMs);
  return others.slice(0, Math.max(0, records.length - most));
}
