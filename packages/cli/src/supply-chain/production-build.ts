/** The artifact holds what production needs and no more (catalog production-build; guide A05; CWE-489, CWE-538). */
import type { ControlMeta, Finding, Rule } from "glacis";
import { listOf, own, textOf } from "../parsed-document.ts";
import { dockerfilesOf, lineage, parseDockerfile, type DockerStage } from "./dockerfile.ts";
import type { Project } from "./project.ts";
import { inFile, lineOf, type SupplyChainControl } from "./supply-chain-control.ts";

const META: ControlMeta = {
  id: "production-build",
  title: "Production artifact contains only what production needs",
  layer: "supply-chain",
  guide: ["A05 production settings", "A05 unnecessary features"],
  owasp2021: ["A05", "A01"],
  owasp2025: ["A02", "A03"],
  asvs: ["v5.0.0-13.4.1", "v5.0.0-15.2.3"],
  cwe: ["CWE-489", "CWE-538", "CWE-540", "CWE-1188"],
};

const DEV_DEPENDENCIES: Rule = {
  id: "production-build/dev-dependencies",
  severity: "error",
  what: "The image holds what only development needs.",
  why: "Compilers, test runners and their hundreds of packages are tools for whoever gets in, and each has holes of its own.",
  fix: "Install in the last stage with npm ci --omit=dev (pnpm install --prod, yarn workspaces focus --production), or copy from a stage that has pruned.",
};
const NO_NODE_ENV: Rule = {
  id: "production-build/no-node-env",
  severity: "warning",
  what: "The image does not say that it is production.",
  why: "Many packages answer with stack traces, keep caches off and load their development half until NODE_ENV says otherwise.",
  fix: "Write ENV NODE_ENV=production in the last stage.",
};
const ROOT_USER: Rule = {
  id: "production-build/root-user",
  severity: "error",
  what: "The image runs as root.",
  why: "Whoever takes over the process owns every file of the container, and is one hole of the kernel away from the host.",
  fix: "Write USER node, or another number than 0, in the last stage.",
};
const UNPINNED_BASE: Rule = {
  id: "production-build/unpinned-base",
  severity: "warning",
  what: "The image is built upon a tag that can be moved.",
  why: "Two builds of one commit differ, and whoever can push the tag is in all of them.",
  fix: "Write the digest behind it, FROM node:24-slim@sha256:..., and let the update bot raise it.",
};
const SECRET_IN_IMAGE: Rule = {
  id: "production-build/secret-in-image",
  severity: "error",
  what: "A secret is written into the image.",
  why: "Every layer stays readable to whoever can pull it, also what a later one deletes.",
  fix: "Revoke it. Use RUN --mount=type=secret while building, and the secret store at run time.",
};
const UNFILTERED_CONTEXT: Rule = {
  id: "production-build/unfiltered-context",
  severity: "error",
  what: "The whole folder is copied into the image, its history and its .env files too.",
  why: "They are where people forget secrets, and a layer keeps them.",
  fix: "List .git, .env* and node_modules in .dockerignore, or copy folders by name.",
};
const PUBLIC_SOURCE_MAPS: Rule = {
  id: "production-build/public-source-maps",
  severity: "warning",
  what: "The bundler publishes source maps beside its scripts.",
  why: "They hold the source with its comments, also of the pages that only administrators see.",
  fix: 'Use hidden source maps (sourcemap: "hidden"), upload them to the error tracker, and leave them out of what is served.',
};
const UNLISTED_FILES: Rule = {
  id: "production-build/unlisted-files",
  severity: "warning",
  what: "A package that is published does not list its files.",
  why: "Tests, fixtures, keys and .env files are published with it unless somebody thought of each.",
  fix: 'Write "files": ["dist"] in its package.json, or "private": true.',
};

export const productionBuild: SupplyChainControl = {
  meta: META,
  rules: [
    DEV_DEPENDENCIES,
    NO_NODE_ENV,
    ROOT_USER,
    UNPINNED_BASE,
    SECRET_IN_IMAGE,
    UNFILTERED_CONTEXT,
    PUBLIC_SOURCE_MAPS,
    UNLISTED_FILES,
  ],
  judge: (project) => [
    ...dockerfilesOf(project).flatMap((file) => judgeDockerfile(project, file)),
    ...judgeBundlers(project),
    ...unlistedFiles(project),
  ],
};

function judgeDockerfile(project: Project, file: string): readonly Finding[] {
  const stages = parseDockerfile(project.text(file) ?? "");
  const last = stages.at(-1);
  if (last === undefined) return [];
  const line = lineage(stages, last);
  const findings: Finding[] = [];
  const at = (rule: Rule, number: number, detail?: string): void => {
    findings.push(inFile(rule, file, detail, { line: number, column: 1 }));
  };
  const names = new Set(stages.flatMap(({ name }) => name ?? []));
  for (const stage of stages) {
    if (!isPinned(stage.from, names)) at(UNPINNED_BASE, stage.line, stage.from);
    for (const { name, text, line: number } of stage.instructions) {
      if (isSecret(name, text)) at(SECRET_IN_IMAGE, number, text.split(/[=\s]/u, 1)[0]);
      if ((name === "COPY" || name === "ADD") && copiesAll(text) && !ignoresSecrets(project, file))
        at(UNFILTERED_CONTEXT, number);
    }
  }
  const user = lastOf(line, "USER")?.text.split(":", 1)[0];
  const nonroot = /(?:^|[:/@-])nonroot(?:[:@-]|$)/u.test(line.at(-1)?.from ?? "");
  if (user === undefined ? !nonroot : user === "root" || user === "0") at(ROOT_USER, last.line, user);
  const environment = line.flatMap(({ instructions }) => instructions).some(isProduction);
  const isNode =
    environment ||
    line.some(({ from }) => /node|bun|deno/iu.test(from)) ||
    /\bnode\b|\bnpm\b/u.test(lastOf(line, "CMD")?.text ?? lastOf(line, "ENTRYPOINT")?.text ?? "");
  if (isNode && !environment) at(NO_NODE_ENV, last.line);
  const dev = devInstall(stages, last, line);
  if (dev !== undefined) at(DEV_DEPENDENCIES, dev.line, dev.text.slice(0, 80));
  return findings;
}

function lastOf(line: readonly DockerStage[], name: string): DockerStage["instructions"][number] | undefined {
  return line.flatMap(({ instructions }) => instructions.findLast((known) => known.name === name) ?? [])[0];
}

function isPinned(from: string, stages: ReadonlySet<string>): boolean {
  return from === "scratch" || stages.has(from.toLowerCase()) || /@sha256:[0-9a-f]{64}$/u.test(from);
}

const isProduction = ({ name, text }: DockerStage["instructions"][number]): boolean =>
  name === "ENV" && /\bNODE_ENV[=\s]+["']?production\b/u.test(text);

function isSecret(name: string, text: string): boolean {
  if (name === "COPY" || name === "ADD")
    return (
      /(?:^|[\s"/])\.env(?!\.(?:example|sample|template))(?:\.[\w.]+)?(?=[\s"])/u.test(text) ||
      (/\bid_(?:rsa|ed25519)\b|\.npmrc(?=[\s"])/u.test(text) && /id_/u.test(text))
    );
  if (name !== "ENV" && name !== "ARG") return false;
  return /^\w*(?:SECRET|TOKEN|PASSWORD|PRIVATE_KEY|API_KEY)\w*[=\s]+["']?[^\s"'$]/iu.test(text);
}

const copiesAll = (text: string): boolean =>
  !text.includes("--from=") && /^(?:--\S+\s+)*(?:\.\/?\s|\["\.\/?")/u.test(text);

/** Docker prefers a file beside the Dockerfile that bears its name. */
function ignoresSecrets(project: Project, file: string): boolean {
  const text = project.text(`${file}.dockerignore`) ?? project.text(".dockerignore") ?? "";
  const patterns = text.split(/\r?\n/u).map((pattern) =>
    pattern
      .trim()
      .replace(/^\*\*\/|^\//u, "")
      .replace(/\/$/u, ""),
  );
  const all = patterns.includes("*") || patterns.includes("**");
  return all || (patterns.includes(".git") && patterns.some((pattern) => /^\.env(?:\*|$|\.\*)/u.test(pattern)));
}

const INSTALL = /\b(?:npm\s+(?:ci|install|i)|pnpm\s+(?:install|i)|yarn(?:\s+install)?)(?=\s|$|&|;)/u;
const PRODUCTION = /--omit[= ]dev|--production\b|--prod\b|--only[= ]prod(?:uction)?|-P\b/u;
const PRUNE =
  /\b(?:npm\s+prune\s+--(?:omit=dev|production)|pnpm\s+prune\s+--prod|pnpm\s.*\bdeploy\b.*--prod|yarn\s+workspaces\s+focus\b.*--production)/u;

/** The install of everything whose result ends up in the image: in its own stages, or in one that it copies node_modules from. */
function devInstall(
  stages: readonly DockerStage[],
  last: DockerStage,
  line: readonly DockerStage[],
): DockerStage["instructions"][number] | undefined {
  const own = unpruned(line);
  if (own !== undefined) return own;
  for (const { name, text } of last.instructions) {
    const source = name === "COPY" ? /--from=(\S+)/u.exec(text)?.[1]?.toLowerCase() : undefined;
    const stage = stages.find((known, index) => known.name === source || String(index) === source);
    if (stage === undefined || !takesModules(text, lineage(stages, stage))) continue;
    const found = unpruned(lineage(stages, stage));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Copies node_modules by name, or with the whole folder in which the stage works. */
function takesModules(copy: string, line: readonly DockerStage[]): boolean {
  const folder = (lastOf(line, "WORKDIR")?.text ?? "/").replace(/\/$/u, "");
  const sources = copy
    .split(/\s+/u)
    .filter((word) => !word.startsWith("--"))
    .slice(0, -1);
  return sources.some((path) => {
    const plain = path.replaceAll(/^[["]+|[",\]]+$/gu, "").replace(/\/\.?$/u, "");
    return /(?:^|\/)node_modules$/u.test(plain) || plain === folder || plain === "." || plain === "";
  });
}

function unpruned(line: readonly DockerStage[]): DockerStage["instructions"][number] | undefined {
  // Oldest first: a prune counts for what was installed before it.
  const instructions = line.toReversed().flatMap((stage) => stage.instructions);
  let found: DockerStage["instructions"][number] | undefined;
  let production = false;
  for (const instruction of instructions) {
    if (isProduction(instruction)) production = true;
    if (instruction.name !== "RUN") continue;
    if (
      INSTALL.test(instruction.text) &&
      !PRODUCTION.test(instruction.text) &&
      !(production && !/--include[= ]dev/u.test(instruction.text)) &&
      !/\s-g\b|--global\b/u.test(instruction.text)
    )
      found = instruction;
    if (PRUNE.test(instruction.text)) found = undefined;
  }
  return found;
}

const BUNDLERS: readonly { readonly file: RegExp; readonly pattern: RegExp }[] = [
  { file: /^vite\.config\.[cm]?[jt]s$/u, pattern: /\bsourcemap\s*:\s*(?:true|["']inline["'])/u },
  { file: /^next\.config\.[cm]?[jt]s$/u, pattern: /\bproductionBrowserSourceMaps\s*:\s*true/u },
  {
    file: /^webpack\.prod(?:uction)?\.(?:config\.)?[cm]?[jt]s$/u,
    pattern: /\bdevtool\s*:\s*["'](?:eval-|inline-|cheap-|module-)*source-map["']/u,
  },
];

function judgeBundlers(project: Project): readonly Finding[] {
  return project.manifests.flatMap(({ folder }) =>
    project.list(folder).flatMap((name) => {
      const bundler = BUNDLERS.find(({ file }) => file.test(name));
      const file = folder === "." ? name : `${folder}/${name}`;
      const text = bundler === undefined ? "" : (project.text(file) ?? "");
      return bundler?.pattern.test(text) === true
        ? [inFile(PUBLIC_SOURCE_MAPS, file, undefined, lineOf(text, bundler.pattern))]
        : [];
    }),
  );
}

function unlistedFiles(project: Project): readonly Finding[] {
  return project.manifests.flatMap(({ folder, content }) => {
    const published =
      own(content, "private") !== true &&
      textOf(content["name"]) !== undefined &&
      textOf(content["version"]) !== undefined;
    if (!published || listOf(content["files"]).length > 0 || project.list(folder).includes(".npmignore")) return [];
    return [inFile(UNLISTED_FILES, folder === "." ? "package.json" : `${folder}/package.json`)];
  });
}
