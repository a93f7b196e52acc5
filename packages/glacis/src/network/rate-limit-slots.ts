/** Where the memory store keeps whom: a bounded set of keys, each with a number, whose upkeep never stalls a request. */
import { randomInt } from "node:crypto";

/** V8 makes a substring of this length or more a view that keeps the whole parent alive, a 16 KiB header for instance. */
const SHORTEST_VIEW = 13;
/** Slots looked at for whole allowances when a new subject arrives: more than one, so that forgetting outruns remembering. */
const SWEEP = 4;
/** Slots compared when somebody must be displaced. */
const CANDIDATES = 16;
/** Subjects per hash table, on average. A table that grows or shrinks is rebuilt at one go: 100 ms for a million entries, well under 1 ms for this many. */
const SHARD_SUBJECTS = 512;
const PAGE = 4096;

export interface Slots {
  readonly find: (key: string) => number | undefined;
  /**
   * A slot for a new key: a fresh one, a forgotten one, or that of the least used candidate.
   *
   * @param usage how much of its allowance a slot's subject uses; 0 may be forgotten
   */
  readonly take: (key: string, usage: (slot: number) => number) => number;
  readonly forget: (key: string) => void;
  readonly size: () => number;
}

/**
 * Numbers for keys. Each new key advances a hand over a few slots and frees those whose allowance is whole, so that the work per request is the
 * same whether ten or ten million subjects are remembered.
 */
export function openSlots(maxSubjects: number): Slots {
  const shards = openShards(maxSubjects);
  const pages: (string | undefined)[][] = [];
  const free = new Int32Array(maxSubjects);
  let freeCount = 0;
  let fresh = 0;
  let hand = 0;

  const keyAt = (slot: number): string | undefined => (pages[(slot / PAGE) | 0] as (string | undefined)[])[slot % PAGE];

  function release(slot: number): void {
    shards.of(keyAt(slot) as string).delete(keyAt(slot) as string);
    (pages[(slot / PAGE) | 0] as (string | undefined)[])[slot % PAGE] = undefined;
  }

  function setFree(slot: number): void {
    release(slot);
    free[freeCount] = slot;
    freeCount += 1;
  }

  function advance(): number {
    const slot = hand;
    hand = hand + 1 < fresh ? hand + 1 : 0;
    return slot;
  }

  function sweep(usage: (slot: number) => number): void {
    for (let step = Math.min(SWEEP, fresh); step > 0; step -= 1) {
      const slot = advance();
      if (keyAt(slot) !== undefined && usage(slot) === 0) setFree(slot);
    }
  }

  function displace(usage: (slot: number) => number): number {
    let least = advance();
    let leastUsage = usage(least);
    for (let step = 1; step < CANDIDATES; step += 1) {
      const slot = advance();
      const used = usage(slot);
      if (used < leastUsage) {
        least = slot;
        leastUsage = used;
      }
    }
    release(least);
    return least;
  }

  function extend(): number {
    if (fresh % PAGE === 0) pages.push(Array.from({ length: Math.min(PAGE, maxSubjects - fresh) }, () => undefined));
    fresh += 1;
    return fresh - 1;
  }

  function reuse(): number {
    freeCount -= 1;
    return free[freeCount] as number;
  }

  return {
    find: (key) => shards.of(key).get(key),
    take(key, usage) {
      sweep(usage);
      const slot = freeCount > 0 ? reuse() : fresh < maxSubjects ? extend() : displace(usage);
      const own = key.length < SHORTEST_VIEW ? key : Buffer.from(key, "utf16le").toString("utf16le");
      (pages[(slot / PAGE) | 0] as (string | undefined)[])[slot % PAGE] = own;
      shards.of(own).set(own, slot);
      return slot;
    },
    forget(key) {
      const slot = shards.of(key).get(key);
      if (slot !== undefined) setFree(slot);
    },
    size: () => fresh - freeCount,
  };
}

/**
 * Many small maps in place of a large one. The spread is seeded per process and decides speed alone: keys that crowd into one map are found and
 * displaced like any others.
 */
function openShards(maxSubjects: number): { of(key: string): Map<string, number> } {
  let count = 1;
  while (count * SHARD_SUBJECTS < maxSubjects) count *= 2;
  const maps = Array.from({ length: count }, () => new Map<string, number>());
  const mask = count - 1;
  const seed = randomInt(2 ** 31);
  return {
    of(key) {
      let spread = seed;
      for (let index = 0; index < key.length; index += 1) {
        spread = Math.imul(spread ^ key.charCodeAt(index), 0x0100_0193);
      }
      return maps[(spread ^ (spread >>> 15)) & mask] as Map<string, number>;
    },
  };
}
