import { currentDeployment } from "glacis";
import { Option, type Command } from "commander";
import { loadConfig } from "../config.ts";
import { EXIT } from "../outcome.ts";
import { renderJson } from "../render/json.ts";
import { renderSarif } from "../render/sarif.ts";
import { renderText } from "../render/text.ts";
import { report, type Report } from "../report.ts";

const RENDERERS: Readonly<Record<string, (checked: Report) => string>> = {
  text: renderText,
  json: renderJson,
  sarif: renderSarif,
};

interface CheckOptions {
  readonly deploy: boolean;
  readonly format: string;
  readonly config: string;
}

/** `glacis check`: judges the composed policy and this environment. */
export function addCheckCommand(program: Command, finish: (exitCode: number) => void): void {
  program
    .command("check")
    .description("judge the composed policy and this environment")
    .option("--deploy", "count warnings too, as before a deployment", false)
    .addOption(new Option("--format <name>", "how to print").choices(Object.keys(RENDERERS)).default("text"))
    .option("--config <file>", "the configuration to judge", "glacis.config.ts")
    .addHelpText("after", "\nExit code: 0 clean, 1 findings, 2 could not check.")
    .action(async (options: CheckOptions) => {
      const config = await loadConfig(options.config);
      const checked = report(config, options.config, currentDeployment(), options.deploy);
      const render = RENDERERS[options.format] ?? renderText;
      process.stdout.write(render(checked));
      finish(checked.clean ? EXIT.clean : EXIT.findings);
    });
}
