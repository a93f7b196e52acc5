import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { start } from "../../src/main.ts";
import { readSettings } from "../../src/operations/settings.ts";
import { freePort } from "../../../../test/support/free-port.ts";

/** The least that the library takes: what these suites try is not the hash. */
export const HASHING = { memoryKiB: 7_168, passes: 5 } as const;

/** What takes the seconds of a first start: a database with its people, and the keys without which their passwords say nothing. */
const PREPARED = ["postgres", "keys"];

/**
 * Puts into an empty folder what a first start of this kind leaves there, which is made once in a run of the suite.
 *
 * @returns false where the folder is not empty, or somebody is just making it: then a start seeds for itself
 */
export async function copyPrepared(options: readonly string[], folder: string): Promise<boolean> {
  const shared = process.env["GLACIS_RUN_FOLDER"];
  if (shared === undefined || readdirSync(folder).length > 0) return false;
  const prepared = join(shared, ["folio", ...options].join(""));
  if (!existsSync(prepared) && !(await prepare(options, prepared))) return false;
  for (const name of PREPARED) cpSync(join(prepared, name), join(folder, name), { recursive: true });
  return true;
}

async function prepare(options: readonly string[], prepared: string): Promise<boolean> {
  try {
    mkdirSync(`${prepared}.making`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
  const folder = mkdtempSync(`${prepared}.`);
  const settings = readSettings(options, { PORT: String(await freePort()), DATA_DIR: folder });
  await (await start(settings, { write: () => undefined }, { hashing: HASHING })).stop();
  // Whole or not at all: others copy from it as soon as it is there.
  renameSync(folder, prepared);
  return true;
}
