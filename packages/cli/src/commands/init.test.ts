import { spawnSync } from "node:child_process";
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { npmLock, withProject, type ProjectFiles } from "../../../../test/support/project-folder.ts";
import { parseYaml } from "../audit/yaml.ts";
import { artifactProvenance } from "../supply-chain/artifact-provenance.ts";
import { ciHardening } from "../supply-chain/ci-hardening.ts";
import { readProject } from "../supply-chain/project.ts";
import { sbom } from "../supply-chain/sbom.ts";
import { updateAutomation } from "../supply-chain/update-automation.ts";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const CI = ".github/workflows/ci.yml";
const NIGHTLY = ".github/workflows/nightly.yml";

function init(cwd: string, ...args: readonly string[]): { readonly status: number | null; readonly out: string } {
  const { status, stdout } = spawnSync(process.execPath, [MAIN, "init", "ci", ...args], { cwd, encoding: "utf8" });
  return { status, out: stdout };
}

function findings(root: string): readonly string[] {
  const project = readProject(root);
  return [ciHardening, updateAutomation, sbom, artifactProvenance].flatMap(({ judge }) =>
    judge(project, Date.now()).map(({ rule, at, detail }) => `${rule.id} ${JSON.stringify(at)} ${detail}`),
  );
}

const APP = {
  name: "app",
  private: true,
  scripts: { test: "vitest", lint: "oxlint" },
  devDependencies: { "@glacis/cli": "0.1.0" },
};
const PROJECTS: Readonly<Record<string, ProjectFiles>> = {
  npm: { "package.json": APP, "package-lock.json": npmLock(APP) },
  pnpm: { "package.json": APP, "pnpm-lock.yaml": "lockfileVersion: '9.0'\n", ".nvmrc": "24\n" },
  yarn: { "package.json": APP, "yarn.lock": "__metadata:\n  version: 8\n", Dockerfile: "FROM scratch\n" },
  "yarn 1": { "package.json": APP, "yarn.lock": "# yarn lockfile v1\n" },
  "no lockfile": { "package.json": { name: "app", private: true }, "glacis.config.ts": "export {};\n" },
};

describe("glacis init ci", () => {
  it.each(Object.keys(PROJECTS))("writes workflows that our own checks find nothing in: %s", (name) => {
    withProject(PROJECTS[name]!, (root) => {
      expect(init(root).status).toBe(0);
      expect(findings(root)).toEqual([]);
      for (const file of [CI, NIGHTLY, ".github/dependabot.yml"])
        expect(parseYaml(readFileSync(join(root, file), "utf8"))).toHaveLength(1);
    });
  });

  it("runs what the guide asks for, frozen, and every night", () => {
    withProject({ ...PROJECTS["npm"], "glacis.config.ts": "export {};\n" }, (root) => {
      init(root);
      const ci = readFileSync(join(root, CI), "utf8");
      const commands = [
        "npm ci",
        "npm run lint",
        "npm run test",
        "glacis audit --deploy",
        "glacis secrets",
        'GLACIS_KEYS="$(npx --no -- glacis keys new)" npx --no -- glacis check --deploy',
      ];
      for (const command of commands) expect(ci).toContain(command);
      const nightly = readFileSync(join(root, NIGHTLY), "utf8");
      for (const command of ["schedule:", "glacis sbom", "glacis audit"]) expect(nightly).toContain(command);
    });
  });

  it("keeps what is there, says so, and replaces it only when asked to", () => {
    withProject({ ...PROJECTS["npm"], [CI]: "mine\n" }, (root) => {
      const first = init(root);
      expect(first).toMatchObject({
        status: 1,
        out: expect.stringContaining(`kept      ${CI}\nwritten   ${NIGHTLY}\n`) as string,
      });
      expect(readFileSync(join(root, CI), "utf8")).toBe("mine\n");
      expect(init(root, "--force")).toMatchObject({
        status: 0,
        out: expect.stringContaining(`replaced  ${CI}\nunchanged ${NIGHTLY}\n`) as string,
      });
      expect(findings(root)).toEqual([]);
    });
  });

  it("follows no link that somebody has put in its way", () => {
    withProject({ ...PROJECTS["npm"]!, "elsewhere.txt": "precious", ".github/x": "" }, (root) => {
      symlinkSync(join(root, "elsewhere.txt"), join(root, ".github/dependabot.yml"));
      init(root, "--force");
      expect(readFileSync(join(root, "elsewhere.txt"), "utf8")).toBe("precious");
    });
  });

  it("writes nothing through a folder that is a link", () => {
    withProject({ ...PROJECTS["npm"]!, "elsewhere/x": "" }, (root) => {
      symlinkSync(join(root, "elsewhere"), join(root, ".github"));
      expect(init(root).status).toBe(2);
    });
  });

  it("says what else has to be installed, and exits 2 where there is no project", () => {
    withProject(PROJECTS["no lockfile"]!, (root) =>
      expect(init(root).out).toContain("install it as a development dependency"),
    );
    withProject({}, (root) => expect(init(root).status).toBe(2));
  });
});

describe("this repository", () => {
  it("has workflows and updates that its own checks find nothing in", () => {
    expect(findings(ROOT)).toEqual([]);
  });
});
