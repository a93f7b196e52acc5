import { describe, expect, it } from "vitest";
import { judgedTemplate, type Resources } from "../../../../test/support/infrastructure-judge.ts";
import { iamLeastPrivilege } from "./iam-least-privilege.ts";

const judge = (resources: Resources): readonly string[] => judgedTemplate(iamLeastPrivilege, resources);
const policy = (...statements: readonly unknown[]): Resources => ({
  P: ["IAM::Policy", { PolicyDocument: { Statement: statements } }],
});
const allow = (Action: unknown, Resource: unknown = "arn:aws:s3:::app/*", more: object = {}): object => ({
  Effect: "Allow",
  Action,
  Resource,
  ...more,
});
const TASKS = {
  Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "ecs-tasks.amazonaws.com" } }],
};
const trusting = (Principal: unknown, more: object = {}): Resources => ({
  R: [
    "IAM::Role",
    { AssumeRolePolicyDocument: { Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal, ...more }] } },
  ],
});

describe("a policy", () => {
  it.each<[string, object, readonly string[]]>([
    ["one action on one path", allow("s3:GetObject"), []],
    ["actions on a resource of the template", allow(["sqs:SendMessage"], { "Fn::GetAtt": ["Queue", "Arn"] }), []],
    [
      "what knows no resource",
      allow(["ecr:GetAuthorizationToken", "ssmmessages:OpenDataChannel", "ec2:DescribeSubnets"], "*"),
      [],
    ],
    ["an action on everything, under a condition", allow("kms:Decrypt", "*", { Condition: { StringEquals: {} } }), []],
    ["everything", allow("*", "*"), ["wildcard-action P: *"]],
    ["everything of a service", allow("s3:*"), ["wildcard-action P: s3:*"]],
    [
      "everything but something",
      { Effect: "Allow", NotAction: "iam:*", Resource: "arn:aws:s3:::app" },
      ["wildcard-action P: NotAction"],
    ],
    [
      "an action on everything",
      allow("secretsmanager:GetSecretValue", "*"),
      ["wildcard-resource P: secretsmanager:GetSecretValue"],
    ],
    [
      "an action on everything but something",
      { Effect: "Allow", Action: "s3:GetObject", NotResource: "arn:aws:s3:::app/*" },
      ["wildcard-resource P: s3:GetObject"],
    ],
    ["an action on every bucket", allow("s3:GetObject", "arn:aws:s3:::*"), ["wildcard-resource P: s3:GetObject"]],
    [
      "an action on every key",
      allow("kms:Decrypt", { "Fn::Sub": "arn:aws:kms:${AWS::Region}:${AWS::AccountId}:key/*" }),
      ["wildcard-resource P: kms:Decrypt"],
    ],
    [
      "to pass any role",
      allow(["iam:PassRole"], ["arn:aws:iam::111111111111:role/*"]),
      ["pass-role P", "wildcard-resource P: iam:PassRole"],
    ],
    ["to pass any role, by a pattern", allow("iam:Pass*", "*"), ["pass-role P", "wildcard-resource P: iam:Pass*"]],
    ["to pass one role", allow("iam:PassRole", { "Fn::GetAtt": ["Task", "Arn"] }), []],
    ["what a parameter says", allow({ Ref: "Actions" }), ["not-verified P"]],
    ["perhaps", { Effect: { Ref: "Effect" }, Action: "*", Resource: "*" }, ["not-verified P"]],
    ["nothing, for it denies", { Effect: "Deny", Action: "*", Resource: "*" }, []],
  ])("allows %s", (_, statement, expected) => {
    expect(judge(policy(statement))).toEqual(expected);
  });

  it("is judged within a role, and where it is only one statement", () => {
    const properties = {
      AssumeRolePolicyDocument: TASKS,
      Policies: [{ PolicyDocument: { Statement: allow("dynamodb:*") } }],
    };
    expect(judge({ R: ["IAM::Role", properties] })).toEqual(["wildcard-action R: dynamodb:*"]);
  });

  it("of the provider's is not one for everything", () => {
    const managed = (arn: unknown): readonly string[] =>
      judge({ R: ["IAM::Role", { AssumeRolePolicyDocument: TASKS, ManagedPolicyArns: [arn] }] });
    const named = (name: string): object => ({
      "Fn::Join": ["", ["arn:", { Ref: "AWS::Partition" }, `:iam::aws:policy/${name}`]],
    });
    expect(managed("arn:aws:iam::aws:policy/AdministratorAccess")).toEqual(["managed-too-wide R: AdministratorAccess"]);
    expect(managed(named("AmazonS3FullAccess"))).toEqual(["managed-too-wide R: AmazonS3FullAccess"]);
    expect(managed(named("service-role/AWSLambdaBasicExecutionRole"))).toEqual([]);
  });
});

describe("a role", () => {
  it.each<[string, unknown, object, readonly string[]]>([
    ["a service", { Service: "ecs-tasks.amazonaws.com" }, {}, []],
    ["everybody", "*", {}, ["trust-everyone R"]],
    ["every account", { AWS: ["*"] }, { Condition: {} }, ["trust-everyone R"]],
    ["an account", { AWS: "arn:aws:iam::333333333333:root" }, {}, ["trust-without-condition R"]],
    [
      "an account that proves itself",
      { AWS: "333333333333" },
      { Condition: { StringEquals: { "sts:ExternalId": "x" } } },
      [],
    ],
    ["a role of the same template", { AWS: { "Fn::GetAtt": ["R", "Arn"] } }, {}, []],
    ["any repository of a provider", { Federated: { Ref: "Provider" } }, {}, ["trust-without-condition R"]],
    ["what a parameter says", { Ref: "Principal" }, {}, ["not-verified R: Principal"]],
    ["an account that a parameter names", { AWS: { Ref: "Account" } }, {}, ["not-verified R: Principal"]],
  ])("trusts %s", (_, principal, more, expected) => {
    expect(judge(trusting(principal, more))).toEqual(expected);
  });

  it("is what a program uses in the place of a key", () => {
    expect(judge({ K: ["IAM::AccessKey", { UserName: "ci" }] })).toEqual(["access-key K"]);
  });
});
