/** Fields under keys of each tenant's own, so that destroying a key erases the tenant, backups included (catalog field-encryption, key-management). */
import type { AuditEvent } from "../core/event.ts";
import type { KeySource } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { fieldEncryption, type EncryptedColumn, type FieldEncryption } from "./field-encryption.ts";
import { requireTenant, type FieldPlace } from "./field-place.ts";
import { keyRing, newKey } from "./key-ring.ts";
import type { TenantKeyStore } from "./tenant-key-store.ts";

const KEPT_TENANTS = 1000;
const KEPT_SECONDS = 300;
const MOST_KEPT_SECONDS = 3600;
/** Where the wrapped keys are said to stand, whatever the store's table is called: part of what is authenticated. */
const WRAPPED = { table: "glacis.tenant_keys", column: "wrapped" };

export interface ShreddableFieldsOptions {
  /** The application's ring, which wraps the tenants' keys. */
  readonly keys: KeySource;
  readonly store: TenantKeyStore;
  /** Where values that cannot be opened and destroyed keys are told: `security.report`. */
  readonly report?: (event: AuditEvent) => void;
  /** How long a process works with an unwrapped key, and so how long a shredding may take to reach it. 300; at most 3600. */
  readonly keptSeconds?: number;
  /** How many tenants' keys are kept unwrapped. 1000. */
  readonly keptTenants?: number;
  /** The time in milliseconds. `Date.now`. */
  readonly now?: () => number;
}

export interface ShreddableFields {
  /**
   * The tenant's fields; its key is made at the first call. Ask anew for each piece of work: what you hold on to outlives a shredding.
   *
   * @throws TenantShreddedError when the tenant's key was destroyed, and what the store throws.
   */
  forTenant(tenantId: string): Promise<FieldEncryption>;
  /** Wraps the tenant's key under the current key of the ring. False when it is so already, or there is none. */
  rewrap(tenantId: string): Promise<boolean>;
  /** Destroys the tenant's key for good: no sealed field of the tenant opens again, here at once, elsewhere after `keptSeconds`. */
  shred(tenantId: string): Promise<void>;
}

/** Work for a tenant whose key was destroyed. */
export class TenantShreddedError extends Error {
  override readonly name = "TenantShreddedError";
}

interface Kept {
  readonly fields: Promise<FieldEncryption>;
  readonly untilMs: number;
}

/**
 * Field encryption with a random key for each tenant, stored wrapped by the ring: rotating the ring wraps a few bytes anew and touches no row, and
 * shredding a tenant destroys those bytes alone.
 *
 * @throws TypeError on an unknown option or a limit out of range.
 * @example
 * const shreddable = shreddableFields({ keys, store: postgresTenantKeys({ database }) });
 * const ssn = (await shreddable.forTenant(tenantId)).column({ table: "users", column: "ssn" });
 * await shreddable.shred(tenantId);
 */
export function shreddableFields(options: ShreddableFieldsOptions): ShreddableFields {
  const { keys, store, report, keptSeconds, keptTenants, now } = compose(options);
  const wrapping = fieldEncryption({ keys, ...(report !== undefined && { report }) }).column(WRAPPED);
  const kept = new Map<string, Kept>();

  async function load(tenantId: string): Promise<FieldEncryption> {
    const place = { tenantId, row: tenantId };
    let wrapped = await store.read(tenantId);
    if (wrapped === undefined) {
      await store.insert(tenantId, wrapping.seal(newKey("t1"), place));
      // Read back: another process may have been first, and its key is the one that counts.
      wrapped = await store.read(tenantId);
    }
    if (wrapped === null) throw new TenantShreddedError("The keys of this tenant were destroyed.");
    if (wrapped === undefined) throw new Error("The tenant key store did not keep what it was given.");
    const own = keyRing(wrapping.open(wrapped, place));
    return heldTo(tenantId, fieldEncryption({ keys: own, ...(report !== undefined && { report }) }));
  }

  return {
    async forTenant(tenantId) {
      const known = kept.get(requireTenant(tenantId));
      if (known !== undefined && now() < known.untilMs) return known.fields;
      const fields = load(tenantId);
      kept.delete(tenantId);
      kept.set(tenantId, { fields, untilMs: now() + keptSeconds * 1000 });
      // The first is the one that was loaded longest ago.
      if (kept.size > keptTenants) kept.delete(kept.keys().next().value as string);
      try {
        return await fields;
      } catch (error) {
        if (kept.get(tenantId)?.fields === fields) kept.delete(tenantId);
        throw error;
      }
    },
    async rewrap(tenantId) {
      const wrapped = await store.read(requireTenant(tenantId));
      if (typeof wrapped !== "string") return false;
      const anew = wrapping.reseal(wrapped, { tenantId, row: tenantId });
      return anew === undefined ? false : store.replace(tenantId, wrapped, anew);
    },
    async shred(tenantId) {
      await store.shred(requireTenant(tenantId));
      kept.delete(tenantId);
      report?.({
        event_type: "crypto",
        status: "succeeded",
        severity: "warning",
        event: "tenant_key_destroyed",
        control: "field-encryption",
        tenant_id: tenantId,
      });
    },
  };
}

function compose(options: ShreddableFieldsOptions): ShreddableFieldsOptions & {
  readonly keptSeconds: number;
  readonly keptTenants: number;
  readonly now: () => number;
} {
  const known = ["keys", "store", "report", "keptSeconds", "keptTenants", "now"];
  rejectUnknownOptions("shreddableFields", options, known);
  const { keptSeconds = KEPT_SECONDS, keptTenants = KEPT_TENANTS, now = Date.now } = options;
  if (!Number.isSafeInteger(keptSeconds) || keptSeconds < 0 || keptSeconds > MOST_KEPT_SECONDS)
    throw new TypeError(`shreddableFields() needs keptSeconds as a whole number from 0 to ${MOST_KEPT_SECONDS}.`);
  if (!Number.isSafeInteger(keptTenants) || keptTenants < 1)
    throw new TypeError("shreddableFields() needs keptTenants as a whole number from 1 on.");
  return { ...options, keptSeconds, keptTenants, now };
}

/** Sealed with one tenant's key for another, a value would be lost with the wrong tenant. */
function heldTo(tenantId: string, fields: FieldEncryption): FieldEncryption {
  const own = <Place extends Pick<FieldPlace, "tenantId">>(place: Place): Place => {
    if (place.tenantId === tenantId) return place;
    throw new TypeError("These fields belong to another tenant.");
  };
  return {
    column(name): EncryptedColumn {
      const column = fields.column(name);
      return {
        ...column,
        seal: (plaintext, place) => column.seal(plaintext, own(place)),
        open: (sealed, place) => column.open(sealed, own(place)),
        reseal: (sealed, place) => column.reseal(sealed, own(place)),
        blindIndex(options) {
          const index = column.blindIndex(options);
          return {
            of: (value, place) => index.of(value, own(place)),
            candidates: (value, place) => index.candidates(value, own(place)),
          };
        },
      };
    },
  };
}
