/** Rules stand before every public listener (catalog waf-attached; guide checklist; CWE-693). */
import type { ControlMeta, Finding, Rule } from "glacis";
import { listOf, own, tableOf, textOf } from "../parsed-document.ts";
import { distributionConfig, distributions, publicOrigins } from "./listeners.ts";
import {
  atResource,
  ofType,
  referred,
  referredFrom,
  textIn,
  type Infrastructure,
  type InfrastructureControl,
  type Resource,
} from "./template.ts";

const META: ControlMeta = {
  id: "waf-attached",
  title: "A WAF fronts every public listener",
  layer: "network",
  guide: ["checklist: Application behind WAF"],
  owasp2021: ["A05"],
  owasp2025: ["A02", "A06"],
  asvs: [],
  cwe: ["CWE-693", "CWE-1188"],
};

const NO_WEB_ACL: Rule = {
  id: "waf-attached/no-web-acl",
  severity: "warning",
  what: "A public listener has no web ACL.",
  why: "Known exploits and floods of one address reach the application, which has to answer each of them.",
  fix: "Set WebACLId of the distribution, or a WebACLAssociation for the load balancer or stage.",
};
const COUNT_MODE: Rule = {
  id: "waf-attached/count-mode",
  severity: "warning",
  what: "A rule of a web ACL counts and does not block.",
  why: "Counting is how rules are tried out. What stays there protects nothing, and looks as if it did.",
  fix: "Set OverrideAction None for a group and Action Block for a rule; count the single rule of a group that is in the way.",
};
const NO_MANAGED_RULES: Rule = {
  id: "waf-attached/no-managed-rules",
  severity: "warning",
  what: "A web ACL has none of the provider's rule groups.",
  why: "Exploits are published daily; rules by hand are older than they.",
  fix: "Add the core rules, known bad inputs and the addresses of ill repute.",
};
const NO_RATE_RULE: Rule = {
  id: "waf-attached/no-rate-rule",
  severity: "warning",
  what: "A web ACL does not bound how often one address may ask.",
  why: "One machine can keep the application busy, and guess passwords as fast as it answers.",
  fix: "Add a rate-based rule that blocks, such as 2000 requests in five minutes for each address.",
};
const UNLOGGED: Rule = {
  id: "waf-attached/unlogged",
  severity: "note",
  what: "Nobody keeps what a web ACL blocked.",
  why: "Without it a false alarm cannot be told from an attack.",
  fix: "Add a LoggingConfiguration, with the authorization and cookie headers redacted.",
};
const NOT_VERIFIED: Rule = {
  id: "waf-attached/not-verified",
  severity: "warning",
  what: "The web ACL of a public listener is in no template.",
  why: "Nobody has seen whether it blocks. An unanswered question about security counts as a no.",
  fix: "Judge the template of the web ACL together with this one.",
};

export const wafAttached: InfrastructureControl = {
  meta: META,
  rules: [NO_WEB_ACL, COUNT_MODE, NO_MANAGED_RULES, NO_RATE_RULE, UNLOGGED, NOT_VERIFIED],
  judge: (infrastructure) => [
    ...distributions(infrastructure).flatMap((resource) =>
      judgeAttachment(infrastructure, resource, distributionConfig(resource)["WebACLId"]),
    ),
    ...publicOrigins(infrastructure)
      // Only load balancers for HTTP can have one.
      .filter(({ properties }) => !["network", "gateway"].includes(String(properties["Type"])))
      .flatMap((resource) => judgeAttachment(infrastructure, resource, associated(infrastructure, resource))),
    ...acls(infrastructure).flatMap((acl) => judgeRules(infrastructure, acl)),
  ],
};

const acls = (infrastructure: Infrastructure): readonly Resource[] => ofType(infrastructure, "AWS::WAFv2::WebACL");

function associated(infrastructure: Infrastructure, listener: Resource): unknown {
  return ofType(infrastructure, "AWS::WAFv2::WebACLAssociation").find(
    ({ file, properties }) =>
      file === listener.file && JSON.stringify(properties["ResourceArn"])?.includes(`"${listener.id}"`),
  )?.properties["WebACLArn"];
}

function judgeAttachment(infrastructure: Infrastructure, listener: Resource, acl: unknown): readonly Finding[] {
  if (acl === undefined || acl === "") return [atResource(NO_WEB_ACL, listener)];
  if (referredFrom(infrastructure, listener, acl)?.type === "AWS::WAFv2::WebACL") return [];
  // An ARN carries the name: arn:aws:wafv2:us-east-1:111111111111:global/webacl/name/id
  const name = /:(?:global|regional)\/webacl\/([^/]+)\//u.exec(textIn(acl))?.[1];
  const known = acls(infrastructure).some(({ properties }) => name !== undefined && properties["Name"] === name);
  return known ? [] : [atResource(NOT_VERIFIED, listener)];
}

function judgeRules(infrastructure: Infrastructure, acl: Resource): readonly Finding[] {
  const rules = listOf(acl.properties["Rules"]).map(tableOf);
  const has = (statement: string): boolean =>
    rules.some(({ Statement }) => own(tableOf(Statement), statement) !== undefined);
  const counted = rules.filter(
    ({ Action, OverrideAction }) => own(tableOf(Action ?? OverrideAction), "Count") !== undefined,
  );
  const logged = ofType(infrastructure, "AWS::WAFv2::LoggingConfiguration").some(
    ({ file, properties }) => file === acl.file && referred(properties["ResourceArn"]) === acl.id,
  );
  return [
    ...counted.map(({ Name }) => atResource(COUNT_MODE, acl, textOf(Name))),
    ...(has("ManagedRuleGroupStatement") ? [] : [atResource(NO_MANAGED_RULES, acl)]),
    ...(has("RateBasedStatement") ? [] : [atResource(NO_RATE_RULE, acl)]),
    ...(logged ? [] : [atResource(UNLOGGED, acl)]),
  ];
}
