/** What `check` and `probe` say about rate limits. */
import type { ControlMeta, Deployment } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { observed, type Observation } from "../core/response.ts";
import { parseLimitField } from "./rate-limit-fields.ts";

export const RATE_LIMIT_META: ControlMeta = {
  id: "rate-limit",
  title: "Tiered rate limits on every route with standard 429 answers",
  layer: "network",
  guide: ["A04", "A07", "Rate Limiting", "checklist: Rate limiting on authentication endpoints"],
  owasp2021: ["A04", "A07"],
  owasp2025: ["A06", "A07"],
  asvs: ["v5.0.0-2.4.1", "v5.0.0-15.4.2"],
  cwe: ["CWE-770", "CWE-799", "CWE-307", "CWE-362"],
};

export const RATE_LIMIT_DRY_RUN: Rule = {
  id: "rate-limit/dry-run",
  severity: "warning",
  what: "A rate limit counts but does not refuse.",
  why: "A trial that nobody ended protects nothing.",
  fix: "Remove dryRun once its events show that no honest client reaches the limit.",
};
export const RATE_LIMIT_FAILS_OPEN: Rule = {
  id: "rate-limit/fails-open",
  severity: "error",
  what: "A rate limit lets everything pass while its store is down.",
  why: "Whoever can slow or stop the store has no limit at all, at the moment when the system is weakest.",
  fix: 'Use whenStoreDown: "local", or "refuse" for sign-in and for what costs money.',
};
export const RATE_LIMIT_UNVERIFIED_KEY: Rule = {
  id: "rate-limit/unverified-key",
  severity: "warning",
  what: "A rate limit counts by something that the client can make up.",
  why: "A fresh header, cookie or query value for each request is a fresh allowance for each request.",
  fix: 'Count by a verified identity: by: "apiKey", "user" or "tenant"; or by: "client".',
};
export const RATE_LIMIT_REFUSAL_INCOMPLETE: Rule = {
  id: "rate-limit/refusal-incomplete",
  severity: "error",
  what: "A 429 response does not say when to try again.",
  why: "Without Retry-After clients guess, and well-meant retries become the next flood.",
  fix: "Let the refusal come from rateLimit(), or add Retry-After in whole seconds, one or more.",
};
export const RATE_LIMIT_FIELDS_UNREADABLE: Rule = {
  id: "rate-limit/fields-unreadable",
  severity: "warning",
  what: "RateLimit or RateLimit-Policy is not what the draft standard describes.",
  why: "Clients that pace themselves by these fields ignore what they cannot parse.",
  fix: 'Send lists such as RateLimit: "default";r=50;t=30 and RateLimit-Policy: "default";q=100;w=60.',
};
export const STORE_PER_PROCESS: Rule = {
  id: "rate-limit-atomicity/store-per-process",
  severity: "error",
  what: "Several instances run, and each counts for itself.",
  why: "Behind a balancer the real limit is the declared one times the number of instances.",
  fix: "Use redisRateLimits() or postgresRateLimits() as the store.",
};

export const RATE_LIMIT_RULES: readonly Rule[] = [
  RATE_LIMIT_DRY_RUN,
  RATE_LIMIT_FAILS_OPEN,
  RATE_LIMIT_UNVERIFIED_KEY,
  RATE_LIMIT_REFUSAL_INCOMPLETE,
  RATE_LIMIT_FIELDS_UNREADABLE,
  STORE_PER_PROCESS,
];

/** The facts about a limiter that `check` judges. */
export interface LimiterPosture {
  readonly name: string;
  readonly dryRun: boolean;
  readonly failsOpen: boolean;
  readonly shared: boolean;
  /** The text of the application's `by` function, if it has one. */
  readonly subjectSource: string | undefined;
}

/** Members of the facts that a client fills as it likes. */
const CLIENT_CONTROLLED =
  /\.\s*(?:header|cookies|query|path|wire)\b|\[\s*["'](?:header|cookies|query|path|wire)["']\s*\]/u;

export function checkLimiter(posture: LimiterPosture, deployment: Deployment): readonly Finding[] {
  const at: Location = { kind: "setting", name: `rate-limit ${posture.name}` };
  const findings: Finding[] = [];
  if (posture.failsOpen) findings.push(finding(RATE_LIMIT_FAILS_OPEN, at));
  const unverified = CLIENT_CONTROLLED.exec(posture.subjectSource ?? "");
  if (unverified !== null) findings.push(finding(RATE_LIMIT_UNVERIFIED_KEY, at, unverified[0].trim()));
  if (deployment.mode !== "production") return findings;
  if (posture.dryRun) findings.push(finding(RATE_LIMIT_DRY_RUN, at));
  const several = severalInstances(deployment.variables);
  if (!posture.shared && several !== undefined) findings.push(finding(STORE_PER_PROCESS, at, several));
  return findings;
}

/** What in the environment says that more than one process serves; undefined when nothing does. */
function severalInstances(variables: ReadonlyMap<string, string>): string | undefined {
  for (const name of ["GLACIS_INSTANCES", "WEB_CONCURRENCY"]) {
    const count = variables.get(name);
    if (count !== undefined && Number(count) !== 1) return `${name}=${count.slice(0, 10)}`;
  }
  // Serverless platforms start an instance for each concurrent request or group of them.
  return ["AWS_LAMBDA_FUNCTION_NAME", "K_SERVICE"].find((name) => variables.has(name));
}

/** A response as a client sees it: the refusal complete, the fields readable. */
export function observeLimit(response: Observation): readonly Finding[] {
  const at = (header: string): Location => ({ kind: "response", url: response.url, header });
  const findings: Finding[] = [];
  const retryAfter = observed(response, "retry-after");
  if (response.status === 429 && !(retryAfter.length === 1 && /^[1-9][0-9]{0,8}$/u.test(retryAfter[0] as string))) {
    findings.push(finding(RATE_LIMIT_REFUSAL_INCOMPLETE, at("retry-after"), retryAfter.join(", ").slice(0, 40)));
  }
  const policies = items(observed(response, "ratelimit-policy"), "q");
  const limits = items(observed(response, "ratelimit"), "r");
  if (policies === undefined) findings.push(finding(RATE_LIMIT_FIELDS_UNREADABLE, at("ratelimit-policy")));
  if (limits === undefined) findings.push(finding(RATE_LIMIT_FIELDS_UNREADABLE, at("ratelimit")));
  const strangers = limits?.filter((name) => policies !== undefined && !policies.includes(name)) ?? [];
  if (strangers.length > 0) {
    findings.push(
      finding(RATE_LIMIT_FIELDS_UNREADABLE, at("ratelimit"), `no policy named ${strangers[0]?.slice(0, 40)}`),
    );
  }
  return findings;
}

/** The names in a field that must give each of them one number; undefined when it does not. */
function items(values: readonly string[], needed: string): readonly string[] | undefined {
  if (values.length === 0) return [];
  const parsed = parseLimitField(values.join(","));
  return parsed?.every(({ parameters }) => parameters.has(needed)) === true
    ? parsed.map(({ name }) => name)
    : undefined;
}
