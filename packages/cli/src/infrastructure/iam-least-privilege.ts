/** Roles may do what they do and no more (catalog iam-least-privilege; guide checklist; CWE-250, CWE-269). */
import type { ControlMeta, Finding, Rule } from "glacis";
import { listOf, own, tableOf, type Table } from "../parsed-document.ts";
import {
  atResource,
  entriesOf,
  GAP,
  isUnknown,
  listed,
  ofType,
  referredFrom,
  textIn,
  type Infrastructure,
  type InfrastructureControl,
  type Resource,
} from "./template.ts";

const META: ControlMeta = {
  id: "iam-least-privilege",
  title: "Cloud roles least privilege",
  layer: "network",
  guide: ["checklist: IAM roles follow least privilege"],
  owasp2021: ["A01", "A05", "A04"],
  owasp2025: ["A01", "A02"],
  asvs: ["v5.0.0-13.2.2", "v5.0.0-13.3.2"],
  cwe: ["CWE-250", "CWE-269", "CWE-732"],
};

const WILDCARD_ACTION: Rule = {
  id: "iam-least-privilege/wildcard-action",
  severity: "error",
  what: "A policy allows every action of a service, or of all.",
  why: "Deleting, granting on and what the service learns next year are allowed with the one action that was needed.",
  fix: "List the actions that the code calls; the service's access report names the ones that are used.",
};
const WILDCARD_RESOURCE: Rule = {
  id: "iam-least-privilege/wildcard-resource",
  severity: "warning",
  what: "A policy allows an action on every resource of the account.",
  why: "One secret, bucket or queue was meant, and all the others are open with it.",
  fix: 'Name the ARN, or narrow "*" by a Condition.',
};
const PASS_ROLE: Rule = {
  id: "iam-least-privilege/pass-role",
  severity: "error",
  what: "A policy allows to pass any role on.",
  why: "Whoever may hand the administrator's role to a function or a task is the administrator.",
  fix: "Name the role, and the service in iam:PassedToService.",
};
const MANAGED_TOO_WIDE: Rule = {
  id: "iam-least-privilege/managed-too-wide",
  severity: "error",
  what: "A role has a managed policy that allows everything, of the account or of a service.",
  why: "AdministratorAccess and its like are for people in an emergency; a process with them is one hole away from losing the account.",
  fix: "Replace it by the actions that the code calls, on the resources that it needs.",
};
const TRUST_EVERYONE: Rule = {
  id: "iam-least-privilege/trust-everyone",
  severity: "error",
  what: "Everybody may take on a role.",
  why: "Any account of the provider can assume it, and be in this one.",
  fix: "Name the service, or the role of the account that needs it.",
};
const TRUST_WITHOUT_CONDITION: Rule = {
  id: "iam-least-privilege/trust-without-condition",
  severity: "warning",
  what: "Another account or an identity provider may take on a role without a condition.",
  why: "Every repository of a CI provider, and every customer of a vendor, looks the same without one (confused deputy).",
  fix: "Add a Condition: sts:ExternalId for an account, the sub and aud of the token for a provider.",
};
const ACCESS_KEY: Rule = {
  id: "iam-least-privilege/access-key",
  severity: "warning",
  what: "A user with a key that does not expire is made.",
  why: "Such keys end up in repositories and laptops, and are valid until somebody thinks of them.",
  fix: "Use a role: tasks, functions, CI and people all can.",
};
const NOT_VERIFIED: Rule = {
  id: "iam-least-privilege/not-verified",
  severity: "warning",
  what: "Only the deployment knows what a policy allows.",
  why: "An unanswered question about security counts as a no.",
  fix: "Write effect, actions and principals into the template.",
};

export const iamLeastPrivilege: InfrastructureControl = {
  meta: META,
  rules: [
    WILDCARD_ACTION,
    WILDCARD_RESOURCE,
    PASS_ROLE,
    MANAGED_TOO_WIDE,
    TRUST_EVERYONE,
    TRUST_WITHOUT_CONDITION,
    ACCESS_KEY,
    NOT_VERIFIED,
  ],
  judge: (infrastructure) => [
    ...ofType(infrastructure, ...HOLDERS).flatMap((resource) => [
      ...policiesOf(resource).flatMap((policy) => judgeStatements(resource, policy, judgePermission)),
      ...judgeManaged(resource),
    ]),
    ...ofType(infrastructure, "AWS::IAM::Role").flatMap((role) =>
      judgeStatements(role, role.properties["AssumeRolePolicyDocument"], (...statement) =>
        judgeTrust(infrastructure, ...statement),
      ),
    ),
    ...ofType(infrastructure, "AWS::IAM::AccessKey").map((resource) => atResource(ACCESS_KEY, resource)),
  ],
};

/** What identities are allowed. Policies of keys and buckets begin with their own account, and are another question. */
const HOLDERS = [
  "AWS::IAM::Policy",
  "AWS::IAM::ManagedPolicy",
  "AWS::IAM::RolePolicy",
  "AWS::IAM::UserPolicy",
  "AWS::IAM::GroupPolicy",
  "AWS::IAM::Role",
  "AWS::IAM::User",
  "AWS::IAM::Group",
] as const;

function policiesOf({ properties }: Resource): readonly unknown[] {
  const inline = listOf(properties["Policies"]).map((policy) => own(tableOf(policy), "PolicyDocument"));
  return [properties["PolicyDocument"], ...inline].filter((policy) => policy !== undefined);
}

type JudgeStatement = (resource: Resource, statement: Table) => readonly Finding[];

function judgeStatements(resource: Resource, policy: unknown, judge: JudgeStatement): readonly Finding[] {
  const statements = entriesOf(own(tableOf(policy), "Statement"));
  if (statements === undefined || isUnknown(policy)) return [atResource(NOT_VERIFIED, resource)];
  return statements.flatMap((entry) => {
    const statement = tableOf(entry);
    if (isUnknown(entry) || isUnknown(statement["Effect"])) return [atResource(NOT_VERIFIED, resource)];
    return statement["Effect"] === "Allow" ? judge(resource, statement) : [];
  });
}

function judgePermission(resource: Resource, statement: Table): readonly Finding[] {
  const actions = listed(statement["Action"]).map(textIn);
  if (actions.some((action) => action.includes(GAP))) return [atResource(NOT_VERIFIED, resource)];
  const resources = listed(statement["Resource"]).map(textIn);
  const everything = resources.some((arn) => EVERY_RESOURCE.test(arn)) || statement["NotResource"] !== undefined;
  const findings: Finding[] = [];
  const wide = actions.filter((action) => /^\*|:\*+$/u.test(action));
  if (statement["NotAction"] !== undefined) wide.push("NotAction");
  if (wide.length > 0) findings.push(atResource(WILDCARD_ACTION, resource, wide.join(", ")));
  if (actions.some(passesRoles) && resources.some((arn) => /^\*$|:role\/\*$/u.test(arn)))
    findings.push(atResource(PASS_ROLE, resource));
  const bound = actions.filter((action) => !BOUND_TO_NOTHING.test(action));
  if (everything && statement["Condition"] === undefined && wide.length === 0 && bound.length > 0)
    findings.push(atResource(WILDCARD_RESOURCE, resource, bound.slice(0, 5).join(", ")));
  return findings;
}

const passesRoles = (action: string): boolean => /^iam:Pass(?:Role|\*|R\w*\*)$/iu.test(action);

/** All of an account, or all of one kind such as every bucket. */
const EVERY_RESOURCE = /^(?:\*|arn:[^:]*:s3:::\*(?:\/\*)?|arn:[^:]*:(?!s3:)[^:]*:[^:]*:[^:]*:(?:[\w-]+[:/])?\*)$/u;

/** Actions that know no resource, as the service authorization reference has them. */
const BOUND_TO_NOTHING =
  /^(?:ecr:GetAuthorizationToken|ssmmessages:\w+|cloudwatch:PutMetricData|xray:Put\w+|sts:GetCallerIdentity|[a-z0-9-]+:(?:Describe|List)\w*)$/iu;

function judgeManaged(resource: Resource): readonly Finding[] {
  const arns = entriesOf(resource.properties["ManagedPolicyArns"]);
  if (arns === undefined) return [atResource(NOT_VERIFIED, resource, "ManagedPolicyArns")];
  const wide = arns
    .map((arn) => /:aws:policy\/(?:[\w-]+\/)*([\w-]+)$/u.exec(textIn(arn))?.[1] ?? "")
    .filter((name) => /^(?:AdministratorAccess|PowerUserAccess)|FullAccess(?:_v\d+)?$/u.test(name));
  return wide.length === 0 ? [] : [atResource(MANAGED_TOO_WIDE, resource, wide.join(", "))];
}

function judgeTrust(
  infrastructure: Infrastructure,
  role: Resource,
  { Principal, Condition }: Table,
): readonly Finding[] {
  if (Principal === "*") return [atResource(TRUST_EVERYONE, role)];
  if (isUnknown(Principal)) return [atResource(NOT_VERIFIED, role, "Principal")];
  const accounts = listed(tableOf(Principal)["AWS"]);
  if (accounts.some((account) => textIn(account) === "*")) return [atResource(TRUST_EVERYONE, role)];
  const strangers = accounts.filter((account) => referredFrom(infrastructure, role, account) === undefined);
  if (strangers.some((account) => textIn(account) === GAP)) return [atResource(NOT_VERIFIED, role, "Principal")];
  const federated = tableOf(Principal)["Federated"];
  return Condition === undefined && (strangers.length > 0 || federated !== undefined)
    ? [atResource(TRUST_WITHOUT_CONDITION, role)]
    : [];
}
