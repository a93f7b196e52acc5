import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { describe, expect, it } from "vitest";
import { locked, npmLock, withProject, type ProjectFiles } from "../../../../test/support/project-folder.ts";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const APP = { name: "@acme/app", version: "2.0.0", dependencies: { a: "1.0.0" }, devDependencies: { "@s/d": "1.0.0" } };
const FILES: ProjectFiles = {
  "package.json": APP,
  "package-lock.json": npmLock(APP, {
    "node_modules/a": locked("a", "1.0.0", { license: "(MIT OR Apache-2.0)", dependencies: { b: "^1.0.0" } }),
    "node_modules/b": locked("b", "1.2.0-rc.1+build", { license: "SEE LICENSE IN x" }),
    "node_modules/@s/d": locked("@s/d", "1.0.0", { dev: true, dependencies: { b: "^1.0.0", g: "*" } }),
    "node_modules/@s/d/node_modules/b": locked("b", "1.2.0-rc.1+build"),
    "node_modules/g": { version: "1.0.0", dev: true, resolved: "git+ssh://git@github.com/x/g.git#0123" },
  }),
};

function sbom(
  files: ProjectFiles,
  ...args: readonly string[]
): { readonly status: number | null; readonly out: string; readonly err: string } {
  return withProject(files, (cwd) => {
    const env = { PATH: process.env["PATH"] ?? "", SOURCE_DATE_EPOCH: "1790000000" };
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "sbom", ...args], {
      cwd,
      env,
      encoding: "utf8",
    });
    return { status, out: stdout, err: stderr };
  });
}

interface CycloneDx {
  readonly components: readonly {
    readonly "bom-ref": string;
    readonly scope: string;
    readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
    readonly licenses?: unknown;
  }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

describe("glacis sbom", () => {
  it("prints CycloneDX that the official schema takes", async () => {
    const { status, out } = sbom(FILES);
    expect(status).toBe(0);
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
    await expect(validator.validate(out)).resolves.toBeNull();
    const { components, dependencies } = JSON.parse(out) as CycloneDx;
    expect(components.map((component) => `${component["bom-ref"]} ${component.scope}`)).toEqual([
      "pkg:npm/%40s/d@1.0.0 excluded",
      "pkg:npm/a@1.0.0 required",
      "pkg:npm/b@1.2.0-rc.1%2Bbuild required",
      "pkg:npm/g@1.0.0?vcs_url=git%2Bssh%3A%2F%2Fgit%40github.com%2Fx%2Fg.git%230123 excluded",
    ]);
    expect(components.map(({ licenses }) => licenses)).toEqual([
      undefined,
      [{ expression: "(MIT OR Apache-2.0)" }],
      [{ license: { name: "SEE LICENSE IN x" } }],
      undefined,
    ]);
    expect(components[1]?.hashes).toEqual([{ alg: "SHA-512", content: "01".repeat(64) }]);
    expect(dependencies[0]).toEqual({
      ref: "pkg:npm/%40acme/app@2.0.0",
      dependsOn: ["pkg:npm/%40s/d@1.0.0", "pkg:npm/a@1.0.0"],
    });
  });

  it("names no component that it does not list", () => {
    const { components, dependencies } = JSON.parse(sbom(FILES, "--omit", "dev").out) as CycloneDx;
    const refs = new Set(components.map((component) => component["bom-ref"]));
    expect(refs).toEqual(new Set(["pkg:npm/a@1.0.0", "pkg:npm/b@1.2.0-rc.1%2Bbuild"]));
    expect(dependencies.flatMap(({ dependsOn }) => dependsOn).filter((ref) => !refs.has(ref))).toEqual([]);
  });

  it.each(["cyclonedx", "spdx"])(
    "prints the same %s for the same lockfile, in whatever order it is written",
    (format) => {
      const lock = FILES["package-lock.json"] as { readonly packages: object };
      const turned = { ...lock, packages: Object.fromEntries(Object.entries(lock.packages).toReversed()) };
      const first = sbom(FILES, "--format", format).out;
      expect(first).toContain("2026-09-21T14:13:20");
      expect(sbom({ ...FILES, "package-lock.json": turned }, "--format", format).out).toBe(first);
    },
  );

  it("prints SPDX with every package once, and relationships between those alone", () => {
    const document = JSON.parse(sbom(FILES, "--format", "spdx").out) as {
      readonly packages: readonly {
        readonly SPDXID: string;
        readonly name: string;
        readonly licenseDeclared: string;
      }[];
      readonly relationships: readonly Record<string, string>[];
      readonly documentNamespace: string;
    };
    const ids = document.packages.map(({ SPDXID }) => SPDXID);
    expect(new Set(ids).size).toBe(5);
    for (const id of ids) expect(id).toMatch(/^SPDXRef-[A-Za-z0-9.-]+$/u);
    const known = new Set(["SPDXRef-DOCUMENT", ...ids]);
    for (const { spdxElementId = "", relatedSpdxElement = "" } of document.relationships)
      expect([known.has(spdxElementId), known.has(relatedSpdxElement)]).toEqual([true, true]);
    expect(document.packages.map(({ name, licenseDeclared }) => `${name} ${licenseDeclared}`)).toEqual([
      "@acme/app NOASSERTION",
      "@s/d NOASSERTION",
      "a (MIT OR Apache-2.0)",
      "b NOASSERTION",
      "g NOASSERTION",
    ]);
    expect(document.relationships.map(({ relationshipType }) => relationshipType)).toContain("DEV_DEPENDENCY_OF");
  });

  it("exits 2 where there is no lockfile", () => {
    const { status, out, err } = sbom({ "package.json": APP });
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toContain("there is no lockfile here");
  });
});
