/** The key of one column of one tenant, derived once and kept for a while (catalog key-management). */
import { hkdfSync } from "node:crypto";
import type { DerivedKey, KeySource } from "../core/keys.ts";
import { recent } from "../primitives/recent.ts";
import { lengthPrefixed } from "./length-prefixed.ts";
import { xaes256Gcm, XAES_KEY_BYTES, type Xaes } from "./xaes-256-gcm.ts";

export const COMMITMENT_BYTES = 16;
const NO_SALT = new Uint8Array(0);

/** One column of one tenant. */
export interface FieldScope {
  readonly tenantId: string;
  readonly table: string;
  readonly column: string;
}

export interface FieldKey {
  readonly id: string;
  readonly cipher: Xaes;
  /** Which key it is, in bytes that no other key has and that say nothing about it. */
  readonly commitment: Buffer;
  /** Where it belongs, in bytes that end where they say: the row may follow. */
  readonly context: Buffer;
}

export interface FieldKeys {
  readonly currentId: string;
  current(scope: FieldScope): FieldKey;
  /** Undefined for an id that the ring does not hold. */
  named(id: string, scope: FieldScope): FieldKey | undefined;
}

/** @param most how many keys are kept derived */
export function fieldKeys(source: KeySource, most: number): FieldKeys {
  const { current, all } = source.derive("field-encryption");
  const masters: ReadonlyMap<string, DerivedKey> = new Map(all.map((key) => [key.id, key]));
  const kept = recent<FieldKey>(most);

  function keyOf(master: DerivedKey, scope: FieldScope): FieldKey {
    // Table and column hold no null character, which quoteIdentifier refuses; the tenant, which may, stands last.
    const name = `${master.id}\0${scope.table}\0${scope.column}\0${scope.tenantId}`;
    const known = kept.get(name);
    if (known !== undefined) return known;
    const key = deriveFieldKey(master, scope);
    kept.set(name, key);
    return key;
  }

  return {
    currentId: current.id,
    current: (scope) => keyOf(current, scope),
    named(id, scope) {
      const master = masters.get(id);
      return master === undefined ? undefined : keyOf(master, scope);
    },
  };
}

/** Key and commitment come out of one HKDF (RFC 5869): two keys with one commitment would be a collision of HMAC-SHA-256. */
function deriveFieldKey(master: DerivedKey, { tenantId, table, column }: FieldScope): FieldKey {
  const context = lengthPrefixed(["glacis/field/v1", master.id, tenantId, table, column]);
  const output = new Uint8Array(hkdfSync("sha256", master.bytes, NO_SALT, context, XAES_KEY_BYTES + COMMITMENT_BYTES));
  return {
    id: master.id,
    cipher: xaes256Gcm(output.subarray(0, XAES_KEY_BYTES)),
    commitment: Buffer.from(output.subarray(XAES_KEY_BYTES)),
    context,
  };
}
