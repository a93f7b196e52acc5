/** Security events are written, with a time that can be compared (catalog security-event-log; guide A09, checklist: security events logged). */
import { fstatSync, statSync } from "node:fs";
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Rule } from "../core/finding.ts";

const META: ControlMeta = {
  id: "security-event-log",
  title: "Structured security events with one schema and vocabulary",
  layer: "audit",
  guide: ["A09", "checklist: security events logged"],
  owasp2021: ["A09"],
  owasp2025: ["A09"],
  asvs: ["v5.0.0-16.2.1", "v5.0.0-16.2.2", "v5.0.0-16.2.4", "v5.0.0-16.3.3"],
  cwe: ["CWE-778", "CWE-223", "CWE-221"],
};

export const EVENTS_DISCARDED: Rule = {
  id: "security-event-log/discarded",
  severity: "error",
  what: "Security events go to stdout, and this process's stdout is thrown away.",
  why: "Attacks leave no trace: no search, no alarm outside and no investigation has anything to go by.",
  fix: "Let a collector read stdout, or pass audit or auditLog to saas().",
};
export const CLOCK_WRONG: Rule = {
  id: "security-event-log/clock",
  severity: "error",
  what: "The clock of this host is years off.",
  why: "Events of several hosts cannot be put in order, tokens and certificates are judged by a time that is not now.",
  fix: "Synchronise the clock by NTP.",
};

/** This rule was written after it: a clock that shows less has lost its battery. */
const WRITTEN_AT_MS = Date.UTC(2026, 0, 1);
const FAR_MS = 30 * 365 * 86_400_000;

export interface SecurityEventLogOptions {
  /** Whether events go to stdout and nowhere else. */
  readonly isStdoutAlone: boolean;
  /** Whether what is written to stdout is thrown away; asks the system unless you say. */
  readonly isDiscarded?: () => boolean;
}

/** Judges where events are written. Nothing happens per request. */
export function securityEventLog({ isStdoutAlone, isDiscarded = stdoutIsNull }: SecurityEventLogOptions): Control {
  return {
    meta: META,
    rules: [EVENTS_DISCARDED, CLOCK_WRONG],
    check: ({ mode, nowMs }) => [
      ...(mode === "production" && isStdoutAlone && isDiscarded()
        ? [finding(EVENTS_DISCARDED, { kind: "setting", name: "audit" }, "/dev/null")]
        : []),
      ...(nowMs < WRITTEN_AT_MS || nowMs > WRITTEN_AT_MS + FAR_MS
        ? [finding(CLOCK_WRONG, { kind: "environment", name: "clock" }, new Date(nowMs).toISOString())]
        : []),
    ],
  };
}

/** Stdout that is closed, or the null device. */
function stdoutIsNull(): boolean {
  try {
    const { rdev, mode } = fstatSync(1);
    const isDevice = (mode & 0o170_000) === 0o020_000;
    return isDevice && rdev === statSync("/dev/null").rdev;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EBADF";
  }
}
