import type { Command } from "commander";
import { concludeControls } from "../evidence/conclusion.ts";
import { readEvidence } from "../evidence/evidence.ts";
import { CannotCheck, EXIT } from "../outcome.ts";
import { renderHtml } from "../render/html.ts";

const DAY_MS = 86_400_000;
const MOST_DOCUMENTS = 50;

interface ReportOptions {
  readonly title: string;
  readonly maxAge: string;
}

/** `glacis report`: one page for an auditor, made of what the other commands printed and of nothing else. */
export function addReportCommand(program: Command, finish: (exitCode: number) => void): void {
  program
    .command("report")
    .description("make one HTML page of what check, probe, audit and scan printed as JSON")
    .argument("<evidence...>", "files that the commands printed with --format json")
    .option("--title <text>", "the page's title", "Security report")
    .option("--max-age <days>", "evidence older than this does not count", "7")
    .addHelpText(
      "after",
      "\nExit code: 0 no control fails, 1 one does, 2 could not make it.\n\n  glacis check --deploy --format json > check.json\n  glacis report check.json probe.json audit.json scan.json > report.html",
    )
    .action(async (files: readonly string[], { title, maxAge }: ReportOptions) => {
      const maxAgeDays = parseDays(maxAge);
      if (files.length > MOST_DOCUMENTS) throw tooMany();
      const documents = [];
      for (const file of files) documents.push(await readEvidence(file));
      const nowMs = Date.now();
      const conclusions = concludeControls(documents, nowMs, maxAgeDays * DAY_MS);
      process.stdout.write(renderHtml({ title, nowMs, maxAgeDays, documents, conclusions }));
      finish(conclusions.some(({ outcome }) => outcome === "fail") ? EXIT.findings : EXIT.clean);
    });
}

function parseDays(text: string): number {
  const days = Number(text);
  if (Number.isSafeInteger(days) && days >= 1 && days <= 365) return days;
  throw new CannotCheck(
    "--max-age takes whole days from 1 to 365.",
    "a report of old evidence says what was, and not what is.",
    "write --max-age 7.",
  );
}

function tooMany(): CannotCheck {
  return new CannotCheck(
    `a report is made of at most ${MOST_DOCUMENTS} files.`,
    "of two files of one command only the later one counts.",
    "name the latest of each command.",
  );
}
