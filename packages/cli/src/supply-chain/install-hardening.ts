/** Installing runs nothing and takes nothing that is brand new (catalog install-hardening; guide A06, A08; CWE-506). */
import type { ControlMeta, Finding, Rule } from "glacis";
import { textOf } from "../parsed-document.ts";
import { daysOf, readSettings, type PackageManagerSettings } from "./package-manager-settings.ts";
import type { Project } from "./project.ts";
import { inFile, type SupplyChainControl } from "./supply-chain-control.ts";

const META: ControlMeta = {
  id: "install-hardening",
  title: "Install scripts blocked and new releases cooled down",
  layer: "supply-chain",
  guide: ["A06 pinned dependencies", "A08 supply chain workflow"],
  owasp2021: ["A08", "A06"],
  owasp2025: ["A03"],
  asvs: ["v5.0.0-15.2.4"],
  cwe: ["CWE-506", "CWE-829", "CWE-1357"],
};

const SCRIPTS_RUN: Rule = {
  id: "install-hardening/scripts-run",
  severity: "error",
  what: "Installing runs the scripts of every package.",
  why: "A worm in a package needs no more than npm install: it reads tokens and publishes itself from there, before any test runs.",
  fix: "npm: ignore-scripts=true or strict-allow-scripts=true in the project's .npmrc. Yarn: enableScripts: false in .yarnrc.yml. pnpm: version 10 or later, and no dangerouslyAllowAllBuilds.",
};
const NO_COOLDOWN: Rule = {
  id: "install-hardening/no-cooldown",
  severity: "warning",
  what: "Versions are installed although they were published less than three days ago.",
  why: "Most packages that are taken over are found within hours. Whoever waits is not among the first victims.",
  fix: "npm: min-release-age=7 in the project's .npmrc (days). pnpm: minimumReleaseAge: 10080 in pnpm-workspace.yaml (minutes). Yarn: npmMinimalAgeGate: 7d.",
};
const NOT_EXACT: Rule = {
  id: "install-hardening/not-exact",
  severity: "note",
  what: "New dependencies are written as ranges.",
  why: "Whatever resolves anew, such as an update of the lockfile, takes more than was meant.",
  fix: 'npm and pnpm: save-exact=true in the project\'s .npmrc. Yarn: defaultSemverRangePrefix: "" in .yarnrc.yml.',
};

const LEAST_DAYS = 3;

export const installHardening: SupplyChainControl = {
  meta: META,
  rules: [SCRIPTS_RUN, NO_COOLDOWN, NOT_EXACT],
  judge: (project, nowMs) => {
    const { lockfile } = project;
    if (lockfile === undefined) return [];
    const settings = readSettings(project);
    const { file, says } = POLICIES[lockfile.manager](settings, versionOf(project), nowMs);
    const findings: Finding[] = [];
    if (!says.scriptsOff) findings.push(inFile(SCRIPTS_RUN, file));
    if (says.cooldownDays < LEAST_DAYS) findings.push(inFile(NO_COOLDOWN, file));
    if (!says.exact) findings.push(inFile(NOT_EXACT, file));
    return findings;
  },
};

interface Policy {
  /** Where it is written. */
  readonly file: string;
  readonly says: { readonly scriptsOff: boolean; readonly cooldownDays: number; readonly exact: boolean };
}

/** The major version that package.json names; undefined where it names none. */
function versionOf({ manifests }: Project): number | undefined {
  const major = /@(\d+)/u.exec(textOf(manifests[0]?.content["packageManager"]) ?? "")?.[1];
  return major === undefined ? undefined : Number(major);
}

type ReadPolicy = (settings: PackageManagerSettings, major: number | undefined, nowMs: number) => Policy;

const npmPolicy: ReadPolicy = ({ npm }, _, nowMs) => ({
  file: ".npmrc",
  says: {
    scriptsOff: npm.get("ignore-scripts") === "true" || npm.get("strict-allow-scripts") === "true",
    cooldownDays: Math.max(daysOf(npm.get("min-release-age"), false), daysSince(npm.get("before"), nowMs)),
    exact: npm.get("save-exact") === "true",
  },
});

const POLICIES: Readonly<Record<"npm" | "pnpm" | "yarn" | "yarn-classic", ReadPolicy>> = {
  npm: npmPolicy,
  "yarn-classic": npmPolicy,
  pnpm: ({ npm, pnpm }, major) => ({
    file: "pnpm-workspace.yaml",
    says: {
      scriptsOff:
        pnpm["dangerouslyAllowAllBuilds"] !== true &&
        npm.get("dangerously-allow-all-builds") !== "true" &&
        (npm.get("ignore-scripts") === "true" || pnpm["ignoreScripts"] === true || (major ?? 10) >= 10),
      cooldownDays: daysOf(pnpm["minimumReleaseAge"] ?? npm.get("minimum-release-age"), true),
      exact: npm.get("save-exact") === "true" || pnpm["saveExact"] === true || pnpm["savePrefix"] === "",
    },
  }),
  yarn: ({ yarn }) => ({
    file: ".yarnrc.yml",
    says: {
      scriptsOff: yarn["enableScripts"] === false,
      cooldownDays: daysOf(yarn["npmMinimalAgeGate"], true),
      exact: yarn["defaultSemverRangePrefix"] === "",
    },
  }),
};

/** `before=` names the last day whose versions are taken. */
function daysSince(day: string | undefined, nowMs: number): number {
  const time = Date.parse(day ?? "");
  return Number.isNaN(time) ? 0 : (nowMs - time) / 86_400_000;
}
