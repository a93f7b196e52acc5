/** Columns that are ciphertext in the database, each value held to its tenant, table, column and row (catalog field-encryption; guide A02). */
import { timingSafeEqual } from "node:crypto";
import type { AuditEvent } from "../core/event.ts";
import type { KeySource } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { blindIndexOf, type BlindIndex, type BlindIndexOptions } from "./blind-index.ts";
import { COMMITMENT_BYTES, fieldKeys, type FieldKeys, type FieldScope } from "./field-keys.ts";
import { isWellFormed } from "./length-prefixed.ts";
import { MOST_PLAINTEXT_BYTES, parseSealed, sealedPrefix, type Sealed, type SealedParts } from "./sealed-text.ts";
import { quoteIdentifier, quoteTable } from "./sql-quoting.ts";
import { writeNonce, XAES_NONCE_BYTES } from "./xaes-256-gcm.ts";

const KEPT_KEYS = 2000;
const LONGEST_ID = 256;

export interface FieldEncryptionOptions {
  readonly keys: KeySource;
  /** Where values that cannot be opened are told: `security.report`. */
  readonly report?: (event: AuditEvent) => void;
  /** How many keys stay derived, one for each column of each tenant in use. 2000. */
  readonly keptKeys?: number;
}

/** The row that a value belongs to: its tenant and its key, which must be known before the row is written and never change. */
export interface FieldPlace {
  readonly tenantId: string;
  readonly row: string | number | bigint;
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
  column(name: { readonly table: string; readonly column: string }): EncryptedColumn;
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
  const keys = fieldKeys(source, keptKeys);
  return {
    column(name) {
      rejectUnknownOptions("column", name, ["table", "column"]);
      // One spelling of the table's name, so that it does not matter who wrote the schema along.
      quoteIdentifier(name.column);
      return encryptedColumn({
        table: quoteTable(name.table, "public"),
        column: name.column,
        name,
        keys,
        source,
        report,
      });
    },
  };
}

interface ColumnParts {
  readonly table: string;
  readonly column: string;
  readonly name: { readonly table: string; readonly column: string };
  readonly keys: FieldKeys;
  readonly source: KeySource;
  readonly report: ((event: AuditEvent) => void) | undefined;
}

function encryptedColumn(parts: ColumnParts): EncryptedColumn {
  const { table, column, name, keys, report } = parts;
  const currentPrefix = sealedPrefix(keys.currentId);

  function seal(plaintext: string, place: FieldPlace): Sealed {
    if (
      typeof plaintext !== "string" ||
      !isWellFormed(plaintext) ||
      Buffer.byteLength(plaintext) > MOST_PLAINTEXT_BYTES
    )
      throw new TypeError(`seal() needs plaintext as well-formed text of at most ${MOST_PLAINTEXT_BYTES} bytes.`);
    const { cipher, commitment, context } = keys.current(scopeOf(place));
    const head = Buffer.allocUnsafe(COMMITMENT_BYTES + XAES_NONCE_BYTES);
    commitment.copy(head);
    writeNonce(head, COMMITMENT_BYTES);
    const [ciphertext, tag] = cipher.encrypt(head.subarray(COMMITMENT_BYTES), plaintext, withRow(context, place));
    return (currentPrefix + Buffer.concat([head, ciphertext, tag]).toString("base64url")) as Sealed;
  }

  function open(sealed: string, place: FieldPlace): string {
    const scope = scopeOf(place);
    const sealedParts = parseSealed(sealed);
    if (sealedParts === undefined) throw refuse("malformed", place);
    const opened = tryOpen(keys, sealedParts, scope, place);
    if ("failure" in opened) throw refuse(opened.failure, place);
    return opened.plaintext;
  }

  function scopeOf({ tenantId }: FieldPlace): FieldScope {
    if (typeof tenantId !== "string" || tenantId === "" || tenantId.length > LONGEST_ID || !isWellFormed(tenantId))
      throw new TypeError(`A sealed value needs a tenantId of 1 to ${LONGEST_ID} characters.`);
    return { tenantId, table, column };
  }

  function refuse(detail: DecryptFailure, { tenantId, row }: FieldPlace): DecryptError {
    report?.({
      event_type: "crypto",
      status: "failed",
      severity: "critical",
      event: "data_integrity_failure",
      control: "field-encryption",
      detail,
      resource_type: `${name.table}.${name.column}`,
      resource_id: rowText(row),
      tenant_id: tenantId,
    });
    return new DecryptError(`A value of ${name.table}.${name.column} could not be opened.`);
  }

  return {
    table: name.table,
    column,
    currentPrefix,
    seal,
    open,
    reseal(sealed, place) {
      const plaintext = open(sealed, place);
      return sealed.startsWith(currentPrefix) ? undefined : seal(plaintext, place);
    },
    blindIndex: (indexOptions = {}) => blindIndexOf(parts.source, scopeOf, indexOptions),
  };
}

type Opened = { readonly plaintext: string } | { readonly failure: DecryptFailure };

function tryOpen(keys: FieldKeys, sealed: SealedParts, scope: FieldScope, place: FieldPlace): Opened {
  const key = keys.named(sealed.keyId, scope);
  if (key === undefined) return { failure: "key_unknown" };
  if (!timingSafeEqual(key.commitment, sealed.commitment)) return { failure: "key_mismatch" };
  const additional = withRow(key.context, place);
  try {
    return { plaintext: key.cipher.decrypt(sealed.nonce, sealed.ciphertext, sealed.tag, additional) };
  } catch {
    return { failure: "integrity" };
  }
}

/** The context ends where its lengths say, so what follows is the row and nothing else. */
function withRow(context: Buffer, { row }: FieldPlace): Buffer {
  const text = rowText(row);
  const length = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(context.length + length);
  context.copy(bytes);
  bytes.write(text, context.length, "utf8");
  return bytes;
}

function rowText(row: unknown): string {
  const text = typeof row === "bigint" || Number.isSafeInteger(row) ? String(row) : row;
  if (typeof text !== "string" || text === "" || text.length > LONGEST_ID || !isWellFormed(text))
    throw new TypeError(`A sealed value needs a row: a key of 1 to ${LONGEST_ID} characters or a whole number.`);
  return text;
}
