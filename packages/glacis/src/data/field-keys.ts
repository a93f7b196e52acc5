/** The key of one column of one tenant, derived once and kept for a while (catalog key-management). */
import { hkdfSync } from "node:crypto";
import type { DerivedKey, KeySource } from "../core/keys.ts";
import { recent } from "../primitives/recent.ts";
import { lengthPrefixed } from "./length-prefixed.ts";
import { xaes256Gcm, XAES_KEY_BYTES, type Xaes } from "./xaes-256-gcm.ts";

export const COMMITMENT_BYTES = 16;
const NO_SALT = new Uint8Array(0);

/** A column, its table with the schema. */
export interface ColumnName {
  readonly table: string;
  readonly column: string;
}

export interface FieldKey {
  readonly cipher: Xaes;
  /** Which key it is, in bytes that no other key has and that say nothing about it. */
  readonly commitment: Buffer;
  /** Where it belongs, in bytes that end where they say: the row may follow. */
  readonly context: Buffer;
}

/** The keys of one column. */
export interface ColumnKeys {
  readonly currentId: string;
  current(tenantId: string): FieldKey;
  /** Undefined for an id that the ring does not hold. */
  named(id: string, tenantId: string): FieldKey | undefined;
}

/** @param kept how many tenants' keys stay derived, for each key of the ring */
export function columnKeys(source: KeySource, column: ColumnName, kept: number): ColumnKeys {
  const { current, all } = source.derive("field-encryption");
  const keys = new Map(all.map((master) => [master.id, tenantKeys(master, column, kept)]));
  const currentKeys = tenantKeys(current, column, kept);
  keys.set(current.id, currentKeys);
  return {
    currentId: current.id,
    current: currentKeys,
    named: (id, tenantId) => keys.get(id)?.(tenantId),
  };
}

function tenantKeys(master: DerivedKey, column: ColumnName, most: number): (tenantId: string) => FieldKey {
  const kept = recent<FieldKey>(most);
  return (tenantId) => {
    const known = kept.get(tenantId);
    if (known !== undefined) return known;
    const key = deriveFieldKey(master, column, tenantId);
    kept.set(tenantId, key);
    return key;
  };
}

/** Key and commitment come out of one HKDF (RFC 5869): two keys with one commitment would be a collision of HMAC-SHA-256. */
function deriveFieldKey(master: DerivedKey, { table, column }: ColumnName, tenantId: string): FieldKey {
  const context = lengthPrefixed(["glacis/field/v1", master.id, tenantId, table, column]);
  const output = new Uint8Array(hkdfSync("sha256", master.bytes, NO_SALT, context, XAES_KEY_BYTES + COMMITMENT_BYTES));
  return {
    cipher: xaes256Gcm(output.subarray(0, XAES_KEY_BYTES)),
    commitment: Buffer.from(output.subarray(XAES_KEY_BYTES)),
    context,
  };
}
