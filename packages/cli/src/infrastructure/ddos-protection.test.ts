import { describe, expect, it } from "vitest";
import { judgedTemplate, type Resources } from "../../../../test/support/infrastructure-judge.ts";
import { ddosProtection } from "./ddos-protection.ts";

const judge = (resources: Resources): readonly string[] => judgedTemplate(ddosProtection, resources);
const BALANCER = "ElasticLoadBalancingV2::LoadBalancer";
const EDGE: Resources = { Edge: ["CloudFront::Distribution"] };

describe("a flood", () => {
  it("ends at an edge before it reaches one place", () => {
    expect(judge({ B: [BALANCER] })).toEqual(["bare-origin B"]);
    expect(judge({ B: [BALANCER, { Scheme: "internet-facing" }] })).toEqual(["bare-origin B"]);
    expect(judge({ B: [BALANCER, { Scheme: "internal" }] })).toEqual([]);
    expect(judge({ B: [BALANCER], ...EDGE })).toEqual([]);
    expect(judge({ B: [BALANCER], A: ["GlobalAccelerator::Accelerator"] })).toEqual([]);
    expect(judge({ B: [BALANCER, { Scheme: { Ref: "Scheme" } }], ...EDGE })).toEqual(["not-verified B"]);
  });

  it("meets a service that grows", () => {
    const target = (ResourceId: unknown): Resources => ({
      S: ["ECS::Service"],
      T: ["ApplicationAutoScaling::ScalableTarget", { ResourceId, MaxCapacity: 6 }],
    });
    expect(judge({ S: ["ECS::Service"] })).toEqual(["fixed-capacity S"]);
    expect(judge(target({ "Fn::Join": ["/", ["service", { Ref: "C" }, { "Fn::GetAtt": ["S", "Name"] }]] }))).toEqual(
      [],
    );
    expect(judge(target("service/other"))).toEqual(["fixed-capacity S"]);
  });
});
