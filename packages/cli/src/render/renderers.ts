import type { Report } from "../report.ts";
import { renderJson } from "./json.ts";
import { renderSarif } from "./sarif.ts";
import { renderText } from "./text.ts";

/** The ways to print a report, by the word of `--format`. */
export const RENDERERS: Readonly<Record<string, (report: Report) => string>> = {
  text: renderText,
  json: renderJson,
  sarif: renderSarif,
};

/** A report in one of these ways. */
export function printed(report: Report, format: string): string {
  return (RENDERERS[format] ?? renderText)(report);
}
