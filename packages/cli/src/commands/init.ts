import { mkdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { Command } from "commander";
import { own, tableOf } from "../parsed-document.ts";
import { CONFIG_FILES } from "../config.ts";
import { ciFiles } from "../init/ci-files.ts";
import { CannotCheck, EXIT } from "../outcome.ts";
import { dockerfilesOf } from "../supply-chain/dockerfile.ts";
import { readProject, type Project } from "../supply-chain/project.ts";

/** `glacis init`: writes what a project needs and does not have yet. */
export function addInitCommand(program: Command, finish: (exitCode: number) => void): void {
  program
    .command("init")
    .description("write files that a secured project needs")
    .command("ci")
    .description("write workflows that test, check, audit and look for secrets, a nightly audit, and scheduled updates")
    .argument("[folder]", "the project", ".")
    .option("--force", "replace files that are there and say something else", false)
    .addHelpText(
      "after",
      "\nExit code: 0 everything is as written, 1 something was there and was kept, 2 could not write.",
    )
    .action((folder: string, { force }: { readonly force: boolean }) => {
      const project = readProject(resolve(folder));
      const commands = program.commands.map((command) => command.name());
      const outcomes = [...ciFiles(describe(project, commands))].map(([path, text]) => {
        const outcome = put(project, path, text, force);
        return { outcome, line: `${outcome.padEnd(9)} ${path}` };
      });
      const advice = dependsOnCli(project)
        ? ""
        : "\nThe workflows run @glacis/cli: install it as a development dependency.\n";
      process.stdout.write(`${outcomes.map(({ line }) => line).join("\n")}\n${advice}`);
      finish(outcomes.some(({ outcome }) => outcome === "kept") ? EXIT.findings : EXIT.clean);
    });
}

function describe(project: Project, commands: readonly string[]): Parameters<typeof ciFiles>[0] {
  const [root] = project.manifests;
  return {
    manager: project.lockfile?.manager ?? "npm",
    scripts: Object.keys(tableOf(own(root?.content ?? {}, "scripts"))),
    hasConfig: CONFIG_FILES.some((name) => project.text(name) !== undefined),
    nodeVersionFile: [".nvmrc", ".node-version"].find((file) => project.text(file) !== undefined),
    hasDockerfile: dockerfilesOf(project).length > 0,
    commands,
  };
}

function dependsOnCli({ manifests }: Project): boolean {
  return manifests.some(({ content }) =>
    ["dependencies", "devDependencies"].some((field) => Object.hasOwn(tableOf(own(content, field)), "@glacis/cli")),
  );
}

/** Nothing that is there is written over unless that was asked for, and no link is followed. */
function put(
  { root, text }: Project,
  path: string,
  content: string,
  force: boolean,
): "written" | "unchanged" | "kept" | "replaced" {
  const present = text(path);
  if (present === content) return "unchanged";
  if (present !== undefined && !force) return "kept";
  try {
    const folder = dirname(join(root, path));
    mkdirSync(folder, { recursive: true });
    if (relative(realpathSync(root), realpathSync(folder)) !== dirname(path))
      throw new Error("a folder on the way is a link.");
    if (present !== undefined) rmSync(join(root, path));
    writeFileSync(join(root, path), content, { flag: "wx" });
  } catch (error) {
    throw new CannotCheck(
      `${path} could not be written: ${(error as Error).message}`,
      "the files that come after it are missing as well.",
      "make the folder writable, and run the command again: what is there already is left as it is.",
    );
  }
  return present === undefined ? "written" : "replaced";
}
