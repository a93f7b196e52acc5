/** Whoever is in staging is not in production (catalog environment-separation; guide configuration checklist; CWE-668). */
import type { ControlMeta, Finding, Rule } from "glacis";
import { atResource, textIn, type InfrastructureControl, type Resource } from "./template.ts";

const META: ControlMeta = {
  id: "environment-separation",
  title: "Production separated from other environments in data, credentials and access",
  layer: "network",
  guide: ["A05", "checklist: SECRET_KEY loaded from environment"],
  owasp2021: ["A05", "A02", "A01"],
  owasp2025: ["A02", "A04", "A01"],
  asvs: [],
  cwe: ["CWE-1188", "CWE-668", "CWE-200"],
};

const SHARED_SECRET: Rule = {
  id: "environment-separation/shared-secret",
  severity: "error",
  what: "Two stages use one secret, key, database or bucket.",
  why: "Staging has more people, fewer rules and test data from anywhere; what it can read, whoever breaks it can read.",
  fix: "Give each stage its own, below its own path, such as /app/staging/* and /app/production/*.",
};
const SHARED_ACCOUNT: Rule = {
  id: "environment-separation/shared-account",
  severity: "warning",
  what: "Two stages stand in one account.",
  why: "One wrong policy, or one administrator of staging, and production is open: an account is the boundary that holds.",
  fix: "Give each stage an account of its own.",
};
const NOT_COMPARED: Rule = {
  id: "environment-separation/not-compared",
  severity: "note",
  what: "One stage alone was judged.",
  why: "What two stages share shows only where both are seen.",
  fix: "Name the stages: glacis infra staging=cdk.out/staging production=cdk.out/production.",
};

export const environmentSeparation: InfrastructureControl = {
  meta: META,
  rules: [SHARED_SECRET, SHARED_ACCOUNT, NOT_COMPARED],
  judge: ({ stages, resources }) => {
    const [first] = resources;
    if (stages.length < 2) return first === undefined ? [] : [atResource(NOT_COMPARED, first)];
    return [...shared(resources, SECRET, SHARED_SECRET), ...shared(resources, ACCOUNT, SHARED_ACCOUNT)];
  },
};

/** What is named from outside of the template. A reference within it is the stage's own. */
const SECRET =
  /arn:aws[\w-]*:(?:secretsmanager|ssm|kms|rds|rds-db|dynamodb|s3|elasticache|elasticfilesystem):[\w-]*:\d*:[\w+=,.@:/*-]+|\{\{resolve:(?:ssm|ssm-secure|secretsmanager):[^}]+\}\}/gu;
/** Images may come from one account for all stages: they are the same image. */
const ACCOUNT = /(?<=arn:aws[\w-]*:(?!ecr:)[\w-]+:[\w-]*:)\d{12}(?=:)/gu;

function shared(resources: readonly Resource[], pattern: RegExp, rule: Rule): readonly Finding[] {
  const users = new Map<string, Map<string, Resource>>();
  for (const resource of resources)
    for (const text of textsIn(resource.properties))
      for (const [found] of text.matchAll(pattern)) {
        const stages = users.get(found) ?? new Map<string, Resource>();
        if (!stages.has(resource.stage)) stages.set(resource.stage, resource);
        users.set(found, stages);
      }
  return [...users].flatMap(([, stages]) => {
    const [, second] = [...stages.values()];
    return second === undefined ? [] : [atResource(rule, second, [...stages.keys()].join(", "))];
  });
}

/** Each text of a value, with joined ones as one. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  if (!Array.isArray(value) && ("Fn::Join" in value || "Fn::Sub" in value)) return [textIn(value)];
  return Object.values(value).flatMap(textsIn);
}
