import {
  judgeSecurity,
  type ControlMeta,
  type Deployment,
  type Finding,
  type Rule,
  type Severity,
  type Waiver,
} from "glacis";
import type { Config } from "./config.ts";

/** What every judging command ends in, and all that a renderer may say about it. */
export interface Report {
  /** The command that judged, such as `check`. */
  readonly command: string;
  /** What was judged: a configuration, an address, a lockfile. */
  readonly subject: string;
  /** Under which circumstances, for the heading: `production`, `Node v22.12.0`. */
  readonly circumstances: readonly string[];
  /** What else a program may want to read; top-level fields of the JSON document. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly nowMs: number;
  /** Warnings count as well. */
  readonly strict: boolean;
  readonly clean: boolean;
  /** Worst first, then by rule. */
  readonly standing: readonly Finding[];
  readonly waived: readonly { readonly finding: Finding; readonly waiver: Waiver }[];
  /** Every control that was asked, found something or not. */
  readonly controls: readonly AskedControl[];
}

/** A control that a command asked, with where it stands in the standards. */
export interface AskedControl {
  readonly meta: ControlMeta;
  readonly rules: readonly Rule[];
}

export const SEVERITIES: readonly Severity[] = ["error", "warning", "note"];

/** Puts findings in order and says whether they fail the command. */
export function conclude(parts: Omit<Report, "clean">): Report {
  const standing = parts.standing.toSorted(
    (left, right) =>
      SEVERITIES.indexOf(left.rule.severity) - SEVERITIES.indexOf(right.rule.severity) ||
      left.rule.id.localeCompare(right.rule.id, "en"),
  );
  return { ...parts, standing, clean: !standing.some(({ rule }) => counts(rule.severity, parts.strict)) };
}

/** Judges a configuration in a deployment. */
export function report(config: Config, configPath: string, deployment: Deployment, strict: boolean): Report {
  const { mode, nodeVersion, nowMs } = deployment;
  return conclude({
    command: "check",
    subject: configPath,
    circumstances: [mode, `Node ${nodeVersion}`],
    details: { config: configPath, mode, node: nodeVersion },
    nowMs,
    strict,
    ...judgeSecurity(config.security, deployment, config.waivers),
    controls: asked(config.security.controls),
  });
}

/** Does a severity fail the command? A note never does, a warning only before a deployment. */
export function counts(severity: Severity, strict: boolean): boolean {
  return severity === "error" || (severity === "warning" && strict);
}

/** A control that is mounted several times, such as a limit for clients and one for users, is one line. */
export function asked(controls: Config["security"]["controls"]): Report["controls"] {
  const lines = controls.map(({ meta, rules }) => [meta.id, { meta, rules }] as const);
  return [...new Map(lines).values()];
}
