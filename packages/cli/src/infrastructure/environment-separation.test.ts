import { describe, expect, it } from "vitest";
import { judgedStages, judgedTemplate, type Resources } from "../../../../test/support/infrastructure-judge.ts";
import { environmentSeparation } from "./environment-separation.ts";

const task = (secret: unknown): Resources => ({
  T: ["ECS::TaskDefinition", { ContainerDefinitions: [{ Secrets: [{ Name: "KEYS", ValueFrom: secret }] }] }],
});
const judge = (staging: unknown, production: unknown): readonly string[] =>
  judgedStages(environmentSeparation, { staging: task(staging), production: task(production) });
const parameter = (account: string, path: string): string => `arn:aws:ssm:eu-central-1:${account}:parameter${path}`;

describe("two stages", () => {
  it("share no secret", () => {
    const own = parameter("111111111111", "/app/staging/keys");
    expect(judge(own, parameter("222222222222", "/app/production/keys"))).toEqual([]);
    expect(judge(own, own)).toEqual(["shared-secret T: staging, production", "shared-account T: staging, production"]);
    const resolved = "{{resolve:secretsmanager:app:SecretString:key}}";
    expect(judge(resolved, `postgresql://app:${resolved}@db`)).toEqual(["shared-secret T: staging, production"]);
  });

  it("share no secret whose name is put together", () => {
    const joined = { "Fn::Join": ["", ["arn:aws:ssm:", "eu-central-1:111111111111:parameter", "/app/keys"]] };
    expect(judge(joined, parameter("111111111111", "/app/keys"))).toContain("shared-secret T: staging, production");
  });

  it("share no account, but may take an image from one", () => {
    expect(judge(parameter("111111111111", "/a"), parameter("111111111111", "/b"))).toEqual([
      "shared-account T: staging, production",
    ]);
    const image = "arn:aws:ecr:eu-central-1:333333333333:repository/app";
    expect(judge(image, image)).toEqual([]);
  });

  it("refer to resources of their own by the same name", () => {
    expect(judge({ Ref: "Secret" }, { Ref: "Secret" })).toEqual([]);
  });

  it("are compared only where both are seen", () => {
    expect(judgedTemplate(environmentSeparation, task("x"))).toEqual(["not-compared T"]);
  });
});
