import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Begun last, it would run on while every other worker is done. */
const LONGEST = "attack-matrix-mutations.test.ts";

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLongest = ({ moduleId }: TestSpecification): boolean => moduleId.endsWith(LONGEST);
    return [...sorted.filter(isLongest), ...sorted.filter((file) => !isLongest(file))];
  }
}

export default defineConfig({
  resolve: {
    // Tests read the sources, so that a failure points at a line that somebody wrote. The packaging test covers what is published.
    alias: [
      { find: /^glacis$/u, replacement: source("packages/glacis/src/index.ts") },
      { find: /^glacis\/accounts$/u, replacement: source("packages/glacis/src/presets/accounts.ts") },
      { find: /^glacis\/(express|fastify|hono)$/u, replacement: source("packages/glacis/src/adapters/$1.ts") },
      { find: /^glacis\/(.+)$/u, replacement: source("packages/glacis/src/$1/index.ts") },
    ],
  },
  test: {
    include: [
      "packages/*/src/**/*.test.ts",
      "apps/*/src/**/*.test.ts",
      "apps/*/test/**/*.test.ts",
      "test/**/*.test.ts",
    ],
    // Two more than vitest would take of two cores: much of the time a suite waits for a server or a browser.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
