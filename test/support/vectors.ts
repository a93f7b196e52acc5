import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A file of recorded cases, as far as every file is alike. */
export interface VectorFile<Case> {
  readonly cases: readonly Case[];
  readonly [key: string]: unknown;
}

const FOLDER = new URL("../../../shared/vectors/", import.meta.url);

/**
 * Reads recorded cases from the folder beside the repository. They are not part of the project: where they are absent the caller skips, and one
 * line says so.
 *
 * @param name the file's name without `.json`
 */
export function loadVectors<Case>(name: string): VectorFile<Case> | undefined {
  const file = fileURLToPath(new URL(`${name}.json`, FOLDER));
  if (!existsSync(file)) {
    process.stderr.write(`\nSKIPPED: the recorded cases "${name}" are not here (${file}).\n`);
    return undefined;
  }
  return JSON.parse(readFileSync(file, "utf8")) as VectorFile<Case>;
}
