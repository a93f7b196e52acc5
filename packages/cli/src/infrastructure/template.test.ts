import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { templateOf } from "../../../../test/support/infrastructure-judge.ts";
import { withProject } from "../../../../test/support/project-folder.ts";
import { readInfrastructure } from "./template.ts";

const ONE = templateOf({ Topic: ["SNS::Topic"] });

describe("templates", () => {
  it("are all read, those of the stages within cdk.out too", () => {
    const files = {
      "a.template.json": ONE,
      "assembly-Prod/b.template.json": ONE,
      "asset.1/c.template.json": ONE,
      "tree.json": {},
    };
    withProject(files, (root) => {
      const { files: read, resources } = readInfrastructure([root]);
      expect(read).toEqual([join(root, "a.template.json"), join(root, "assembly-Prod/b.template.json")]);
      expect(resources.map(({ id, type }) => `${id} ${type}`)).toEqual([
        "Topic AWS::SNS::Topic",
        "Topic AWS::SNS::Topic",
      ]);
    });
  });

  it.each<[string, string | object, string]>([
    ["YAML", "Resources: {}", "it is not JSON"],
    ["JSON that is no template", { Resources: {} }, "it has no Resources"],
    [
      "what a transform rewrites",
      { Transform: "AWS::Serverless-2016-10-31", ...ONE },
      "a transform makes other resources",
    ],
  ])("are not taken for judged where they are %s", (_, content, message) => {
    withProject({ "a.json": content }, (root) => {
      expect(() => readInfrastructure([join(root, "a.json")])).toThrow(message);
    });
  });

  it("are not taken for judged where there are none", () => {
    withProject({ "tree.json": {} }, (root) =>
      expect(() => readInfrastructure([root])).toThrow("there is no template"),
    );
  });

  it("belong to the stage that is named before them", () => {
    withProject({ "a.json": ONE, "b.json": ONE }, (root) => {
      const { stages, resources } = readInfrastructure([`staging=${root}/a.json`, `production=${root}/b.json`]);
      expect(stages).toEqual(["staging", "production"]);
      expect(resources.map(({ stage }) => stage)).toEqual(stages);
    });
  });
});
