/** Foreign keys that cannot cross tenants (catalog tenant-referential-integrity; guide A04). */
import type { Control, ControlMeta } from "../core/control.ts";
import type { Finding } from "../core/finding.ts";
import { findingsOf, rulesOf } from "./posture/rules.ts";

const META: ControlMeta = {
  id: "tenant-referential-integrity",
  title: "Foreign keys cannot cross tenants",
  layer: "data",
  guide: ["A04"],
  owasp2021: ["A04", "A01"],
  owasp2025: ["A06", "A01"],
  asvs: ["v5.0.0-8.4.1"],
  cwe: ["CWE-639", "CWE-1220"],
};

/** What `databasePosture()` has found about it, as a control. @param posture its findings, the others are left out */
export function tenantReferentialIntegrity(posture: readonly Finding[]): Control {
  const findings = findingsOf(META.id, posture);
  return { meta: META, rules: rulesOf(META.id), check: () => findings };
}
