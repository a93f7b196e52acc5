/** Findings that somebody has decided to live with: comments beside the code, judged as every other waiver is. */
import { applyWaivers, describeLocation, type Finding, type Waiver } from "glacis";
import type { ScanFinding } from "./findings.ts";
import { positionOf, type SourceFile } from "./parse.ts";
import { SCAN_RULES } from "./rules/index.ts";

/** `glacis-waive scan/sql-injection: the table is one of three names (platform team, until 2027-01-31)`, or `glacis-waive-file` for all of a file. */
const WAIVE =
  /^[\s*]*glacis-waive(-file)?(?![\w-])\s*(\S*?):?(?:\s+([\s\S]*?))?(?:\s*\(([^()]*?),\s*until\s+([^()\s]*)\))?[\s*]*$/u;

export interface Comment {
  readonly file: string;
  /** Undefined where it speaks of the whole file. */
  readonly line: number | undefined;
  readonly waiver: Omit<Waiver, "at">;
}

/** The waivers in the comments of a file. What a comment leaves out is empty, which makes the waiver incomplete and waives nothing. */
export function commentsOf(file: SourceFile): readonly Comment[] {
  return file.comments.flatMap(({ value, end }) => {
    const [whole, ofFile, id = "", reason = "", owner = "", expires = ""] = WAIVE.exec(value) ?? [];
    return whole === undefined
      ? []
      : [
          {
            file: file.path,
            line: ofFile === undefined ? positionOf(file.lines, end).line : undefined,
            waiver: { id, reason, owner, expires },
          },
        ];
  });
}

/** What stands and what is waived. A comment speaks of its own line and of the next, or of its file. */
export function judge(
  findings: readonly ScanFinding[],
  comments: readonly Comment[],
  nowMs: number,
): {
  readonly standing: readonly Finding[];
  readonly waived: readonly { readonly finding: Finding; readonly waiver: Waiver }[];
} {
  const waivers = comments.flatMap(({ file, line, waiver }) => {
    const meant = findings.filter(
      ({ at, rule }) =>
        rule.id === waiver.id && at.file === file && (line === undefined || at.line === line || at.line === line + 1),
    );
    const places =
      meant.length === 0
        ? [line === undefined ? file : `${file}:${line}`]
        : meant.map(({ at }) => describeLocation(at));
    return places.map((at) => ({ ...waiver, at }));
  });
  return applyWaivers(findings, waivers, SCAN_RULES, nowMs);
}
