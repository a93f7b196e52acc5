import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Begun last, they would run on while every other worker is done. */
const LONGEST =
  /(?:attack-matrix(?:-mutations)?|user-enumeration|password-hashing|sign-in|target|process|browser|security-center|conformance\/accounts)\.test\.ts$/u;

/** First the longest, and last those that are done in a moment, which fill what the others leave. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLongest = ({ moduleId }: TestSpecification): boolean => LONGEST.test(moduleId);
    const isShort = ({ project }: TestSpecification): boolean => project.name === "together";
    const others = sorted.filter((file) => !isLongest(file) && !isShort(file));
    return [...sorted.filter(isLongest), ...others, ...sorted.filter(isShort)];
  }
}

/** What a test may import and still touch nothing but what is its own: the sources, a database or a server that it makes for itself, and clients. */
const HARMLESS =
  /^(?:\.{1,2}\/(?!.*\/(?:express|fastify|hono)\.ts$)|vitest$|fast-check$|pg$|zod$|jose$|otpauth$|ioredis$|redis$|@electric-sql\/pglite$|glacis(?:$|\/(?!express|fastify|hono))|node:(?:assert|buffer|crypto|dns|events|fs|fs\/promises|http|net|os|path|stream|stream\/consumers|stream\/promises|timers\/promises|tls|url|util|zlib)$)/u;
/** The process is everybody's, but for a variable that is only read; a clock measures what others do. */
const OF_THE_PROCESS = /\b(?:process\.(?!env\["\w+"\] \?\?)|(?:globalThis|global|vi|performance)\.)|\bsetInterval\(/u;
const IMPORTED = /^(?:import|export)\b[^"]*"([^"]+)"|\bimport\("([^"]+)"/gmu;

/** Whether a test may share its process with others, and with it the modules that are loaded already. */
function isOnItsOwnValues(path: string): boolean {
  const text = readFileSync(path, "utf8");
  const imported = [...text.matchAll(IMPORTED)].map((match) => match[1] ?? match[2] ?? "");
  return imported.every((name) => HARMLESS.test(name)) && !OF_THE_PROCESS.test(text);
}

const together = ["packages/glacis/src", "packages/cli/src", "test"].flatMap((folder) =>
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
          globalSetup: "test/support/run-folder.ts",
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
