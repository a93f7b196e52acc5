/** Why a package is installed: the shortest way to it from something that the project asked for. */
import type { Dependency, Lockfile } from "./lockfile.ts";

/** How a package is reached. */
export interface DependencyPath {
  /** Names from the project to the package, such as `app`, `express`, `qs@6.5.2`. */
  readonly names: readonly string[];
  /** The project asks for it itself. */
  readonly direct: boolean;
  /** Only what develops and tests the project needs it. */
  readonly dev: boolean;
}

interface Step {
  readonly from: string | undefined;
  readonly label: string;
}

/** Each package once, by its key. What nothing reaches counts as production's, for it is installed. */
export function dependencyPaths(lockfile: Lockfile): ReadonlyMap<string, DependencyPath> {
  const production = walk(lockfile, ({ kind }) => kind !== "dev");
  const every = walk(lockfile, () => true);
  return new Map(
    [...lockfile.packages.keys()].map((key) => {
      const steps = production.has(key) ? production : every;
      const names = trace(key, steps);
      const { name, version } = lockfile.packages.get(key) ?? { name: key, version: "" };
      const dev = !production.has(key) && every.has(key);
      return [key, { names: names.length === 0 ? [`${name}@${version}`] : names, direct: names.length === 2, dev }];
    }),
  );
}

function walk(lockfile: Lockfile, follows: (edge: Dependency) => boolean): ReadonlyMap<string, Step> {
  const steps = new Map<string, Step>();
  const queue: string[] = [];
  const reach = (edges: readonly Dependency[], from: string): void => {
    for (const edge of edges) {
      const target = lockfile.packages.get(edge.to);
      // A workspace is where a walk begins anyway.
      if (target === undefined || steps.has(edge.to) || !follows(edge)) continue;
      steps.set(edge.to, { from, label: `${target.name}@${target.version}` });
      queue.push(edge.to);
    }
  };
  for (const { folder, name, dependencies } of lockfile.projects) {
    const start = `project:${folder}`;
    steps.set(start, { from: undefined, label: name ?? (folder === "." ? "this project" : folder) });
    reach(dependencies, start);
  }
  for (let next = 0; next < queue.length; next += 1) {
    const key = queue[next] as string;
    reach(lockfile.packages.get(key)?.dependencies ?? [], key);
  }
  return steps;
}

function trace(key: string, steps: ReadonlyMap<string, Step>): readonly string[] {
  const names: string[] = [];
  let at: string | undefined = key;
  while (at !== undefined) {
    const step: Step | undefined = steps.get(at);
    if (step === undefined) break;
    names.push(step.label);
    at = step.from;
  }
  return names.toReversed();
}
