/** Nothing unused, given up or past its end of life (catalog dependency-hygiene; guide checklist: unused dependencies; CWE-1104). */
import type { ControlMeta, Finding, Rule } from "glacis";
import { own, tableOf, textEntries } from "../parsed-document.ts";
import type { Manifest } from "../audit/lockfile-yarn.ts";
import { pinnedRuntimes } from "./pinned-runtime.ts";
import type { Project } from "./project.ts";
import { atPackage, inFile, type SupplyChainControl } from "./supply-chain-control.ts";

const META: ControlMeta = {
  id: "dependency-hygiene",
  title: "No unused, unmaintained or end-of-life components",
  layer: "supply-chain",
  guide: ["A05 unnecessary features", "checklist: unused dependencies removed"],
  owasp2021: ["A06"],
  owasp2025: ["A03"],
  asvs: ["v5.0.0-15.2.1"],
  cwe: ["CWE-1104", "CWE-477", "CWE-561"],
};

const DEPRECATED: Rule = {
  id: "dependency-hygiene/deprecated",
  severity: "warning",
  what: "The project asks for a package that its author has given up.",
  why: "Nobody mends the next hole in it.",
  fix: "Go to what the detail names, or to another package.",
};
const DEPRECATED_BELOW: Rule = {
  id: "dependency-hygiene/deprecated-below",
  severity: "note",
  what: "A dependency brings a package that its author has given up.",
  why: "Nobody mends the next hole in it.",
  fix: "Update what brings it; npm ls says what that is.",
};
const UNUSED: Rule = {
  id: "dependency-hygiene/unused",
  severity: "warning",
  what: "No file of the project names a dependency of production.",
  why: "What nobody uses is installed, loaded by accident, and attacked all the same.",
  fix: "Remove it with npm uninstall, or waive it where something loads it by another name.",
};
const RUNTIME_ENDED: Rule = {
  id: "dependency-hygiene/runtime-ended",
  severity: "error",
  what: "The project runs on a version of Node that gets no security fixes any more.",
  why: "Holes of the runtime are holes of everything that runs on it, and they stay open.",
  fix: "Go to an active long-term version, an even number: nodejs.org/en/about/previous-releases.",
};
const RUNTIME_ENDS: Rule = {
  id: "dependency-hygiene/runtime-ends",
  severity: "warning",
  what: "The version of Node that the project runs on ends within 90 days.",
  why: "The step to the next one takes its time.",
  fix: "Plan it now: nodejs.org/en/about/previous-releases.",
};

export const dependencyHygiene: SupplyChainControl = {
  meta: META,
  rules: [DEPRECATED, DEPRECATED_BELOW, UNUSED, RUNTIME_ENDED, RUNTIME_ENDS],
  judge: (project, nowMs) => [...deprecated(project), ...unused(project), ...runtimes(project, nowMs)],
};

function deprecated({ lockfile }: Project): readonly Finding[] {
  const direct = new Set(lockfile?.projects.flatMap(({ dependencies }) => dependencies.map(({ to }) => to)));
  return [...(lockfile?.packages.values() ?? [])].flatMap((known) => {
    if (known.deprecated === undefined) return [];
    const words = known.deprecated.replaceAll(/[\p{Cc}\p{Cf}]+/gu, " ").slice(0, 200);
    return [atPackage(direct.has(known.key) ? DEPRECATED : DEPRECATED_BELOW, known, words)];
  });
}

const TEXT =
  /\.(?:[cm]?[jt]sx?|vue|svelte|astro|json[5c]?|ya?ml|html?|css|scss|less|mdx?|toml|sh|sql|prisma|graphql)$|(?:^|\/)(?:Dockerfile|Makefile|Procfile)[^/]*$/u;
const NOT_USE =
  /(?:^|\/)(?:package(?:-lock)?\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|yarn\.lock|CHANGELOG\.md|README\.md)$/u;
const MOST_BYTES = 200_000_000;

/** Only in a git repository: what git tracks is what the project consists of. A name in any file counts as use. */
function unused(project: Project): readonly Finding[] {
  const { manifests, tracked } = project;
  if (tracked === undefined || tracked.size === 0) return [];
  const wanted = manifests.map((manifest) => ({ manifest, names: new Set(candidates(manifest)) }));
  const needed = new Set(
    [...(project.lockfile?.packages.values() ?? [])].flatMap(({ dependencies }) =>
      dependencies.flatMap(({ kind, name }) => (kind === "peer" ? [name] : [])),
    ),
  );
  for (const { names } of wanted) for (const name of needed) names.delete(name);
  const left = new Set(wanted.flatMap(({ names }) => [...names]));
  for (const { content } of manifests)
    remove(left, JSON.stringify([content["scripts"], content["browser"], own(content, "prisma")]));
  let bytes = 0;
  for (const file of tracked) {
    if (left.size === 0) return [];
    if (!TEXT.test(file) || NOT_USE.test(file)) continue;
    const text = project.text(file) ?? "";
    bytes += text.length;
    // What was not looked at in the end is not called unused.
    if (bytes > MOST_BYTES) return [];
    remove(left, text);
  }
  return wanted.flatMap(({ manifest, names }) =>
    [...names].flatMap((name) => (left.has(name) ? [inFile(UNUSED, fileOf(manifest), name)] : [])),
  );
}

function remove(left: Set<string>, text: string): void {
  for (const name of left) if (text.includes(name)) left.delete(name);
}

/** Types and what another dependency asks for as a peer are used without being named. */
function candidates({ content }: Manifest): readonly string[] {
  const peers = new Set(Object.keys(tableOf(own(content, "peerDependencies"))));
  return textEntries(own(content, "dependencies")).flatMap(([name, range]) =>
    name.startsWith("@types/") || peers.has(name) || range.startsWith("workspace:") ? [] : [name],
  );
}

const fileOf = ({ folder }: Manifest): string => (folder === "." ? "package.json" : `${folder}/package.json`);

const DAY_MS = 86_400_000;

function runtimes(project: Project, nowMs: number): readonly Finding[] {
  return pinnedRuntimes(project).flatMap(({ file, major, endsMs, place }) => {
    const detail = `Node ${major}, until ${new Date(endsMs).toISOString().slice(0, 10)}`;
    if (nowMs >= endsMs) return [inFile(RUNTIME_ENDED, file, detail, place)];
    return endsMs - nowMs < 90 * DAY_MS ? [inFile(RUNTIME_ENDS, file, detail, place)] : [];
  });
}
