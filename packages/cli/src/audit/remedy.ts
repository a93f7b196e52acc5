/** What to type against a hole. */
import type { Advisory } from "./advisory.ts";
import type { Lockfile, PackageManager } from "./lockfile.ts";
import { isRange, satisfies } from "./version.ts";

const UPDATE: Readonly<Record<PackageManager, string>> = {
  npm: "npm update",
  pnpm: "pnpm update --recursive",
  yarn: "yarn up --recursive",
  "yarn-classic": "yarn upgrade",
};

const OVERRIDES: Readonly<Record<PackageManager, string>> = {
  npm: '"overrides" of package.json',
  pnpm: "overrides of pnpm-workspace.yaml",
  yarn: '"resolutions" of package.json',
  "yarn-classic": '"resolutions" of package.json',
};

const INSTALL: Readonly<Record<PackageManager, string>> = {
  npm: "npm install",
  pnpm: "pnpm add",
  yarn: "yarn add",
  "yarn-classic": "yarn add",
};

/** A sentence with the command that mends it in this project. */
export function remedy(advisory: Advisory, lockfile: Lockfile): string {
  const { name, version, fixedIn, malicious, path } = advisory;
  const { manager } = lockfile;
  if (malicious) {
    const instead = fixedIn === undefined ? `Remove ${name}` : `Go to ${name}@${fixedIn}`;
    return `${instead}, and treat every machine that installed ${name}@${version} as taken over: revoke what it could read.`;
  }
  if (fixedIn === undefined && advisory.affectedUntil !== undefined)
    return `Go above ${name}@${advisory.affectedUntil}, the last version that has the hole: ${INSTALL[manager]} "${name}@>${advisory.affectedUntil}"${path.direct ? "" : `, or update ${path.names[1] ?? name}, which brings it`}.`;
  if (fixedIn === undefined)
    return `No version mends it. Replace ${path.names.at(-1) ?? name}${path.direct ? "" : `, or ${path.names[1] ?? name}, which brings it`}, or waive it with a reason.`;
  if (path.direct) {
    const dev = path.dev ? (manager === "npm" ? " --save-dev" : " --dev") : "";
    return `${INSTALL[manager]}${dev}${workspaceOf(advisory, lockfile)} ${name}@${fixedIn}`;
  }
  if (permits(advisory, lockfile, fixedIn)) return `${UPDATE[manager]} ${name}`;
  return `Update ${path.names[1] ?? name}, which brings it; until that does, write { "${name}": "${fixedIn}" } in the ${OVERRIDES[manager]} and install.`;
}

/** Does everything that needs the package take the fixed version as well? */
function permits({ keys, fixedIn }: Advisory, lockfile: Lockfile, fixed: string): boolean {
  const copies = new Set(keys);
  const everyone = [...lockfile.packages.values(), ...lockfile.projects];
  const ranges = everyone.flatMap(({ dependencies }) => dependencies.filter(({ to }) => copies.has(to)));
  return (
    fixedIn !== undefined &&
    ranges.length > 0 &&
    ranges.every(({ range }) => {
      const plain = range?.replace(/^npm:(?:@?[^@]+@)?/u, "");
      return plain !== undefined && isRange(plain) && satisfies(fixed, plain);
    })
  );
}

function workspaceOf({ path }: Advisory, { manager, projects }: Lockfile): string {
  const project = projects.find(({ name, folder }) => (name ?? folder) === path.names[0]);
  if (project === undefined || project.folder === ".") return "";
  return manager === "npm" ? ` --workspace ${project.folder}` : "";
}
