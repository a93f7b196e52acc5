/** The project that is judged, as its files describe it. Nothing of it is run. */
import { join } from "node:path";
import { readText } from "../audit/bounded-file.ts";
import type { Lockfile } from "../audit/lockfile.ts";
import type { Manifest } from "../audit/lockfile-yarn.ts";
import { readManifests } from "../audit/manifests.ts";
import { readLockfile } from "../audit/read-lockfile.ts";

export interface Project {
  readonly root: string;
  /** The root's comes first. */
  readonly manifests: readonly Manifest[];
  readonly lockfile: Lockfile | undefined;
  /** Every lockfile that is there. */
  readonly lockfiles: readonly string[];
  /** A file of the project by its path; undefined where it is not there. */
  readonly text: (path: string) => string | undefined;
}

/** @throws CannotCheck when package.json or the lockfile cannot be read */
export function readProject(root: string): Project {
  const manifests = readManifests(root);
  const { lockfile, files } = readLockfile(root, manifests);
  return { root, manifests, lockfile, lockfiles: files, text: (path) => readText(join(root, path)) };
}
