/** The ring of master keys from a file, as a secret store mounts it (catalog key-management). */
import type { KeySource } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { readGuardedFile } from "./guarded-file.ts";
import { keyRing } from "./key-ring.ts";

export interface KeyRingFileOptions {
  /** A file that every user may read, whoever owns it, as some orchestrators mount it in a container with one user. False. */
  readonly readableByOthers?: boolean;
}

/**
 * Reads the line that `glacis keys new` prints from a file that nobody else can change or read.
 *
 * @throws TypeError as `keyRing`; Error when the file is missing, no regular file, or open to others. No message quotes what it holds.
 * @example
 * const keys = await keyRingFile("/run/secrets/glacis-keys");
 */
export async function keyRingFile(path: string, options: KeyRingFileOptions = {}): Promise<KeySource> {
  rejectUnknownOptions("keyRingFile", options, ["readableByOthers"]);
  const { text } = await readGuardedFile(path, { what: "the key ring", ...options });
  return keyRing(text);
}
