import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "./support/repository.ts";

/** What is published, installed the way a user gets it: the tarball, its declared dependencies, and nothing else of this repository. */

const run = promisify(execFile);

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly bin?: Readonly<Record<string, string>>;
}

let folder: string;
const packed = new Map<
  string,
  { readonly manifest: Manifest; readonly home: string; readonly files: readonly string[] }
>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "glacis-packaging-"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module", "private": true }');
  for (const name of ["glacis", "@glacis/cli"]) await install(name);
}, 180_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function install(name: string): Promise<void> {
  const tarballs = join(folder, "tarballs", name);
  mkdirSync(tarballs, { recursive: true });
  await run("npm", ["pack", "--silent", "--workspace", name, "--pack-destination", tarballs], { cwd: ROOT });
  const home = join(folder, "node_modules", name);
  mkdirSync(home, { recursive: true });
  await run("tar", ["-xzf", join(tarballs, readdirSync(tarballs)[0] as string), "-C", home, "--strip-components=1"]);
  const manifest = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as Manifest;
  for (const dependency of Object.keys(manifest.dependencies ?? {})) link(dependency);
  const files = readdirSync(home, { recursive: true, encoding: "utf8" });
  packed.set(name, { manifest, home, files });
}

function link(dependency: string): void {
  const target = join(folder, "node_modules", dependency);
  if (packed.has(dependency) || existsSync(target)) return;
  mkdirSync(dirname(target), { recursive: true });
  symlinkSync(join(ROOT, "node_modules", dependency), target, "dir");
}

function packageOf(name: string) {
  const found = packed.get(name);
  if (found === undefined) throw new Error(`${name} was not packed.`);
  return found;
}

async function namesOf(specifier: string): Promise<readonly string[]> {
  const code = `console.log(JSON.stringify(Object.keys(await import(${JSON.stringify(specifier)})).sort()))`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], { cwd: folder });
  return JSON.parse(stdout) as readonly string[];
}

describe("the published packages", () => {
  it("hold compiled code, types, licence and manifest, and no test, source or configuration", () => {
    for (const { files } of packed.values()) {
      const kinds = files.filter((file) => !/^(?:dist(?:\/.*)?|package\.json|LICENSE|README\.md)$/u.test(file));
      expect(kinds).toEqual([]);
      expect(files.filter((file) => /\.test\.|tsbuildinfo|\.env/u.test(file))).toEqual([]);
      expect(files).toContain("LICENSE");
    }
  });

  it("depend on exact versions of few packages", () => {
    for (const { manifest } of packed.values()) {
      const ranges = Object.values(manifest.dependencies ?? {});
      expect(ranges.filter((range) => !/^\d+\.\d+\.\d+$/u.test(range))).toEqual([]);
    }
    expect(Object.keys(packageOf("glacis").manifest.dependencies ?? {}).length).toBeLessThanOrEqual(19);
  });

  it("export these names and no others; the declared dependencies are enough, and an adapter needs its framework", async () => {
    const { exports = {}, peerDependencies = {} } = packageOf("glacis").manifest;
    const specifiers = Object.keys(exports).map((subpath) => `glacis${subpath.slice(1)}`);
    const isAdapter = (specifier: string): boolean => specifier.slice("glacis/".length) in peerDependencies;
    const names: Record<string, readonly string[]> = {};
    for (const specifier of specifiers.filter((one) => !isAdapter(one))) names[specifier] = await namesOf(specifier);
    for (const peer of Object.keys(peerDependencies)) link(peer);
    for (const specifier of specifiers.filter(isAdapter)) names[specifier] = await namesOf(specifier);
    expect(names).toMatchSnapshot();
  }, 120_000);

  it("open nothing but the declared subpaths", async () => {
    await expect(namesOf("glacis/dist/core/pipeline.js")).rejects.toThrow("ERR_PACKAGE_PATH_NOT_EXPORTED");
    await expect(namesOf("glacis/core")).rejects.toThrow("ERR_PACKAGE_PATH_NOT_EXPORTED");
  });

  it("start the command line", async () => {
    const { manifest, home } = packageOf("@glacis/cli");
    const main = join(home, manifest.bin?.["glacis"] ?? "");
    expect(readFileSync(main, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/u);
    const { stdout } = await run(process.execPath, [main, "--version"], { cwd: folder });
    expect(stdout).toBe("0.1.0\n");
  });

  it("load quickly: the runtime's root is imported in every process", async () => {
    // CPU time, which a busy machine lengthens little, and three times what it takes.
    const code =
      'const before = process.cpuUsage(); await import("glacis"); const { user, system } = process.cpuUsage(before); console.log((user + system) / 1000)';
    const times: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], { cwd: folder });
      times.push(Number(stdout));
    }
    expect(Math.min(...times)).toBeLessThan(1500);
  });
});
