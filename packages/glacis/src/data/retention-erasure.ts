/** Personal data goes when its time is over or its person asks (catalog retention-erasure). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import type { PersonalDataControlOptions } from "./data-classification.ts";
import { columnsFrom, type PersonalDataMap } from "./personal-data.ts";

const META: ControlMeta = {
  id: "retention-erasure",
  title: "Retention and erasure of personal data, in an order that works",
  layer: "data",
  guide: ["checklist: PII identified and protected"],
  owasp2021: ["A04"],
  owasp2025: ["A06"],
  asvs: ["v5.0.0-14.2.7"],
  cwe: ["CWE-212", "CWE-459"],
};

export const ERASURE_NO_WAY: Rule = {
  id: "retention-erasure/no-way-to-person",
  severity: "warning",
  what: "A table with personal data is not tied to a person.",
  why: "What is in it is neither given to a person who asks nor erased.",
  fix: "Say in subject which column leads to the person.",
};
export const ERASURE_BLOCKED: Rule = {
  id: "retention-erasure/blocked",
  severity: "error",
  what: "A foreign key would stop the erasure of a person.",
  why: "The first person who asks to be forgotten gets an error instead.",
  fix: "Add the table that refers to it to the map, or let the foreign key cascade or set null.",
};
export const ERASURE_CASCADE: Rule = {
  id: "retention-erasure/cascades-unseen",
  severity: "note",
  what: "Erasing a person deletes rows of a table that is not in the map.",
  why: "They go without being counted, and were never part of what the person was given.",
  fix: "Add the table to the map.",
};
export const RETENTION_MISSING: Rule = {
  id: "retention-erasure/no-retention",
  severity: "note",
  what: "Nobody has said how long a table with personal data is kept.",
  why: "What is kept for ever leaks in the end, and has to be justified.",
  fix: 'Set retention: { column: "created_at", days: 400 }, or { basis: "while the account exists" }.',
};

/**
 * Judges whether the map lets a person go, and reports what the database showed.
 *
 * @example
 * retentionErasure({ map, posture: await personalDataPosture(pool, map) });
 */
export function retentionErasure({ map, posture = [] }: PersonalDataControlOptions): Control {
  return {
    meta: META,
    rules: [ERASURE_NO_WAY, ERASURE_BLOCKED, ERASURE_CASCADE, RETENTION_MISSING],
    check: () => [...judgeMap(map), ...posture.filter(({ rule }) => rule.id.startsWith(`${META.id}/`))],
  };
}

function judgeMap(map: PersonalDataMap): readonly Finding[] {
  return [...map.tables.values()].flatMap((table) => {
    if (columnsFrom(table, "personal").length === 0) return [];
    const at = { kind: "database", name: table.name } as const;
    return [
      ...(table.belongs === undefined ? [finding(ERASURE_NO_WAY, at)] : []),
      ...(table.retention === undefined ? [finding(RETENTION_MISSING, at)] : []),
    ];
  });
}
