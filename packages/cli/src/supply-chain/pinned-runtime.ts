/** Which version of Node the project runs on, where it says so, and until when that gets fixes. */
import type { YamlPlace } from "../audit/yaml.ts";
import { dockerfilesOf, parseDockerfile } from "./dockerfile.ts";
import type { Project } from "./project.ts";
import { readWorkflows } from "./workflow.ts";

/** The end of life by major version (nodejs/Release, as of November 2026). Odd ones live for about seven months. */
const ENDS: Readonly<Record<string, string>> = {
  "18": "2025-04-30",
  "19": "2023-06-01",
  "20": "2026-04-30",
  "21": "2024-06-01",
  "22": "2027-04-30",
  "23": "2025-06-01",
  "24": "2028-04-30",
  "25": "2026-06-01",
};
const OLDEST = 18;

export interface PinnedRuntime {
  readonly file: string;
  readonly major: number;
  readonly endsMs: number;
  readonly place: YamlPlace;
}

/** A version that the list does not know is left out: nothing is known about it. */
export function pinnedRuntimes(project: Project): readonly PinnedRuntime[] {
  const found: { readonly file: string; readonly version: string; readonly place: YamlPlace }[] = [];
  for (const file of [".nvmrc", ".node-version"]) {
    const version = project.text(file)?.trim();
    if (version !== undefined) found.push({ file, version, place: { line: 1, column: 1 } });
  }
  for (const file of dockerfilesOf(project)) {
    const last = parseDockerfile(project.text(file) ?? "").at(-1);
    const version = /(?:^|\/)node:(\d+)/u.exec(last?.from ?? "")?.[1];
    if (version !== undefined) found.push({ file, version, place: { line: last?.line ?? 1, column: 1 } });
  }
  for (const workflow of readWorkflows(project)) {
    if ("reason" in workflow) continue;
    for (const step of workflow.jobs.flatMap(({ steps }) => steps)) {
      // A list of versions to test on says nothing about what production runs on.
      const version = step.with["node-version"];
      const isDeployment = /deploy|release|publish|production/iu.test(workflow.file);
      if (isDeployment && (typeof version === "number" || typeof version === "string"))
        found.push({
          file: workflow.file,
          version: String(version),
          place: workflow.placeOf([...step.path, "with", "node-version"]),
        });
    }
  }
  return found.flatMap(({ file, version, place }) => {
    const major = Number(/^v?(\d+)(?:\.|$)/u.exec(version)?.[1]);
    const ends = major < OLDEST ? ENDS["19"] : ENDS[String(major)];
    return ends === undefined || Number.isNaN(major)
      ? []
      : [{ file, major, endsMs: Date.parse(`${ends}T23:59:59Z`), place }];
  });
}
