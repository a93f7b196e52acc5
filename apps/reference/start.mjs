// Builds what is not built, then starts. Plain JavaScript, because it runs before anything is compiled.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const main = join(here, "dist", "main.js");

/** The compiler, which an installation for production does not have. */
function compiler() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
  } catch {
    return undefined;
  }
}

const tsc = compiler();
if (tsc !== undefined) {
  const began = performance.now();
  // A start makes programs and leaves types to the test: a newcomer waits for this. The next whole build checks what this one has not.
  const build = [tsc, "-b", "--noCheck", join(here, "tsconfig.build.json")];
  // The compiler is a Go program that ends in seconds: what it spends on collecting its garbage is a quarter of them.
  const env = { ...process.env, GOGC: "off" };
  const built = spawnSync(process.execPath, build, { stdio: "inherit", env });
  if (built.status !== 0) process.exit(built.status ?? 1);
  process.stdout.write(`  ✓ Building (${((performance.now() - began) / 1000).toFixed(1)} s)\n`);
} else if (!existsSync(main)) {
  process.stderr.write(
    "There is no build and no compiler. Run npm ci with development dependencies, then npm run build.\n",
  );
  process.exit(1);
}

const { main: run } = await import("./dist/main.js");
await run(process.argv.slice(2));
