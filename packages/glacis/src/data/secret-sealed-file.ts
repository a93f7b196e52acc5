/** Secrets in one encrypted file that may lie in the repository: names in the clear, values sealed (catalog secrets-management). */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { KeySource } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { Secret } from "../core/secret.ts";
import { DecryptError, fieldEncryption, type EncryptedColumn } from "./field-encryption.ts";
import { readGuardedFile } from "./guarded-file.ts";
import { isWellFormed, lengthPrefixed } from "./length-prefixed.ts";
import {
  MOST_SECRET_CHARACTERS,
  requireSecretName,
  type SecretProvider,
  type SecretVersion,
} from "./secret-provider.ts";

const FORMAT = 1;
const PURPOSE = "sealed-file";
const TENANT = "sealed-file";

/** What the file holds. */
interface SealedFile {
  readonly format: typeof FORMAT;
  readonly key: string;
  /** Over all names and values, so that none can be taken out or brought back from an older file by itself. */
  readonly mac: string;
  readonly secrets: Readonly<Record<string, string>>;
}

/**
 * The text of a sealed file with these secrets.
 *
 * @throws TypeError for a malformed name, and for a value that is empty or above 64 KiB.
 * @example
 * await writeFile("secrets.sealed.json", sealSecrets(keys, { "/app/stripe/api-key": key }));
 */
export function sealSecrets(keys: KeySource, secrets: Readonly<Record<string, string>>): string {
  const column = columnOf(keys);
  // Without a prototype, so that no name means anything but itself.
  const sealed = Object.create(null) as Record<string, string>;
  for (const name of Object.keys(secrets).toSorted()) {
    const text = secrets[name];
    if (typeof text !== "string" || text === "" || text.length > MOST_SECRET_CHARACTERS || !isWellFormed(text))
      throw new TypeError(`sealSecrets() needs "${requireSecretName(name)}" as well-formed text of at most 64 KiB.`);
    sealed[requireSecretName(name)] = column.seal(text, { tenantId: TENANT, row: name });
  }
  const { id, bytes } = keys.derive(PURPOSE).current;
  const file: SealedFile = { format: FORMAT, key: id, mac: macOf(bytes, id, sealed), secrets: sealed };
  return `${JSON.stringify(file, null, 2)}\n`;
}

export interface SealedFileSecretsOptions {
  readonly path: string;
  /** The ring that sealed it: `keyRing(process.env.GLACIS_KEYS)`. */
  readonly keys: KeySource;
}

/**
 * Reads the file that `sealSecrets` wrote. One that was changed in any way, or sealed by keys that are not in the ring, yields no secret at all.
 *
 * @throws TypeError on an unknown option.
 * @example
 * const provider = sealedFileSecrets({ path: "secrets.sealed.json", keys });
 */
export function sealedFileSecrets(options: SealedFileSecretsOptions): SecretProvider {
  rejectUnknownOptions("sealedFileSecrets", options, ["path", "keys"]);
  const { path, keys } = options;
  if (typeof path !== "string" || path === "")
    throw new TypeError("sealedFileSecrets() needs path as the file's path.");
  const column = columnOf(keys);
  return {
    kind: "sealed-file",
    managed: false,
    async read(names) {
      const { text, changedMs } = await readGuardedFile(path, { what: "sealed secrets", readableByOthers: true });
      const sealed = openFile(text, keys);
      const found = new Map<string, SecretVersion>();
      for (const name of names) {
        const value = sealed.get(name);
        if (value === undefined) continue;
        const opened = column.open(value, { tenantId: TENANT, row: name });
        found.set(name, { value: new Secret(opened), version: String(changedMs), changedMs });
      }
      return found;
    },
  };
}

function columnOf(keys: KeySource): EncryptedColumn {
  return fieldEncryption({ keys }).column({ table: "sealed_file", column: "value" });
}

function openFile(text: string, keys: KeySource): ReadonlyMap<string, string> {
  const file = parseFile(text);
  const key = keys.derive(PURPOSE).all.find(({ id }) => id === file?.key);
  if (file === undefined || key === undefined)
    throw new DecryptError("The sealed file is not one, or was sealed by a key that the ring does not hold.");
  const expected = Buffer.from(macOf(key.bytes, key.id, file.secrets));
  const given = Buffer.from(file.mac);
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new DecryptError("The sealed file was changed after it was sealed.");
  return new Map(Object.entries(file.secrets));
}

function parseFile(text: string): SealedFile | undefined {
  try {
    const file = JSON.parse(text) as Partial<SealedFile> | null;
    const { format, key, mac, secrets } = file ?? {};
    if (format !== FORMAT || typeof key !== "string" || typeof mac !== "string") return undefined;
    if (typeof secrets !== "object" || secrets === null) return undefined;
    const sound = Object.entries(secrets).every((pair) =>
      pair.every((part) => typeof part === "string" && isWellFormed(part)),
    );
    return sound ? { format, key, mac, secrets } : undefined;
  } catch {
    return undefined;
  }
}

/** In the order of the names, so that an editor that sorts them breaks nothing. */
function macOf(key: Uint8Array, id: string, secrets: Readonly<Record<string, string>>): string {
  const names = Object.keys(secrets).toSorted();
  const parts = names.flatMap((name) => [name, secrets[name] as string]);
  return createHmac("sha256", key)
    .update(lengthPrefixed([PURPOSE, String(FORMAT), id, ...parts]))
    .digest("base64url");
}
