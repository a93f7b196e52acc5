/** What a job of a workflow may do, and with what. */
import type { Finding, Rule } from "glacis";
import { listOf, tableOf, textOf } from "../parsed-document.ts";
import { isPinned, UNPINNED_ACTION } from "./ci-step.ts";
import { inFile } from "./supply-chain-control.ts";
import type { Workflow, WorkflowJob } from "./workflow.ts";
import { secretsIn } from "./workflow-expression.ts";

const TOKEN_PERMISSIONS: Rule = {
  id: "ci-hardening/token-permissions",
  severity: "error",
  what: "A workflow's token may do more than its jobs need, or whatever the repository's default is.",
  why: "Every action and every package that runs in the job holds that token: it can push code, publish packages and approve.",
  fix: "Write permissions: {} at the top and, in each job, what it needs, such as contents: read.",
};
const NO_TIMEOUT: Rule = {
  id: "ci-hardening/no-timeout",
  severity: "warning",
  what: "A job may run for six hours.",
  why: "What hangs, and whoever mines or exfiltrates on the runner, has all that time.",
  fix: "Write timeout-minutes: of about twice what it takes.",
};
const SECRETS_TO_STRANGERS: Rule = {
  id: "ci-hardening/secrets-to-strangers",
  severity: "error",
  what: "A workflow that strangers start reads a secret.",
  why: "A pull request from a fork decides when it runs, and often what it runs on.",
  fix: "Move what needs the secret into a workflow on push, or behind an environment with required reviewers.",
};
const SECRETS_INHERITED: Rule = {
  id: "ci-hardening/secrets-inherited",
  severity: "warning",
  what: "A called workflow is given every secret of the repository.",
  why: "It needs one or two, and whoever changes it gets the rest.",
  fix: "Name them: secrets: with one line for each.",
};
const LONG_LIVED_KEY: Rule = {
  id: "ci-hardening/long-lived-key",
  severity: "warning",
  what: "A workflow uses a key of a cloud or a registry that does not expire.",
  why: "A secret that leaked once is good for years; a token that the provider gives this run by OpenID Connect is good for minutes.",
  fix: "Let the provider trust this repository (permissions: id-token: write), and delete the secret. npm calls it trusted publishing.",
};
const SELF_HOSTED: Rule = {
  id: "ci-hardening/self-hosted-runner",
  severity: "warning",
  what: "A pull request runs on a machine of your own.",
  why: "What one run leaves behind the next one finds, and the machine stands inside your network.",
  fix: "Use hosted runners for pull requests, or machines that are thrown away after each job.",
};
const UNPINNED_IMAGE: Rule = {
  id: "ci-hardening/unpinned-image",
  severity: "warning",
  what: "A job runs in, or beside, a container image by a tag that can be moved.",
  why: "Whoever can push the tag runs in the job.",
  fix: "Write the digest behind it: image:tag@sha256:...",
};

export const JOB_RULES: readonly Rule[] = [
  TOKEN_PERMISSIONS,
  NO_TIMEOUT,
  SECRETS_TO_STRANGERS,
  SECRETS_INHERITED,
  LONG_LIVED_KEY,
  SELF_HOSTED,
  UNPINNED_IMAGE,
];

export function judgeJob(workflow: Workflow, job: WorkflowJob, isPrivileged: boolean): readonly Finding[] {
  const { file, placeOf } = workflow;
  const at = (rule: Rule, detail: string | undefined, ...path: readonly string[]): Finding =>
    inFile(rule, file, detail, placeOf([...job.path, ...path]));
  const calls = job.content["uses"] !== undefined;
  const findings: Finding[] = permissions(workflow, job).map((detail) => at(TOKEN_PERMISSIONS, detail, "permissions"));
  if (!isPinned(textOf(job.content["uses"]) ?? ""))
    findings.push(at(UNPINNED_ACTION, textOf(job.content["uses"]), "uses"));
  if (!calls && job.content["timeout-minutes"] === undefined && !job.steps.every(isBounded))
    findings.push(at(NO_TIMEOUT, job.name));
  if (job.content["secrets"] === "inherit") findings.push(at(SECRETS_INHERITED, job.name, "secrets"));
  const secrets = secretsOf(workflow, job);
  if (isPrivileged && secrets.length > 0) findings.push(at(SECRETS_TO_STRANGERS, secrets.join(", ")));
  const keys = secrets.filter((name) => LONG_LIVED.test(name));
  if (keys.length > 0) findings.push(at(LONG_LIVED_KEY, keys.join(", ")));
  if (isSelfHosted(job) && STRANGERS.some((name) => workflow.triggers?.has(name) === true))
    findings.push(at(SELF_HOSTED, job.name, "runs-on"));
  for (const image of imagesOf(job)) findings.push(at(UNPINNED_IMAGE, image));
  return findings;
}

const STRANGERS = ["pull_request", "pull_request_target", "issue_comment", "workflow_run"];

const isBounded = ({ content }: WorkflowJob["steps"][number]): boolean => content["timeout-minutes"] !== undefined;

/** What is wrong with the rights that a job ends up with: a job's own replace those of the workflow. */
function permissions({ content, jobs }: Workflow, job: WorkflowJob): readonly string[] {
  const own = job.content["permissions"];
  const shared = content["permissions"];
  const effective = own ?? shared;
  if (effective === undefined) return [`${job.name} has none written down`];
  if (effective === "write-all") return [`${job.name} has write-all`];
  // What stands at the top is given to the job that is added tomorrow as well.
  if (own !== undefined || jobs[0] !== job || jobs.length === 1) return [];
  const writes = Object.entries(tableOf(shared)).filter(([, value]) => value === "write");
  return writes.length === 0 ? [] : [`every job has ${writes.map(([name]) => `${name}: write`).join(", ")}`];
}

const LONG_LIVED =
  /^(?:AWS_(?:ACCESS_KEY_ID|SECRET_ACCESS_KEY)|(?:GCP|GOOGLE)_\w*(?:CREDENTIALS|KEY|KEYFILE)|AZURE_(?:CLIENT_SECRET|CREDENTIALS)|NPM_(?:AUTH_?)?TOKEN|NODE_AUTH_TOKEN|DOCKERHUB_(?:TOKEN|PASSWORD)|DOCKER_PASSWORD)$/iu;

/** The token of the run is no secret of anybody's. */
function secretsOf({ content }: Workflow, job: WorkflowJob): readonly string[] {
  const texts = textsIn([content["env"], job.content]);
  return [...new Set(texts.flatMap(secretsIn))].filter((name) => name.toUpperCase() !== "GITHUB_TOKEN").toSorted();
}

/** Every text of a value, however deep: what the parser has read has an end. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

function isSelfHosted({ content }: WorkflowJob): boolean {
  const runsOn = content["runs-on"];
  const labels = [runsOn, ...listOf(runsOn), ...listOf(tableOf(runsOn)["labels"])];
  return labels.includes("self-hosted");
}

function imagesOf({ content }: WorkflowJob): readonly string[] {
  const { container, services } = content;
  const described = [container, ...Object.values(tableOf(services))];
  return described.flatMap((value) => {
    const image = textOf(value) ?? textOf(tableOf(value)["image"]);
    return image === undefined || /@sha256:[0-9a-f]{64}$/u.test(image) || image.includes("${{") ? [] : [image];
  });
}
