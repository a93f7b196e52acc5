/** What is published says how it was built (catalog artifact-provenance; guide A08; SLSA; CWE-353). */
import type { ControlMeta, Finding, Rule } from "glacis";
import { own, tableOf } from "../parsed-document.ts";
import { readSettings } from "./package-manager-settings.ts";
import type { Project } from "./project.ts";
import { inFile, type SupplyChainControl } from "./supply-chain-control.ts";
import { publishesPackage, pushesImage } from "./publication.ts";
import { readWorkflows, type Workflow, type WorkflowJob } from "./workflow.ts";

const META: ControlMeta = {
  id: "artifact-provenance",
  title: "Builds signed with provenance and verified before deploy",
  layer: "supply-chain",
  guide: ["A08 supply chain workflow"],
  owasp2021: ["A08"],
  owasp2025: ["A08", "A03"],
  asvs: [],
  cwe: ["CWE-494", "CWE-353", "CWE-347"],
};

const PACKAGE: Rule = {
  id: "artifact-provenance/package",
  severity: "warning",
  what: "A workflow publishes a package without provenance.",
  why: "A package that somebody published from a stolen laptop looks like every other; one with provenance names its commit and its workflow.",
  fix: "Use trusted publishing, or npm publish --provenance, with permissions: id-token: write.",
};
const IMAGE: Rule = {
  id: "artifact-provenance/image",
  severity: "warning",
  what: "A workflow pushes an image that nothing attests.",
  why: "Whoever can write to the registry replaces it, and a deployment cannot tell.",
  fix: "Add actions/attest-build-provenance (or cosign sign) with the digest of the push, and verify it before the deployment.",
};

export const artifactProvenance: SupplyChainControl = {
  meta: META,
  rules: [PACKAGE, IMAGE],
  judge: (project) =>
    readWorkflows(project).flatMap((workflow) =>
      "reason" in workflow ? [] : workflow.jobs.flatMap((job) => judgeJob(project, workflow, job)),
    ),
};

function judgeJob(project: Project, { file, content, placeOf }: Workflow, job: WorkflowJob): readonly Finding[] {
  const at = (rule: Rule): Finding => inFile(rule, file, job.name, placeOf(job.path));
  const findings: Finding[] = [];
  const scripts = job.steps.map(({ run = "" }) => run).join("\n");
  if (publishesPackage(job) && !hasPackageProvenance(project, content, job, scripts)) findings.push(at(PACKAGE));
  if (pushesImage(job) && !attestsImage(job, scripts)) findings.push(at(IMAGE));
  return findings;
}

function hasPackageProvenance(
  project: Project,
  workflow: Workflow["content"],
  job: WorkflowJob,
  scripts: string,
): boolean {
  if (/--provenance(?!=false)\b/u.test(scripts)) return true;
  const text = JSON.stringify([workflow["env"], job.content]);
  if (/"NPM_CONFIG_PROVENANCE":(?:true|"true")/iu.test(text)) return true;
  if (readSettings(project).npm.get("provenance") === "true") return true;
  if (project.manifests.some(({ content }) => tableOf(own(content, "publishConfig"))["provenance"] === true))
    return true;
  // Trusted publishing: the run's own identity and no token, and the registry adds the provenance.
  const permissions = job.content["permissions"] ?? workflow["permissions"];
  return tableOf(permissions)["id-token"] === "write" && !/NODE_AUTH_TOKEN|NPM_TOKEN/u.test(text);
}

function attestsImage({ steps }: WorkflowJob, scripts: string): boolean {
  return (
    steps.some(({ uses = "" }) => /^actions\/attest(?:-build-provenance)?@/u.test(uses)) ||
    /\bcosign\s+(?:sign|attest)\b|\bgh\s+attestation\b/u.test(scripts)
  );
}
