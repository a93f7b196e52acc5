/** What tests write into an audit log, and where it lies on the disk. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { AuditRecord } from "glacis";

export function heartbeat(count: number): AuditRecord {
  return {
    time: "2026-01-01T00:00:00.000Z",
    event_type: "system",
    status: "observed",
    severity: "info",
    event: "sys_heartbeat",
    count,
  };
}

/** The files of a log, oldest first. */
export function segmentsOf(directory: string): readonly string[] {
  return readdirSync(directory)
    .filter((name) => /^audit-\d+\.jsonl$/u.test(name))
    .toSorted()
    .map((name) => join(directory, name));
}
