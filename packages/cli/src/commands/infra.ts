import { applyWaivers } from "glacis";
import { Option, type Command } from "commander";
import { INFRASTRUCTURE_CONTROLS } from "../infrastructure/controls.ts";
import { readInfrastructure } from "../infrastructure/template.ts";
import { EXIT } from "../outcome.ts";
import { printed, RENDERERS } from "../render/renderers.ts";
import { count } from "../render/text.ts";
import { conclude, type Report } from "../report.ts";
import { readWaiversFile } from "../waivers-file.ts";

interface InfraOptions {
  readonly deploy: boolean;
  readonly waivers: string;
  readonly format: string;
}

/** `glacis infra`: judges CloudFormation templates before they are deployed, whoever wrote them. */
export function addInfraCommand(program: Command, finish: (exitCode: number) => void): void {
  program
    .command("infra")
    .description("judge CloudFormation templates: network, roles, shells, databases and what stands before them")
    .argument("[templates...]", "templates in JSON, or folders with them; stages by name: staging=cdk.out/staging", [
      "cdk.out",
    ])
    .option("--deploy", "count warnings too, as before a deployment", false)
    .option("--waivers <file>", "findings to live with for a while", ".glacis-infra.json")
    .addOption(new Option("--format <name>", "how to print").choices(Object.keys(RENDERERS)).default("text"))
    .addHelpText("after", "\nExit code: 0 clean, 1 findings, 2 could not judge.")
    .action((templates: readonly string[], options: InfraOptions) => {
      const report = judge(templates, options, Date.now());
      process.stdout.write(printed(report, options.format));
      finish(report.clean ? EXIT.clean : EXIT.findings);
    });
}

function judge(targets: readonly string[], { deploy, waivers }: InfraOptions, nowMs: number): Report {
  const infrastructure = readInfrastructure(targets);
  const { files, stages, resources } = infrastructure;
  const findings = INFRASTRUCTURE_CONTROLS.flatMap((control) => control.judge(infrastructure));
  const rules = INFRASTRUCTURE_CONTROLS.flatMap((control) => control.rules);
  return conclude({
    command: "infra",
    subject: targets.join(", "),
    circumstances: [count(files.length, "template"), count(resources.length, "resource")],
    details: { templates: files, stages, resources: resources.length },
    nowMs,
    strict: deploy,
    ...applyWaivers(findings, readWaiversFile(waivers), rules, nowMs),
    controls: INFRASTRUCTURE_CONTROLS,
  });
}
