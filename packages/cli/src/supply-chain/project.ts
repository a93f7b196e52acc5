/** The project that is judged, as its files describe it. Nothing of it is run. */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
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
  /** The names of the files in a folder; none where there is no such folder. */
  readonly list: (folder: string) => readonly string[];
  /** What git tracks, relative to the root; undefined where the project is in no repository, or there is no git. */
  readonly tracked: ReadonlySet<string> | undefined;
  /** The commit that is checked out, as git keeps it. */
  readonly headCommit: string | undefined;
}

/** @throws CannotCheck when package.json or the lockfile cannot be read */
export function readProject(root: string): Project {
  const manifests = readManifests(root);
  const { lockfile, files } = readLockfile(root, manifests);
  const tracked = git(root, ["ls-files", "-z", "--cached"]);
  return {
    root,
    manifests,
    lockfile,
    lockfiles: files,
    text: (path) => readText(join(root, path)),
    list: (folder) => filesIn(join(root, folder)),
    tracked: tracked === undefined ? undefined : new Set(tracked.split("\0").filter((path) => path !== "")),
    headCommit: git(root, ["cat-file", "commit", "HEAD"]),
  };
}

function filesIn(folder: string): readonly string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.flatMap((entry) => (entry.isFile() ? [entry.name] : [])).sort();
  } catch {
    return [];
  }
}

/** Commands that read alone: no filter, no hook and no program that a repository's configuration names. */
function git(root: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync("git", ["-c", "core.fsmonitor=false", ...args], {
      cwd: root,
      encoding: "utf8",
      timeout: 20_000,
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0" },
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch {
    return undefined;
  }
}
