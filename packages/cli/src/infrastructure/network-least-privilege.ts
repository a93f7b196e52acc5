/** Each group of the network lets in what it serves and nothing else (catalog network-least-privilege; guide checklist; CWE-284). */
import type { ControlMeta, Finding, Rule } from "glacis";
import { covers, describePorts, networkRules, type NetworkRule } from "./ingress.ts";
import { atResource, ofType, type Infrastructure, type InfrastructureControl } from "./template.ts";

const META: ControlMeta = {
  id: "network-least-privilege",
  title: "Security groups and ports least privilege",
  layer: "network",
  guide: ["checklist: Security groups follow least privilege"],
  owasp2021: ["A05", "A01"],
  owasp2025: ["A02", "A01"],
  asvs: [],
  cwe: ["CWE-923", "CWE-284", "CWE-1327"],
};

const WORLD_OPEN: Rule = {
  id: "network-least-privilege/world-open",
  severity: "error",
  what: "A security group lets everybody reach something other than the web.",
  why: "Every address is scanned within hours; whatever listens there is tried by everybody, its holes of tomorrow included.",
  fix: "Name the security group of whoever needs it as the source, and leave 80 and 443 alone open at the edge.",
};
const ALL_PORTS: Rule = {
  id: "network-least-privilege/all-ports",
  severity: "warning",
  what: "A security group lets a peer reach every port.",
  why: "Debuggers, metrics and what is installed next year are open with it.",
  fix: "Name the one port that the peer uses.",
};
const OPEN_EGRESS: Rule = {
  id: "network-least-privilege/open-egress",
  severity: "warning",
  what: "A security group lets everything out.",
  why: "Whoever runs code inside carries data out and fetches tools by any port. A group that says nothing about outbound traffic allows all of it.",
  fix: "Write the outbound rules: the group of the database, the endpoints of AWS, and 443 where the internet is needed.",
};
const DEFAULT_GROUP: Rule = {
  id: "network-least-privilege/default-group",
  severity: "warning",
  what: "Something stands in the default security group of its network.",
  why: "Whatever nobody assigned a group stands in it too, and its members reach each other by every port.",
  fix: "Give it a security group of its own.",
};
const NOT_VERIFIED: Rule = {
  id: "network-least-privilege/not-verified",
  severity: "warning",
  what: "Only the deployment knows what a security group lets in.",
  why: "A parameter can be 0.0.0.0/0 as well. An unanswered question about security counts as a no.",
  fix: "Write addresses and ports into the template, or judge the template that has them.",
};

const WEB: ReadonlySet<number> = new Set([80, 443]);

export const networkLeastPrivilege: InfrastructureControl = {
  meta: META,
  rules: [WORLD_OPEN, ALL_PORTS, OPEN_EGRESS, DEFAULT_GROUP, NOT_VERIFIED],
  judge: (infrastructure) => [
    ...networkRules(infrastructure, "in").flatMap(judgeIngress),
    ...judgeEgress(infrastructure),
    ...infrastructure.resources
      .filter(({ properties }) =>
        /"Fn::GetAtt":(?:\["[^"]+","|"[^".]+\.)DefaultSecurityGroup"/u.test(JSON.stringify(properties)),
      )
      .map((resource) => atResource(DEFAULT_GROUP, resource)),
  ],
};

function judgeIngress(rule: NetworkRule): readonly Finding[] {
  const { resource, peer, ports } = rule;
  if (peer === "unknown" || ports === "unknown") return [atResource(NOT_VERIFIED, resource, describePorts(rule))];
  if (peer === "world") {
    const isWeb = ports !== "any" && ports.from === ports.to && WEB.has(ports.from);
    return isWeb || (ports !== "any" && ports.from < 0) ? [] : [atResource(WORLD_OPEN, resource, describePorts(rule))];
  }
  return ports === "any" ? [atResource(ALL_PORTS, resource)] : [];
}

function judgeEgress(infrastructure: Infrastructure): readonly Finding[] {
  const rules = networkRules(infrastructure, "out");
  const unknown = rules
    .filter(({ peer, ports }) => peer === "unknown" || ports === "unknown")
    .map((rule) => atResource(NOT_VERIFIED, rule.resource, `outbound, ${describePorts(rule)}`));
  const open = rules
    .filter((rule) => rule.peer === "world" && covers(rule, 22) && covers(rule, 443))
    .map(({ resource }) => atResource(OPEN_EGRESS, resource));
  const silent = ofType(infrastructure, "AWS::EC2::SecurityGroup")
    .filter(({ id, file }) => !rules.some(({ group, resource }) => group === id && resource.file === file))
    .map((resource) => atResource(OPEN_EGRESS, resource, "no outbound rule"));
  return [...open, ...unknown, ...silent];
}
