import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

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
    // One more than vitest would take of two cores: much of the time a suite waits for a server or a browser.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
