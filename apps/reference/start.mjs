// Builds what is not built, then starts. Plain JavaScript, because it runs before anything is compiled.
import { spawn } from "node:child_process";
import { once } from "node:events";
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

const folders = [join(here, "..", "..", "packages", "glacis"), here];

/**
 * What the compiler is asked for. A start makes programs and leaves types to the test: a newcomer waits for this, and the next whole build checks
 * what this one has not. Where nothing was ever built, it reads each file by itself and only takes the types out, which is a third of the time; it
 * leaves no record of having built, so the next build is a whole one.
 */
function builds() {
  if (folders.some((folder) => existsSync(join(folder, "dist", "build.tsbuildinfo")))) {
    return [["-b", "--noCheck", join(here, "tsconfig.build.json")]];
  }
  const only = ["--noCheck", "--noResolve", "--lib", "es5", "--types", "", "--declaration", "false"];
  const without = ["--composite", "false", "--isolatedDeclarations", "false", "--sourceMap", "false"];
  return folders.map((folder) => ["-p", join(folder, "tsconfig.build.json"), ...only, ...without]);
}

/** @returns the exit code */
async function compile(tsc, request) {
  // The compiler is a Go program that ends in seconds: what it spends on collecting its garbage is a quarter of them.
  const env = { ...process.env, GOGC: "off" };
  const [code] = await once(spawn(process.execPath, [tsc, ...request], { stdio: "inherit", env }), "exit");
  return code ?? 1;
}

const tsc = compiler();
if (tsc !== undefined) {
  const began = performance.now();
  const codes = await Promise.all(builds().map((request) => compile(tsc, request)));
  const failed = codes.find((code) => code !== 0);
  if (failed !== undefined) process.exit(failed);
  process.stdout.write(`  ✓ Building (${((performance.now() - began) / 1000).toFixed(1)} s)\n`);
} else if (!existsSync(main)) {
  process.stderr.write(
    "There is no build and no compiler. Run npm ci with development dependencies, then npm run build.\n",
  );
  process.exit(1);
}

const { main: run } = await import("./dist/main.js");
await run(process.argv.slice(2));
