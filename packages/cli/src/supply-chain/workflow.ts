/** GitHub's workflows and composite actions, read as data. */
import { listOf, tableOf, textOf, type Table } from "../parsed-document.ts";
import { parseYaml, type YamlPlace } from "../audit/yaml.ts";
import type { Project } from "./project.ts";

export interface WorkflowStep {
  readonly content: Table;
  readonly uses: string | undefined;
  readonly run: string | undefined;
  readonly with: Table;
  readonly path: readonly (string | number)[];
}

export interface WorkflowJob {
  readonly name: string;
  readonly content: Table;
  readonly steps: readonly WorkflowStep[];
  readonly path: readonly (string | number)[];
}

export interface Workflow {
  readonly file: string;
  /** Undefined for a composite action, which has no triggers. */
  readonly triggers: ReadonlySet<string> | undefined;
  readonly content: Table;
  readonly jobs: readonly WorkflowJob[];
  readonly placeOf: (path: readonly (string | number)[]) => YamlPlace;
}

export interface UnreadableWorkflow {
  readonly file: string;
  readonly reason: string;
}

/** GitHub itself takes no longer ones. */
const LONGEST = 1_000_000;

/** Every workflow, and every composite action of the repository that git tracks. */
export function readWorkflows(project: Project): readonly (Workflow | UnreadableWorkflow)[] {
  const workflows = project
    .list(".github/workflows")
    .filter((file) => /\.ya?ml$/u.test(file))
    .map((file) => `.github/workflows/${file}`);
  const actions = [...(project.tracked ?? [])].filter((file) => /(?:^|\/)action\.ya?ml$/u.test(file));
  return [...workflows, ...actions].map((file) => readWorkflow(file, project.text(file) ?? ""));
}

function readWorkflow(file: string, text: string): Workflow | UnreadableWorkflow {
  try {
    if (text.length > LONGEST) return { file, reason: `it is longer than ${LONGEST} characters` };
    const [document] = parseYaml(text);
    const content = tableOf(document?.value);
    if (document === undefined || Object.keys(content).length === 0) return { file, reason: "it is no mapping" };
    const runs = tableOf(content["runs"]);
    const isAction = content["jobs"] === undefined && content["runs"] !== undefined;
    return {
      file,
      content,
      triggers: isAction ? undefined : triggersOf(content["on"]),
      jobs: isAction
        ? [{ name: "runs", content: runs, steps: stepsOf(runs, ["runs"]), path: ["runs"] }]
        : Object.entries(tableOf(content["jobs"])).map(([name, value]) => {
            const job = tableOf(value);
            return { name, content: job, steps: stepsOf(job, ["jobs", name]), path: ["jobs", name] };
          }),
      placeOf: document.placeOf,
    };
  } catch (error) {
    return { file, reason: (error as Error).message };
  }
}

function stepsOf(job: Table, path: readonly string[]): readonly WorkflowStep[] {
  return listOf(job["steps"]).map((value, index) => {
    const content = tableOf(value);
    return {
      content,
      uses: textOf(content["uses"]),
      run: textOf(content["run"]),
      with: tableOf(content["with"]),
      path: [...path, "steps", index],
    };
  });
}

function triggersOf(value: unknown): ReadonlySet<string> {
  if (typeof value === "string") return new Set([value]);
  if (Array.isArray(value)) return new Set(value.map(String));
  return new Set(Object.keys(tableOf(value)));
}
