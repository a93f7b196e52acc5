import { readFileSync } from "node:fs";
import { Option, type Command } from "commander";
import { judgeSecrets, type SecretHit, type SecretWaiver } from "glacis/data";
import { CannotCheck, EXIT } from "../outcome.ts";
import { scanHistory, scanTree } from "../repository.ts";

interface SecretsOptions {
  readonly history: boolean;
  readonly waivers: string;
  readonly format: string;
}

/** `glacis secrets`: looks for secrets in the files of the repository and in its history. */
export function addSecretsCommand(program: Command, finish: (exitCode: number) => void): void {
  program
    .command("secrets")
    .description("look for secrets in the repository and in its history")
    .option("--no-history", "look at the files of today alone")
    .option("--waivers <file>", "what is no secret, by fingerprint", ".glacis-secrets.json")
    .addOption(new Option("--format <name>", "how to print").choices(["text", "json"]).default("text"))
    .addHelpText("after", "\nExit code: 0 clean, 1 findings, 2 could not look. No secret is ever printed.")
    .action(async ({ history, waivers, format }: SecretsOptions) => {
      const today = await scanTree(process.cwd());
      const known = new Set(today.map(({ fingerprint }) => fingerprint));
      const before = history ? (await scanHistory(process.cwd())).filter((hit) => !known.has(hit.fingerprint)) : [];
      const findings = judgeSecrets([...today, ...first(before)], readWaivers(waivers), Date.now());
      const failing = findings.filter(({ rule }) => rule.severity === "error");
      process.stdout.write(format === "json" ? `${JSON.stringify(findings, undefined, 2)}\n` : render(findings));
      finish(failing.length === 0 ? EXIT.clean : EXIT.findings);
    });
}

/** The history shows a secret whenever its line moved; the oldest commit is the one to know. */
function first(hits: readonly SecretHit[]): readonly SecretHit[] {
  return [...new Map(hits.map((hit) => [hit.fingerprint, hit])).values()];
}

function render(findings: ReturnType<typeof judgeSecrets>): string {
  if (findings.length === 0) return "No secrets found.\n";
  const lines = findings.map(({ rule, at, detail = "" }) => {
    const place = at.kind === "source" ? `${at.file}:${at.line}:${at.column}` : at.kind === "setting" ? at.name : "";
    return `${rule.severity.padEnd(8)} ${rule.id}  ${place}\n         ${detail || rule.what}`;
  });
  return `${lines.join("\n")}\n\nRevoke what is real before anything else: the history keeps it. docs/controls/secret-scanning.md\n`;
}

/** No file means no waivers; a file that cannot be read as one is an error, for it was meant to say something. */
function readWaivers(path: string): readonly SecretWaiver[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === "ENOENT") return [];
    throw unreadable(path);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) return value as readonly SecretWaiver[];
  } catch {
    throw unreadable(path);
  }
  throw unreadable(path);
}

function unreadable(path: string): CannotCheck {
  return new CannotCheck(
    `${path} is not a list of waivers.`,
    "what is waived there would be found, or what is not would be missed.",
    'write [{ "fingerprint": "...", "reason": "...", "owner": "...", "expires": "2027-01-31" }].',
  );
}
