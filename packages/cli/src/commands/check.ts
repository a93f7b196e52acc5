import { currentDeployment } from "glacis";
import { Option, type Command } from "commander";
import { CONFIG_FILES, loadConfig, presentConfig, type Config } from "../config.ts";
import { readDrift, readPosture, withDrift, withPosture } from "../database.ts";
import { CannotCheck, EXIT } from "../outcome.ts";
import { printed, RENDERERS } from "../render/renderers.ts";
import { report } from "../report.ts";

interface CheckOptions {
  readonly deploy: boolean;
  readonly format: string;
  readonly config?: string;
  /** A URL, or true for the one of the environment. */
  readonly database?: string | true;
  readonly databaseRole?: string;
}

/** `glacis check`: judges the composed policy and this environment. */
export function addCheckCommand(program: Command, finish: (exitCode: number) => void): void {
  program
    .command("check")
    .description("judge the composed policy and this environment")
    .option("--deploy", "count warnings too, as before a deployment", false)
    .addOption(new Option("--format <name>", "how to print").choices(Object.keys(RENDERERS)).default("text"))
    .option("--config <file>", `the configuration to judge (${CONFIG_FILES.join(", ")})`)
    .option("--database [url]", "judge the database too, as the application connects to it (DATABASE_URL)")
    .option("--database-role <role>", "the role that the application runs as, where it is not the login")
    .addHelpText("after", "\nExit code: 0 clean, 1 findings, 2 could not check.")
    .action(async (options: CheckOptions) => {
      const file = options.config ?? presentConfig() ?? CONFIG_FILES[0];
      const config = await loadConfig(file);
      const judged = options.database === undefined ? config : await withDatabase(config, options);
      const checked = report(judged, file, currentDeployment(), options.deploy);
      process.stdout.write(printed(checked, options.format));
      finish(checked.clean ? EXIT.clean : EXIT.findings);
    });
}

async function withDatabase(config: Config, { database, databaseRole }: CheckOptions): Promise<Config> {
  const url = database === true ? process.env["DATABASE_URL"] : database;
  if (url === undefined || url === "") {
    throw new CannotCheck(
      "there is no database to judge.",
      "--database without a URL means the one in DATABASE_URL, and that is not set.",
      "set DATABASE_URL to what the application connects with. A URL on the command line is seen by every user of the machine.",
    );
  }
  const options = { ...config.database, ...(databaseRole !== undefined && { role: databaseRole }) };
  const judged = withPosture(config.security, await readPosture(url, options));
  const { policies } = config;
  if (policies.length === 0) return { ...config, security: judged };
  return { ...config, security: withDrift(judged, policies, await readDrift(url, policies)) };
}
