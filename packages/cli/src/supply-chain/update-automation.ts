/** Updates are proposed by a bot, after a cooling-off time (catalog update-automation; guide A06 regular updates; CWE-1329). */
import type { ControlMeta, Finding, Rule } from "glacis";
import { listOf, own, tableOf, textOf, type Table } from "../parsed-document.ts";
import { parseYaml } from "../audit/yaml.ts";
import { dockerfilesOf } from "./dockerfile.ts";
import { daysOf } from "./package-manager-settings.ts";
import type { Project } from "./project.ts";
import { inFile, type SupplyChainControl } from "./supply-chain-control.ts";

const META: ControlMeta = {
  id: "update-automation",
  title: "Dependency updates proposed on schedule and merged within limits",
  layer: "supply-chain",
  guide: [
    "A06 regular updates",
    "checklist: regular dependency updates scheduled",
    "next steps: schedule dependency updates",
  ],
  owasp2021: ["A06"],
  owasp2025: ["A03"],
  asvs: ["v5.0.0-15.1.1"],
  cwe: ["CWE-1329", "CWE-1104"],
};

const ABSENT: Rule = {
  id: "update-automation/absent",
  severity: "warning",
  what: "Nothing proposes updates of the dependencies.",
  why: "Updates that are nobody's turn are made after the incident, all at once.",
  fix: "Add .github/dependabot.yml or renovate.json; npx glacis init ci writes one.",
};
const UNREADABLE: Rule = {
  id: "update-automation/unreadable",
  severity: "error",
  what: "The configuration of the updates cannot be read.",
  why: "The bot cannot read it either, and stays silent.",
  fix: "Correct the place that the detail names.",
};
const NOT_COVERED: Rule = {
  id: "update-automation/not-covered",
  severity: "warning",
  what: "Nothing proposes updates for a kind of dependency that the project has.",
  why: "Actions and base images run with more rights than most packages.",
  fix: "Add an entry for it below updates: in .github/dependabot.yml.",
};
const NO_COOLDOWN: Rule = {
  id: "update-automation/no-cooldown",
  severity: "warning",
  what: "Updates are proposed although they were published less than three days ago.",
  why: "Most packages that are taken over are found within hours; the bot would propose them first.",
  fix: 'Dependabot: cooldown: with default-days: 7. Renovate: minimumReleaseAge: "7 days". Security updates are proposed at once all the same.',
};
const TOO_RARE: Rule = {
  id: "update-automation/too-rare",
  severity: "note",
  what: "Updates are proposed less often than once a week.",
  why: "The step to the version that mends a hole grows with every one that was left out.",
  fix: "Write interval: weekly.",
};

export const updateAutomation: SupplyChainControl = {
  meta: META,
  rules: [ABSENT, UNREADABLE, NOT_COVERED, NO_COOLDOWN, TOO_RARE],
  judge: (project) => {
    const dependabot = [".github/dependabot.yml", ".github/dependabot.yaml"].find(
      (file) => project.text(file) !== undefined,
    );
    if (dependabot !== undefined) return judgeDependabot(project, dependabot);
    const renovate = RENOVATE.find((file) => project.text(file) !== undefined);
    if (renovate !== undefined) return judgeRenovate(renovate, project.text(renovate) ?? "");
    const inManifest = own(project.manifests[0]?.content ?? {}, "renovate");
    if (inManifest !== undefined) return judgeRenovateSettings("package.json", tableOf(inManifest));
    return project.lockfile === undefined ? [] : [inFile(ABSENT, "package.json")];
  },
};

const RENOVATE = [
  "renovate.json",
  "renovate.json5",
  ".github/renovate.json",
  ".github/renovate.json5",
  ".gitlab/renovate.json",
  ".renovaterc",
  ".renovaterc.json",
];
const LEAST_DAYS = 3;

function judgeDependabot(project: Project, file: string): readonly Finding[] {
  let updates: readonly Table[];
  try {
    const { updates: list } = tableOf(parseYaml(project.text(file) ?? "")[0]?.value);
    updates = listOf(list).map(tableOf);
  } catch (error) {
    return [inFile(UNREADABLE, file, (error as Error).message)];
  }
  const ecosystems = new Set(updates.map((update) => textOf(update["package-ecosystem"])));
  return [
    ...ecosystemsOf(project).flatMap((name) => (ecosystems.has(name) ? [] : [inFile(NOT_COVERED, file, name)])),
    ...updates.flatMap((update) => {
      const name = textOf(update["package-ecosystem"]) ?? "an entry";
      const days = Number(tableOf(update["cooldown"])["default-days"] ?? 0);
      const interval = textOf(tableOf(update["schedule"])["interval"]) ?? "";
      return [
        ...(days >= LEAST_DAYS ? [] : [inFile(NO_COOLDOWN, file, name)]),
        ...(/^(?:monthly|quarterly|semiannually|yearly)$/u.test(interval)
          ? [inFile(TOO_RARE, file, `${name}: ${interval}`)]
          : []),
      ];
    }),
  ];
}

function ecosystemsOf(project: Project): readonly string[] {
  const actions = project.list(".github/workflows").some((file) => /\.ya?ml$/u.test(file));
  return [
    ...(project.lockfile === undefined ? [] : ["npm"]),
    ...(actions ? ["github-actions"] : []),
    ...(dockerfilesOf(project).length > 0 ? ["docker"] : []),
  ];
}

/** JSON5 is read as YAML, which takes its comments of one kind alone; what cannot be read so is left to Renovate. */
function judgeRenovate(file: string, text: string): readonly Finding[] {
  const plain = file.endsWith("5") ? text.replaceAll(/^\s*\/\/.*$/gmu, "") : text;
  try {
    return judgeRenovateSettings(file, tableOf(parseYaml(plain)[0]?.value));
  } catch (error) {
    return file.endsWith("5") ? [] : [inFile(UNREADABLE, file, (error as Error).message)];
  }
}

function judgeRenovateSettings(file: string, settings: Table): readonly Finding[] {
  if (settings["enabled"] === false) return [inFile(ABSENT, file, "enabled: false")];
  const ages = [settings, ...listOf(settings["packageRules"]).map(tableOf)].map((rule) =>
    daysOf(rule["minimumReleaseAge"] ?? rule["stabilityDays"], false),
  );
  const presets = listOf(settings["extends"]).map(String);
  const preset = presets.some((name) =>
    /^(?:config:best-practices|security:minimumReleaseAge\w*)$|^(?:github|local|gitlab)>/u.test(name),
  );
  return preset || Math.max(...ages) >= LEAST_DAYS ? [] : [inFile(NO_COOLDOWN, file)];
}
