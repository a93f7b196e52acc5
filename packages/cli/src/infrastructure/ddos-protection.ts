/** Floods end before the one place that answers (catalog ddos-protection; guide checklist; CWE-400). */
import type { ControlMeta, Rule } from "glacis";
import { distributions, publicOrigins } from "./listeners.ts";
import {
  atResource,
  isUnknown,
  ofType,
  referred,
  type Infrastructure,
  type InfrastructureControl,
} from "./template.ts";

const META: ControlMeta = {
  id: "ddos-protection",
  title: "Volumetric DDoS protection and origin capacity plan",
  layer: "network",
  guide: ["checklist: DDoS protection enabled"],
  owasp2021: ["A05"],
  owasp2025: ["A02", "A10", "A06"],
  asvs: [],
  cwe: ["CWE-400", "CWE-693"],
};

const BARE_ORIGIN: Rule = {
  id: "ddos-protection/bare-origin",
  severity: "warning",
  what: "The internet reaches a load balancer or API directly, with no edge before it.",
  why: "A flood arrives at one place in one region; an edge takes it in hundreds, and nearest to where it begins.",
  fix: "Put CloudFront or Global Accelerator before it, and make the load balancer internal (VPC origin).",
};
const FIXED_CAPACITY: Rule = {
  id: "ddos-protection/fixed-capacity",
  severity: "note",
  what: "A service does not grow with its load.",
  why: "What passes the edge ends at the first processes, for everybody.",
  fix: "Add a ScalableTarget with a MaxCapacity that you can pay for.",
};
const NOT_VERIFIED: Rule = {
  id: "ddos-protection/not-verified",
  severity: "warning",
  what: "Only the deployment knows whether a load balancer faces the internet.",
  why: "An unanswered question about security counts as a no.",
  fix: "Write Scheme: internal.",
};

export const ddosProtection: InfrastructureControl = {
  meta: META,
  rules: [BARE_ORIGIN, FIXED_CAPACITY, NOT_VERIFIED],
  judge: (infrastructure) => [
    ...publicOrigins(infrastructure).flatMap((resource) => {
      if (isUnknown(resource.properties["Scheme"])) return [atResource(NOT_VERIFIED, resource)];
      return hasEdge(infrastructure) ? [] : [atResource(BARE_ORIGIN, resource)];
    }),
    ...ofType(infrastructure, "AWS::ECS::Service")
      .filter((service) => !scales(infrastructure, service))
      .map((resource) => atResource(FIXED_CAPACITY, resource)),
  ],
};

/** Whether it is the way in, and the only one, is the question of origin-lockdown. */
function hasEdge(infrastructure: Infrastructure): boolean {
  return (
    distributions(infrastructure).length + ofType(infrastructure, "AWS::GlobalAccelerator::Accelerator").length > 0
  );
}

function scales(infrastructure: Infrastructure, service: { readonly id: string; readonly file: string }): boolean {
  return ofType(infrastructure, "AWS::ApplicationAutoScaling::ScalableTarget").some(
    ({ file, properties }) =>
      file === service.file &&
      (referred(properties["ResourceId"]) === service.id ||
        JSON.stringify(properties["ResourceId"])?.includes(`"${service.id}"`)),
  );
}
