import { readFileSync } from "node:fs";
import { Option, type Command } from "commander";
import { applyWaivers, glacis, keyRing, newKey, saas, type Security, type Waiver } from "glacis";
import { CONFIG_FILES, loadConfig, presentConfig } from "../config.ts";
import { CannotCheck, EXIT } from "../outcome.ts";
import { probe } from "../probe/probe.ts";
import { progressLine } from "../progress.ts";
import { printed, RENDERERS } from "../render/renderers.ts";
import { asked, conclude } from "../report.ts";

interface ProbeCommandOptions {
  readonly deploy: boolean;
  readonly format: string;
  readonly config?: string;
  readonly page: readonly string[];
  readonly ca?: string;
  readonly timeout: string;
}

/** `glacis probe`: looks at a running application from outside. */
export function addProbeCommand(program: Command, finish: (exitCode: number) => void): void {
  program
    .command("probe")
    .description("look at a running application from outside, as a visitor and as a scanner would")
    .argument("<url>", "its origin, such as https://app.example.com")
    .option("--deploy", "count warnings too", false)
    .addOption(new Option("--format <name>", "how to print").choices(Object.keys(RENDERERS)).default("text"))
    .option(
      "--config <file>",
      `the policy that it should show (${CONFIG_FILES[0]} where there is one, else saas() as it comes)`,
    )
    .option(
      "--page <path>",
      "another page to look at; may be repeated",
      (path, paths: readonly string[]) => [...paths, path],
      [],
    )
    .option("--ca <file>", "an authority to trust besides the system's, as PEM")
    .option("--timeout <seconds>", "how long all of it may take", "300")
    .addHelpText(
      "after",
      "\nExit code: 0 clean, 1 findings, 2 could not look. Asks some 250 questions; none of them changes anything.",
    )
    .action(async (address: string, options: ProbeCommandOptions) => {
      const origin = parseOrigin(address);
      const { security, waivers, subject } = await policyOf(origin, options.config);
      const line = progressLine(`glacis probe ${origin.origin}`);
      const startMs = Date.now();
      const probed = await probe(security, {
        origin,
        pages: ["/", ...options.page.map(parsePage)],
        asker: {
          signal: AbortSignal.timeout(parseSeconds(options.timeout) * 1000),
          ...(options.ca !== undefined && { ca: readFileSync(options.ca, "utf8") }),
        },
        progress: line.show,
      }).finally(line.clear);
      const { observatory, csp, answered } = probed;
      const rules = security.controls.flatMap((control) => control.rules);
      const known = new Set<string>(probed.findings.map(({ rule }) => rule.id));
      const report = conclude({
        command: "probe",
        subject: origin.origin,
        circumstances: [
          subject,
          `${answered} answers`,
          ...(observatory === undefined ? [] : [`Observatory ${observatory.score} (${observatory.grade})`]),
          `CSP ${csp}`,
        ],
        details: { url: origin.origin, policy: subject, answers: answered, observatory, csp },
        nowMs: startMs,
        strict: options.deploy,
        // What is waived for a check alone is not for a probe to complain about.
        ...applyWaivers(
          probed.findings,
          waivers.filter(({ id }) => known.has(id)),
          rules,
          startMs,
        ),
        controls: asked(security.controls.filter(({ observe }) => observe !== undefined)),
      });
      process.stdout.write(printed(report, options.format));
      finish(report.clean ? EXIT.clean : EXIT.findings);
    });
}

interface Policy {
  readonly security: Security;
  readonly waivers: readonly Waiver[];
  readonly subject: string;
}

async function policyOf(origin: URL, config: string | undefined): Promise<Policy> {
  const file = config ?? presentConfig();
  if (file !== undefined) {
    const { security, waivers } = await loadConfig(file);
    return { security, waivers: [...(security.layers.waivers ?? []), ...waivers], subject: file };
  }
  const mode = origin.protocol === "https:" ? "production" : "development";
  const security = glacis(saas({ origin: origin.origin, keys: keyRing(newKey("probe")), mode }));
  return { security, waivers: [], subject: "the policy of saas()" };
}

function parseOrigin(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (
    url !== undefined &&
    (url.protocol === "https:" || url.protocol === "http:") &&
    url.username === "" &&
    url.password === ""
  )
    return new URL(url.origin);
  throw new CannotCheck(
    "the address is no http or https URL without credentials.",
    "a probe looks at one origin.",
    "write its origin, such as https://app.example.com.",
  );
}

function parsePage(path: string): string {
  if (/^\/[\x21-\x22\x24-\x7e]*$/u.test(path)) return path;
  throw new CannotCheck(
    "--page takes a path such as /documents.",
    "what is asked for goes on the wire as it is written.",
    "start it with a slash and percent-encode the rest.",
  );
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (Number.isSafeInteger(seconds) && seconds >= 1 && seconds <= 3600) return seconds;
  throw new CannotCheck(
    "--timeout takes whole seconds from 1 to 3600.",
    "a probe without an end hangs a pipeline.",
    "write --timeout 300.",
  );
}
