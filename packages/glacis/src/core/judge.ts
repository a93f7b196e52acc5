import type { Control, Deployment } from "./control.ts";
import { finding, type Finding, type Rule } from "./finding.ts";
import { describeError } from "./pipeline.ts";

export const CONTROL_MISSING: Rule = {
  id: "composition/control-missing",
  severity: "error",
  what: "A control that every public application needs is not mounted.",
  why: "The preset mounts it; somebody removed it or composed the layers by hand without it, and nothing else does its work.",
  fix: "Start from saas() and replace single controls by value, or add the named control to its layer.",
  django: ["security.W001", "security.W002", "security.W003"],
};

export const CHECK_CRASHED: Rule = {
  id: "composition/check-crashed",
  severity: "error",
  what: "A control's check failed, so nobody knows whether the control is sound.",
  why: "An unanswered question about security counts as a no.",
  fix: "Read the error in the detail; it is a defect of the control or of its options.",
};

/** Controls whose absence is a finding. */
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
];

/** Every control judged in one environment, and the absence of those that must be there. */
export function judge(controls: readonly Control<never>[], deployment: Deployment): readonly Finding[] {
  const mounted = new Set(controls.map((control) => control.meta.id));
  const missing = REQUIRED_CONTROLS.filter((id) => !mounted.has(id)).map((id) =>
    finding(CONTROL_MISSING, { kind: "setting", name: id }),
  );
  return [...missing, ...controls.flatMap((control) => judgeOne(control, deployment))];
}

function judgeOne(control: Control<never>, deployment: Deployment): readonly Finding[] {
  try {
    return control.check(deployment);
  } catch (error) {
    return [finding(CHECK_CRASHED, { kind: "setting", name: control.meta.id }, describeError(error).split("\n")[0])];
  }
}
