/** How bad an advisory is: the word of its author, or what its CVSS vector of version 2, 3 or 4 comes to. */
import cvss from "ae-cvss-calculator";
import type { OsvRecord, OsvSeverity } from "./osv-record.ts";

export const SEVERITY_LEVELS = ["low", "moderate", "high", "critical"] as const;

/** The qualitative scale of CVSS, with the words of the registry. */
export type SeverityLevel = (typeof SEVERITY_LEVELS)[number];

export interface Severity {
  readonly level: SeverityLevel;
  /** The CVSS score, where there is a vector. */
  readonly score: number | undefined;
  readonly vector: string | undefined;
}

const WORDS: Readonly<Record<string, SeverityLevel>> = {
  LOW: "low",
  MODERATE: "moderate",
  MEDIUM: "moderate",
  HIGH: "high",
  CRITICAL: "critical",
};

/**
 * The severity of records that are aliases of each other, for one package: the worst that any of them says. What nobody has scored is high, for
 * nobody has said that it is not.
 */
export function severityOf(records: readonly OsvRecord[], name: string): Severity {
  const [first, ...others] = records
    .map((record) => severityOfRecord(record, name))
    .filter((known) => known !== undefined);
  if (first === undefined) return { level: "high", score: undefined, vector: undefined };
  return others.reduce((worst, next) => (rank(next.level) > rank(worst.level) ? next : worst), first);
}

export function rank(level: SeverityLevel): number {
  return SEVERITY_LEVELS.indexOf(level);
}

function severityOfRecord(record: OsvRecord, name: string): Severity | undefined {
  const entries = record.affected.filter((entry) => entry.ecosystem === "npm" && entry.name === name);
  const vectors = [...entries.flatMap(({ severities }) => severities), ...record.severities];
  const scored = vectors.flatMap((severity) => scoreOf(severity) ?? []);
  const worst = scored.toSorted((left, right) => right.score - left.score)[0];
  const words = [...entries.map(({ severityWord }) => severityWord), record.severityWord];
  const word = words.map((text) => WORDS[text?.toUpperCase() ?? ""]).find((level) => level !== undefined);
  const level = word ?? (worst === undefined ? undefined : levelOf(worst.score));
  return level === undefined ? undefined : { level, score: worst?.score, vector: worst?.vector };
}

const VERSIONS = [
  { pattern: /^CVSS:4\.0\//u, type: "CVSS_V4", read: (vector: string) => new cvss.Cvss4P0(vector) },
  { pattern: /^CVSS:3\.1\//u, type: "CVSS_V3", read: (vector: string) => new cvss.Cvss3P1(vector) },
  { pattern: /^CVSS:3\.0\//u, type: "CVSS_V3", read: (vector: string) => new cvss.Cvss3P0(vector) },
  { pattern: /^\(?AV:/u, type: "CVSS_V2", read: (vector: string) => new cvss.Cvss2(vector) },
];

function scoreOf({
  type,
  score: vector,
}: OsvSeverity): { readonly score: number; readonly vector: string } | undefined {
  const version = VERSIONS.find((known) => known.type === type && known.pattern.test(vector));
  if (version === undefined || vector.length > 300) return undefined;
  try {
    const calculator = version.read(vector);
    // An incomplete vector has a score of nothing rather than none.
    if (!calculator.isBaseFullyDefined()) return undefined;
    const { overall } = calculator.calculateScores();
    return overall === undefined || !Number.isFinite(overall) ? undefined : { score: overall, vector };
  } catch {
    return undefined;
  }
}

/** The ratings of CVSS; a score of 0 is low, for somebody found it worth a record. */
function levelOf(score: number): SeverityLevel {
  if (score >= 9) return "critical";
  if (score >= 7) return "high";
  return score >= 4 ? "moderate" : "low";
}
