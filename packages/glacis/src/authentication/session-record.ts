import type { AssuranceLevel } from "../core/principal.ts";

/** A session as a store keeps it. The token itself is nowhere in it: `id` is the token's SHA-256. */
export interface SessionRecord {
  readonly id: string;
  readonly userId: string;
  readonly tenantId: string;
  readonly roles: readonly string[];
  readonly assurance: AssuranceLevel;
  readonly createdAtMs: number;
  /** When a credential was last proved. */
  readonly authenticatedAtMs: number;
  readonly seenAtMs: number;
  /** A label for the list of devices, such as a browser's name; shown to the user alone. */
  readonly label: string;
}

/**
 * Where sessions live. Every function may answer at once or later; one that fails throws, and the request is refused. A store never
 * answers "no session" because it could not look.
 */
export interface SessionStore {
  /** `memory` sessions end with the process and are not shared; `shared` stores serve several instances. */
  readonly kind: "memory" | "shared";
  read(id: string): SessionRecord | undefined | Promise<SessionRecord | undefined>;
  /** Stores a new session and, in the same step, removes the one it replaces. */
  create(record: SessionRecord, replacesId: string | undefined): void | Promise<void>;
  touch(id: string, seenAtMs: number): void | Promise<void>;
  revoke(id: string): void | Promise<void>;
  /** Ends every session of a user but one, and says how many. */
  revokeAll(userId: string, exceptId: string | undefined): number | Promise<number>;
  /** Forgets sessions that nobody has used since then, which have ended: who was here and when is not kept longer than it is needed. */
  sweep?(unusedSinceMs: number): void | Promise<void>;
  /** The user's sessions, newest first. */
  list(userId: string): readonly SessionRecord[] | Promise<readonly SessionRecord[]>;
}
