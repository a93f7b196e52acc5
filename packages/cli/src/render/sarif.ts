import { createHash } from "node:crypto";
import { COMPOSITION_RULES, describeLocation, WAIVER_RULES, type Finding, type Rule, type Waiver } from "glacis";
import type { Log, ReportingDescriptor, Result, Run } from "sarif";
import type { Report } from "../report.ts";
import { CLI_VERSION } from "../version.ts";

export type { Log, Result, ThreadFlowLocation } from "sarif";

/** For code scanning: SARIF 2.1.0 (OASIS). Waived findings are suppressed results, so that a viewer shows them as accepted. */
export function renderSarif(report: Report): string {
  const rules = distinct([
    ...report.controls.flatMap((control) => control.rules),
    ...COMPOSITION_RULES,
    ...WAIVER_RULES,
    ...report.standing.map(({ rule }) => rule),
    ...report.waived.map(({ finding }) => finding.rule),
  ]);
  const indexOf = new Map(rules.map(({ id }, index) => [id as string, index]));
  const result = (finding: Finding, waiver?: Waiver): Result =>
    toResult(finding, indexOf.get(finding.rule.id) ?? -1, report.subject, waiver);
  const run: Run = {
    tool: {
      driver: {
        name: "glacis",
        version: CLI_VERSION,
        semanticVersion: CLI_VERSION,
        rules: rules.map(toDescriptor),
      },
    },
    columnKind: "utf16CodeUnits",
    invocations: [
      {
        executionSuccessful: true,
        exitCode: report.clean ? 0 : 1,
        endTimeUtc: new Date(report.nowMs).toISOString(),
      },
    ],
    results: [
      ...report.standing.map((finding) => result(finding)),
      ...report.waived.map(({ finding, waiver }) => result(finding, waiver)),
    ],
  };
  const log: Log = {
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [run],
  };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}

function distinct(rules: readonly Rule[]): readonly Rule[] {
  return [...new Map(rules.map((rule) => [rule.id, rule])).values()];
}

/** A rule as SARIF describes it. */
export function toDescriptor({ id, severity, what, why, fix, django }: Rule): ReportingDescriptor {
  return {
    id,
    name: id.replaceAll(/(?:^|[-/])([a-z0-9])/gu, (_, letter: string) => letter.toUpperCase()),
    shortDescription: { text: what },
    fullDescription: { text: `${what} ${why}` },
    help: { text: `${why}\n\nFix: ${fix}`, markdown: `${why}\n\n**Fix:** ${fix}` },
    defaultConfiguration: { level: severity },
    properties: { tags: ["security", ...(django ?? [])] },
  };
}

/** A path as RFC 3986 writes it (SARIF section 3.4.3): a viewer looks for `app/[id].ts` under `app/%5Bid%5D.ts`. */
export function uriOf(path: string): string {
  return encodeURI(path.replaceAll("\\", "/")).replaceAll(/[#?]/gu, encodeURIComponent);
}

function toResult({ rule, at, detail, sql }: Finding, ruleIndex: number, subject: string, waiver?: Waiver): Result {
  const place = describeLocation(at);
  const uri = uriOf(at.kind === "source" ? at.file : subject);
  const region = at.kind === "source" ? { startLine: at.line, startColumn: at.column } : { startLine: 1 };
  return {
    ruleId: rule.id,
    ruleIndex,
    level: rule.severity,
    message: { text: `${rule.what} At ${place}${detail === undefined ? "" : ` (${detail})`}. ${rule.fix}` },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri }, region },
        logicalLocations: [{ name: place, kind: at.kind }],
      },
    ],
    ...(sql !== undefined && { properties: { sql } }),
    partialFingerprints: { "ruleAndPlace/v1": createHash("sha256").update(`${rule.id}\n${place}`).digest("hex") },
    ...(waiver !== undefined && {
      suppressions: [
        {
          kind: "external",
          status: "accepted",
          justification: `${waiver.reason} (${waiver.owner}, until ${waiver.expires})`,
        },
      ],
    }),
  };
}
