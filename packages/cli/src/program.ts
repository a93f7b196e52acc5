import { Command, CommanderError } from "commander";
import { addAlarmsCommand } from "./commands/alarms.ts";
import { addAuditCommand } from "./commands/audit.ts";
import { addAuditLogCommand } from "./commands/audit-log.ts";
import { addBackupCommand } from "./commands/backup.ts";
import { addCheckCommand } from "./commands/check.ts";
import { addInfraCommand } from "./commands/infra.ts";
import { addInitCommand } from "./commands/init.ts";
import { addKeysCommand } from "./commands/keys.ts";
import { addMigrateCommand } from "./commands/migrate.ts";
import { addReportCommand } from "./commands/report.ts";
import { addSbomCommand } from "./commands/sbom.ts";
import { addScanCommand } from "./commands/scan.ts";
import { addProbeCommand } from "./commands/probe.ts";
import { addSecretsCommand } from "./commands/secrets.ts";
import { addUsersCommand } from "./commands/users.ts";
import { CannotCheck, EXIT } from "./outcome.ts";
import { CLI_VERSION } from "./version.ts";

const COMMANDS: readonly ((program: Command, finish: (exitCode: number) => void) => void)[] = [
  addAlarmsCommand,
  addAuditCommand,
  addAuditLogCommand,
  addBackupCommand,
  addCheckCommand,
  addInfraCommand,
  addInitCommand,
  addKeysCommand,
  addMigrateCommand,
  addReportCommand,
  addSbomCommand,
  addScanCommand,
  addProbeCommand,
  addSecretsCommand,
  addUsersCommand,
];

/**
 * Runs the command line.
 *
 * @param args what stands after the program's name
 * @returns the exit code: 0 clean, 1 findings, 2 could not check
 */
export async function run(args: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.clean;
  const program = new Command("glacis")
    .description("Judges the security of an application that is composed with Glacis.")
    .version(CLI_VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .showHelpAfterError("Run glacis --help for what there is.")
    .exitOverride();
  const finish = (code: number): void => {
    exitCode = code;
  };
  for (const add of COMMANDS) add(program, finish);
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.clean : EXIT.cannotCheck;
    process.stderr.write(`${error instanceof CannotCheck ? error.message : unexpected(error).message}\n`);
    return EXIT.cannotCheck;
  }
}

/** A fault of the check itself must not look like a finding. */
function unexpected(error: unknown): CannotCheck {
  return new CannotCheck(
    `the check failed: ${error instanceof Error ? `${error.name}: ${error.message}` : typeof error}`,
    "an unanswered question about security counts as a no.",
    "read the message: it names what a control, a waiver or the configuration got wrong.",
  );
}
