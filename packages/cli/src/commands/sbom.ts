import { resolve } from "node:path";
import { Option, type Command } from "commander";
import { textOf } from "../parsed-document.ts";
import { CannotCheck } from "../outcome.ts";
import { inventory, type Inventory } from "../sbom/component.ts";
import { cyclonedx } from "../sbom/cyclonedx.ts";
import { spdx } from "../sbom/spdx.ts";
import { readProject, type Project } from "../supply-chain/project.ts";

const FORMATS: Readonly<Record<string, (listed: Inventory, timeMs: number) => string>> = { cyclonedx, spdx };

interface SbomOptions {
  readonly format: string;
  readonly omit?: "dev";
}

/** `glacis sbom`: prints what the lockfile installs as a bill of materials, the same for the same commit on every machine. */
export function addSbomCommand(program: Command): void {
  program
    .command("sbom")
    .description("print a bill of materials of what the lockfile installs")
    .argument("[folder]", "the project", ".")
    .addOption(
      new Option("--format <name>", "CycloneDX 1.6 or SPDX 2.3").choices(Object.keys(FORMATS)).default("cyclonedx"),
    )
    .addOption(new Option("--omit <kind>", "leave out what only development needs").choices(["dev"]))
    .addHelpText("after", "\nThe time in it is SOURCE_DATE_EPOCH, else that of the commit.")
    .action((folder: string, { format, omit }: SbomOptions) => {
      const project = readProject(resolve(folder));
      const { lockfile, manifests } = project;
      if (lockfile === undefined)
        throw new CannotCheck(
          "there is no lockfile here.",
          "without it nobody knows which versions are installed.",
          "install once, and commit the lockfile.",
        );
      const { name, version } = manifests[0]?.content ?? {};
      const about = { name: textOf(name) ?? "application", version: textOf(version) ?? "0.0.0" };
      process.stdout.write(FORMATS[format]?.(inventory(lockfile, about, omit === "dev"), timeOf(project)) ?? "");
    });
}

/** reproducible-builds.org/specs/source-date-epoch. */
function timeOf({ headCommit }: Project): number {
  const written = process.env["SOURCE_DATE_EPOCH"];
  if (written !== undefined && /^\d{1,11}$/u.test(written)) return Number(written) * 1000;
  const committed = /^committer .* (\d{1,11}) [+-]\d{4}$/mu.exec(headCommit ?? "")?.[1];
  return committed === undefined ? Date.now() : Number(committed) * 1000;
}
