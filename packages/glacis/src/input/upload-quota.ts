/** How much one tenant may keep: reserved before the first byte, settled after the last, whoever else uploads at the same time. */
import { randomBytes } from "node:crypto";
import { rejectUnknownOptions } from "../core/options.ts";
import type { UploadQuotaStore } from "./upload-quota-store.ts";

const GIB = 1024 * 1024 * 1024;

export interface UploadQuotaOptions {
  readonly store: UploadQuotaStore;
  /** What one tenant may keep, in bytes. 1 GiB. */
  readonly bytes?: number;
}

/** Room that one request holds. */
export interface QuotaReservation {
  /** Turns it into what was stored; the rest is free again. Nothing stored: `settle(0)`. */
  settle(bytes: number): Promise<void>;
}

export interface UploadQuota {
  readonly store: UploadQuotaStore;
  readonly bytes: number;
  /** @returns undefined where there is no room */
  reserve(tenantId: string, bytes: number, lifeMs: number): Promise<QuotaReservation | undefined>;
  /** Gives back what removed files took. */
  release(tenantId: string, bytes: number): Promise<void>;
}

/**
 * A quota for each tenant. A reservation that a crash has left counts until it expires.
 *
 * @throws TypeError on an unknown option or a size that is none.
 */
export function uploadQuota(options: UploadQuotaOptions): UploadQuota {
  rejectUnknownOptions("uploadQuota", options, ["store", "bytes"]);
  const { store, bytes: most = GIB } = options;
  if (!Number.isSafeInteger(most) || most < 1)
    throw new TypeError("uploadQuota() needs bytes as a whole number above zero.");
  return {
    store,
    bytes: most,
    async reserve(tenantId, bytes, lifeMs) {
      const id = randomBytes(12).toString("hex");
      const now = Date.now();
      if (!(await store.reserve({ tenantId, id, bytes, limit: most, nowMs: now, expiresAtMs: now + lifeMs })))
        return undefined;
      return { settle: async (stored) => store.settle(tenantId, id, stored) };
    },
    release: async (tenantId, bytes) => store.release(tenantId, bytes),
  };
}
