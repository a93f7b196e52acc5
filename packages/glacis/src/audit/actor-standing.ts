/** What one process knows of actors: where they stand, and from where several people are signed in. */
import { limitKey, parseAddress } from "../primitives/ip.ts";
import type { ActorLedger, ActorStanding } from "./actor-ledger.ts";
import { recentMap } from "./detection-cooldown.ts";
import { distinctCount } from "./detection-distinct.ts";

export const FREE: ActorStanding = { score: 0, throttledUntilMs: 0, blockedUntilMs: 0 };
const MOST_ACTORS = 10_000;
const MOST_ASKING = 64;
const ASK_AGAIN_MS = 2000;
/** Two people signed in from one address within so long make it a shared one. */
const SHARED = { windowMs: 3_600_000, threshold: 2, actors: MOST_ACTORS } as const;
const LONGEST_ID = 100;

interface Known {
  readonly standing: ActorStanding;
  readonly askAgainMs: number;
}

export interface StandingCache {
  /** What is known now. What other processes have counted is asked for beside the request, and known at the next one. */
  of(key: string, nowMs: number): ActorStanding;
  remember(key: string, standing: ActorStanding, nowMs: number): void;
}

export function standingCache(ledger: ActorLedger, tellFailure: (error: unknown) => void): StandingCache {
  const known = recentMap<Known>(MOST_ACTORS);
  let asking = 0;

  function remember(key: string, standing: ActorStanding, nowMs: number): Known {
    const entry = { standing, askAgainMs: nowMs + ASK_AGAIN_MS };
    known.set(key, entry);
    return entry;
  }

  /** An answer that comes after its actor has been counted or released is older than what is known by then, and says nothing. */
  function ask(key: string, former: Known, nowMs: number): void {
    asking += 1;
    void ledger
      .read(key, nowMs)
      .then((standing) => (known.get(key) === former ? remember(key, standing, nowMs) : undefined), tellFailure)
      .finally(() => (asking -= 1));
  }

  return {
    remember(key, standing, nowMs) {
      remember(key, standing, nowMs);
    },
    of(key, nowMs) {
      const { standing = FREE, askAgainMs = 0 } = known.get(key) ?? {};
      if (!ledger.isShared || nowMs < askAgainMs || asking >= MOST_ASKING) return standing;
      ask(key, remember(key, standing, nowMs), nowMs);
      return standing;
    },
  };
}

export interface SharedAddresses {
  note(client: string, userId: string, nowMs: number): void;
  /** @param id as a limit counts addresses: an IPv6 one by its /64 */
  isShared(id: string, nowMs: number): boolean;
}

/** From which addresses several people are signed in, as far as this process has seen. */
export function sharedAddresses(): SharedAddresses {
  const people = distinctCount(SHARED);
  const sharedUntilMs = recentMap<number>(MOST_ACTORS);
  return {
    note(client, userId, nowMs) {
      const address = parseAddress(client);
      if (address === undefined) return;
      const id = limitKey(address);
      if (people.add(id, userId.slice(0, LONGEST_ID), nowMs)) sharedUntilMs.set(id, nowMs + 2 * SHARED.windowMs);
    },
    isShared: (id, nowMs) => nowMs < (sharedUntilMs.get(id) ?? 0),
  };
}
