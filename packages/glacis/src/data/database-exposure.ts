/** Who reaches the database, how, and with which powers (catalog database-exposure; guide checklist). */
import type { Control, ControlMeta } from "../core/control.ts";
import type { Finding } from "../core/finding.ts";
import { findingsOf, rulesOf } from "./posture/rules.ts";

const META: ControlMeta = {
  id: "database-exposure",
  title: "Datastores unreachable from the internet",
  layer: "data",
  guide: ["checklist: Database not publicly accessible"],
  owasp2021: ["A05", "A01"],
  owasp2025: ["A02", "A01"],
  asvs: [],
  cwe: ["CWE-668", "CWE-923", "CWE-1327"],
};

/** What `databasePosture()` has found about it, as a control. @param posture its findings, the others are left out */
export function databaseExposure(posture: readonly Finding[]): Control {
  const findings = findingsOf(META.id, posture);
  return { meta: META, rules: rulesOf(META.id), check: () => findings };
}
