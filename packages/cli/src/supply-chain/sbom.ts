/** What is published lists what it is made of (catalog sbom; guide checklist: no known vulnerabilities; CWE-1104). */
import type { ControlMeta, Rule } from "glacis";
import { publishesPackage, pushesImage } from "./publication.ts";
import { inFile, type SupplyChainControl } from "./supply-chain-control.ts";
import { readWorkflows } from "./workflow.ts";

const META: ControlMeta = {
  id: "sbom",
  title: "Software bill of materials for what is published",
  layer: "supply-chain",
  guide: ["checklist: no known vulnerabilities"],
  owasp2021: ["A06", "A08"],
  owasp2025: ["A03"],
  asvs: ["v5.0.0-15.1.2", "v5.0.0-15.1.4", "v5.0.0-15.1.5"],
  cwe: ["CWE-1104", "CWE-1395"],
};

const ABSENT: Rule = {
  id: "sbom/absent",
  severity: "warning",
  what: "A workflow publishes something and makes no bill of materials.",
  why: "When the next hole becomes known, nobody can say which of the versions that run somewhere have it.",
  fix: "Run npx glacis sbom > sbom.cdx.json before it publishes, and keep or attest the file with the artifact.",
};

const MAKES = /\bglacis\s+sbom\b|\bnpm\s+sbom\b|\bpnpm\s+sbom\b|cyclonedx|\bsyft\b|\btrivy\b.*(?:spdx|sbom)/iu;
const MAKERS = /^(?:anchore\/sbom-action|actions\/attest-sbom|aquasecurity\/trivy-action|cyclonedx\/)/iu;

export const sbom: SupplyChainControl = {
  meta: META,
  rules: [ABSENT],
  judge: (project) =>
    readWorkflows(project).flatMap((workflow) => {
      if ("reason" in workflow) return [];
      const steps = workflow.jobs.flatMap((job) => job.steps);
      if (steps.some(({ run = "", uses = "" }) => MAKES.test(run) || MAKERS.test(uses))) return [];
      const publishing = workflow.jobs.filter((job) => publishesPackage(job) || pushesImage(job));
      return publishing.map((job) => inFile(ABSENT, workflow.file, job.name, workflow.placeOf(job.path)));
    }),
};
