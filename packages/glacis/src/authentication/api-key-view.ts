import type { ApiKeyRecord } from "./api-key-store.ts";

/** A key as people see it. */
export interface ApiKey {
  readonly id: string;
  /** How the key begins, to find it again: prefix and id. */
  readonly start: string;
  readonly name: string;
  readonly tenantId: string;
  readonly ownerId: string;
  readonly scopes: readonly string[];
  readonly createdAtMs: number;
  readonly rotatedAtMs: number | undefined;
  readonly expiresAtMs: number;
  readonly revokedAtMs: number | undefined;
  /** Right to a minute. */
  readonly usedAtMs: number | undefined;
}

export function viewOf(prefix: string, record: ApiKeyRecord): ApiKey {
  const { hash: _hash, formerHash: _formerHash, formerUntilMs: _formerUntilMs, ...shown } = record;
  return { ...shown, start: `${prefix}_${record.id}` };
}
