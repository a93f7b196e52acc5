/** Finding equal values of an encrypted column without opening it (catalog field-encryption). */
import { createHmac, createSecretKey, hkdfSync, type KeyObject } from "node:crypto";
import type { Brand } from "../core/brand.ts";
import type { DerivedKey, KeySource } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { recent } from "../primitives/recent.ts";
import type { ColumnName } from "./field-keys.ts";
import { requireTenant } from "./field-place.ts";
import { isWellFormed, lengthPrefixed } from "./length-prefixed.ts";

const KEPT_KEYS = 1000;
const KEY_BYTES = 32;
const NO_SALT = new Uint8Array(0);
const LEAST_BITS = 8;
const MOST_BITS = 256;
const DEFAULT_BITS = 64;
const MOST_BYTES = 65_536;

/** What is stored beside the encrypted column, and looked up. */
export type BlindIndexValue = Brand<string, "BlindIndexValue">;

export interface BlindIndexOptions {
  /** How much of the HMAC is kept, 8 to 256, a multiple of 8. 64: enough that only equal values meet. Fewer bits tell less, and find others too. */
  readonly bits?: number;
  /** Makes the spellings of one value equal. Unicode NFKC, trimmed and in lower case unless you say otherwise. */
  readonly normalize?: (value: string) => string;
}

/** Whose value it is: an index never matches across tenants. */
export interface BlindIndexPlace {
  readonly tenantId: string;
}

export interface BlindIndex {
  /** The value to store with a row. */
  of(value: string, place: BlindIndexPlace): BlindIndexValue;
  /** One value for each key of the ring, to look rows up by while a rotation is under way: `where ssn_index = any($1)`. */
  candidates(value: string, place: BlindIndexPlace): readonly BlindIndexValue[];
}

/**
 * What `column.blindIndex()` makes: HMAC-SHA-256 of the normalised value under a key for each tenant and column, cut to some bits and marked with
 * the key's id.
 *
 * @throws TypeError on an unknown option or bits out of range.
 */
export function blindIndexOf(source: KeySource, name: ColumnName, options: BlindIndexOptions): BlindIndex {
  rejectUnknownOptions("blindIndex", options, ["bits", "normalize"]);
  const { bits = DEFAULT_BITS, normalize = foldSpelling } = options;
  if (!Number.isSafeInteger(bits) || bits < LEAST_BITS || bits > MOST_BITS || bits % 8 !== 0)
    throw new TypeError(`blindIndex() needs bits as a multiple of 8 from ${LEAST_BITS} to ${MOST_BITS}.`);
  const { current, all } = source.derive("blind-index");
  const keys = new Map(all.map((master) => [master, indexKeys(master, name, bits)]));

  function indexUnder(master: DerivedKey, value: string, { tenantId }: BlindIndexPlace): BlindIndexValue {
    const key = (keys.get(master) as (tenantId: string) => KeyObject)(requireTenant(tenantId));
    const digest = createHmac("sha256", key)
      .update(checked(normalize(checked(value))))
      .digest();
    return `b1.${master.id}.${digest.subarray(0, bits / 8).toString("base64url")}` as BlindIndexValue;
  }

  return {
    of: (value, place) => indexUnder(current, value, place),
    candidates: (value, place) => all.map((master) => indexUnder(master, value, place)),
  };
}

function indexKeys(master: DerivedKey, { table, column }: ColumnName, bits: number): (tenantId: string) => KeyObject {
  const kept = recent<KeyObject>(KEPT_KEYS);
  return (tenantId) => {
    const known = kept.get(tenantId);
    if (known !== undefined) return known;
    const context = lengthPrefixed(["glacis/blind-index/v1", master.id, tenantId, table, column, String(bits)]);
    const key = createSecretKey(new Uint8Array(hkdfSync("sha256", master.bytes, NO_SALT, context, KEY_BYTES)));
    kept.set(tenantId, key);
    return key;
  };
}

function foldSpelling(value: string): string {
  return value.normalize("NFKC").trim().toLowerCase();
}

function checked(value: unknown): string {
  if (typeof value === "string" && value.length <= MOST_BYTES && isWellFormed(value)) return value;
  throw new TypeError(`A blind index needs well-formed text of at most ${MOST_BYTES} characters.`);
}
