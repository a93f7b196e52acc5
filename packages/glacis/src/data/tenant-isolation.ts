/** Row-level security on every tenant table, and nothing that leads around it (catalog tenant-isolation; guide A04). */
import type { Control, ControlMeta } from "../core/control.ts";
import type { Finding } from "../core/finding.ts";
import { findingsOf, rulesOf } from "./posture/rules.ts";

const META: ControlMeta = {
  id: "tenant-isolation",
  title: "Tenant boundary enforced in the request context and in the database",
  layer: "data",
  guide: ["A01", "A04"],
  owasp2021: ["A01", "A04"],
  owasp2025: ["A01", "A06"],
  asvs: ["v5.0.0-8.4.1"],
  cwe: ["CWE-639", "CWE-668", "CWE-284", "CWE-863"],
};

/** What `databasePosture()` has found about it, as a control. @param posture its findings, the others are left out */
export function tenantIsolation(posture: readonly Finding[]): Control {
  const findings = findingsOf(META.id, posture);
  return { meta: META, rules: rulesOf(META.id), check: () => findings };
}
