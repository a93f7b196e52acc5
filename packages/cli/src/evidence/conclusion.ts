/** What evidence says of each control. */
import type { Severity } from "glacis";
import type { Evidence, EvidenceControl, EvidenceFinding } from "./evidence.ts";

/** Worst first. `stale` is evidence that is too old to count. */
export const OUTCOMES = ["fail", "warn", "stale", "waived", "pass"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** A control with everything that was seen of it. */
export interface ControlConclusion {
  readonly control: EvidenceControl;
  readonly outcome: Outcome;
  /** What each document said of it. */
  readonly seen: readonly { readonly evidence: Evidence; readonly outcome: Outcome }[];
  readonly findings: readonly EvidenceFinding[];
  readonly waived: readonly EvidenceFinding[];
}

/**
 * Brings documents together by control. Of two documents of one command the later one counts. A control is as good as the worst that fresh evidence
 * says of it; where all of it is old, nothing is known.
 *
 * @param maxAgeMs evidence older than this does not count as fresh
 */
export function concludeControls(
  documents: readonly Evidence[],
  nowMs: number,
  maxAgeMs: number,
): readonly ControlConclusion[] {
  const latest = new Map<string, Evidence>();
  for (const document of documents) {
    const known = latest.get(document.command);
    if (known === undefined || known.timeMs < document.timeMs) latest.set(document.command, document);
  }
  const ids = new Map<string, EvidenceControl>();
  for (const { controls } of latest.values()) for (const control of controls) ids.set(control.id, control);
  // What stands apart from any control, such as a missing one or a bad waiver, is told under its own name.
  for (const { findings } of latest.values())
    for (const { id } of findings)
      if (controlOf(id) !== "scan" && !ids.has(controlOf(id))) ids.set(controlOf(id), unnamed(controlOf(id)));
  return [...ids.values()]
    .map((control) => concludeOne(control, [...latest.values()], nowMs - maxAgeMs))
    .toSorted(
      (left, right) =>
        OUTCOMES.indexOf(left.outcome) - OUTCOMES.indexOf(right.outcome) ||
        left.control.id.localeCompare(right.control.id, "en"),
    );
}

function concludeOne(control: EvidenceControl, documents: readonly Evidence[], sinceMs: number): ControlConclusion {
  const about = ({ id }: EvidenceFinding): boolean => controlOf(id) === ruleGroup(control.id);
  const seen = documents.flatMap((evidence) => {
    const findings = evidence.findings.filter(about);
    if (findings.length === 0 && !evidence.controls.some(({ id }) => id === control.id)) return [];
    return [{ evidence, outcome: outcomeOf(evidence, findings, evidence.waived.filter(about), sinceMs) }];
  });
  const outcome = OUTCOMES.find((candidate) => seen.some((one) => one.outcome === candidate)) ?? "stale";
  return {
    control,
    outcome,
    seen,
    findings: documents.flatMap(({ findings }) => findings.filter(about)),
    waived: documents.flatMap(({ waived }) => waived.filter(about)),
  };
}

function outcomeOf(
  { timeMs }: Evidence,
  findings: readonly EvidenceFinding[],
  waived: readonly EvidenceFinding[],
  sinceMs: number,
): Outcome {
  const has = (severity: Severity): boolean => findings.some((found) => found.severity === severity);
  if (has("error")) return "fail";
  if (timeMs < sinceMs) return "stale";
  if (has("warning")) return "warn";
  return waived.length > 0 ? "waived" : "pass";
}

/** The first half of a rule's id. */
function controlOf(id: string): string {
  return id.split("/", 1)[0] as string;
}

/** The rules of the scan have a name of their own, for there are many of them. */
function ruleGroup(controlId: string): string {
  return controlId === "static-analysis" ? "scan" : controlId;
}

function unnamed(id: string): EvidenceControl {
  return { id, title: id, layer: "composition", guide: [], owasp2021: [], owasp2025: [], asvs: [], cwe: [] };
}
