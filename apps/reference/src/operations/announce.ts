import { currentDeployment, type Finding, type Security } from "glacis";
import type { Database } from "../database/database.ts";
import type { DemoTenant } from "../demo.ts";
import type { Output } from "./progress.ts";
import type { Settings } from "./settings.ts";

/** What somebody who has just started the application wants to know. */
export function announce(
  settings: Settings,
  database: Database,
  security: Security,
  tenants: readonly DemoTenant[],
  output: Output,
): void {
  const url = settings.kind === "test-target" ? `http://127.0.0.1:${settings.port}` : settings.origin;
  const findings = security.check(currentDeployment(security.layers.mode));
  const lines = [
    "",
    `  Folio is running at ${url}`,
    "",
    `  Database   ${database.description}`,
    ...(settings.kind === "production"
      ? []
      : [`  Data       ${settings.dataFolder} (events in events.jsonl, the audit log in audit)`]),
    `  Security   ${security.controls.length} controls on, ${security.routes.length} routes sealed, mode ${security.layers.mode}`,
    ...(findings.length === 0 ? [] : [`  To note    ${summary(findings)}`]),
    `  Watch      ${url}/security   what happens, for owners and admins with a second factor`,
    ...(settings.mail === undefined
      ? [`  Mail       ${url}/outbox   mails and one-time codes of this demonstration`]
      : []),
    "",
    ...tenants.flatMap(accountLines),
    settings.kind === "test-target" ? `ready ${url}` : "  Stop with Ctrl+C.",
    "",
  ];
  output.write(lines.join("\n"));
}

function accountLines({ name, people }: DemoTenant): readonly string[] {
  const shown = people.filter(({ hidden }) => hidden !== true);
  const width = Math.max(...shown.map(({ email }) => email.length));
  return [
    `  ${name}`,
    ...shown.map(({ email, password, role }) => `    ${email.padEnd(width)}  ${password.padEnd(22)}  ${role}`),
    "",
  ];
}

function summary(findings: readonly Finding[]): string {
  const ids = [...new Set(findings.map(({ rule }) => rule.id))];
  return `${ids.length} findings that production would not pass over: ${ids.join(", ")}`;
}
