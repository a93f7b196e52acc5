import { styleText } from "node:util";
import { describeLocation, groupByRule, type Finding, type Severity } from "glacis";
import { SEVERITIES, type Report } from "../report.ts";

const MOST_PLACES = 24;
const COLOURS = { error: "red", warning: "yellow", note: "cyan" } as const;

/** For people: what, why and fix of every finding, worst first. */
export function renderText(report: Report): string {
  const { command, subject, circumstances, standing, waived, clean, strict, controls } = report;
  const heading = `glacis ${command}: ${[subject, ...circumstances, count(controls.length, "control")].join(", ")}`;
  const findings = groupByRule(standing).map(renderGroup);
  const accepted = waived.map(({ finding, waiver }) => {
    const line = `${"waived".padEnd(8)} ${finding.rule.id}  at ${plain(describeLocation(finding.at))}`;
    return `${line}\n         ${plain(`until ${waiver.expires}, ${waiver.owner}: ${waiver.reason}`)}\n`;
  });
  const closing = clean
    ? `Clean${strict ? "" : "; a deployment counts warnings too: --deploy"}.`
    : "Not fit: fix these, or waive them with a reason, an owner and an expiry.";
  return [`${heading}\n`, ...findings, ...accepted, `${tally(standing, waived.length)}. ${closing}\n`].join("\n");
}

function renderGroup({ rule, places, statements }: ReturnType<typeof groupByRule>[number]): string {
  return [
    `${paint(rule.severity)} ${plain(rule.id)}  at ${plain(abridge(places))}`,
    `         ${plain(rule.what)}`,
    `         why: ${rule.why}`,
    `         fix: ${plain(rule.fix)}`,
    ...statements.map((sql) => `         sql: ${sql}`),
    "",
  ].join("\n");
}

/** Names and words that others wrote must not move the cursor of a terminal, or turn its line around. */
function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
}

/** A rule that every page breaks is not told page by page; the JSON has them all. */
function abridge(places: readonly string[]): string {
  const shown = places.slice(0, MOST_PLACES);
  return shown.join(", ") + (places.length > shown.length ? `, and ${places.length - shown.length} more` : "");
}

/** A severity as the first word of a line, in colour on a terminal. */
export function paint(severity: Severity): string {
  const padded = severity.padEnd(8);
  const coloured = process.stdout.isTTY && process.env["NO_COLOR"] === undefined;
  return coloured ? styleText(COLOURS[severity], padded) : padded;
}

function tally(standing: readonly Finding[], waived: number): string {
  const counted = SEVERITIES.map((severity) =>
    count(standing.filter(({ rule }) => rule.severity === severity).length, severity),
  );
  return [...counted, `${waived} waived`].join(", ");
}

/** A number with its noun. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
