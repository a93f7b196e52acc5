/** Finds the lockfile of a project. */
import { join } from "node:path";
import { readText } from "./bounded-file.ts";
import { type Lockfile } from "./lockfile.ts";
import { textOf } from "../parsed-document.ts";
import { parseNpmLockfile } from "./lockfile-npm.ts";
import { parsePnpmLockfile } from "./lockfile-pnpm.ts";
import { parseYarnLockfile, type Manifest } from "./lockfile-yarn.ts";

/** npm itself prefers the shrinkwrap. */
const FILES = ["npm-shrinkwrap.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock"] as const;

type File = (typeof FILES)[number];

export interface FoundLockfiles {
  /** Of the package manager that package.json names, or else the first; undefined where there is none. */
  readonly lockfile: Lockfile | undefined;
  /** All that are there. More than one disagree sooner or later. */
  readonly files: readonly string[];
}

/** @throws CannotCheck when the one that counts cannot be read */
export function readLockfile(root: string, manifests: readonly Manifest[]): FoundLockfiles {
  const texts = new Map<File, string>();
  for (const file of FILES) {
    const text = readText(join(root, file));
    if (text !== undefined) texts.set(file, text);
  }
  const files = [...texts.keys()];
  const manager = textOf(manifests[0]?.content["packageManager"])?.split("@", 1)[0];
  const file = files.find((name) => managerOf(name) === manager) ?? files[0];
  const text = file === undefined ? undefined : texts.get(file);
  if (file === undefined || text === undefined) return { lockfile: undefined, files };
  if (file === "pnpm-lock.yaml") return { lockfile: parsePnpmLockfile(text, file), files };
  if (file === "yarn.lock") return { lockfile: parseYarnLockfile(text, file, manifests), files };
  return { lockfile: parseNpmLockfile(text, file), files };
}

function managerOf(file: File): string {
  return file === "pnpm-lock.yaml" ? "pnpm" : file === "yarn.lock" ? "yarn" : "npm";
}
