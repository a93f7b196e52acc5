/** The workflows that do what the guide's CI section means, for GitHub Actions. Our own ci-hardening has nothing to say about them. */
import type { PackageManager } from "../audit/lockfile.ts";

/** What of a project decides what its workflows run. */
export interface CiProject {
  readonly manager: PackageManager;
  /** Names of scripts in package.json. */
  readonly scripts: readonly string[];
  /** There is a glacis.config.ts to check. */
  readonly hasConfig: boolean;
  /** The file that names the version of Node, where there is one. */
  readonly nodeVersionFile: string | undefined;
  readonly hasDockerfile: boolean;
  /** Commands that this command line has. */
  readonly commands: readonly string[];
}

/** By their path in the project. */
export function ciFiles(project: CiProject): ReadonlyMap<string, string> {
  return new Map([
    [".github/workflows/ci.yml", ci(project)],
    [".github/workflows/nightly.yml", nightly(project)],
    [".github/dependabot.yml", dependabot(project)],
  ]);
}

// Each hash is that of the release in the comment; Dependabot raises both together.
const CHECKOUT = "actions/checkout@1af3b93b6815bc44a9784bd300feb67ff0d1eeb3 # v6.0.0";
const SETUP_NODE = "actions/setup-node@2028fbc5c25fe9cf00d9f06a71cc4710d4507903 # v6.0.0";
const UPLOAD = "actions/upload-artifact@330a01c490aca151604b8cf639adc76d48f6c5d4 # v5.0.0";

const INSTALL: Readonly<Record<PackageManager, string>> = {
  npm: "npm ci",
  pnpm: "corepack enable && pnpm install --frozen-lockfile",
  yarn: "corepack enable && yarn install --immutable",
  "yarn-classic": "corepack enable && yarn install --frozen-lockfile",
};
const RUN: Readonly<Record<PackageManager, string>> = {
  npm: "npm run",
  pnpm: "pnpm run",
  yarn: "yarn run",
  "yarn-classic": "yarn run",
};
/** What is not installed is not fetched in its place. */
const GLACIS: Readonly<Record<PackageManager, string>> = {
  npm: "npx --no -- glacis",
  pnpm: "pnpm exec glacis",
  yarn: "yarn run glacis",
  "yarn-classic": "yarn run glacis",
};

function ci(project: CiProject): string {
  const { manager, scripts, hasConfig, commands } = project;
  const own = ["lint", "typecheck", "build", "test"].filter((name) => scripts.includes(name));
  const glacis = GLACIS[manager];
  return `name: ci

on:
  push:
    branches: [main]
  pull_request:

permissions: {}

concurrency:
  group: \${{ github.workflow }}-\${{ github.ref }}
  cancel-in-progress: true

jobs:
  test:
    runs-on: ubuntu-latest
    timeout-minutes: 20
    permissions:
      contents: read
    steps:
${prepare(project)}
${own.map((name) => `      - run: ${RUN[manager]} ${name}\n`).join("")}
  security:
    runs-on: ubuntu-latest
    timeout-minutes: 20
    permissions:
      contents: read
    steps:
${prepare(project, true)}
${step("Known holes, and how the project installs, builds and publishes", `${glacis} audit --deploy`)}
${step("Secrets in the files and in the history", `${glacis} secrets`)}
${commands.includes("scan") ? `${step("Dangerous code", `${glacis} scan`)}\n` : ""}${hasConfig ? checkStep(glacis) : ""}`.replaceAll(
    /\n{3,}/gu,
    "\n\n",
  );
}

function checkStep(glacis: string): string {
  return `      # Judges what is composed, not what is deployed: give it throw-away values for what else the configuration reads.
      - name: The composed policy
        run: GLACIS_KEYS="$(${glacis} keys new)" ${glacis} check --deploy
        env:
          NODE_ENV: production
`;
}

function nightly(project: CiProject): string {
  const glacis = GLACIS[project.manager];
  return `# What was sound when it was merged may have a known hole the day after.
name: nightly

on:
  schedule:
    - cron: "17 3 * * *"
  workflow_dispatch:

permissions: {}

concurrency:
  group: \${{ github.workflow }}
  cancel-in-progress: false

jobs:
  audit:
    runs-on: ubuntu-latest
    timeout-minutes: 20
    permissions:
      contents: read
    steps:
${prepare(project)}
${step("Bill of materials", `${glacis} sbom > sbom.cdx.json`)}
      - uses: ${UPLOAD}
        with:
          name: sbom
          path: sbom.cdx.json
${step("Known holes", `${glacis} audit`)}
`;
}

const step = (name: string, run: string): string => `      - name: ${name}\n        run: ${run}`;

/** A secret that was deleted is found in the history alone. */
function prepare({ manager, nodeVersionFile }: CiProject, history = false): string {
  return `      - uses: ${CHECKOUT}
        with:
          persist-credentials: false
${history ? "          fetch-depth: 0\n" : ""}      - uses: ${SETUP_NODE}
        with:
          ${nodeVersionFile === undefined ? "node-version: 24" : `node-version-file: ${nodeVersionFile}`}
          package-manager-cache: false
      - run: ${INSTALL[manager]}`;
}

function dependabot({ hasDockerfile }: CiProject): string {
  const entries = ["npm", "github-actions", ...(hasDockerfile ? ["docker"] : [])].map(
    (ecosystem) => `  - package-ecosystem: ${ecosystem}
    directory: /
    schedule:
      interval: weekly
    # Security updates do not wait.
    cooldown:
      default-days: 7
    groups:
      minor-and-patch:
        update-types: [minor, patch]
`,
  );
  return `version: 2\nupdates:\n${entries.join("")}`;
}
