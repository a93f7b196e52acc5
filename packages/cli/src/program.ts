import { Command, CommanderError } from "commander";
import { CannotCheck, EXIT } from "./outcome.ts";
import { CLI_VERSION } from "./version.ts";

type Add = (program: Command, finish: (exitCode: number) => void) => void;

/** By name, so that a run loads the one that it is asked for: together they take a second. */
const COMMANDS: Readonly<Record<string, () => Promise<Add>>> = {
  alarms: async () => (await import("./commands/alarms.ts")).addAlarmsCommand,
  audit: async () => (await import("./commands/audit.ts")).addAuditCommand,
  "audit-log": async () => (await import("./commands/audit-log.ts")).addAuditLogCommand,
  backup: async () => (await import("./commands/backup.ts")).addBackupCommand,
  check: async () => (await import("./commands/check.ts")).addCheckCommand,
  infra: async () => (await import("./commands/infra.ts")).addInfraCommand,
  init: async () => (await import("./commands/init.ts")).addInitCommand,
  keys: async () => (await import("./commands/keys.ts")).addKeysCommand,
  migrate: async () => (await import("./commands/migrate.ts")).addMigrateCommand,
  report: async () => (await import("./commands/report.ts")).addReportCommand,
  sbom: async () => (await import("./commands/sbom.ts")).addSbomCommand,
  scan: async () => (await import("./commands/scan.ts")).addScanCommand,
  probe: async () => (await import("./commands/probe.ts")).addProbeCommand,
  secrets: async () => (await import("./commands/secrets.ts")).addSecretsCommand,
  users: async () => (await import("./commands/users.ts")).addUsersCommand,
};

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
  const [first = ""] = args;
  // Help and what is misspelt are answered out of all of them.
  const wanted = Object.hasOwn(COMMANDS, first) ? [COMMANDS[first] as () => Promise<Add>] : Object.values(COMMANDS);
  try {
    for (const load of wanted) (await load())(program, finish);
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
