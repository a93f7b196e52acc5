/** The edge is the only way in (catalog origin-lockdown; guide checklist; CWE-923). */
import type { ControlMeta, Finding, Rule } from "glacis";
import { listOf, own, tableOf } from "../parsed-document.ts";
import { networkRules } from "./ingress.ts";
import { BALANCER, CLASSIC_BALANCER, distributionConfig, distributions, publicOrigins } from "./listeners.ts";
import {
  atResource,
  isUnknown,
  ofType,
  referredFrom,
  type Infrastructure,
  type InfrastructureControl,
  type Resource,
} from "./template.ts";

const META: ControlMeta = {
  id: "origin-lockdown",
  title: "The origin accepts traffic only from the edge",
  layer: "network",
  guide: ["checklist: Application behind WAF", "checklist: DDoS protection enabled"],
  owasp2021: ["A05", "A01"],
  owasp2025: ["A02", "A01"],
  asvs: [],
  cwe: ["CWE-923", "CWE-284"],
};

const OPEN_TO_WORLD: Rule = {
  id: "origin-lockdown/origin-open-to-world",
  severity: "error",
  what: "Everybody reaches the load balancer behind the edge directly.",
  why: "Its address is in certificates and old DNS records. Whoever goes there passes by every rule of the edge.",
  fix: "Make it internal and reach it by a VPC origin, or let in the edge's managed prefix list alone.",
};
const PLAIN_ORIGIN: Rule = {
  id: "origin-lockdown/plain-origin",
  severity: "error",
  what: "The edge asks its origin over HTTP.",
  why: "Sessions and passwords cross the provider's network, and perhaps others, for whoever is on the way to read.",
  fix: "Set OriginProtocolPolicy: https-only.",
};
const NOT_VERIFIED: Rule = {
  id: "origin-lockdown/not-verified",
  severity: "warning",
  what: "The template does not say who reaches the load balancer behind the edge.",
  why: "An unanswered question about security counts as a no.",
  fix: "Judge the template of its security groups together with this one, with their rules written out.",
};

export const originLockdown: InfrastructureControl = {
  meta: META,
  rules: [OPEN_TO_WORLD, PLAIN_ORIGIN, NOT_VERIFIED],
  judge: (infrastructure) => {
    if (distributions(infrastructure).length === 0) return [];
    const balancers = publicOrigins(infrastructure).filter(
      ({ type }) => type === BALANCER || type === CLASSIC_BALANCER,
    );
    return [...balancers.flatMap((one) => judgeBalancer(infrastructure, one)), ...judgeProtocols(infrastructure)];
  },
};

function judgeBalancer(infrastructure: Infrastructure, balancer: Resource): readonly Finding[] {
  const given = balancer.properties["SecurityGroups"];
  const groups = listOf(given).map((group) => referredFrom(infrastructure, balancer, group));
  if (isUnknown(balancer.properties["Scheme"]) || groups.length === 0 || groups.includes(undefined))
    return [atResource(NOT_VERIFIED, balancer)];
  const rules = networkRules(infrastructure, "in").filter(({ group, resource }) =>
    groups.some((known) => known?.id === group && known?.file === resource.file),
  );
  if (rules.some(({ peer }) => peer === "world")) return [atResource(OPEN_TO_WORLD, balancer)];
  return rules.some(({ peer }) => peer === "unknown") ? [atResource(NOT_VERIFIED, balancer)] : [];
}

/** Buckets are reached by S3's own protocol, and have no such setting. */
function judgeProtocols(infrastructure: Infrastructure): readonly Finding[] {
  const origins = distributions(infrastructure).flatMap((resource) =>
    listOf(distributionConfig(resource)["Origins"]).flatMap((origin) => {
      const config = own(tableOf(origin), "CustomOriginConfig");
      return config === undefined ? [] : [{ resource, policy: tableOf(config)["OriginProtocolPolicy"] }];
    }),
  );
  const inside = ofType(infrastructure, "AWS::CloudFront::VpcOrigin").map((resource) => ({
    resource,
    policy: tableOf(resource.properties["VpcOriginEndpointConfig"])["OriginProtocolPolicy"],
  }));
  return [...origins, ...inside].flatMap(({ resource, policy }) => {
    if (policy === "https-only") return [];
    return [
      atResource(
        isUnknown(policy) ? NOT_VERIFIED : PLAIN_ORIGIN,
        resource,
        typeof policy === "string" ? policy : undefined,
      ),
    ];
  });
}
