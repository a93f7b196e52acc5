import { hkdfSync, randomBytes } from "node:crypto";
import type { DerivedKey, DerivedKeys, KeySource } from "../core/keys.ts";

const KEY_BYTES = 32;
const KEY_ID = /^[a-z0-9][a-z0-9_-]{0,31}$/u;
const MOST_KEYS = 16;
/** A random 32-byte key has about 30 distinct byte values; fewer than this is a pattern, a passphrase or a placeholder. */
const FEWEST_DISTINCT_BYTES = 20;
/** Likewise of the differences between bytes that stand one to four apart, which a row of bytes or of letters has two or three of. */
const FEWEST_DISTINCT_STEPS = 12;
const STEPS = [1, 2, 3, 4];

/**
 * The application's master keys: `id:key,id:key`, each key 32 random bytes in base64url, the first one current, the others still accepted.
 * Keys are never used directly: each purpose gets its own by HKDF-SHA-256 (RFC 5869), derived once.
 *
 * @throws TypeError when the text is missing or a key is malformed, short, patterned, repeated or repeats an id. The message never quotes a key.
 * @example
 * const keys = keyRing("k2:" + second + ",k1:" + first);
 */
export function keyRing(text: string | undefined): KeySource {
  if (text === undefined || text.trim() === "") {
    throw new TypeError(
      "No keys. Set GLACIS_KEYS to one line such as k1:<43 characters>; npx glacis keys new makes it, or newKey().",
    );
  }
  const masters = text.split(",").map((entry, index) => parseEntry(entry.trim(), index));
  if (masters.length > MOST_KEYS) throw new TypeError(`A key ring holds at most ${MOST_KEYS} keys; remove the oldest.`);
  refuseRepetition(masters);
  const derived = new Map<string, DerivedKeys>();
  return {
    ids: masters.map(({ id }) => id),
    get purposes() {
      return [...derived.keys()].toSorted();
    },
    derive(purpose) {
      const known = derived.get(purpose);
      if (known !== undefined) return known;
      const all = masters.map((master) => deriveOne(master, purpose));
      const keys: DerivedKeys = { current: all[0] as DerivedKey, all };
      derived.set(purpose, keys);
      return keys;
    },
  };
}

/** A new master key in the ring's format, such as `k1:...`. */
export function newKey(id: string): string {
  return `${requireKeyId(id)}:${randomBytes(KEY_BYTES).toString("base64url")}`;
}

/** @throws TypeError unless stored values can carry the id. */
export function requireKeyId(id: string): string {
  if (KEY_ID.test(id)) return id;
  throw new TypeError("A key id is 1 to 32 of a-z, 0-9, - and _, starting with a letter or digit.");
}

function parseEntry(entry: string, index: number): DerivedKey {
  const place = `Key ${index + 1} of the ring`;
  const colon = entry.indexOf(":");
  const id = entry.slice(0, Math.max(colon, 0));
  if (!KEY_ID.test(id)) throw new TypeError(`${place} does not start with an id such as "k1:".`);
  const encoded = entry.slice(colon + 1);
  const bytes = Buffer.from(encoded, "base64url");
  if (bytes.length !== KEY_BYTES || bytes.toString("base64url") !== encoded) {
    throw new TypeError(`${place} ("${id}") is not 32 bytes in base64url without padding (43 characters).`);
  }
  if (!looksRandom(bytes))
    throw new TypeError(`${place} ("${id}") is not random: a pattern, or a text. Make one with newKey("${id}").`);
  return { id, bytes };
}

/** Refuses what people write in the place of a key. Of two million random keys none had fewer than 19 of anything that is counted here. */
function looksRandom(bytes: Uint8Array): boolean {
  const isText = bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
  if (isText || new Set(bytes).size < FEWEST_DISTINCT_BYTES) return false;
  return STEPS.every((step) => {
    const differences = bytes.slice(step).map((byte, index) => byte - (bytes[index] as number));
    return new Set(differences).size >= FEWEST_DISTINCT_STEPS;
  });
}

function refuseRepetition(masters: readonly DerivedKey[]): void {
  const ids = new Set(masters.map(({ id }) => id));
  if (ids.size !== masters.length) throw new TypeError("Two keys of the ring share an id.");
  const values = new Set(masters.map(({ bytes }) => Buffer.from(bytes).toString("base64url")));
  if (values.size !== masters.length)
    throw new TypeError("Two ids of the ring share one key; rotation would change nothing.");
}

function deriveOne(master: DerivedKey, purpose: string): DerivedKey {
  if (purpose.trim() === "") throw new TypeError("A key needs a purpose.");
  const bytes = new Uint8Array(hkdfSync("sha256", master.bytes, new Uint8Array(0), `glacis/v1/${purpose}`, KEY_BYTES));
  return { id: master.id, bytes };
}
