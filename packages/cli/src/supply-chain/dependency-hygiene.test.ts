import { describe, expect, it } from "vitest";
import { locked, npmLock, type ProjectFiles } from "../../../../test/support/project-folder.ts";
import { judged } from "../../../../test/support/supply-chain-judge.ts";
import { dependencyHygiene } from "./dependency-hygiene.ts";

const judge = (files: ProjectFiles, git = false): readonly string[] => judged(dependencyHygiene, files, git);

describe("dependencies", () => {
  it("that were given up are told from those that others bring", () => {
    const lock = npmLock(
      { dependencies: { a: "1.0.0" } },
      {
        "node_modules/a": locked("a", "1.0.0", { deprecated: "use b\u001b[2J", dependencies: { c: "1" } }),
        "node_modules/c": locked("c", "1.0.0", { deprecated: "gone" }),
      },
    );
    expect(judge({ "package-lock.json": lock })).toEqual([
      "deprecated a@1.0.0 use b [2J",
      "deprecated-below c@1.0.0 gone",
    ]);
  });

  it("that no file names are unused; scripts, configuration and peers are use", () => {
    const dependencies = Object.fromEntries(
      ["a", "@s/used", "tool", "react-dom", "@types/x", "gone-package"].map((name) => [name, "1.0.0"]),
    );
    const files = {
      "package.json": { name: "app", private: true, dependencies, scripts: { build: "tool ." } },
      "package-lock.json": npmLock(
        { dependencies },
        {
          "node_modules/@s/used": locked("@s/used", "1.0.0", { peerDependencies: { "react-dom": "1" } }),
          "node_modules/react-dom": locked("react-dom", "1.0.0"),
        },
      ),
      "src/main.ts": 'import "a";\nexport { x } from "@s/used/part";\n',
      "README.md": "gone-package",
    };
    expect(judge(files, true)).toEqual(["unused package.json:1 gone-package"]);
    expect(judge(files)).toEqual([]);
  });
});

describe("the runtime", () => {
  it.each([
    [".nvmrc", "20\n", ["runtime-ended .nvmrc:1 Node 20, until 2026-04-30"]],
    [".node-version", "v18.1.0", ["runtime-ended .node-version:1 Node 18, until 2025-04-30"]],
    [".nvmrc", "24", []],
    [".nvmrc", "lts/*", []],
    [
      "Dockerfile",
      "FROM node:20 AS build\nFROM node:25-slim\n",
      ["runtime-ended Dockerfile:2 Node 25, until 2026-06-01"],
    ],
    [
      ".github/workflows/deploy.yml",
      "jobs:\n  a:\n    steps:\n      - with: { node-version: 16 }\n",
      ["runtime-ended .github/workflows/deploy.yml:4 Node 16, until 2023-06-01"],
    ],
    [".github/workflows/test.yml", "jobs:\n  a:\n    steps:\n      - with: { node-version: 20 }\n", []],
  ])("ends: %s %j", (file, text, expected) => {
    expect(judge({ [file]: text })).toEqual(expected);
  });
});
