/** Files of users in a folder of this machine, or of a disk that several mount. */
import { constants, existsSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { link, lstat, mkdir, open, unlink } from "node:fs/promises";
import { dirname, isAbsolute, join, relative } from "node:path";
import type { Deployment } from "../core/control.ts";
import { finding, type Finding, type Location } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { PRIVATE_STORAGE_META, STORAGE_IN_APPLICATION, STORAGE_OPEN_TO_OTHERS } from "./private-storage.ts";
import { openQuarantine, sweepQuarantine, unlessAbsent } from "./storage-quarantine.ts";
import { isStorageKey, newStorageKey, StorageKeyError, type Quarantine, type Storage } from "./storage.ts";

const OTHERS = 0o077;

export interface LocalStorageOptions {
  /** The absolute path of the folder; made when it is not there, for its owner alone. Everything in it belongs to the storage. */
  readonly root: string;
}

/**
 * Keeps files in a folder: no name of a user is ever a path, no file is overwritten, and what was acknowledged is on the disk. A file gets
 * its key by a link, which either succeeds whole or not at all; the file system must have hard links.
 *
 * @throws TypeError for a path that is not absolute, or is the root of a file system or of the running application.
 * @example
 * const storage = localStorage({ root: "/srv/files" });
 */
export function localStorage(options: LocalStorageOptions): Storage {
  rejectUnknownOptions("localStorage", options, ["root"]);
  const root = prepare(options.root);
  const [objects, incoming] = [join(root, "objects"), join(root, "quarantine")];
  for (const folder of [objects, incoming]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  let swept: Promise<void> | undefined;
  const pathOf = (key: string): string => {
    if (!isStorageKey(key)) throw new StorageKeyError();
    return join(objects, key);
  };
  return {
    control: {
      meta: PRIVATE_STORAGE_META,
      rules: [STORAGE_OPEN_TO_OTHERS, STORAGE_IN_APPLICATION],
      check: (deployment) => assess(root, deployment),
    },
    newKey: newStorageKey,
    async quarantine() {
      await (swept ??= sweepQuarantine(incoming));
      return quarantined(await openQuarantine(incoming, true), pathOf);
    },
    async size(key) {
      if (!isStorageKey(key)) return undefined;
      const found = await lstat(pathOf(key)).catch(unlessAbsent);
      return found?.isFile() === true ? found.size : undefined;
    },
    async read(key, range) {
      const handle = await open(pathOf(key), constants.O_RDONLY | constants.O_NOFOLLOW).catch(unlessAbsent);
      if (handle === undefined) throw new StorageKeyError();
      return handle.createReadStream({ ...range, autoClose: true });
    },
    async remove(key) {
      const path = pathOf(key);
      const removed = await unlink(path).then(
        () => true,
        (error: unknown) => unlessAbsent(error) ?? false,
      );
      if (removed) await syncFolder(dirname(path));
      return removed;
    },
  };
}

function quarantined(file: Awaited<ReturnType<typeof openQuarantine>>, pathOf: (key: string) => string): Quarantine {
  return {
    path: file.path,
    stream: file.stream,
    read: (position, length) => file.read(position, length),
    discard: () => file.discard(),
    async commit(key) {
      const path = pathOf(key);
      await file.flush();
      const made = await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      if (made !== undefined) await syncFolder(dirname(made));
      try {
        await link(file.path, path);
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
        throw error;
      }
      await syncFolder(dirname(path));
      await file.discard();
      return true;
    },
  };
}

/** A new name is safe from a crash once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function prepare(root: unknown): string {
  if (typeof root !== "string" || !isAbsolute(root) || root.includes("\0") || dirname(root) === root)
    throw new TypeError("localStorage() needs root as the absolute path of a folder of its own.");
  if (!existsSync(root)) mkdirSync(root, { recursive: true, mode: 0o700 });
  const real = realpathSync(root);
  if (!statSync(real).isDirectory() || real === process.cwd())
    throw new TypeError("localStorage() needs root as a folder of its own, not the application's.");
  return real;
}

function assess(root: string, { mode }: Deployment): readonly Finding[] {
  if (mode !== "production") return [];
  const at: Location = { kind: "setting", name: "localStorage.root" };
  const findings: Finding[] = [];
  if (process.platform !== "win32" && (statSync(root).mode & OTHERS) !== 0)
    findings.push(finding(STORAGE_OPEN_TO_OTHERS, at, root));
  const below = relative(process.cwd(), root);
  if (!below.startsWith("..") && !isAbsolute(below)) findings.push(finding(STORAGE_IN_APPLICATION, at, root));
  return findings;
}
