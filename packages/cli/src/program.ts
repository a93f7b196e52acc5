import { Command, CommanderError } from "commander";
import { addAlarmsCommand } from "./commands/alarms.ts";
import { addAuditCommand } from "./commands/audit.ts";
import { addAuditLogCommand } from "./commands/audit-log.ts";
import { addBackupCommand } from "./commands/backup.ts";
import { addCheckCommand } from "./commands/check.ts";
import { addInitCommand } from "./commands/init.ts";
import { addKeysCommand } from "./commands/keys.ts";
import { addMigrateCommand } from "./commands/migrate.ts";
import { addSbomCommand } from "./commands/sbom.ts";
import { addScanCommand } from "./commands/scan.ts";
import { addSecretsCommand } from "./commands/secrets.ts";
import { addUsersCommand } from "./commands/users.ts";
import { CannotCheck, EXIT } from "./outcome.ts";
import { CLI_VERSION } from "./version.ts";

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
  addCheckCommand(program, (code) => {
    exitCode = code;
  });
  addInitCommand(program, (code) => {
    exitCode = code;
  });
  addBackupCommand(program, (code) => {
    exitCode = code;
  });
  addKeysCommand(program);
  addMigrateCommand(program);
  addAlarmsCommand(program, (code) => {
    exitCode = code;
  });
  addAuditCommand(program, (code) => {
    exitCode = code;
  });
  addAuditLogCommand(program, (code) => {
    exitCode = code;
  });
  addSbomCommand(program);
  addSecretsCommand(program, (code) => {
    exitCode = code;
  });
  addScanCommand(program, (code) => {
    exitCode = code;
  });
  addUsersCommand(program, (code) => {
    exitCode = code;
  });
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
