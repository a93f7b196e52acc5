import { describe, expect, it } from "vitest";
import { judgedTemplate, type Resources } from "../../../../test/support/infrastructure-judge.ts";
import { originLockdown } from "./origin-lockdown.ts";

const judge = (resources: Resources): readonly string[] => judgedTemplate(originLockdown, resources);
const edge = (policy: unknown = "https-only"): Resources => ({
  Edge: [
    "CloudFront::Distribution",
    {
      DistributionConfig: {
        Origins: [{ CustomOriginConfig: { OriginProtocolPolicy: policy } }, { S3OriginConfig: {} }],
      },
    },
  ],
});
const behind = (rule: object, more: object = {}): Resources => ({
  ...edge(),
  G: ["EC2::SecurityGroup", { SecurityGroupIngress: [{ IpProtocol: "tcp", FromPort: 443, ToPort: 443, ...rule }] }],
  B: ["ElasticLoadBalancingV2::LoadBalancer", { SecurityGroups: [{ "Fn::GetAtt": ["G", "GroupId"] }], ...more }],
});

describe("an origin", () => {
  it.each<[string, Resources, readonly string[]]>([
    ["the edge alone", behind({ SourcePrefixListId: "pl-1" }), []],
    ["everybody", behind({ CidrIp: "0.0.0.0/0" }), ["origin-open-to-world B"]],
    ["everybody, who cannot reach it", behind({ CidrIp: "0.0.0.0/0" }, { Scheme: "internal" }), []],
    ["whom a parameter names", behind({ CidrIp: { Ref: "Cidr" } }), ["not-verified B"]],
    ["whom another template names", behind({}, { SecurityGroups: ["sg-1"] }), ["not-verified B"]],
    ["nobody knows whom", { ...behind({}, { SecurityGroups: undefined }) }, ["not-verified B"]],
  ])("lets in %s", (_, resources, expected) => {
    expect(judge(resources)).toEqual(expected);
  });

  it("is asked by HTTPS", () => {
    expect(judge(edge("http-only"))).toEqual(["plain-origin Edge: http-only"]);
    expect(judge(edge("match-viewer"))).toEqual(["plain-origin Edge: match-viewer"]);
    expect(judge(edge({ Ref: "Policy" }))).toEqual(["not-verified Edge"]);
    const inside = (OriginProtocolPolicy: string): Resources => ({
      ...edge(),
      V: ["CloudFront::VpcOrigin", { VpcOriginEndpointConfig: { OriginProtocolPolicy } }],
    });
    expect(judge(inside("https-only"))).toEqual([]);
    expect(judge(inside("http-only"))).toEqual(["plain-origin V: http-only"]);
  });

  it("is nobody's question where there is no edge", () => {
    const { Edge, ...rest } = behind({ CidrIp: "0.0.0.0/0" });
    expect(Edge).toBeDefined();
    expect(judge(rest)).toEqual([]);
  });
});
