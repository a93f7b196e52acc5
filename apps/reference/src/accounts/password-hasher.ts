import { hash, verify } from "@node-rs/argon2";
import { randomBytes } from "node:crypto";

/** The library's enumeration exists for the type checker alone. */
const ARGON2ID = 2;
/** Argon2id with 64 MiB, three passes, one lane: above OWASP's floor, about an eighth of a second. */
const COST = { algorithm: ARGON2ID, memoryCost: 65_536, timeCost: 3, parallelism: 1 };
/** Hashing shares its threads with file access and name lookups; more at once than this starves them and fills memory. */
const AT_ONCE = 2;
/** Behind those, this many wait. Whoever comes then is told to come back, instead of everybody waiting for minutes. */
const WAITING = 16;

/** More sign-ins at once than this server can judge. */
export class HasherBusyError extends Error {
  override readonly name = "HasherBusyError";
}

export interface PasswordHasher {
  hash(password: string): Promise<string>;
  /** @param stored undefined for an unknown account: the work is done all the same, so that the answer takes as long. */
  verify(stored: string | undefined, password: string): Promise<boolean>;
}

/** Hashes and verifies passwords, so many at once and no more. */
export function passwordHasher(): PasswordHasher {
  const enter = gate(AT_ONCE, WAITING);
  const decoy = hash(randomBytes(32).toString("base64url"), COST);
  return {
    hash: (password) => enter(() => hash(password.normalize("NFC"), COST)),
    verify: async (stored, password) => {
      const against = stored ?? (await decoy);
      const matches = await enter(() => verify(against, password.normalize("NFC")));
      return matches && stored !== undefined;
    },
  };
}

function gate(atOnce: number, waiting: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let running = 0;
  const queue: (() => void)[] = [];
  return async (work) => {
    if (running >= atOnce) {
      if (queue.length >= waiting) throw new HasherBusyError("Too many passwords are being checked.");
      await new Promise<void>((resolve) => queue.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      // A waiter takes over the place; it is only given back when nobody waits.
      const next = queue.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
