import { describe, expect, it } from "vitest";
import { dependencyPaths } from "./dependency-path.ts";
import type { Lockfile } from "./lockfile.ts";
import { parseNpmLockfile } from "./lockfile-npm.ts";
import { parsePnpmLockfile } from "./lockfile-pnpm.ts";
import { parseYarnLockfile } from "./lockfile-yarn.ts";

/** Each package with the way to it; a star marks what only development needs. */
function ways(lockfile: Lockfile): readonly string[] {
  return [...dependencyPaths(lockfile).values()]
    .map(({ names, dev }) => `${names.join(" > ")}${dev ? " *" : ""}`)
    .toSorted();
}

const MANIFEST = {
  folder: ".",
  content: { name: "app", dependencies: { a: "^1.0.0", alias: "npm:real@^3.0.0" }, devDependencies: { d: "^1.0.0" } },
};

describe("package-lock.json", () => {
  it("resolves as Node does: the nearest copy, through links of workspaces and aliases", () => {
    const lockfile = parseNpmLockfile(
      JSON.stringify({
        name: "app",
        lockfileVersion: 2,
        packages: {
          "": {
            name: "app",
            workspaces: ["packages/*"],
            dependencies: { a: "^1.0.0", alias: "npm:real@^3.0.0", lib: "*" },
          },
          "packages/lib": { name: "lib", version: "1.0.0", dependencies: { b: "^2.0.0" }, devDependencies: { d: "1" } },
          "node_modules/lib": { resolved: "packages/lib", link: true },
          "node_modules/a": { version: "1.0.0", dependencies: { b: "^1.0.0" }, hasInstallScript: true, license: "MIT" },
          "node_modules/a/node_modules/b": { version: "1.5.0" },
          "node_modules/b": { version: "2.5.0", deprecated: "use c" },
          "node_modules/alias": { name: "real", version: "3.1.0" },
          "node_modules/d": { version: "1.0.0", dev: true, dependencies: { "@s/e": "1" } },
          "node_modules/@s/e": { version: "1.0.0", dev: true },
        },
      }),
      "package-lock.json",
    );
    expect(ways(lockfile)).toEqual([
      "app > a@1.0.0",
      "app > a@1.0.0 > b@1.5.0",
      "app > real@3.1.0",
      "lib > b@2.5.0",
      "lib > d@1.0.0 *",
      "lib > d@1.0.0 > @s/e@1.0.0 *",
    ]);
    expect(lockfile.packages.get("node_modules/a")).toMatchObject({ installScript: true, licence: "MIT" });
  });

  it("is not led astray by names that every object has, and ends where packages need each other", () => {
    const text = `{"lockfileVersion":3,"packages":{"":{"dependencies":{"constructor":"1","__proto__":"1"}},
      "node_modules/constructor":{"version":"1.0.0","dependencies":{"toString":"1","__proto__":"1"}},
      "node_modules/__proto__":{"version":"1.0.0","dependencies":{"constructor":"1"}}}}`;
    expect(ways(parseNpmLockfile(text, "package-lock.json"))).toEqual([
      "this project > __proto__@1.0.0",
      "this project > constructor@1.0.0",
    ]);
  });

  it.each([
    ["git+ssh://git@github.com/a/b.git#0123", "git"],
    ["https://registry.npmjs.org/a/-/a-1.0.0.tgz", "registry"],
    ["https://npm.pkg.github.com/download/@a/b/1.0.0/0123", "registry"],
    ["https://example.com/a.tgz", "remote"],
    ["file:../a.tgz", "file"],
    [undefined, "registry"],
  ])("tells where a package comes from: %s", (resolved, origin) => {
    const packages = { "": {}, "node_modules/a": { version: "1.0.0", resolved } };
    const lockfile = parseNpmLockfile(JSON.stringify({ lockfileVersion: 3, packages }), "package-lock.json");
    expect(lockfile.packages.get("node_modules/a")?.origin).toBe(origin);
  });
});

const PNPM_9 = `lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      a: { specifier: ^1.0.0, version: 1.0.0(p@2.0.0) }
      alias: { specifier: 'npm:real@^3.0.0', version: real@3.1.0 }
      lib: { specifier: 'workspace:*', version: link:packages/lib }
    devDependencies:
      d: { specifier: ^1.0.0, version: 1.0.0 }
  packages/lib:
    dependencies:
      g: { specifier: 'github:x/g', version: https://codeload.github.com/x/g/tar.gz/0123 }
packages:
  a@1.0.0: { resolution: { integrity: sha512-a } }
  p@2.0.0: { resolution: { integrity: sha512-p }, deprecated: old }
  real@3.1.0: { resolution: { integrity: sha512-r } }
  d@1.0.0: { resolution: { integrity: sha512-d } }
  g@https://codeload.github.com/x/g/tar.gz/0123: { resolution: { tarball: https://codeload.github.com/x/g/tar.gz/0123 }, version: 1.0.0 }
snapshots:
  a@1.0.0(p@2.0.0): { dependencies: { p: 2.0.0 } }
  p@2.0.0: {}
  real@3.1.0: {}
  d@1.0.0: {}
  g@https://codeload.github.com/x/g/tar.gz/0123: {}
`;

describe("pnpm-lock.yaml", () => {
  it("of version 9 is read with its peers, aliases, links and tarballs", () => {
    const lockfile = parsePnpmLockfile(PNPM_9, "pnpm-lock.yaml");
    expect(ways(lockfile)).toEqual([
      "packages/lib > g@1.0.0",
      "this project > a@1.0.0",
      "this project > a@1.0.0 > p@2.0.0",
      "this project > d@1.0.0 *",
      "this project > real@3.1.0",
    ]);
    expect([...lockfile.packages.values()].find(({ name }) => name === "g")?.origin).toBe("git");
    expect([...lockfile.packages.values()].find(({ name }) => name === "a")?.integrity).toBe("sha512-a");
  });

  it("of version 6 is read without importers", () => {
    const text = `lockfileVersion: '6.0'
dependencies:
  a: { specifier: ^1.0.0, version: 1.0.0 }
devDependencies:
  '@s/d': { specifier: ^1.0.0, version: 1.0.0(a@1.0.0) }
packages:
  /a@1.0.0: { resolution: { integrity: sha512-a }, dependencies: { b: 2.0.0 }, requiresBuild: true }
  /b@2.0.0: { resolution: { integrity: sha512-b } }
  /@s/d@1.0.0(a@1.0.0): { resolution: { integrity: sha512-d }, dev: true }
`;
    expect(ways(parsePnpmLockfile(text, "pnpm-lock.yaml"))).toEqual([
      "this project > @s/d@1.0.0 *",
      "this project > a@1.0.0",
      "this project > a@1.0.0 > b@2.0.0",
    ]);
  });

  it.each([
    ["another version", "lockfileVersion: 5.4\n"],
    ["no YAML", "lockfileVersion: '9.0'\n  a: [\n"],
    ["a name twice", "lockfileVersion: '9.0'\nlockfileVersion: '9.0'\n"],
    ["brackets without end", `lockfileVersion: '9.0'\na: ${"[".repeat(5000)}`],
    [
      "aliases that multiply",
      `lockfileVersion: '9.0'\na0: &a0 [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, index) => `a${index + 1}: &a${index + 1} [${Array.from({ length: 9 }, () => `*a${index}`).join(",")}]`).join("\n")}\n`,
    ],
  ])("with %s is refused, with a reason", (_, text) => {
    expect(() => parsePnpmLockfile(text, "pnpm-lock.yaml")).toThrow(/pnpm-lock.yaml could not be read: /u);
  });
});

describe("yarn.lock", () => {
  it("of Yarn 1 is read by what package.json asks for", () => {
    const text = `# yarn lockfile v1


"@s/e@^1.0.0", "@s/e@^1.1.0":
  version "1.1.0"
  resolved "https://registry.yarnpkg.com/@s/e/-/e-1.1.0.tgz#${"a".repeat(40)}"

a@^1.0.0:
  version "1.0.1"
  resolved "https://registry.yarnpkg.com/a/-/a-1.0.1.tgz#${"b".repeat(40)}"
  integrity sha512-a
  dependencies:
    "@s/e" "^1.0.0"

"alias@npm:real@^3.0.0":
  version "3.1.0"
  resolved "https://registry.yarnpkg.com/real/-/real-3.1.0.tgz#${"c".repeat(40)}"

d@^1.0.0:
  version "1.0.0"
  resolved "git+https://example.com/d.git#0123"
`;
    const lockfile = parseYarnLockfile(text, "yarn.lock", [MANIFEST]);
    expect(ways(lockfile)).toEqual([
      "app > a@1.0.1",
      "app > a@1.0.1 > @s/e@1.1.0",
      "app > d@1.0.0 *",
      "app > real@3.1.0",
    ]);
    const byName = new Map([...lockfile.packages.values()].map((known) => [known.name, known]));
    expect(byName.get("d")?.origin).toBe("git");
    expect(byName.get("@s/e")?.integrity).toMatch(/^sha1-/u);
    expect(lockfile.manager).toBe("yarn-classic");
  });

  it("of Yarn 2 and later is read with its protocols and workspaces", () => {
    const text = `__metadata:
  version: 8

"a@npm:^1.0.0":
  version: 1.0.1
  resolution: "a@npm:1.0.1"
  dependencies:
    b: "npm:^2.0.0"
  checksum: 10c0/${"ab".repeat(64)}
  languageName: node
  linkType: hard

"alias@npm:real@^3.0.0":
  version: 3.1.0
  resolution: "real@npm:3.1.0"

"app@workspace:.":
  version: 0.0.0-use.local
  resolution: "app@workspace:."

"b@npm:^2.0.0":
  version: 2.0.0
  resolution: "b@npm:2.0.0"

"d@npm:^1.0.0":
  version: 1.0.0
  resolution: "d@https://github.com/x/d.git#commit=0123"
`;
    const lockfile = parseYarnLockfile(text, "yarn.lock", [MANIFEST]);
    expect(ways(lockfile)).toEqual(["app > a@1.0.1", "app > a@1.0.1 > b@2.0.0", "app > d@1.0.0 *", "app > real@3.1.0"]);
    const byName = new Map([...lockfile.packages.values()].map((known) => [known.name, known]));
    expect(byName.get("d")?.origin).toBe("git");
    expect(byName.get("a")?.integrity).toMatch(/^sha512-/u);
  });

  it.each([
    ["nothing", ""],
    ["a line that is none", "# yarn lockfile v1\n\na@1:\n  version\t1\n"],
  ])("with %s is refused, with a reason", (_, text) => {
    expect(() => parseYarnLockfile(text, "yarn.lock", [MANIFEST])).toThrow(/yarn.lock could not be read: /u);
  });
});
