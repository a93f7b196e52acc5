import type { Command } from "commander";
import { libraryMigration } from "glacis";
import { databaseUrl, withClient, type DatabaseFailure } from "../database.ts";
import { CannotCheck } from "../outcome.ts";

interface MigrateOptions {
  readonly role: string;
  readonly tenantRole?: string;
  readonly write: boolean;
}

/** One number for every process that runs this. */
const LOCK = 4_716_002_212;

function failureFor(roles: readonly string[]): DatabaseFailure {
  const statements = roles.map((name) => `create role "${name}" login`).join("; ");
  return {
    what: "nothing was changed",
    why: "the migration runs in one transaction: all of it, or none.",
    fix: `connect as the owner of the database, and create the roles that are not there yet: ${statements}.`,
  };
}

/** `glacis migrate`: prints or runs what makes and upgrades the library's tables. */
export function addMigrateCommand(program: Command): void {
  program
    .command("migrate")
    .description("print the SQL that makes and upgrades the library's tables, or run it with --write")
    .requiredOption("--role <role>", "the role that the application logs in as; it is granted what it needs")
    .option("--tenant-role <role>", "the role of tenants' queries, which is not to reach accounts and sessions")
    .option("--write", "run it in the database of DATABASE_URL, as that database's owner", false)
    .addHelpText(
      "after",
      "\nSafe to repeat: run it before each deployment, or keep what it prints with your migrations.",
    )
    .action(async ({ role, tenantRole, write }: MigrateOptions) => {
      const sql = migrationFor(role, tenantRole);
      if (!write) return void process.stdout.write(sql);
      const failure = failureFor([role, tenantRole].filter((name) => name !== undefined));
      await withClient(databaseUrl("--write"), failure, async (client) => {
        await client.query("begin");
        await client.query(`select pg_advisory_xact_lock(${LOCK})`);
        await client.query(sql);
        await client.query("commit");
      });
      process.stdout.write(`The library's tables are up to date, and ${role} may use them.\n`);
    });
}

function migrationFor(role: string, tenantRole: string | undefined): string {
  try {
    return libraryMigration({ role, ...(tenantRole !== undefined && { tenantRole }) });
  } catch (error) {
    throw new CannotCheck(
      `${[role, tenantRole]
        .filter((name) => name !== undefined)
        .map((name) => JSON.stringify(name))
        .join(" and ")} will not do: ${(error as Error).message}`,
      "what a role may do is part of the migration.",
      "give the plain name of the role that the application logs in as, such as --role app; --tenant-role is another one.",
    );
  }
}
