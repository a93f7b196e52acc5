/** Moving what is sealed in the tables of accounts to a new key. */
import { TOTP_TENANT } from "../authentication/totp.ts";
import type { KeySource } from "../core/keys.ts";
import { rotateColumn, type RotationDatabase, type RotationProgress } from "../data/column-rotation.ts";
import { fieldEncryption } from "../data/field-encryption.ts";

/** Where the secrets of authenticator apps are sealed. */
export const TOTP_COLUMN = { table: "glacis_totp", column: "secret" } as const;

/**
 * Seals the secrets of authenticator apps under the first key of the ring, while the application runs. Run it after `glacis keys rotate` and before the old
 * key goes; it is done when it yields nothing. A code that is being checked in that very moment may have to be entered again.
 *
 * @throws whatever the database throws; what was moved stays moved
 * @example
 * for await (const { moved, failed } of rotateAccountSecrets({ keys, database })) log.info({ moved, failed });
 */
export function rotateAccountSecrets({
  keys,
  database,
}: {
  readonly keys: KeySource;
  readonly database: RotationDatabase;
}): AsyncGenerator<RotationProgress, void, undefined> {
  const column = fieldEncryption({ keys }).column(TOTP_COLUMN);
  return rotateColumn({ database, column, tenantId: TOTP_TENANT, keyColumn: "user_id" });
}
