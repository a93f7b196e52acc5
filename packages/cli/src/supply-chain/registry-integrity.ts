/** Packages come from the registry that is meant (catalog registry-integrity; guide A08; CWE-427, CWE-494). */
import type { ControlMeta, Finding, Rule } from "glacis";
import { isRegistryAddress, type LockedPackage } from "../audit/lockfile.ts";
import { textOf } from "../parsed-document.ts";
import { lookalikeOf } from "./lookalike.ts";
import { readSettings, type PackageManagerSettings } from "./package-manager-settings.ts";
import type { Project } from "./project.ts";
import { atPackage, inFile, lineOf, type SupplyChainControl } from "./supply-chain-control.ts";

const META: ControlMeta = {
  id: "registry-integrity",
  title: "Packages come from the expected registry with verified signatures and provenance",
  layer: "supply-chain",
  guide: ["A08 supply chain workflow"],
  owasp2021: ["A08", "A06"],
  owasp2025: ["A03", "A08"],
  asvs: ["v5.0.0-15.2.4"],
  cwe: ["CWE-494", "CWE-345", "CWE-427"],
};

const PLAIN_HTTP: Rule = {
  id: "registry-integrity/plain-http",
  severity: "error",
  what: "A package, or a registry, is fetched by plain http, or without judging the certificate.",
  why: "Everybody on the way can see what is installed and answer in the registry's place.",
  fix: "Write https:// in .npmrc and in the lockfile, and remove strict-ssl=false.",
};
const UNEXPECTED_HOST: Rule = {
  id: "registry-integrity/unexpected-host",
  severity: "error",
  what: "The lockfile fetches a package from a host that is no registry of the project.",
  why: "A changed address in a lockfile of thousands of lines is how foreign code gets past a review; its hash is the attacker's too.",
  fix: "Name the registry in the project's .npmrc, with @scope:registry= for a scope, or remove the entry and install anew.",
};
const WRONG_TARBALL: Rule = {
  id: "registry-integrity/wrong-tarball",
  severity: "error",
  what: "The lockfile fetches another package or version under this name.",
  why: "What is installed is not what the name and every audit of it say.",
  fix: "Remove the entry and install anew; an alias is written as npm:name@version in package.json.",
};
const NOT_FROM_REGISTRY: Rule = {
  id: "registry-integrity/not-from-registry",
  severity: "error",
  what: "A package comes from git, from an address or from a file instead of a registry.",
  why: "It has no version that an advisory could name, what stands behind a branch or an address changes, and git runs its scripts.",
  fix: "Publish it to a registry and depend on that, or make it a workspace.",
};
const CONFUSABLE: Rule = {
  id: "registry-integrity/confusable",
  severity: "error",
  what: "A package of the project's own name is installed from a registry.",
  why: "Whoever publishes that name with a higher version is installed in place of the project's own (dependency confusion).",
  fix: "Depend on it as a workspace (workspace:* or its folder in workspaces), and reserve the name or use a scope of your own.",
};
const SCOPE_UNPINNED: Rule = {
  id: "registry-integrity/scope-unpinned",
  severity: "warning",
  what: "A package comes from a private registry, and its scope is not bound to that registry.",
  why: "A machine without that default registry asks the public one, where anybody may take the name (dependency confusion).",
  fix: "Give private packages a scope, and write @scope:registry=https://... in the project's .npmrc.",
};
const TOKEN_IN_FILE: Rule = {
  id: "registry-integrity/token-in-file",
  severity: "error",
  what: "The project's .npmrc holds a credential.",
  why: "Whoever reads the repository may read, and perhaps publish, what the registry keeps.",
  fix: "Revoke it, and write ${NPM_TOKEN} in its place, or keep it in the user's own .npmrc.",
};
const LOOKALIKE: Rule = {
  id: "registry-integrity/lookalike",
  severity: "warning",
  what: "A dependency is called almost like a package that everybody knows.",
  why: "Names that are one slip away are registered to be installed by mistake.",
  fix: "Correct the name, or waive it for this package once somebody has looked at it.",
};

export const registryIntegrity: SupplyChainControl = {
  meta: META,
  rules: [
    PLAIN_HTTP,
    UNEXPECTED_HOST,
    WRONG_TARBALL,
    NOT_FROM_REGISTRY,
    CONFUSABLE,
    SCOPE_UNPINNED,
    TOKEN_IN_FILE,
    LOOKALIKE,
  ],
  judge: (project) => {
    const settings = readSettings(project);
    const names = new Set(project.manifests.flatMap(({ content }) => textOf(content["name"]) ?? []));
    const registries = registriesOf(settings);
    return [
      ...judgeNpmrc(project, settings),
      ...[...(project.lockfile?.packages.values() ?? [])].flatMap((known) => judgePackage(known, registries, names)),
      ...lookalikes(project),
    ];
  },
};

interface Registries {
  /** By scope; the empty one is the default. */
  readonly hosts: ReadonlyMap<string, string>;
}

const PUBLIC = new Set(["registry.npmjs.org", "registry.yarnpkg.com"]);

function registriesOf({ npm, yarn }: PackageManagerSettings): Registries {
  const hosts = new Map<string, string>();
  const add = (scope: string, address: unknown): void => {
    if (typeof address === "string" && URL.canParse(address)) hosts.set(scope, new URL(address).host);
  };
  add("", npm.get("registry") ?? yarn["npmRegistryServer"]);
  for (const [name, value] of npm) if (/^@[^:]+:registry$/u.test(name)) add(name.slice(0, name.indexOf(":")), value);
  for (const [scope, value] of Object.entries(Object(yarn["npmScopes"]) as Record<string, unknown>))
    add(`@${scope}`, (Object(value) as Record<string, unknown>)["npmRegistryServer"]);
  return { hosts };
}

function judgePackage(known: LockedPackage, { hosts }: Registries, own: ReadonlySet<string>): readonly Finding[] {
  const { origin, resolved, name } = known;
  if (origin === "workspace" || origin === "bundled") return [];
  const findings: Finding[] = [];
  if (resolved !== undefined && /^(?:git\+)?http:/u.test(resolved)) findings.push(atPackage(PLAIN_HTTP, known));
  if (origin !== "registry") return [...findings, atPackage(NOT_FROM_REGISTRY, known, origin)];
  if (own.has(name)) findings.push(atPackage(CONFUSABLE, known));
  if (resolved === undefined || !URL.canParse(resolved)) return findings;
  const { host } = new URL(resolved);
  const scope = name.startsWith("@") ? name.slice(0, name.indexOf("/")) : "";
  const bound = hosts.get(scope) ?? hosts.get("");
  const expected = bound === undefined || PUBLIC.has(bound) ? PUBLIC.has(host) : host === bound;
  if (!expected) findings.push(atPackage(UNEXPECTED_HOST, known, host));
  else if (!PUBLIC.has(host) && (scope === "" ? false : !hosts.has(scope)) && !isMirror(hosts))
    findings.push(atPackage(SCOPE_UNPINNED, known, host));
  if (isRegistryAddress(resolved) && !isTarballOf(known, new URL(resolved)))
    findings.push(atPackage(WRONG_TARBALL, known));
  return findings;
}

/** One registry for everything, in the project's own file: nothing falls back to the public one. */
function isMirror(hosts: ReadonlyMap<string, string>): boolean {
  return hosts.size === 1 && hosts.has("");
}

function isTarballOf({ name, version }: LockedPackage, url: URL): boolean {
  let path: string;
  try {
    path = decodeURIComponent(url.pathname);
  } catch {
    return false;
  }
  if (path.includes(`/download/${name}/${version.split("+", 1)[0]}/`)) return true;
  const base = name.slice(name.lastIndexOf("/") + 1);
  const [scope] = /@[^/]+(?=\/[^/]+\/-\/)/u.exec(path) ?? [];
  // The package of a scope is not the one without.
  if (scope !== undefined && !name.startsWith(`${scope}/`)) return false;
  const release = version.split("+", 1)[0] ?? version;
  return [base, name].some((file) => path.endsWith(`/${name}/-/${file}-${release}.tgz`));
}

const CREDENTIAL = /(?:^|:)_(?:authToken|auth|password)$/iu;

function judgeNpmrc({ text }: Project, { npm }: PackageManagerSettings): readonly Finding[] {
  const content = text(".npmrc") ?? "";
  const findings: Finding[] = [];
  const insecure = [...npm].filter(
    ([name, value]) =>
      (/(?:^|:)registry$/u.test(name) && value.startsWith("http://")) || (name === "strict-ssl" && value === "false"),
  );
  for (const [name] of insecure)
    findings.push(inFile(PLAIN_HTTP, ".npmrc", name, lineOf(content, new RegExp(`^\\s*${escapeRegex(name)}`, "iu"))));
  for (const [index, line] of content.split(/\r?\n/u).entries()) {
    const [name = "", value = ""] = line.split(/=(.*)/u).map((part) => part.trim());
    if (/^\s*[#;]/u.test(line)) continue;
    if (CREDENTIAL.test(name) && value !== "" && !/^["']?\$\{[^}]+\}["']?$/u.test(value))
      findings.push(inFile(TOKEN_IN_FILE, ".npmrc", undefined, { line: index + 1, column: 1 }));
  }
  return findings;
}

const escapeRegex = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/gu, "\\$&");

/** Only what the project asks for itself: what others ask for was spelt by others. */
function lookalikes({ lockfile }: Project): readonly Finding[] {
  const direct = new Set(lockfile?.projects.flatMap(({ dependencies }) => dependencies.map(({ to }) => to)));
  return [...direct].flatMap((key) => {
    const known = lockfile?.packages.get(key);
    const meant = known === undefined ? undefined : lookalikeOf(known.name);
    return known === undefined || meant === undefined ? [] : [atPackage(LOOKALIKE, known, `like ${meant}`)];
  });
}
