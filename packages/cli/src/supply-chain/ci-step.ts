/** What a step of a workflow runs. */
import type { Finding, Rule } from "glacis";
import { textEntries, wordOf } from "../parsed-document.ts";
import { inFile } from "./supply-chain-control.ts";
import type { Workflow, WorkflowStep } from "./workflow.ts";
import { untrustedContexts } from "./workflow-expression.ts";

export const UNPINNED_ACTION: Rule = {
  id: "ci-hardening/unpinned-action",
  severity: "error",
  what: "An action or a called workflow is used by a tag or a branch.",
  why: "Whoever takes over its repository moves the tag, and runs in every workflow that uses it, within the minute.",
  fix: "Write the full commit hash, with the version behind it in a comment: uses: owner/name@<40 hexadecimal digits> # v1.2.3.",
};
const INJECTION: Rule = {
  id: "ci-hardening/injection",
  severity: "error",
  what: "A script contains text that a stranger writes, such as the title of a pull request.",
  why: "It is pasted in before the shell reads it: a title that ends the line is a command with the job's rights.",
  fix: 'Give it to the script as a variable: env: TITLE: ${{ ... }}, and write "$TITLE" there.',
};
const UNTRUSTED_CHECKOUT: Rule = {
  id: "ci-hardening/untrusted-checkout",
  severity: "error",
  what: "A workflow with the repository's rights checks out the code of a pull request.",
  why: "Whatever then builds, installs or tests runs that code, with the secrets and the token within reach.",
  fix: "Use pull_request for what touches the code; leave pull_request_target to labels and comments.",
};
const CREDENTIALS_KEPT: Rule = {
  id: "ci-hardening/credentials-kept",
  severity: "warning",
  what: "A checkout leaves its token in .git/config.",
  why: "Every later step can push with it, and an uploaded folder takes it along.",
  fix: "Write persist-credentials: false below with:.",
};
const UNFROZEN_INSTALL: Rule = {
  id: "ci-hardening/unfrozen-install",
  severity: "error",
  what: "A workflow installs other versions than the lockfile names, or packages that are in no lockfile.",
  why: "What is built is not what was reviewed and audited.",
  fix: "npm ci, pnpm install --frozen-lockfile, yarn install --immutable; a tool belongs in devDependencies.",
};
const UNSECURE_COMMANDS: Rule = {
  id: "ci-hardening/unsecure-commands",
  severity: "error",
  what: "A workflow lets its output set environment variables and paths.",
  why: "Whoever can make a step print a line decides what the next one runs.",
  fix: "Remove ACTIONS_ALLOW_UNSECURE_COMMANDS, and write to $GITHUB_ENV.",
};

export const STEP_RULES: readonly Rule[] = [
  UNPINNED_ACTION,
  INJECTION,
  UNTRUSTED_CHECKOUT,
  CREDENTIALS_KEPT,
  UNFROZEN_INSTALL,
  UNSECURE_COMMANDS,
];

/** Called workflows are used by the job itself, without a step. */
export function judgeStep(workflow: Workflow, step: WorkflowStep, hasRights: boolean): readonly Finding[] {
  const { file, placeOf } = workflow;
  const at = (rule: Rule, field: string, detail?: string): Finding =>
    inFile(rule, file, detail, placeOf([...step.path, field]));
  const { uses = "", run = "" } = step;
  const findings: Finding[] = [];
  if (!isPinned(uses)) findings.push(at(UNPINNED_ACTION, "uses", uses));
  const isCheckout = /^actions\/checkout@/iu.test(uses);
  if (isCheckout && String(step.with["persist-credentials"]) !== "false") findings.push(at(CREDENTIALS_KEPT, "uses"));
  const strangers = [...untrustedContexts(run), ...scriptsOf(step).flatMap(untrustedContexts)];
  if (strangers.length > 0)
    findings.push(at(INJECTION, run === "" ? "with" : "run", [...new Set(strangers)].join(", ")));
  if (hasRights && takesForeignCode(step, isCheckout))
    findings.push(at(UNTRUSTED_CHECKOUT, run === "" ? "uses" : "run"));
  const loose = looseInstall(run);
  if (loose !== undefined) findings.push(at(UNFROZEN_INSTALL, "run", loose));
  if (textEntries(step.content["env"]).some(([name]) => name === "ACTIONS_ALLOW_UNSECURE_COMMANDS"))
    findings.push(at(UNSECURE_COMMANDS, "env"));
  return findings;
}

/** What stands in the repository itself is as trusted as the workflow. */
export function isPinned(uses: string): boolean {
  if (uses === "" || uses.startsWith("./")) return true;
  if (uses.startsWith("docker://")) return /@sha256:[0-9a-f]{64}$/u.test(uses);
  return /@[0-9a-f]{40}$/u.test(uses);
}

/** The inputs of actions that run them as code. */
function scriptsOf({ uses = "", with: inputs }: WorkflowStep): readonly string[] {
  if (!/^actions\/github-script@|^azure\/(?:cli|powershell)@|^appleboy\/ssh-action@/iu.test(uses)) return [];
  return textEntries(inputs).flatMap(([name, text]) => (/script/iu.test(name) ? [text] : []));
}

const FOREIGN =
  /github\.event\.pull_request\.(?:head|merge_commit_sha)|github\.head_ref|refs\/pull\/|github\.event\.workflow_run\.head_|github\.event\.(?:issue|pull_request)?\.?number/iu;

function takesForeignCode({ run = "", with: inputs }: WorkflowStep, isCheckout: boolean): boolean {
  if (isCheckout) return FOREIGN.test(`${wordOf(inputs["ref"])} ${wordOf(inputs["repository"])}`);
  return /\bgh\s+pr\s+checkout\b|\bgit\s+(?:fetch|pull|checkout)\b.*(?:pull\/|head_ref|pull_request\.head)/u.test(run);
}

/** The first command of a script that installs what no lockfile names. */
function looseInstall(run: string): string | undefined {
  const commands = run.replaceAll(/\\\r?\n/gu, " ").split(/\r?\n|&&|\|\||;/u);
  return commands.map((command) => command.trim()).find(isLoose);
}

function isLoose(command: string): boolean {
  if (/^(?:sudo\s+)?npm\s+(?:install|i|add)\b/u.test(command)) return !/\s--package-lock-only\b/u.test(command);
  if (/^pnpm\s+(?:install|i)\b/u.test(command)) return /--no-frozen-lockfile/u.test(command);
  if (/^pnpm\s+(?:add|dlx)\b|^yarn\s+(?:add|dlx|global)\b/u.test(command)) return true;
  if (/^yarn(?:\s+install)?(?:\s+-|$)/u.test(command)) return !/--(?:immutable|frozen-lockfile)/u.test(command);
  return /^npx\s+(?:-y|--yes)\b/u.test(command);
}
