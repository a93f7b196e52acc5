/** Which keys a file has had before, and on which line, in little memory: 16 bytes a key, and no key itself. */
import { createHash, randomBytes } from "node:crypto";

const WORDS = 4;
const FIRST_SLOTS = 1 << 12;
const DEFAULT_MOST = 4_000_000;

export interface SeenKeys {
  /** @returns the line on which the key was first met, or undefined when this is the first time */
  firstLine(key: string, line: number): number | undefined;
  /** There were more keys than are remembered: from then on a repetition may go unseen. */
  readonly full: boolean;
}

/**
 * An open hash table of 96-bit digests under a random salt: nobody can write a file whose keys collide.
 *
 * @param most how many keys are remembered; four million, in 128 MiB
 */
export function seenKeys(most: number = DEFAULT_MOST): SeenKeys {
  const salt = randomBytes(16);
  let slots = FIRST_SLOTS;
  let table = new Uint32Array(slots * WORDS);
  let size = 0;
  let full = false;

  function place(words: readonly [number, number, number], into: Uint32Array, mask: number): number {
    const [first, second, third] = words;
    for (let slot = first & mask; ; slot = (slot + 1) & mask) {
      const at = slot * WORDS;
      const isFree = into[at + 3] === 0;
      if (isFree || (into[at] === first && into[at + 1] === second && into[at + 2] === third)) return at;
    }
  }

  function grow(): void {
    const bigger = new Uint32Array(slots * 2 * WORDS);
    for (let at = 0; at < table.length; at += WORDS) {
      const entry = table.subarray(at, at + WORDS);
      if (entry[3] === 0) continue;
      bigger.set(entry, place([entry[0] ?? 0, entry[1] ?? 0, entry[2] ?? 0], bigger, slots * 2 - 1));
    }
    slots *= 2;
    table = bigger;
  }

  return {
    firstLine(key, line) {
      const digest = createHash("sha256").update(salt).update(key).digest();
      const words = [digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8)] as const;
      const at = place(words, table, slots - 1);
      const known = table[at + 3];
      if (known !== 0) return known;
      if (size >= most) {
        full = true;
        return undefined;
      }
      table.set([...words, line], at);
      size += 1;
      if (size * 2 > slots) grow();
      return undefined;
    },
    get full() {
      return full;
    },
  };
}
