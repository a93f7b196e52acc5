/** Exact versions with hashes, installed frozen (catalog dependency-lockfile; guide A06, A08; CWE-494). */
import type { ControlMeta, Finding, Rule } from "glacis";
import type { Lockfile } from "../audit/lockfile.ts";
import { own, tableOf, textEntries } from "../parsed-document.ts";
import type { Manifest } from "../audit/lockfile-yarn.ts";
import { isRange, satisfies } from "../audit/version.ts";
import type { Project } from "./project.ts";
import { atPackage, inFile, type SupplyChainControl } from "./supply-chain-control.ts";

const META: ControlMeta = {
  id: "dependency-lockfile",
  title: "Exact, integrity-hashed lockfile installed frozen",
  layer: "supply-chain",
  guide: ["A06 pinned dependencies", "A08 supply chain workflow", "checklist: dependencies pinned"],
  owasp2021: ["A06", "A08"],
  owasp2025: ["A03", "A08"],
  asvs: ["v5.0.0-15.2.4"],
  cwe: ["CWE-1357", "CWE-494", "CWE-829"],
};

const MISSING: Rule = {
  id: "dependency-lockfile/missing",
  severity: "error",
  what: "The project has dependencies and no lockfile.",
  why: "Every install takes whatever is newest at that moment, also what was published in bad faith a minute ago.",
  fix: "Install once, and commit package-lock.json, pnpm-lock.yaml or yarn.lock.",
};
const SEVERAL: Rule = {
  id: "dependency-lockfile/several",
  severity: "warning",
  what: "The project has lockfiles of several package managers.",
  why: "Only one of them is what gets installed; the others are kept up by nobody, and audited by somebody.",
  fix: "Keep the one of the package manager that is used, name that in packageManager of package.json, and delete the others.",
};
const UNTRACKED: Rule = {
  id: "dependency-lockfile/untracked",
  severity: "error",
  what: "The lockfile is not in git.",
  why: "What was tested here is not what another machine installs.",
  fix: "Commit it, and take it out of .gitignore.",
};
const OUT_OF_STEP: Rule = {
  id: "dependency-lockfile/out-of-step",
  severity: "error",
  what: "package.json and the lockfile ask for different things.",
  why: "A frozen install refuses it, and any other resolves anew: nobody has looked at what it brings.",
  fix: "Run the package manager's install, look at what changed, and commit both files together.",
};
const NO_INTEGRITY: Rule = {
  id: "dependency-lockfile/no-integrity",
  severity: "error",
  what: "The lockfile holds no hash for a package.",
  why: "Whoever answers for the registry decides what is installed, and nothing notices.",
  fix: "Remove the entry and install anew from a registry that gives hashes.",
};
const WEAK_INTEGRITY: Rule = {
  id: "dependency-lockfile/weak-integrity",
  severity: "warning",
  what: "The lockfile holds a hash for a package that is weaker than SHA-512 or SHA-384.",
  why: "Two archives with one SHA-1 can be made.",
  fix: "Remove the entry and install anew: today's registries give SHA-512.",
};

export const dependencyLockfile: SupplyChainControl = {
  meta: META,
  rules: [MISSING, SEVERAL, UNTRACKED, OUT_OF_STEP, NO_INTEGRITY, WEAK_INTEGRITY],
  judge: (project) => {
    const { lockfile, lockfiles, manifests, tracked } = project;
    if (lockfile === undefined) {
      const needs = manifests.some((manifest) => askedBy(manifest).size > 0);
      return needs ? [inFile(MISSING, "package.json")] : [];
    }
    const managers = new Set(lockfiles.map((file) => (/^(?:package-lock|npm-)/u.test(file) ? "npm" : file)));
    return [
      ...(managers.size > 1 ? [inFile(SEVERAL, "package.json", lockfiles.join(", "))] : []),
      ...(tracked !== undefined && !tracked.has(lockfile.file) ? [inFile(UNTRACKED, lockfile.file)] : []),
      ...outOfStep(project, lockfile),
      ...integrity(lockfile),
    ];
  },
};

const FIELDS = ["devDependencies", "dependencies", "optionalDependencies"];

function askedBy({ content }: Manifest): ReadonlyMap<string, string> {
  return new Map(FIELDS.flatMap((field) => textEntries(own(content, field))));
}

function outOfStep({ manifests }: Project, lockfile: Lockfile): readonly Finding[] {
  return manifests.flatMap((manifest) => {
    const file = manifest.folder === "." ? "package.json" : `${manifest.folder}/package.json`;
    const asked = askedBy(manifest);
    const locked =
      lockfile.asked?.get(manifest.folder) ?? (lockfile.asked === undefined ? undefined : new Map<string, string>());
    const recorded = (name: string, range: string): boolean =>
      locked === undefined ? answered(lockfile, manifest.folder, name) : sameRange(locked.get(name), range, lockfile);
    const missing = [...asked].filter(([name, range]) => !recorded(name, range)).map(([name]) => name);
    const left = [...(locked?.keys() ?? [])].filter((name) => !asked.has(name));
    const unmet = missing.length > 0 ? [] : unsatisfied(manifest, lockfile);
    const names = [...new Set([...missing, ...left, ...unmet])];
    return names.length === 0 ? [] : [inFile(OUT_OF_STEP, file, names.slice(0, 20).join(", "))];
  });
}

/** pnpm writes what its overrides and catalogs made of a range; those are its own business. */
function sameRange(locked: string | undefined, range: string, { manager }: Lockfile): boolean {
  return locked === range || (manager === "pnpm" && locked !== undefined && /^catalog:|^workspace:/u.test(range));
}

function answered(lockfile: Lockfile, folder: string, name: string): boolean {
  const project = lockfile.projects.find((known) => known.folder === folder);
  return project?.dependencies.some((edge) => edge.name === name) === true;
}

/** Where what is locked does not lie in the range that is asked for, and no override says so. */
function unsatisfied({ folder, content }: Manifest, lockfile: Lockfile): readonly string[] {
  if (lockfile.manager !== "npm" || Object.keys(tableOf(own(content, "overrides"))).length > 0) return [];
  const project = lockfile.projects.find((known) => known.folder === folder);
  return (project?.dependencies ?? []).flatMap(({ name, range, to, kind }) => {
    const installed = lockfile.packages.get(to);
    if (installed === undefined || kind === "peer" || range === undefined || !isRange(range)) return [];
    return satisfies(installed.version, range) ? [] : [name];
  });
}

function integrity({ packages, file }: Lockfile): readonly Finding[] {
  return [...packages.values()].flatMap((known) => {
    if (known.origin !== "registry" && known.origin !== "remote") return [];
    // Yarn 2 and later write no checksum for what another platform installs.
    if (known.integrity === undefined)
      return file === "yarn.lock" && known.resolved === undefined ? [] : [atPackage(NO_INTEGRITY, known)];
    return /(?:^|\s)sha(?:512|384)-/u.test(known.integrity) ? [] : [atPackage(WEAK_INTEGRITY, known)];
  });
}
