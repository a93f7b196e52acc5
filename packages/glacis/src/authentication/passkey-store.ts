/** One passkey of one user. Nothing in it is secret; the private key never left the authenticator. */
export interface PasskeyRecord {
  /** The credential's id in base64url. */
  readonly id: string;
  readonly userId: string;
  /** COSE, in base64url. */
  readonly publicKey: string;
  readonly counter: number;
  readonly transports: readonly string[];
  /** The user's name for it; shown to the user alone. */
  readonly name: string;
  /** May be copied to other devices; never changes. */
  readonly backupEligible: boolean;
  readonly backedUp: boolean;
  readonly createdAtMs: number;
  readonly usedAtMs: number | undefined;
  /** Completes a sign-in and begins none. */
  readonly secondOnly: boolean;
}

/** What a browser was asked to sign. The challenge and the browser's token stand in it as SHA-256. */
export interface PasskeyChallenge {
  readonly id: string;
  readonly browserId: string;
  readonly purpose: "register" | "authenticate";
  /** Whose answer counts; undefined when anybody may answer. */
  readonly userId: string | undefined;
  readonly endsAtMs: number;
}

/** What a successful signature says about its authenticator. */
export interface PasskeyUse {
  readonly id: string;
  readonly userId: string;
  readonly counter: number;
  readonly backedUp: boolean;
  readonly usedAtMs: number;
}

/** So many passkeys may one user have; each is in every request to register another. */
export const MOST_PASSKEYS = 20;

/** Where passkeys and challenges live. A store that fails throws, and the request is refused. */
export interface PasskeyStore {
  readonly kind: "memory" | "shared";
  challenge(challenge: PasskeyChallenge): void | Promise<void>;
  /** Takes the challenge out, once, whoever asks at the same time; undefined when it is gone, past, of another browser or purpose. */
  take(
    id: string,
    browserId: string,
    purpose: PasskeyChallenge["purpose"],
    nowMs: number,
  ): PasskeyChallenge | undefined | Promise<PasskeyChallenge | undefined>;
  /** The user's handle, which is the offered one when there is none yet. */
  handle(userId: string, offered: string): string | Promise<string>;
  /** @returns the user of a handle */
  owner(handle: string): string | undefined | Promise<string | undefined>;
  /** @returns false when the id is known already, anybody's, or the user has `MOST_PASSKEYS` */
  add(passkey: PasskeyRecord): boolean | Promise<boolean>;
  find(id: string): PasskeyRecord | undefined | Promise<PasskeyRecord | undefined>;
  /** Oldest first. */
  list(userId: string): readonly PasskeyRecord[] | Promise<readonly PasskeyRecord[]>;
  /** Writes a use if the counter has grown, or there is none. @returns false when it has not, or the passkey is gone */
  use(use: PasskeyUse): boolean | Promise<boolean>;
  rename(userId: string, id: string, name: string): boolean | Promise<boolean>;
  /** @param evenLast when false, the user's last passkey stays. @returns whether it was there and is gone */
  remove(userId: string, id: string, evenLast: boolean): boolean | Promise<boolean>;
  /** From now on the user's passkeys of that moment and later ones complete a sign-in and begin none. */
  demote(userId: string, sinceMs: number): void | Promise<void>;
  /** Forgets the user: passkeys and handle. */
  removeAll(userId: string): void | Promise<void>;
}

const MOST_CHALLENGES = 100_000;

/** Passkeys in this process alone, for development and tests. */
export function memoryPasskeys(): PasskeyStore {
  const challenges = new Map<string, PasskeyChallenge>();
  const passkeys = new Map<string, PasskeyRecord>();
  const handles = new Map<string, string>();
  const of = (userId: string): readonly PasskeyRecord[] =>
    [...passkeys.values()].filter((one) => one.userId === userId);
  const own = (userId: string, id: string): PasskeyRecord | undefined => {
    const found = passkeys.get(id);
    return found?.userId === userId ? found : undefined;
  };
  return {
    kind: "memory",
    challenge(challenge) {
      for (const [id, { endsAtMs }] of challenges) {
        // Kept in the order of their making, so the first that still counts ends the search.
        if (endsAtMs > challenge.endsAtMs - 600_000 && challenges.size < MOST_CHALLENGES) break;
        challenges.delete(id);
      }
      challenges.set(challenge.id, challenge);
    },
    take(id, browserId, purpose, nowMs) {
      const found = challenges.get(id);
      if (found === undefined || found.browserId !== browserId || found.purpose !== purpose) return undefined;
      challenges.delete(id);
      return nowMs < found.endsAtMs ? found : undefined;
    },
    handle(userId, offered) {
      const handle = handles.get(userId) ?? offered;
      handles.set(userId, handle);
      return handle;
    },
    owner: (handle) => [...handles].find(([, one]) => one === handle)?.[0],
    add(passkey) {
      if (passkeys.has(passkey.id) || of(passkey.userId).length >= MOST_PASSKEYS) return false;
      passkeys.set(passkey.id, passkey);
      return true;
    },
    find: (id) => passkeys.get(id),
    list: of,
    use({ id, userId, counter, backedUp, usedAtMs }) {
      const found = own(userId, id);
      if (found === undefined || !(counter > found.counter || (counter === 0 && found.counter === 0))) return false;
      passkeys.set(id, { ...found, counter, backedUp, usedAtMs });
      return true;
    },
    rename(userId, id, name) {
      const found = own(userId, id);
      if (found !== undefined) passkeys.set(id, { ...found, name });
      return found !== undefined;
    },
    remove(userId, id, evenLast) {
      if (own(userId, id) === undefined || (!evenLast && of(userId).length < 2)) return false;
      return passkeys.delete(id);
    },
    demote(userId, sinceMs) {
      for (const one of of(userId)) if (one.createdAtMs >= sinceMs) passkeys.set(one.id, { ...one, secondOnly: true });
    },
    removeAll(userId) {
      for (const { id } of of(userId)) passkeys.delete(id);
      handles.delete(userId);
    },
  };
}
