/** No installed package has a hole that is known (catalog dependency-audit; guide A06 scanning; CWE-1395). */
import type { ControlMeta, Finding, Rule, Waiver } from "glacis";
import type { Advisory } from "../audit/advisory.ts";
import type { Lockfile } from "../audit/lockfile.ts";
import { remedy } from "../audit/remedy.ts";
import { rank, type SeverityLevel } from "../audit/severity.ts";

export const DEPENDENCY_AUDIT_META: ControlMeta = {
  id: "dependency-audit",
  title: "Known-vulnerability gate",
  layer: "supply-chain",
  guide: ["A06 scanning workflow", "checklist: pip-audit in CI pipeline", "checklist: no known vulnerabilities"],
  owasp2021: ["A06"],
  owasp2025: ["A03"],
  asvs: ["v5.0.0-15.1.1", "v5.0.0-15.2.1"],
  cwe: ["CWE-1395", "CWE-937", "CWE-1104"],
};

export const ADVISORIES_OLD: Rule = {
  id: "dependency-audit/advisories-old",
  severity: "warning",
  what: "The newest advisory of the local database is older than two days.",
  why: "What has become known since then is not in it, and malicious packages are found within hours.",
  fix: "Fetch the export anew in the job that audits, or ask api.osv.dev.",
};

const DATABASE_LIFE_MS = 48 * 3_600_000;

/** @param newestMs when the newest record was written, in milliseconds since the epoch */
export function judgeAge(source: string, newestMs: number | undefined, nowMs: number): readonly Finding[] {
  if (newestMs === undefined || nowMs - newestMs <= DATABASE_LIFE_MS) return [];
  const at = { kind: "setting", name: source } as const;
  return [{ rule: ADVISORIES_OLD, at, detail: `newest of ${new Date(newestMs).toISOString().slice(0, 10)}` }];
}

/**
 * A finding for each advisory: an error from the threshold on, a note below it. A package that is malicious, and a hole that is under attack, are
 * critical whatever anybody scored.
 */
export function judgeAdvisories(
  found: readonly Advisory[],
  lockfile: Lockfile,
  failOn: SeverityLevel,
): readonly Finding[] {
  return found.map((advisory) => ({
    rule: ruleOf(advisory, lockfile, failOn),
    at: { kind: "package", name: advisory.name, version: advisory.version },
    detail: describe(advisory),
  }));
}

export function advisoryRuleId(id: string): Rule["id"] {
  return `dependency-audit/${id}`;
}

function ruleOf(advisory: Advisory, lockfile: Lockfile, failOn: SeverityLevel): Rule {
  const { id, name, summary, severity, malicious, knownExploited } = advisory;
  const title = summary === "" ? `${name} has a known hole` : summary;
  return {
    id: advisoryRuleId(id),
    severity: rank(severity.level) >= rank(failOn) ? "error" : "note",
    what: /[.!?]$/u.test(title) ? title : `${title}.`,
    why: malicious
      ? "The package is the attack: it was published to do harm where it is installed or run."
      : knownExploited
        ? "Attackers use this hole now: CISA lists it as known exploited."
        : "It is public how the hole is used, and scanners look for it everywhere.",
    fix: remedy(advisory, lockfile),
  };
}

function describe({ severity, aliases, path, fixedIn, affectedUntil, malicious }: Advisory): string {
  return [
    `${malicious ? "malicious, " : ""}${severity.level}${severity.score === undefined ? "" : ` ${severity.score.toFixed(1)}`}`,
    path.dev ? "development" : "production",
    ...(path.names.length === 0 ? [] : [path.names.join(" > ")]),
    fixedIn !== undefined
      ? `fixed in ${fixedIn}`
      : affectedUntil !== undefined
        ? `affected until ${affectedUntil}`
        : "no fixed version",
    ...(aliases.length === 0 ? [] : [aliases.join(" ")]),
  ].join("; ");
}

const ADVISORY_ID = /^(?:dependency-audit\/)?((?!advisories-)[A-Za-z][A-Za-z0-9]*-[A-Za-z0-9._-]+)$/u;

/**
 * Waivers by any id of an advisory, written as those of the rules that stand.
 *
 * @returns with rules for the ids of advisories that have gone, so that their waivers count as unused and not as misspelt
 */
export function advisoryWaivers(
  waivers: readonly Waiver[],
  found: readonly Advisory[],
): { readonly waivers: readonly Waiver[]; readonly rules: readonly Rule[] } {
  const rules: Rule[] = [];
  const resolved = waivers.flatMap((waiver) => {
    const written = typeof waiver?.id === "string" ? waiver.id : "";
    const id = ADVISORY_ID.exec(written)?.[1];
    if (id === undefined || (written.includes("/") && !written.startsWith("dependency-audit/"))) return [waiver];
    const matching = found.filter((advisory) => advisory.id === id || advisory.aliases.includes(id));
    const rule = { ...ADVISORIES_OLD, id: advisoryRuleId(id) };
    if (matching.length === 0) rules.push(rule);
    const ids = new Set(matching.length === 0 ? [id] : matching.map((advisory) => advisory.id));
    return [...ids].map((known) => ({ ...waiver, id: advisoryRuleId(known) }));
  });
  return { waivers: resolved, rules };
}
