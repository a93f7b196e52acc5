/** Workflows with the least rights, pinned, and without a way in for strangers (catalog ci-hardening; guide A06, A08; CWE-829, CWE-94). */
import type { ControlMeta, Finding, Rule } from "glacis";
import { judgeJob, JOB_RULES } from "./ci-job.ts";
import { judgeStep, STEP_RULES } from "./ci-step.ts";
import { inFile, type SupplyChainControl } from "./supply-chain-control.ts";
import { readWorkflows, type Workflow } from "./workflow.ts";

const META: ControlMeta = {
  id: "ci-hardening",
  title: "CI workflows least privilege, pinned and injection-free",
  layer: "supply-chain",
  guide: ["A06 scanning workflow", "A08 supply chain workflow"],
  owasp2021: ["A08", "A05"],
  owasp2025: ["A03", "A08"],
  asvs: [],
  cwe: ["CWE-829", "CWE-94", "CWE-250", "CWE-522"],
};

const UNREADABLE: Rule = {
  id: "ci-hardening/unreadable",
  severity: "error",
  what: "A workflow cannot be read.",
  why: "What nobody can read nobody has judged, and it runs with the rights of the repository all the same.",
  fix: "Correct the YAML at the place that the detail names.",
};
const PRIVILEGED_TRIGGER: Rule = {
  id: "ci-hardening/privileged-trigger",
  severity: "warning",
  what: "A workflow is started by strangers and runs with the repository's secrets and rights.",
  why: "pull_request_target and workflow_run exist for what must not touch the code of a pull request; one careless step is enough.",
  fix: "Use pull_request. Where a comment or a label needs the rights, keep that alone in the privileged workflow, without a checkout.",
};
const NO_CONCURRENCY: Rule = {
  id: "ci-hardening/no-concurrency",
  severity: "note",
  what: "Runs of a workflow may overtake each other.",
  why: "An older deployment can finish after a newer one, and pushes in quick succession hold every runner.",
  fix: "Write concurrency: with group: ${{ github.workflow }}-${{ github.ref }}.",
};

export const ciHardening: SupplyChainControl = {
  meta: META,
  rules: [UNREADABLE, PRIVILEGED_TRIGGER, NO_CONCURRENCY, ...JOB_RULES, ...STEP_RULES],
  judge: (project) =>
    readWorkflows(project).flatMap((workflow) =>
      "reason" in workflow ? [inFile(UNREADABLE, workflow.file, workflow.reason)] : judgeWorkflow(workflow),
    ),
};

const STARTED_BY_STRANGERS = ["pull_request_target", "workflow_run"];

function judgeWorkflow(workflow: Workflow): readonly Finding[] {
  const { file, triggers, content, placeOf, jobs } = workflow;
  const findings: Finding[] = [];
  if (triggers !== undefined) {
    const privileged = STARTED_BY_STRANGERS.filter((name) => triggers.has(name));
    if (privileged.length > 0) findings.push(inFile(PRIVILEGED_TRIGGER, file, privileged.join(", "), placeOf(["on"])));
    const onPush = triggers.has("push") || triggers.has("pull_request");
    const grouped =
      content["concurrency"] !== undefined || jobs.every((job) => job.content["concurrency"] !== undefined);
    if (onPush && !grouped) findings.push(inFile(NO_CONCURRENCY, file));
  }
  const isPrivileged = STARTED_BY_STRANGERS.some((name) => triggers?.has(name) === true);
  // A comment starts a workflow of the default branch, with everything that has.
  const hasRights = isPrivileged || triggers?.has("issue_comment") === true;
  for (const job of jobs) {
    if (triggers !== undefined) findings.push(...judgeJob(workflow, job, isPrivileged));
    for (const step of job.steps) findings.push(...judgeStep(workflow, step, hasRights));
  }
  return findings;
}
