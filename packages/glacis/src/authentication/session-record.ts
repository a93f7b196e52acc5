import type { AssuranceLevel } from "../core/principal.ts";
import type { Factor, ProofFacts, ProofMethod } from "./proof.ts";

/** A session as a store keeps it. The token itself is nowhere in it: `id` is the token's SHA-256. */
export interface SessionRecord {
  readonly id: string;
  readonly userId: string;
  readonly tenantId: string;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly assurance: AssuranceLevel;
  /** The kinds of factor that it rests on; a step-up adds to them. */
  readonly factors: readonly Factor[];
  /** The absolute limit counts from here. */
  readonly createdAtMs: number;
  /** When a credential was last proved. */
  readonly authenticatedAtMs: number;
  /** When the oldest proof that it rests on was made. A revocation later than this ends the session. */
  readonly provedSinceMs: number;
  readonly seenAtMs: number;
  /** A label for the list of devices, such as a browser's name; shown to the user alone. */
  readonly label: string;
}

/**
 * A sign-in that has shown one factor and owes another. It is no session: it names no principal, opens no route, and is spent by the sign-in
 * that completes it.
 */
export interface PendingRecord {
  readonly id: string;
  readonly userId: string;
  readonly tenantId: string;
  /** `enrolment`: the account has no second factor yet and must be given one now. */
  readonly purpose: "second_factor" | "enrolment";
  /** What the user may prove next. */
  readonly methods: readonly ProofMethod[];
  readonly proofs: readonly ProofFacts[];
  readonly createdAtMs: number;
  readonly endsAtMs: number;
}

/** A use of a session, to be written. */
export interface SessionUse {
  readonly id: string;
  readonly seenAtMs: number;
  /** When the session ends unless it is used again; a store may forget it then. */
  readonly endsAtMs: number;
}

/**
 * Where sessions and pending sign-ins live. Every function may answer at once or later; one that fails throws, and the request is refused. A
 * store never answers "no session" because it could not look.
 */
export interface SessionStore {
  /** `memory` sessions end with the process and are not shared; `shared` stores serve several instances. */
  readonly kind: "memory" | "shared";
  /** The session, unless it is gone or its user's sessions were revoked after it was proved. One round trip. */
  read(id: string): SessionRecord | undefined | Promise<SessionRecord | undefined>;
  /**
   * Stores a new session and, in the same step, removes the one it replaces.
   *
   * @param endsAtMs when it ends unless it is used
   * @returns false, and neither is there, when the user's sessions were revoked after the oldest proof
   */
  create(record: SessionRecord, replacesId: string | undefined, endsAtMs: number): boolean | Promise<boolean>;
  /** Puts a session in the place of another that must still be there. @returns false when it is not, and then nothing is stored */
  rotate(id: string, record: SessionRecord, endsAtMs: number): boolean | Promise<boolean>;
  /** Writes the latest use of many sessions at once. Never makes a session younger, and never brings back one that is gone. */
  touch(uses: readonly SessionUse[]): void | Promise<void>;
  revoke(id: string): void | Promise<void>;
  /**
   * Ends every session of a user that was proved before a moment, and says how many there were. A sign-in that is under way or pending with older
   * proofs comes to nothing either.
   *
   * @param exceptId a session that stays, and counts as proved at that moment
   */
  revokeAll(userId: string, exceptId: string | undefined, notBeforeMs: number): number | Promise<number>;
  /** Forgets sessions that nobody has used since then, and what has ended: who was here and when is not kept longer than it is needed. */
  sweep?(unusedSinceMs: number, nowMs: number): void | Promise<void>;
  /** The user's sessions, newest first. */
  list(userId: string): readonly SessionRecord[] | Promise<readonly SessionRecord[]>;
  /**
   * Keeps a pending sign-in until it ends, or until `revokeAll` is called for its user: by the store's own order of the two, for the clocks of two
   * processes differ.
   */
  hold(pending: PendingRecord): void | Promise<void>;
  /** Looks at a pending sign-in and leaves it. It may have ended: the caller compares the time. */
  held(id: string): PendingRecord | undefined | Promise<PendingRecord | undefined>;
  /** Takes a pending sign-in: of many at once exactly one gets it. */
  take(id: string): PendingRecord | undefined | Promise<PendingRecord | undefined>;
}
