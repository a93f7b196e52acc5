import { describe, expect, it } from "vitest";
import type { ActorLedger, ActorStanding } from "./actor-ledger.ts";
import { FREE, standingCache } from "./actor-standing.ts";

const BLOCKED: ActorStanding = { score: 200, throttledUntilMs: 600_000, blockedUntilMs: 900_000 };

/** A shared ledger whose every answer waits until the test gives it. */
function slowLedger(): {
  ledger: ActorLedger;
  answer: (standing: ActorStanding) => Promise<void>;
  reads: () => number;
} {
  const waiting: ((standing: ActorStanding) => void)[] = [];
  let reads = 0;
  const unused = async (): Promise<never> => Promise.reject(new Error("A cache of standings only reads."));
  return {
    ledger: {
      isShared: true,
      add: unused,
      forget: unused,
      async read() {
        reads += 1;
        return new Promise((resolve) => waiting.push(resolve));
      },
    },
    async answer(standing) {
      waiting.shift()?.(standing);
      await new Promise(setImmediate);
    },
    reads: () => reads,
  };
}

function neverFails(error: unknown): void {
  throw error;
}

describe("what one process knows of where an actor stands", () => {
  it("is what the shared counters said, asked beside a request and once in two seconds", async () => {
    const { ledger, answer, reads } = slowLedger();
    const standings = standingCache(ledger, neverFails);
    expect(standings.of("user eve", 1000)).toEqual(FREE);
    expect(standings.of("user eve", 1001)).toEqual(FREE);
    await answer(BLOCKED);
    expect(standings.of("user eve", 2999)).toEqual(BLOCKED);
    expect(reads()).toBe(1);
    expect(standings.of("user eve", 3000)).toEqual(BLOCKED);
    expect(reads()).toBe(2);
    await answer(FREE);
    expect(standings.of("user eve", 3001)).toEqual(FREE);
  });

  it("is not what was asked before a release and is answered after it", async () => {
    const { ledger, answer } = slowLedger();
    const standings = standingCache(ledger, neverFails);
    standings.remember("user eve", BLOCKED, 0);
    expect(standings.of("user eve", 2000)).toEqual(BLOCKED);
    standings.remember("user eve", FREE, 2000);
    await answer(BLOCKED);
    expect(standings.of("user eve", 2001)).toEqual(FREE);
  });

  it("is not what was asked before an attack and is answered after it", async () => {
    const { ledger, answer } = slowLedger();
    const standings = standingCache(ledger, neverFails);
    standings.of("user eve", 0);
    standings.remember("user eve", BLOCKED, 1);
    await answer(FREE);
    expect(standings.of("user eve", 2)).toEqual(BLOCKED);
  });
});
