/** What the internet can reach: the places where a request enters. */
import { tableOf, type Table } from "../parsed-document.ts";
import { ofType, type Infrastructure, type Resource } from "./template.ts";

export function distributions(infrastructure: Infrastructure): readonly Resource[] {
  return ofType(infrastructure, "AWS::CloudFront::Distribution");
}

export function distributionConfig({ properties }: Resource): Table {
  return tableOf(properties["DistributionConfig"]);
}

export const BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer";

export const CLASSIC_BALANCER = "AWS::ElasticLoadBalancing::LoadBalancer";

/** One place with one address: load balancers that are not internal, and stages of APIs. Who says no scheme gets the internet. */
export function publicOrigins(infrastructure: Infrastructure): readonly Resource[] {
  return ofType(
    infrastructure,
    BALANCER,
    CLASSIC_BALANCER,
    "AWS::ApiGateway::Stage",
    "AWS::ApiGatewayV2::Stage",
  ).filter(({ properties }) => properties["Scheme"] !== "internal");
}
