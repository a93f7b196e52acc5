import type { Control, DeclaredRoute, Deployment } from "./control.ts";
import { describeLocation, finding, type Finding, type Rule } from "./finding.ts";
import { describeError } from "./pipeline.ts";
import type { Observation } from "./response.ts";
import type { Security, ServerLimits } from "./security.ts";
import { applyWaivers, WAIVER_RULES, type Judgement, type Waiver } from "./waiver.ts";

export const CONTROL_MISSING: Rule = {
  id: "composition/control-missing",
  severity: "error",
  what: "A control that every public application needs is not mounted.",
  why: "The preset mounts it; somebody removed it or composed the layers by hand without it, and nothing else does its work.",
  fix: "Start from saas() and replace single controls by value, or add the named control to its layer.",
  django: ["security.W001", "security.W002", "security.W003"],
};

export const CONTROL_LEFT_OUT: Rule = {
  id: "composition/control-left-out",
  severity: "warning",
  what: "A control that saas() always mounts is not mounted.",
  why: "Nothing refuses or finds any more what it would have: a waiver without a reason, an owner or an end.",
  fix: "Add the named control to its layer, or waive this at its name.",
};

export const CHECK_CRASHED: Rule = {
  id: "composition/check-crashed",
  severity: "error",
  what: "A control's check failed, so nobody knows whether the control is sound.",
  why: "An unanswered question about security counts as a no.",
  fix: "Read the error in the detail; it is a defect of the control or of its options.",
};

export const DEVELOPER_ANSWERS: Rule = {
  id: "composition/developer-answers",
  severity: "error",
  what: "The layers are composed for development, and the environment is production.",
  why: "Development answers tell the client why a request was refused and what the code threw.",
  fix: "Leave mode to saas(), which reads the environment, or set GLACIS_ENV=development where this is a laptop.",
  django: ["security.W018"],
};

export const SERVER_TIME_SHORT: Rule = {
  id: "composition/server-time-short",
  severity: "warning",
  what: "A control gives requests more time to arrive than the server does.",
  why: "The server ends a slow upload first, without the answer that would have said how long it may take.",
  fix: "Raise requestTimeoutMs of requestLimits(), or lower the time of the control, such as maxSeconds of uploads().",
};

/** What is judged about the composition as a whole. */
export const COMPOSITION_RULES: readonly Rule[] = [
  CONTROL_MISSING,
  CONTROL_LEFT_OUT,
  CHECK_CRASHED,
  DEVELOPER_ANSWERS,
  SERVER_TIME_SHORT,
];

/** Of those below, what some applications can be without: a warning where the others are an error. */
const ADVISED: ReadonlySet<string> = new Set([
  "subresource-integrity",
  "client-storage",
  "client-code-safety",
  "safe-methods",
  "log-shipping",
  "third-party-sharing",
  "egress-allowlist",
  "intrusion-detection",
  "oauth-resource-server",
  "authorization-freshness",
]);

/** Controls whose absence is a finding: all that saas() mounts, whatever its options. */
export const REQUIRED_CONTROLS: readonly string[] = [
  "request-shape",
  "allowed-hosts",
  "trusted-proxy",
  "request-limits",
  "overload-protection",
  "rate-limit",
  "https-only",
  "hsts",
  "csp",
  "nosniff",
  "frame-ancestors",
  "referrer-policy",
  "cross-origin-policies",
  "permissions-policy",
  "obsolete-headers",
  "cache-control",
  "cookies",
  "csrf",
  "session",
  "debug-off",
  "runtime-hardening",
  "secrets-management",
  "tls-peer-verification",
  "input-validation",
  "internal-tls",
  "tls-version",
  "tls-certificate",
  "dynamic-code",
  "exposed-files-and-endpoints",
  "template-injection",
  "security-event-log",
  "authentication-log",
  "authorization-log",
  "log-redaction",
  "log-injection",
  "error-handling",
  "audit-trail",
  "audit-integrity",
  "security-alerting",
  "key-management",
  "canonicalization",
  "prototype-pollution",
  "sensitive-urls",
  "cors",
  "open-redirect",
  "mfa-required",
  "auth-pathway-consistency",
  "xml-and-deserialization",
  "response-context-isolation",
  "admin-interface",
  ...ADVISED,
];

/**
 * Every control judged in one environment, and the absence of those that must be there.
 *
 * @param ofRoutes controls of single routes: judged like the others, and nothing that every request could count on
 * @param server how long any request may take
 */
export function judge(
  controls: readonly Control<never>[],
  deployment: Deployment,
  routes: readonly DeclaredRoute[] = [],
  ofRoutes: readonly Control<never>[] = [],
  server?: Pick<ServerLimits, "requestTimeoutMs">,
): readonly Finding[] {
  const mounted = new Set(controls.map((control) => control.meta.id));
  const missing = REQUIRED_CONTROLS.filter((id) => !mounted.has(id)).map((id) =>
    finding(ADVISED.has(id) ? CONTROL_LEFT_OUT : CONTROL_MISSING, { kind: "setting", name: id }),
  );
  const every = [...controls, ...ofRoutes];
  return [
    ...missing,
    ...every.flatMap((control) => judgeOne(control, deployment, routes)),
    ...(server === undefined ? [] : judgeArrival(every, server.requestTimeoutMs)),
  ];
}

function judgeArrival(controls: readonly Control<never>[], serverMs: number): readonly Finding[] {
  return controls
    .filter(({ arrivalMs = 0 }) => arrivalMs > serverMs)
    .map(({ meta, arrivalMs }) =>
      finding(
        SERVER_TIME_SHORT,
        { kind: "setting", name: meta.id },
        `${arrivalMs} ms, and the server gives ${serverMs}`,
      ),
    );
}

function judgeOne(
  control: Control<never>,
  deployment: Deployment,
  routes: readonly DeclaredRoute[],
): readonly Finding[] {
  try {
    return [...control.check(deployment), ...(control.checkRoutes?.(routes) ?? [])];
  } catch (error) {
    return [finding(CHECK_CRASHED, { kind: "setting", name: control.meta.id }, describeError(error).split("\n")[0])];
  }
}

/**
 * The whole composition judged in one environment, with its waivers applied: what `glacis check` prints and what a production boot asks.
 *
 * @param extraWaivers waivers that are known to the caller alone
 */
export function judgeSecurity(
  security: Security,
  deployment: Deployment,
  extraWaivers: readonly Waiver[] = [],
): Judgement {
  const { layers, controls } = security;
  const findings = [...security.check(deployment)];
  if (layers.mode === "development" && deployment.mode === "production") {
    findings.push(finding(DEVELOPER_ANSWERS, { kind: "setting", name: "mode" }));
  }
  const rules = [...COMPOSITION_RULES, ...WAIVER_RULES, ...controls.flatMap((control) => control.rules)];
  return applyWaivers(findings, [...(layers.waivers ?? []), ...extraWaivers], rules, deployment.nowMs);
}

/**
 * What an application shows on the wire, judged by the controls that it should show: the third face of each. A finding that several answers
 * share at one address is named once.
 */
export function judgeObservations(
  controls: readonly Control<never>[],
  observations: readonly Observation[],
): readonly Finding[] {
  const found = new Map<string, Finding>();
  for (const observation of observations)
    for (const control of controls)
      for (const each of observeWith(control, observation)) {
        const key = `${each.rule.id} ${describeLocation(each.at)}`;
        if (!found.has(key)) found.set(key, each);
      }
  return [...found.values()];
}

function observeWith({ meta, observe }: Control<never>, observation: Observation): readonly Finding[] {
  try {
    return observe?.(observation) ?? [];
  } catch (error) {
    const at = { kind: "response", url: observation.url, header: undefined } as const;
    return [finding(CHECK_CRASHED, at, `${meta.id}: ${describeError(error).split("\n")[0]}`)];
  }
}
