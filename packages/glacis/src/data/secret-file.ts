/** Secrets in files of a folder, as orchestrators mount them at /run/secrets (catalog secrets-management). */
import { realpath } from "node:fs/promises";
import { isAbsolute, join, sep } from "node:path";
import { rejectUnknownOptions } from "../core/options.ts";
import { Secret } from "../core/secret.ts";
import { readGuardedFile } from "./guarded-file.ts";
import type { SecretProvider, SecretVersion } from "./secret-provider.ts";

export interface FileSecretsOptions {
  /** An absolute path, such as `/run/secrets`. `/app/stripe/api-key` is the file `app/stripe/api-key` in it. */
  readonly folder: string;
  /** The file of a name, from the folder on, where it is another one. */
  readonly files?: Readonly<Record<string, string>>;
  /** Files that every user may read, whoever owns them, as some orchestrators mount them in a container with one user. False. */
  readonly readableByOthers?: boolean;
}

/**
 * Reads each secret from a file of its own, without the line feed at its end. A link that leads out of the folder, and a file that other users may
 * change or read, is refused.
 *
 * @throws TypeError on an unknown option or a folder that is not absolute.
 * @example
 * const provider = fileSecrets({ folder: "/run/secrets", readableByOthers: true });
 */
export function fileSecrets(options: FileSecretsOptions): SecretProvider {
  rejectUnknownOptions("fileSecrets", options, ["folder", "files", "readableByOthers"]);
  const { folder, files = {}, readableByOthers = false } = options;
  if (typeof folder !== "string" || !isAbsolute(folder) || folder.includes("\0"))
    throw new TypeError('fileSecrets() needs folder as an absolute path, such as "/run/secrets".');
  const named = new Map(Object.entries(files));

  async function readOne(name: string, root: string): Promise<SecretVersion | undefined> {
    const path = await realpath(join(folder, named.get(name) ?? name)).catch(absentOrThrow);
    if (path === undefined) return undefined;
    if (!path.startsWith(root.endsWith(sep) ? root : root + sep))
      throw new Error(`The file of the secret "${name}" lies outside the folder of secrets.`);
    const { text, changedMs } = await readGuardedFile(path, { what: `the secret "${name}"`, readableByOthers });
    return { value: new Secret(text), version: String(changedMs), changedMs };
  }

  return {
    kind: "file",
    managed: false,
    async read(names) {
      const root = await realpath(folder);
      const found = new Map<string, SecretVersion>();
      for (const name of names) {
        const version = await readOne(name, root);
        if (version !== undefined) found.set(name, version);
      }
      return found;
    },
  };
}

function absentOrThrow(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
  throw error;
}
