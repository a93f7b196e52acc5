/** The matrix as a table, as JSON, and as an assertion. */
import type { AttackVerdict } from "./attack-matrix-judge.ts";

export interface AttackCell {
  /** Method and pattern, as in the route table. */
  readonly route: string;
  /** `anonymous`, `own member`, `other admin`. */
  readonly caller: string;
  readonly attack: string;
  readonly verdict: AttackVerdict;
  /** Empty where there is nothing to say. */
  readonly why: string;
  /** Method and target, as sent. */
  readonly request: string;
}

export interface AttackReport {
  readonly cells: readonly AttackCell[];
  /** Every route that was asked for, whether or not it has a case. */
  readonly routes: readonly string[];
  readonly requests: number;
  /** Nothing but passes and waivers, and at least one pass. */
  readonly sound: boolean;
}

const ORDER: readonly AttackVerdict[] = ["leak", "missing", "invalid", "inconclusive", "waived", "pass"];
/** What a message shows; the report itself has all of it. */
const MOST_LINES = 40;

export function reportOf(cells: readonly AttackCell[], routes: readonly string[], requests: number): AttackReport {
  const sound = cells.some(({ verdict }) => verdict === "pass") && failures(cells).length === 0;
  return { cells, routes, requests, sound };
}

export function failures(cells: readonly AttackCell[]): readonly AttackCell[] {
  return cells.filter(({ verdict }) => verdict !== "pass" && verdict !== "waived");
}

/** Tenants are not kept apart, or it has not been shown that they are. `report` has every cell. */
export class IsolationError extends Error {
  override readonly name = "IsolationError";
  readonly code = "tenants_not_isolated";
  readonly report: AttackReport;

  constructor(report: AttackReport) {
    const failed = failures(report.cells).toSorted(
      (one, two) => ORDER.indexOf(one.verdict) - ORDER.indexOf(two.verdict),
    );
    const shown = failed.slice(0, MOST_LINES).map(describeCell);
    const more = failed.length > MOST_LINES ? [`  and ${failed.length - MOST_LINES} more in error.report`] : [];
    const count =
      failed.length === 1 ? "1 case of the attack matrix fails" : `${failed.length} cases of the attack matrix fail`;
    super(
      `${failed.length === 0 ? "The attack matrix has nothing against it, or has tried nothing" : count}:\n\n${[...shown, ...more].join("\n")}\n\n${matrixTable(report)}\n`,
    );
    this.report = report;
  }
}

function describeCell({ verdict, route, caller, attack, why, request }: AttackCell): string {
  return `  ${verdict.toUpperCase().padEnd(12)} ${route}  as ${caller}, ${attack}: ${why}${request === "" ? "" : `\n               ${request}`}`;
}

/**
 * Passes when every route has a case and every case passes.
 *
 * @throws IsolationError with what failed and the whole matrix
 * @example
 * expectIsolation(await attackMatrix({ security, target, people, objects, seed, signIn, state, cases }));
 */
export function expectIsolation(report: AttackReport): void {
  if (!report.sound) throw new IsolationError(report);
}

/** The matrix as text: a line for each route, a column for each caller, in each cell the worst verdict and how many cases stand behind it. */
export function matrixTable({ cells, routes }: Pick<AttackReport, "cells" | "routes">): string {
  const callers = [...new Set(cells.map(({ caller }) => caller))];
  const lines = routes.map((route) => [
    route,
    ...callers.map((caller) => summary(cells.filter((cell) => cell.route === route && cell.caller === caller))),
  ]);
  const table = [["", ...callers], ...lines];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0))) ?? [];
  return table
    .map((line) =>
      line
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function summary(cells: readonly AttackCell[]): string {
  const worst = ORDER.find((verdict) => cells.some((cell) => cell.verdict === verdict));
  if (worst === undefined) return "-";
  const count = cells.filter(({ verdict }) => verdict === worst).length;
  return worst === "pass" ? `${count}` : `${worst} ${count}`;
}
