import { Option, type Command } from "commander";
import { CannotCheck, EXIT } from "../outcome.ts";
import { SEVERITIES } from "../report.ts";
import { renderJson, renderSarif, renderText, type ScanReport } from "../scan/render.ts";
import { scan, type Scanned } from "../scan/scan.ts";
import { judge } from "../scan/waivers.ts";

const RENDERERS: Readonly<Record<string, (report: ScanReport) => string>> = {
  text: renderText,
  json: renderJson,
  sarif: renderSarif,
};

/** `glacis scan`: looks for weaknesses in TypeScript and JavaScript, along the ways that untrusted text takes. */
export function addScanCommand(program: Command, finish: (exitCode: number) => void): void {
  program
    .command("scan")
    .description("look for weaknesses in TypeScript and JavaScript sources")
    .argument("[paths...]", "files and folders to read", ["."])
    .addOption(new Option("--format <name>", "how to print").choices(Object.keys(RENDERERS)).default("text"))
    .addHelpText("after", "\nExit code: 0 clean, 1 findings of severity error, 2 could not read everything.")
    .action(async (paths: readonly string[], { format }: { readonly format: string }) => {
      const scanned = await scan(paths, progress());
      if (scanned.files === 0) {
        throw new CannotCheck(
          "there are no sources here.",
          "a scan of nothing is clean and says nothing.",
          "name the folder that holds .ts, .tsx, .js, .jsx, .mjs or .cjs files.",
        );
      }
      const report = judged(scanned);
      const render = RENDERERS[format] ?? renderText;
      process.stdout.write(render(report));
      if (!report.clean) finish(EXIT.findings);
      else finish(scanned.unread.length === 0 ? EXIT.clean : EXIT.cannotCheck);
    });
}

function judged({ findings, comments, files, unread }: Scanned): ScanReport {
  const nowMs = Date.now();
  const { standing, waived } = judge(findings, comments, nowMs);
  const sorted = standing.toSorted(
    (left, right) =>
      SEVERITIES.indexOf(left.rule.severity) - SEVERITIES.indexOf(right.rule.severity) || byPlace(left.at, right.at),
  );
  const clean = !sorted.some(({ rule }) => rule.severity === "error");
  return { nowMs, clean, files, unread, standing: sorted, waived };
}

type Place = ScanReport["standing"][number]["at"];

function byPlace(left: Place, right: Place): number {
  if (left.kind !== "source" || right.kind !== "source") return left.kind === "source" ? -1 : 1;
  return left.file === right.file ? left.line - right.line : left.file < right.file ? -1 : 1;
}

/** On a terminal, how far it is; elsewhere nothing. */
function progress(): ((done: number, all: number) => void) | undefined {
  const { stderr } = process;
  if (!stderr.isTTY || process.env["CI"] !== undefined) return undefined;
  return (done, all) => {
    if (done % 20 === 0 && done < all) stderr.write(`\r${done} of ${all} files`);
    if (done === all) stderr.write("\r\u001B[K");
  };
}
