import { judgeSecurity, type Deployment, type Finding, type Rule, type Severity, type Waiver } from "glacis";
import type { Config } from "./config.ts";

/** Everything that a renderer may say about one check. */
export interface Report {
  readonly configPath: string;
  readonly deployment: Deployment;
  /** Warnings count as well. */
  readonly strict: boolean;
  readonly clean: boolean;
  /** Worst first, then by rule. */
  readonly standing: readonly Finding[];
  readonly waived: readonly { readonly finding: Finding; readonly waiver: Waiver }[];
  /** Every control that was asked, found something or not. */
  readonly controls: readonly { readonly id: string; readonly title: string; readonly rules: readonly Rule[] }[];
}

export const SEVERITIES: readonly Severity[] = ["error", "warning", "note"];

/** Judges a configuration in a deployment. */
export function report(config: Config, configPath: string, deployment: Deployment, strict: boolean): Report {
  const { standing, waived } = judgeSecurity(config.security, deployment, config.waivers);
  const sorted = standing.toSorted(
    (left, right) =>
      SEVERITIES.indexOf(left.rule.severity) - SEVERITIES.indexOf(right.rule.severity) ||
      left.rule.id.localeCompare(right.rule.id, "en"),
  );
  const counting = sorted.filter(({ rule }) => counts(rule.severity, strict));
  return {
    configPath,
    deployment,
    strict,
    clean: counting.length === 0,
    standing: sorted,
    waived,
    controls: asked(config.security),
  };
}

/** Does a severity fail the check? A note never does, a warning only before a deployment. */
export function counts(severity: Severity, strict: boolean): boolean {
  return severity === "error" || (severity === "warning" && strict);
}

/** A control that is mounted several times, such as a limit for clients and one for users, is one line. */
function asked({ controls }: Config["security"]): Report["controls"] {
  const lines = controls.map(({ meta, rules }) => [meta.id, { id: meta.id, title: meta.title, rules }] as const);
  return [...new Map(lines).values()];
}
