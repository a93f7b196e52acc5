/** What guards how the application comes to be, rather than a request: judged on the project's files. */
import type { ControlMeta, Finding, Location, Rule } from "glacis";
import type { Project } from "./project.ts";

export interface SupplyChainControl {
  readonly meta: ControlMeta;
  readonly rules: readonly Rule[];
  /** @param nowMs milliseconds since the epoch */
  readonly judge: (project: Project, nowMs: number) => readonly Finding[];
}

/** A finding at a line of a file of the project. */
export function inFile(rule: Rule, file: string, detail?: string, place = { line: 1, column: 1 }): Finding {
  return { rule, at: { kind: "source", file, ...place }, detail };
}

/** A finding about a package. */
export function atPackage(
  rule: Rule,
  { name, version }: { readonly name: string; readonly version: string },
  detail?: string,
): Finding {
  const at: Location = { kind: "package", name, version };
  return { rule, at, detail };
}

/** The first line, counted from 1, that matches; 1 where none does. */
export function lineOf(text: string, pattern: RegExp): { readonly line: number; readonly column: number } {
  const line = text.split("\n").findIndex((candidate) => pattern.test(candidate));
  return { line: Math.max(0, line) + 1, column: 1 };
}
