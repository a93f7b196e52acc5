import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Begun last, they would run on while every other worker is done. */
const LONGEST =
  /(?:attack-matrix(?:-mutations)?|user-enumeration|password-hashing|sign-in|target|process|browser|security-center|conformance\/accounts)\.test\.ts$/u;

/** Those that need a process each come first, and of the others those that take long: what is done in a moment fills what the others leave. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId, project }: TestSpecification): number =>
      (project.name === "alone" ? 0 : 2) + (LONGEST.test(moduleId) ? 0 : 1);
    return [0, 1, 2, 3].flatMap((wanted) => sorted.filter((file) => rank(file) === wanted));
  }
}

/**
 * The process is everybody's, but for what is only read; a clock measures what others do, and so does whatever looks into the engine. What left a
 * `Secret` is hidden in this process from then on, so that the words of another test would be missing where a log is read closely. And a browser does
 * not ask again when a process that is busy with others sends it away.
 */
const OF_THE_PROCESS =
  /\bprocess\.(?!pid|ppid|execPath|platform|cwd|versions|env\b(?!\[[^\]]+\] = ))|\b(?:globalThis|global|vi|performance)\.|\bsetInterval\(|"node:(?:async_hooks|console|diagnostics_channel|module|perf_hooks|v8|vm)"|\[redacted\]|\/browser\.ts"|"playwright-core"/u;

/** A test that may share its process with others, and with it the modules that are loaded already. */
const isOnItsOwnValues = (path: string): boolean => !OF_THE_PROCESS.test(readFileSync(path, "utf8"));

const TESTS = ["packages/glacis/src", "packages/cli/src", "apps/reference/src", "apps/reference/test", "test"];
const together = TESTS.flatMap((folder) =>
  readdirSync(source(folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts") && isOnItsOwnValues(source(`${folder}/${file}`)))
    .map((file) => `${folder}/${file}`),
);

/** `npm test` has just built, and its tests load that: it is what users get, and takes a fifth less time. Whoever runs vitest alone loads the sources. */
const isBuilt = process.env["TESTED"] === "built";
const BUILT = /\/(?:packages\/(?:glacis|cli)|apps\/reference)\/dist\//u;
/** Its cases take the module anew, which only the runner's own loader does. */
const TAKEN_ANEW = /\/request-context\.test\.ts$/u;

/** Gives a test that imports a source what it was built to. */
const built = {
  name: "built",
  enforce: "pre" as const,
  resolveId(id: string, importer: string | undefined): string | undefined {
    if (importer === undefined || TAKEN_ANEW.test(importer)) return undefined;
    const path = id.startsWith(".") ? join(dirname(importer), id) : id;
    const [, before, name] =
      /^(.*\/(?:packages\/(?:glacis|cli)|apps\/reference)\/)src\/(.*)(?<!\.test)\.ts$/u.exec(path) ?? [];
    return before === undefined ? undefined : `${before}dist/${name}.js`;
  },
};

export default defineConfig({
  plugins: isBuilt ? [built] : [],
  resolve: {
    alias: [
      { find: /^glacis$/u, replacement: source("packages/glacis/src/index.ts") },
      { find: /^glacis\/accounts$/u, replacement: source("packages/glacis/src/presets/accounts.ts") },
      { find: /^glacis\/(express|fastify|hono)$/u, replacement: source("packages/glacis/src/adapters/$1.ts") },
      { find: /^glacis\/(.+)$/u, replacement: source("packages/glacis/src/$1/index.ts") },
    ],
  },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "alone",
          include: [
            "packages/*/src/**/*.test.ts",
            "apps/*/src/**/*.test.ts",
            "apps/*/test/**/*.test.ts",
            "test/**/*.test.ts",
          ],
          exclude: [...configDefaults.exclude, ...together],
        },
      },
      // A process for each file costs more than most of these take.
      { extends: true, test: { name: "together", include: together, isolate: false } },
    ],
    globalSetup: "test/support/run-folder.ts",
    // Two more than vitest would take of two cores: much of the time a suite waits for a server or a browser.
    maxWorkers: 3,
    server: { deps: { external: [BUILT] } },
    // A failure points at a line that somebody wrote.
    execArgv: isBuilt ? ["--enable-source-maps"] : [],
    sequence: { sequencer: LongestFirst },
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
