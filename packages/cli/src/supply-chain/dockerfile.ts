/** Dockerfiles, as far as what ends up in the image depends on them. */
import type { Project } from "./project.ts";

export interface DockerInstruction {
  readonly name: string;
  /** Continued lines are one. */
  readonly text: string;
  readonly line: number;
}

export interface DockerStage {
  /** The image or the stage that it begins with. */
  readonly from: string;
  readonly name: string | undefined;
  readonly line: number;
  readonly instructions: readonly DockerInstruction[];
}

/** Of the project and its workspaces. */
export function dockerfilesOf(project: Project): readonly string[] {
  return project.manifests.flatMap(({ folder }) =>
    project
      .list(folder)
      .filter(
        (file) =>
          /^(?:Dockerfile|Containerfile)(?:\..+)?$|\.Dockerfile$/iu.test(file) && !file.endsWith(".dockerignore"),
      )
      .map((file) => (folder === "." ? file : `${folder}/${file}`)),
  );
}

/** Variables that the file itself gives a value are put into its FROM lines. */
export function parseDockerfile(text: string): readonly DockerStage[] {
  const stages: (DockerStage & { readonly instructions: DockerInstruction[] })[] = [];
  const variables = new Map<string, string>();
  for (const instruction of instructionsOf(text)) {
    const { name, text: rest, line } = instruction;
    if (name === "ARG" && stages.length === 0) {
      const [key = "", value] = rest.split("=");
      if (value !== undefined) variables.set(key.trim(), value.trim().replaceAll(/^["']|["']$/gu, ""));
    }
    if (name !== "FROM") {
      stages.at(-1)?.instructions.push(instruction);
      continue;
    }
    const words = rest.split(/\s+/u).filter((word) => !word.startsWith("--"));
    const from = (words[0] ?? "").replaceAll(
      /\$\{?(\w+)(?::-([^}]*))?\}?/gu,
      (whole, key: string, fallback?: string) => variables.get(key) ?? fallback ?? whole,
    );
    const alias = words[1]?.toLowerCase() === "as" ? words[2]?.toLowerCase() : undefined;
    stages.push({ from, name: alias, line, instructions: [] });
  }
  return stages;
}

function instructionsOf(text: string): readonly DockerInstruction[] {
  const found: DockerInstruction[] = [];
  let pending = "";
  let begin = 0;
  for (const [index, raw] of text.split(/\r?\n/u).entries()) {
    if (/^\s*#/u.test(raw) || (pending === "" && raw.trim() === "")) continue;
    if (pending === "") begin = index + 1;
    if (raw.trimEnd().endsWith("\\")) {
      pending += `${raw.trimEnd().slice(0, -1)} `;
      continue;
    }
    const [, name = "", rest = ""] = /^\s*([a-z]+)\s*([\s\S]*)$/iu.exec(pending + raw) ?? [];
    pending = "";
    if (name !== "") found.push({ name: name.toUpperCase(), text: rest.trim(), line: begin });
  }
  return found;
}

/** The last stage and those that it is built upon, nearest first: what they set holds in the image. */
export function lineage(stages: readonly DockerStage[], stage: DockerStage): readonly DockerStage[] {
  const parent = stages
    .slice(0, stages.indexOf(stage))
    .findLast(({ name }) => name !== undefined && name === stage.from.toLowerCase());
  return parent === undefined ? [stage] : [stage, ...lineage(stages, parent)];
}
