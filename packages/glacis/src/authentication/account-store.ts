import type { UserId } from "../core/brand.ts";
import type { UndoneSpan } from "./account-lineage.ts";
import type { Job } from "./job-store.ts";
import type { LinkPurpose } from "./one-time-link.ts";

export type AccountStatus = "active" | "disabled" | "deleting";

/** Who may sign in. Tenants, roles and profiles are the application's. */
export interface Account {
  readonly userId: UserId;
  /** Canonical, and nobody else's. */
  readonly email: string;
  /** When the address was proved; null for an account that was imported or made by somebody else. */
  readonly verifiedAtMs: number | null;
  /**
   * Null for an account that has no password, such as one that signs in by passkey alone; `!` after its owner disowned a change, and until he has chosen
   * a new one nothing signs in.
   */
  readonly passwordHash: string | null;
  readonly status: AccountStatus;
  /** Rises with every change, so that a change that was begun before another one comes to nothing. */
  readonly version: number;
  /** The versions that a "this was not me" has taken back: a link that was mailed in one of them counts no more. */
  readonly undone?: readonly UndoneSpan[];
  readonly createdAtMs: number;
}

export interface AccountChange {
  readonly email?: string;
  readonly passwordHash?: string | null;
  readonly verifiedAtMs?: number;
  readonly status?: AccountStatus;
  readonly undone?: readonly UndoneSpan[];
}

/** What happens in the same step as a change, or not at all: a crash in between cannot exist. */
export interface AccountEffects {
  /** The link that permits it. Whoever does not find it alive changes nothing. */
  readonly spend?: { readonly id: string; readonly purpose: string; readonly nowMs: number };
  /** Outstanding links of this user that are void from now on. */
  readonly voids?: readonly LinkPurpose[];
  /** Mails and other work to be done because of it. */
  readonly jobs?: readonly Job[];
}

/** Where accounts live. A store that fails throws, and the request is refused. */
export interface AccountStore {
  byEmail(email: string): Promise<Account | undefined>;
  byId(userId: string): Promise<Account | undefined>;
  /** @returns false when the address or the id is taken, or the link is not alive */
  create(account: Account, effects?: AccountEffects): Promise<boolean>;
  /**
   * Changes an account that is still at this version.
   *
   * @returns undefined when it is not, when the address is somebody else's, or the link is not alive
   */
  change(
    userId: string,
    version: number,
    change: AccountChange,
    effects?: AccountEffects,
  ): Promise<Account | undefined>;
  /** Puts a better hash of the same password in the place of the one that it was verified against. */
  upgradeHash(userId: string, from: string, to: string): Promise<void>;
  /** Removes an account and queues the jobs in the same step, once whoever asks: nothing is queued for an account that is gone already. */
  remove(userId: string, jobs?: readonly Job[]): Promise<void>;
  /** Whether there is any account at all. */
  any(): Promise<boolean>;
}
