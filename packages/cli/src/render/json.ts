import type { Finding } from "glacis";
import { CLI_VERSION } from "../version.ts";
import type { Report } from "../report.ts";

/** For programs: one document, its shape versioned. */
export function renderJson(report: Report): string {
  const { command, details, nowMs, clean, strict, standing, waived, controls } = report;
  const found = new Map<string, number>();
  for (const { rule } of standing) {
    const control = rule.id.split("/", 1)[0] as string;
    found.set(control, (found.get(control) ?? 0) + 1);
  }
  const document = {
    format: 1,
    tool: { name: "glacis", version: CLI_VERSION },
    command,
    time: new Date(nowMs).toISOString(),
    ...details,
    deploy: strict,
    clean,
    findings: standing.map(plain),
    waived: waived.map(({ finding, waiver }) => Object.assign(plain(finding), { waiver })),
    controls: controls.map(({ meta }) => ({ ...meta, findings: found.get(meta.id) ?? 0 })),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function plain({ rule, at, detail, sql }: Finding): object {
  const { id, severity, what, why, fix, django } = rule;
  return { id, severity, what, why, fix, at, detail, sql, django };
}
