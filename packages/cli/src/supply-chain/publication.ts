/** Which jobs publish something. */
import { wordOf } from "../parsed-document.ts";
import type { WorkflowJob } from "./workflow.ts";

export function publishesPackage(job: WorkflowJob): boolean {
  return /\b(?:npm|pnpm|yarn(?:\s+npm)?)\s+(?:-\S+\s+)*publish\b(?!.*--dry-run)/u.test(scriptsOf(job));
}

export function pushesImage(job: WorkflowJob): boolean {
  const action = job.steps.some(
    ({ uses = "", with: inputs }) =>
      uses.startsWith("docker/build-push-action@") && !["", "false"].includes(wordOf(inputs["push"])),
  );
  const command = /\bdocker\s+(?:image\s+)?push\b|\bdocker\s+buildx?\s+build\b.*--push\b|\bbuildah\s+push\b/u;
  return action || command.test(scriptsOf(job));
}

function scriptsOf({ steps }: WorkflowJob): string {
  return steps.map(({ run = "" }) => run).join("\n");
}
