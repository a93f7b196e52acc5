/** Events leave the host that they tell of, to a store that is known: who owns it, who reads it, how long it keeps (catalog log-shipping; guide A09). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";

const META: ControlMeta = {
  id: "log-shipping",
  title: "Logs shipped to a separate system, inventoried with retention and access",
  layer: "audit",
  guide: ["A09", "checklist: security events logged"],
  owasp2021: ["A09"],
  owasp2025: ["A09"],
  asvs: ["v5.0.0-16.1.1", "v5.0.0-16.2.3", "v5.0.0-16.4.3"],
  cwe: ["CWE-778", "CWE-779"],
};

export const LOGS_STAY: Rule = {
  id: "log-shipping/not-shipped",
  severity: "warning",
  what: "Nothing says where security events go from this host.",
  why: "Whoever takes the host takes its log, and an incident is reconstructed from what was elsewhere.",
  fix: "Pass logShipping to saas(): with url and fetch to send them, or without where the platform collects stdout; name the store either way.",
};
export const SHORT_RETENTION: Rule = {
  id: "log-shipping/short-retention",
  severity: "warning",
  what: "The store keeps security events for less than a year.",
  why: "A break-in is found months after it began, and by then its beginning is gone.",
  fix: "Keep them for 400 days, and set retentionDays to what the store really does.",
};

const LEAST_RETENTION_DAYS = 365;

/** The store where events end up, as an auditor asks for it. */
export interface LogDestination {
  /** Such as `CloudWatch /folio/security, account 1234`. */
  readonly name: string;
  /** The team that answers for it. */
  readonly owner: string;
  /** Roles that can read it. */
  readonly readers: readonly string[];
  readonly retentionDays: number;
}

/**
 * Judges where events go.
 *
 * @param destination undefined says that nothing is known of it
 * @throws TypeError on an unknown field, an empty name, owner or list of readers, or a retention that is no whole number of days
 */
export function logShipping(destination?: LogDestination): Control {
  if (destination !== undefined) judgeDestination(destination);
  return {
    meta: META,
    rules: [LOGS_STAY, SHORT_RETENTION],
    check: ({ mode }) => {
      if (mode !== "production") return [];
      if (destination === undefined) return [finding(LOGS_STAY, { kind: "setting", name: "logShipping" })];
      const { retentionDays: days } = destination;
      return days < LEAST_RETENTION_DAYS
        ? [finding(SHORT_RETENTION, { kind: "setting", name: "logShipping.destination.retentionDays" }, String(days))]
        : [];
    },
  };
}

function judgeDestination(destination: LogDestination): void {
  rejectUnknownOptions("logShipping", destination, ["name", "owner", "readers", "retentionDays"]);
  const { name, owner, readers, retentionDays } = destination;
  const texts: readonly unknown[] = [name, owner, ...readers];
  if (texts.length < 3 || texts.some((text) => typeof text !== "string" || text.trim() === ""))
    throw new TypeError("logShipping() needs a destination with name, owner and at least one of readers.");
  if (!(Number.isSafeInteger(retentionDays) && retentionDays > 0))
    throw new TypeError("logShipping() needs retentionDays as a whole number above zero.");
}
