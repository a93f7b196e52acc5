/** The audit log shows what was done to it (catalog audit-integrity; guide checklist: audit trail for sensitive operations). */
import type { Control, ControlMeta } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import { finding, type Location, type Rule } from "../core/finding.ts";
import type { AuditCheckpointOptions } from "./audit-checkpointer.ts";
import type { AuditLogVerdict } from "./audit-log-verify.ts";

const META: ControlMeta = {
  id: "audit-integrity",
  title: "Tamper-evident, append-only audit storage",
  layer: "audit",
  guide: ["A09", "checklist: audit trail for sensitive operations"],
  owasp2021: ["A09", "A08"],
  owasp2025: ["A09", "A08"],
  asvs: ["v5.0.0-16.4.2"],
  cwe: ["CWE-354", "CWE-284", "CWE-345"],
};

export const NO_AUDIT_LOG: Rule = {
  id: "audit-integrity/no-log",
  severity: "warning",
  what: "Security events are kept nowhere that shows a change.",
  why: "Whoever breaks in takes their traces out of an ordinary log, and nobody can tell.",
  fix: "Pass auditLog to saas(): openAuditLog({ directory, origin, signingKey, anchors }), or postgresAuditLog.",
};
export const NO_SIGNING_KEY: Rule = {
  id: "audit-integrity/no-signing-key",
  severity: "warning",
  what: "The audit log signs no checkpoints.",
  why: "A chain of hashes alone can be computed anew by whoever can write the file.",
  fix: "Pass signingKey: an Ed25519 key that the platform's secret store holds.",
};
export const NO_ANCHOR: Rule = {
  id: "audit-integrity/no-anchor",
  severity: "warning",
  what: "Checkpoints of the audit log stay beside it.",
  why: "Whoever shortens the log shortens its checkpoints with it, and what is left verifies.",
  fix: "Pass an anchor that this process cannot take back: fileAnchor on an append-only mount, or your own over object lock.",
};

/** An audit log in files or in Postgres, as far as it is judged. */
export interface JudgedLog {
  readonly options: Pick<AuditCheckpointOptions, "signingKey" | "anchors">;
}

/**
 * Judges where events are kept.
 *
 * @param log the log whose `audit` is composed; undefined says that there is none
 */
export function auditIntegrity(log?: JudgedLog): Control {
  return {
    meta: META,
    rules: [NO_AUDIT_LOG, NO_SIGNING_KEY, NO_ANCHOR],
    check: ({ mode }) => {
      if (mode !== "production") return [];
      if (log === undefined) return [finding(NO_AUDIT_LOG, setting("auditLog"))];
      const { signingKey, anchors = [] } = log.options;
      if (signingKey === undefined) return [finding(NO_SIGNING_KEY, setting("auditLog.signingKey"))];
      return anchors.length === 0 ? [finding(NO_ANCHOR, setting("auditLog.anchors"))] : [];
    },
  };
}

const setting = (name: string): Location => ({ kind: "setting", name });

/**
 * A verdict as an event, for `security.report`: the alarm `AuditIntegrityFailure` rings on it.
 *
 * @returns undefined when the log is whole
 */
export function integrityEvent({ broken }: Pick<AuditLogVerdict, "broken">): AuditEvent | undefined {
  if (broken === undefined) return undefined;
  return {
    event_type: "audit_integrity",
    status: "failed",
    severity: "critical",
    event: "audit_log_altered",
    control: META.id,
    detail: broken.problem,
    resource_type: "audit_log",
    ...(broken.file !== undefined && { resource_id: broken.file }),
    count: broken.seq,
  };
}
