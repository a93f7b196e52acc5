import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

/** Before the first suite: a folder for what the suites of a run share, gone when the run ends and emptied when it begins again. One, whichever project asks first. */
export function setup(project: TestProject): (() => void) | undefined {
  if (process.env["GLACIS_RUN_FOLDER"] !== undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "glacis-run-"));
  process.env["GLACIS_RUN_FOLDER"] = folder;
  const remove = (path: string): void => rmSync(path, { recursive: true, force: true });
  project.onTestsRerun(() => {
    for (const name of readdirSync(folder)) remove(join(folder, name));
  });
  return () => remove(folder);
}
