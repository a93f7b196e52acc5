/** What a scan says, to people, to programs and to code scanning. */
import { createHash } from "node:crypto";
import { describeLocation, WAIVER_RULES, type ControlMeta, type Finding, type Waiver } from "glacis";
import { toDescriptor, uriOf, type Log, type Result, type ThreadFlowLocation } from "../render/sarif.ts";
import { count, paint } from "../render/text.ts";
import { SEVERITIES } from "../report.ts";
import { CLI_VERSION } from "../version.ts";
import type { FlowStep, ScanFinding } from "./findings.ts";
import type { ScanRule } from "./rule.ts";
import { SCAN_RULES } from "./rules/index.ts";

/** Everything that a renderer may say about one scan. */
export interface ScanReport {
  readonly nowMs: number;
  readonly clean: boolean;
  readonly files: number;
  readonly unread: readonly string[];
  /** Worst first, then by place. */
  readonly standing: readonly Finding[];
  readonly waived: readonly { readonly finding: Finding; readonly waiver: Waiver }[];
}

/** Where the scan stands in the standards; its rules have CWEs of their own. */
export const STATIC_ANALYSIS_META: Readonly<ControlMeta> = {
  id: "static-analysis",
  title: "Security static analysis in CI with taint rules",
  layer: "supply-chain",
  guide: ["Security Testing"],
  owasp2021: ["A04", "A08"],
  owasp2025: ["A06", "A03"],
  asvs: [],
  cwe: ["CWE-1053", "CWE-710"],
};

function flowOf(found: Finding): readonly FlowStep[] {
  return (found as Partial<ScanFinding>).flow ?? [];
}

function cweOf(found: Finding): readonly string[] {
  return (found.rule as Partial<ScanRule>).cwe ?? [];
}

export function renderText({ clean, files, unread, standing, waived }: ScanReport): string {
  const blocks = standing.map((found) => {
    const { rule, at, detail } = found;
    const way = flowOf(found).map((step) => `         | ${step.file}:${step.line}:${step.column}  ${step.text}`);
    return [
      `${paint(rule.severity)} ${rule.id}  at ${describeLocation(at)}${detail === undefined ? "" : ` (${detail})`}`,
      `         ${rule.what}${cweOf(found).length === 0 ? "" : ` ${cweOf(found).join(", ")}`}`,
      ...way,
      `         why: ${rule.why}`,
      `         fix: ${rule.fix}`,
      "",
    ].join("\n");
  });
  const accepted = waived.map(
    ({ finding, waiver }) =>
      `${"waived".padEnd(8)} ${finding.rule.id}  at ${describeLocation(finding.at)}\n         until ${waiver.expires}, ${waiver.owner}: ${waiver.reason}\n`,
  );
  const lost = unread.map((line) => `${"unread".padEnd(8)} ${line}\n`);
  const counted = SEVERITIES.map((severity) =>
    count(standing.filter(({ rule }) => rule.severity === severity).length, severity),
  );
  const tally = [count(files, "file"), ...counted, `${waived.length} waived`, `${unread.length} unread`].join(", ");
  return [
    ...blocks,
    ...accepted,
    ...lost,
    `${tally}. ${clean ? "Clean." : "Not clean: docs/scan.md says how to mend or waive."}\n`,
  ].join("\n");
}

export function renderJson({ nowMs, clean, files, unread, standing, waived }: ScanReport): string {
  const document = {
    format: 1,
    tool: { name: "glacis", version: CLI_VERSION },
    command: "scan",
    time: new Date(nowMs).toISOString(),
    clean,
    files,
    unread,
    findings: standing.map(plain),
    waived: waived.map(({ finding, waiver }) => Object.assign(plain(finding), { waiver })),
    controls: [{ ...STATIC_ANALYSIS_META, findings: standing.length }],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function plain(found: Finding): object {
  const { rule, at, detail } = found;
  const { id, severity, what, why, fix } = rule;
  return { id, severity, cwe: cweOf(found), what, why, fix, at, detail, flow: flowOf(found) };
}

/** SARIF 2.1.0 (OASIS), with the way from source to sink as a code flow. */
export function renderSarif(report: ScanReport): string {
  const rules = [...SCAN_RULES, ...WAIVER_RULES];
  const indexOf = new Map<string, number>(rules.map(({ id }, index) => [id, index]));
  const result = (found: Finding, waiver?: Waiver): Result => toResult(found, indexOf.get(found.rule.id) ?? -1, waiver);
  const log: Log = {
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "glacis-scan",
            version: CLI_VERSION,
            semanticVersion: CLI_VERSION,
            rules: rules.map((rule) => {
              const descriptor = toDescriptor(rule);
              const cwe = ((rule as Partial<ScanRule>).cwe ?? []).map((id) => `external/cwe/${id.toLowerCase()}`);
              return { ...descriptor, properties: { tags: ["security", ...cwe] } };
            }),
          },
        },
        columnKind: "utf16CodeUnits",
        invocations: [
          {
            executionSuccessful: report.unread.length === 0,
            toolExecutionNotifications: report.unread.map((text) => ({ level: "error", message: { text } })),
          },
        ],
        results: [
          ...report.standing.map((found) => result(found)),
          ...report.waived.map(({ finding, waiver }) => result(finding, waiver)),
        ],
      },
    ],
  };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}

function toResult(found: Finding, ruleIndex: number, waiver?: Waiver): Result {
  const { rule, at, detail } = found;
  const flow = flowOf(found);
  const place = at.kind === "source" ? at : { file: "package.json", line: 1, column: 1 };
  return {
    ruleId: rule.id,
    ruleIndex,
    level: rule.severity,
    message: { text: `${rule.what}${detail === undefined ? "" : ` (${detail})`} ${rule.fix}` },
    locations: [locationOf(place)],
    ...(flow.length > 0 && { codeFlows: [{ threadFlows: [{ locations: flow.map(toFlow) }] }] }),
    partialFingerprints: {
      "ruleAndPlace/v1": createHash("sha256")
        .update(`${rule.id}\n${describeLocation(at)}`)
        .digest("hex"),
    },
    ...(waiver !== undefined && {
      suppressions: [
        {
          kind: "inSource",
          status: "accepted",
          justification: `${waiver.reason} (${waiver.owner}, until ${waiver.expires})`,
        },
      ],
    }),
  };
}

interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

function locationOf({ file, line, column }: Place): NonNullable<Result["locations"]>[number] {
  return {
    physicalLocation: { artifactLocation: { uri: uriOf(file) }, region: { startLine: line, startColumn: column } },
  };
}

function toFlow(step: FlowStep): ThreadFlowLocation {
  return { location: { ...locationOf(step), message: { text: step.text } } };
}
