/** Known people change the source, and others look (catalog source-integrity; guide A08 commit signatures; CWE-345). */
import type { ControlMeta, Finding, Rule } from "glacis";
import type { Project } from "./project.ts";
import { inFile, type SupplyChainControl } from "./supply-chain-control.ts";

const META: ControlMeta = {
  id: "source-integrity",
  title: "Signed commits by known people and protected branches",
  layer: "supply-chain",
  guide: ["A08 supply chain workflow"],
  owasp2021: ["A08"],
  owasp2025: ["A03", "A08"],
  asvs: [],
  cwe: ["CWE-345", "CWE-353"],
};

const NO_CODE_OWNERS: Rule = {
  id: "source-integrity/no-code-owners",
  severity: "warning",
  what: "Nobody is named who must look at a change.",
  why: "Whoever takes over one account can change the workflows, and through them everything that is published.",
  fix: "Write .github/CODEOWNERS, at least for /.github/ and what signs people in, and require a review by code owners in the rules of the branch.",
};
const WORKFLOWS_UNOWNED: Rule = {
  id: "source-integrity/workflows-unowned",
  severity: "warning",
  what: "CODEOWNERS names nobody for the workflows, or for itself.",
  why: "A workflow holds the keys to publish and to deploy; whoever owns CODEOWNERS owns the review.",
  fix: "Add a line: /.github/ @your-organisation/security.",
};
const UNSIGNED: Rule = {
  id: "source-integrity/unsigned",
  severity: "note",
  what: "The commit that is checked out is not signed.",
  why: "The author's name in a commit is whatever its author typed.",
  fix: "git config gpg.format ssh and commit.gpgsign true, and require signed commits in the rules of the branch.",
};

export const sourceIntegrity: SupplyChainControl = {
  meta: META,
  rules: [NO_CODE_OWNERS, WORKFLOWS_UNOWNED, UNSIGNED],
  judge: (project) => {
    if (project.tracked === undefined) return [];
    return [...judgeOwners(project), ...judgeCommit(project)];
  },
};

/** GitHub takes the first of them; one that git does not track is none. */
const FILES = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

function judgeOwners({ text, tracked, list }: Project): readonly Finding[] {
  const file = FILES.find((name) => tracked?.has(name));
  const hasWorkflows = list(".github/workflows").length > 0;
  if (file === undefined) return hasWorkflows ? [inFile(NO_CODE_OWNERS, FILES[0] as string)] : [];
  // The last line that matches counts; one without owners takes them away.
  const lines = (text(file) ?? "").split(/\r?\n/u).map((line) => line.replace(/#.*$/u, "").trim().split(/\s+/u));
  const matching = lines.findLast(([pattern = ""]) => pattern !== "" && coversWorkflows(pattern));
  return hasWorkflows && (matching === undefined || matching.length < 2) ? [inFile(WORKFLOWS_UNOWNED, file)] : [];
}

function coversWorkflows(pattern: string): boolean {
  return /^(?:\*|\*\*|\/|\/?\*\*\/?|\/?(?:\*\*\/)?\.github(?:\/(?:\*{0,2}|workflows(?:\/\*{0,2})?))?)$/u.test(pattern);
}

/** A synthetic commit of a pull request is signed by the forge, or not at all; on a branch it is the author's own. */
function judgeCommit({ headCommit }: Project): readonly Finding[] {
  if (headCommit === undefined) return [];
  const header = headCommit.slice(0, headCommit.indexOf("\n\n") + 1);
  return /^gpgsig(?:-sha256)? /mu.test(header) ? [] : [inFile(UNSIGNED, ".git/HEAD")];
}
