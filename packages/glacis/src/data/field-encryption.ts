/** Columns that are ciphertext in the database, each value held to its tenant, table, column and row (catalog field-encryption; guide A02). */
import type { AuditEvent } from "../core/event.ts";
import type { KeySource } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { blindIndexOf, type BlindIndex, type BlindIndexOptions } from "./blind-index.ts";
import { columnKeys, type ColumnKeys, type ColumnName } from "./field-keys.ts";
import { requireRow, requireTenant, withRow, type FieldPlace } from "./field-place.ts";
import { isWellFormed } from "./length-prefixed.ts";
import {
  isCommitted,
  MOST_PLAINTEXT_BYTES,
  parseSealed,
  sealedPrefix,
  sealedText,
  type Sealed,
} from "./sealed-text.ts";
import { quoteIdentifier, quoteTable } from "./sql-quoting.ts";

const KEPT_KEYS = 1000;

export interface FieldEncryptionOptions {
  readonly keys: KeySource;
  /** Where values that cannot be opened are told: `security.report`. */
  readonly report?: (event: AuditEvent) => void;
  /** How many tenants' keys stay derived, for each column. 1000. */
  readonly keptKeys?: number;
}

export interface EncryptedColumn {
  readonly table: string;
  readonly column: string;
  /** What every value under the current key starts with. */
  readonly currentPrefix: string;
  /** @throws TypeError for a plaintext above 1 MiB or with half a surrogate pair, or a place without tenant or row. */
  seal(plaintext: string, place: FieldPlace): Sealed;
  /**
   * The plaintext.
   *
   * @throws DecryptError, and reports `data_integrity_failure`, for what was changed, moved to another place, or sealed under a key that is gone.
   */
  open(sealed: string, place: FieldPlace): string;
  /** The value under the current key, or undefined when it is so already. @throws as `open`. */
  reseal(sealed: string, place: FieldPlace): Sealed | undefined;
  /** An index to find equal values by; see its limits in the documentation. */
  blindIndex(options?: BlindIndexOptions): BlindIndex;
}

export interface FieldEncryption {
  /** @throws TypeError for a name that Postgres would not take. */
  column(name: ColumnName): EncryptedColumn;
}

/** Why a value could not be opened, for the log. */
type DecryptFailure = "malformed" | "key_unknown" | "key_mismatch" | "integrity";

/** A stored value that is not what was stored there. The message names the column and nothing of the value. */
export class DecryptError extends Error {
  override readonly name = "DecryptError";
}

/**
 * Encrypts columns by XAES-256-GCM (https://c2sp.org/XAES-256-GCM) under a key for each tenant and column, derived by HKDF from the ring. Tenant,
 * table, column and row are authenticated with each value, so that ciphertext copied elsewhere does not open. Random 192-bit nonces leave no
 * number of messages to count.
 *
 * @throws TypeError on an unknown option.
 * @example
 * const fields = fieldEncryption({ keys, report: security.report });
 * const ssn = fields.column({ table: "users", column: "ssn" });
 * const stored = ssn.seal("078-05-1120", { tenantId, row: userId });
 * const text = ssn.open(stored, { tenantId, row: userId });
 */
export function fieldEncryption(options: FieldEncryptionOptions): FieldEncryption {
  rejectUnknownOptions("fieldEncryption", options, ["keys", "report", "keptKeys"]);
  const { keys: source, report, keptKeys = KEPT_KEYS } = options;
  if (!Number.isSafeInteger(keptKeys) || keptKeys < 2)
    throw new TypeError("fieldEncryption() needs keptKeys as a whole number from 2 on.");
  return {
    column(name) {
      rejectUnknownOptions("column", name, ["table", "column"]);
      quoteIdentifier(name.column);
      // One spelling of the table's name, so that it does not matter who wrote the schema along.
      const full = { table: quoteTable(name.table, "public"), column: name.column };
      const keys = columnKeys(source, full, keptKeys);
      return {
        ...sealing(name, keys, report),
        blindIndex: (indexOptions = {}) => blindIndexOf(source, full, indexOptions),
      };
    },
  };
}

type Sealing = Omit<EncryptedColumn, "blindIndex">;

function sealing(name: ColumnName, keys: ColumnKeys, report: FieldEncryptionOptions["report"]): Sealing {
  const currentPrefix = sealedPrefix(keys.currentId);

  function seal(plaintext: string, place: FieldPlace): Sealed {
    const [tenantId, row] = [requireTenant(place.tenantId), requireRow(place.row)];
    const bytes = typeof plaintext === "string" && isWellFormed(plaintext) ? Buffer.byteLength(plaintext) : Infinity;
    if (bytes > MOST_PLAINTEXT_BYTES)
      throw new TypeError(`seal() needs plaintext as well-formed text of at most ${MOST_PLAINTEXT_BYTES} bytes.`);
    const key = keys.current(tenantId);
    return sealedText(currentPrefix, key, plaintext, bytes, withRow(key.context, row));
  }

  function open(sealed: string, place: FieldPlace): string {
    const [tenantId, row] = [requireTenant(place.tenantId), requireRow(place.row)];
    const opened = tryOpen(keys, sealed, tenantId, row);
    if ("plaintext" in opened) return opened.plaintext;
    report?.(integrityFailure(name, tenantId, row, opened.failure));
    throw new DecryptError(`A value of ${name.table}.${name.column} could not be opened.`);
  }

  return {
    table: name.table,
    column: name.column,
    currentPrefix,
    seal,
    open,
    reseal(sealed, place) {
      const plaintext = open(sealed, place);
      return sealed.startsWith(currentPrefix) ? undefined : seal(plaintext, place);
    },
  };
}

type Opened = { readonly plaintext: string } | { readonly failure: DecryptFailure };

function tryOpen(keys: ColumnKeys, text: string, tenantId: string, row: string): Opened {
  const sealed = parseSealed(text);
  if (sealed === undefined) return { failure: "malformed" };
  const key = keys.named(sealed.keyId, tenantId);
  if (key === undefined) return { failure: "key_unknown" };
  if (!isCommitted(sealed.body, key.commitment)) return { failure: "key_mismatch" };
  try {
    return { plaintext: key.cipher.decrypt(sealed.nonce, sealed.ciphertext, sealed.tag, withRow(key.context, row)) };
  } catch {
    return { failure: "integrity" };
  }
}

function integrityFailure(name: ColumnName, tenantId: string, row: string, detail: DecryptFailure): AuditEvent {
  return {
    event_type: "crypto",
    status: "failed",
    severity: "critical",
    event: "data_integrity_failure",
    control: "field-encryption",
    detail,
    resource_type: `${name.table}.${name.column}`,
    resource_id: row,
    tenant_id: tenantId,
  };
}
