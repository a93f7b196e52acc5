import { describe, expect, it } from "vitest";
import { judgedTemplate, type Resources } from "../../../../test/support/infrastructure-judge.ts";
import { wafAttached } from "./waf-attached.ts";

const judge = (resources: Resources): readonly string[] => judgedTemplate(wafAttached, resources);
const GROUP = {
  Name: "core",
  OverrideAction: { None: {} },
  Statement: { ManagedRuleGroupStatement: { Name: "AWSManagedRulesCommonRuleSet" } },
};
const RATE = { Name: "rate", Action: { Block: {} }, Statement: { RateBasedStatement: { Limit: 2000 } } };
const acl = (...rules: readonly object[]): Resources => ({
  Acl: ["WAFv2::WebACL", { Name: "app", Rules: rules }],
  Log: ["WAFv2::LoggingConfiguration", { ResourceArn: { "Fn::GetAtt": ["Acl", "Arn"] } }],
});
const edge = (WebACLId?: unknown): Resources => ({
  Edge: ["CloudFront::Distribution", { DistributionConfig: { WebACLId } }],
});
const GOOD = acl(GROUP, RATE);
const ARN = "arn:aws:wafv2:us-east-1:111111111111:global/webacl/app/1";

describe("a public listener", () => {
  it.each<[string, Resources, readonly string[]]>([
    ["an edge with rules", { ...GOOD, ...edge({ "Fn::GetAtt": ["Acl", "Arn"] }) }, []],
    ["an edge with rules by name", { ...GOOD, ...edge(ARN) }, []],
    ["an edge without", edge(), ["no-web-acl Edge"]],
    ["an edge with rules that nobody has seen", edge(ARN), ["not-verified Edge"]],
    ["an edge whose rules are a parameter", { ...GOOD, ...edge({ Ref: "AclArn" }) }, ["not-verified Edge"]],
    ["a load balancer without", { B: ["ElasticLoadBalancingV2::LoadBalancer"] }, ["no-web-acl B"]],
    ["an internal load balancer", { B: ["ElasticLoadBalancingV2::LoadBalancer", { Scheme: "internal" }] }, []],
    [
      "a load balancer that rules cannot stand before",
      { B: ["ElasticLoadBalancingV2::LoadBalancer", { Type: "network" }] },
      [],
    ],
    ["an API without", { S: ["ApiGateway::Stage"] }, ["no-web-acl S"]],
    [
      "a load balancer with rules",
      {
        ...GOOD,
        B: ["ElasticLoadBalancingV2::LoadBalancer"],
        A: ["WAFv2::WebACLAssociation", { ResourceArn: { Ref: "B" }, WebACLArn: { "Fn::GetAtt": ["Acl", "Arn"] } }],
      },
      [],
    ],
  ])("is %s", (_, resources, expected) => {
    expect(judge(resources)).toEqual(expected);
  });
});

describe("a web ACL", () => {
  it("blocks, by the provider's rules and by rate, and is kept", () => {
    expect(judge(GOOD)).toEqual([]);
    expect(judge(acl({ ...GROUP, OverrideAction: { Count: {} } }, { ...RATE, Action: { Count: {} } }))).toEqual([
      "count-mode Acl: core",
      "count-mode Acl: rate",
    ]);
    expect(judge(acl(GROUP))).toEqual(["no-rate-rule Acl"]);
    expect(judge(acl(RATE))).toEqual(["no-managed-rules Acl"]);
    expect(judge({ Acl: GOOD["Acl"] ?? ["WAFv2::WebACL"] })).toEqual(["unlogged Acl"]);
  });
});
