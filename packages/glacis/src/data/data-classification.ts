/** Every column has a class, and is protected by it (catalog data-classification; guide checklist: PII identified and protected). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { columnsFrom, declaredClass, type PersonalDataMap } from "./personal-data.ts";
import { atLeast, suggestedClass } from "./personal-names.ts";

const META: ControlMeta = {
  id: "data-classification",
  title: "Personal data declared in one map and protected by its class",
  layer: "data",
  guide: ["checklist: PII identified and protected"],
  owasp2021: ["A04", "A02", "A01"],
  owasp2025: ["A06", "A04", "A01"],
  asvs: ["v5.0.0-14.1.1", "v5.0.0-14.1.2", "v5.0.0-14.2.4"],
  cwe: ["CWE-359", "CWE-200"],
};

export const CLASS_MISSING_PERSONAL: Rule = {
  id: "data-classification/personal-unclassified",
  severity: "error",
  what: "A column that looks personal is in no map.",
  why: "It is not encrypted, not hidden from logs, not part of what a person is given, and still there after an erasure.",
  fix: "Add it to personalData() with its class.",
};
export const CLASS_MISSING: Rule = {
  id: "data-classification/unclassified",
  severity: "warning",
  what: "Columns of a mapped table have no class.",
  why: "Nobody has decided what they hold, so nothing protects them by it.",
  fix: "Add them to personalData() with their class.",
};
export const CLASS_TOO_LOW: Rule = {
  id: "data-classification/class-too-low",
  severity: "warning",
  what: "A column's name says more than its class.",
  why: "Values of a low class are logged, exported to analytics and kept for ever.",
  fix: "Raise the class, or rename the column if it holds something else; waive this if the name misleads.",
};
export const CLASS_UNPROTECTED: Rule = {
  id: "data-classification/unprotected",
  severity: "warning",
  what: "A sensitive or secret column is neither sealed nor hashed.",
  why: "A backup, a replica or one injected query shows it in the clear.",
  fix: "Seal it with fieldEncryption() and leave it in the map's encrypted columns, or list it under hashed if it holds a hash.",
};
export const CLASS_STALE: Rule = {
  id: "data-classification/no-such-column",
  severity: "warning",
  what: "The map names a column that the database does not have.",
  why: "An export or an erasure fails on it, on the day when a person asks.",
  fix: "Correct the name, or remove it from personalData().",
};

export interface PersonalDataControlOptions {
  readonly map: PersonalDataMap;
  /** What `personalDataPosture()` found, where the database was looked at. */
  readonly posture?: readonly Finding[];
  /**
   * The columns that the program knows, by table, such as from its ORM's schema: what nobody has classified is then found before there is a database
   * to look at.
   */
  readonly schema?: Readonly<Record<string, readonly string[]>>;
}

/**
 * Judges the map, and reports what the database showed.
 *
 * @example
 * dataClassification({ map, posture: await personalDataPosture(pool, map) });
 */
export function dataClassification({ map, posture = [], schema = {} }: PersonalDataControlOptions): Control {
  return {
    meta: META,
    rules: [CLASS_MISSING_PERSONAL, CLASS_MISSING, CLASS_TOO_LOW, CLASS_UNPROTECTED, CLASS_STALE],
    check: () => [
      ...judgeMap(map),
      ...judgeSchema(map, schema),
      ...posture.filter(({ rule }) => rule.id.startsWith(`${META.id}/`)),
    ],
  };
}

function judgeSchema(map: PersonalDataMap, schema: Readonly<Record<string, readonly string[]>>): readonly Finding[] {
  return Object.entries(schema).flatMap(([table, columns]) =>
    columns
      .filter((column) => declaredClass(map.tables.get(table), column) === undefined)
      .flatMap((column) => {
        const at = { kind: "database", name: `${table}.${column}` } as const;
        const suggested = suggestedClass(column);
        if (suggested !== undefined) return [finding(CLASS_MISSING_PERSONAL, at, `looks ${suggested}`)];
        return map.tables.has(table) ? [finding(CLASS_MISSING, at)] : [];
      }),
  );
}

function judgeMap(map: PersonalDataMap): readonly Finding[] {
  return [...map.tables.values()].flatMap((table) => {
    const at = (column: string) => ({ kind: "database", name: `${table.name}.${column}` }) as const;
    const low = Object.entries(table.columns).flatMap(([column, level]) => {
      const suggested = suggestedClass(column);
      if (suggested === undefined || atLeast(level, suggested)) return [];
      return [finding(CLASS_TOO_LOW, at(column), `${level}, looks ${suggested}`)];
    });
    const open = columnsFrom(table, "sensitive").filter(
      (column) => !table.encrypted.includes(column) && !table.hashed.includes(column),
    );
    return [...low, ...open.map((column) => finding(CLASS_UNPROTECTED, at(column), table.columns[column]))];
  });
}
