import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { verifyAuditLog, verifyPostgresAuditLog, type AuditLogVerdict } from "glacis/audit";
import type { Command } from "commander";
import { databaseUrl, withClient, type DatabaseFailure } from "../database.ts";
import { CannotCheck, EXIT } from "../outcome.ts";

interface VerifyOptions {
  readonly origin: string;
  readonly publicKey?: string;
  readonly anchor?: string;
  readonly database: boolean;
}

const UNREAD: DatabaseFailure = {
  what: "the log could not be read",
  why: "a log that was not verified proves nothing.",
  fix: "name in DATABASE_URL the database that postgresAuditLog writes to, with a login that reads its tables.",
};

/** `glacis audit-log`: makes a key for a log, and says whether a log is as it was written. */
export function addAuditLogCommand(program: Command, setExitCode: (code: number) => void): void {
  const log = program.command("audit-log").description("verify an audit log, and make its signing key");
  log
    .command("verify")
    .description("read a log and name the first event that is altered, missing or cut off")
    .argument("[directory]", "where the log's segments are")
    .option("--database", "verify the log that postgresAuditLog keeps in the database of DATABASE_URL", false)
    .requiredOption("--origin <name>", "the log's name in its checkpoints")
    .option("--public-key <path>", "the Ed25519 key that checkpoints must be signed with, in PEM")
    .option("--anchor <path>", "checkpoints that were kept elsewhere: one JSON object with a note on each line")
    .action(async (directory: string | undefined, options: VerifyOptions) => {
      const verdict = await verify(directory, options);
      process.stdout.write(`${describe(verdict, options)}\n`);
      setExitCode(verdict.whole ? EXIT.clean : EXIT.findings);
    });
  log
    .command("new-key")
    .description(
      "print a new Ed25519 key pair in PEM: the private one for the secret store, the public one for whoever verifies",
    )
    .action(() => {
      const { privateKey, publicKey } = generateKeyPairSync("ed25519");
      process.stdout.write(privateKey.export({ format: "pem", type: "pkcs8" }));
      process.stdout.write(publicKey.export({ format: "pem", type: "spki" }));
    });
}

async function verify(directory: string | undefined, options: VerifyOptions): Promise<AuditLogVerdict> {
  const { origin, publicKey, anchor } = options;
  if ((directory === undefined) !== options.database)
    throw cannot("it is not said which log.", "name the directory of the log, or --database where Postgres keeps it.");
  const anchors = anchor === undefined ? [] : notesOf(anchor);
  const how = { origin, anchors, ...(publicKey !== undefined && { publicKey: keyOf(publicKey) }) };
  if (directory === undefined)
    return withClient(databaseUrl("--database"), UNREAD, (database) => verifyPostgresAuditLog({ database, ...how }));
  if (!existsSync(directory)) throw cannot(`there is no ${directory} here.`, "name the directory of the log.");
  try {
    return await verifyAuditLog({ directory, ...how });
  } catch (error) {
    throw cannot(`the log could not be read: ${(error as Error).message}`, "correct what the message names.");
  }
}

function keyOf(path: string): KeyObject {
  try {
    return createPublicKey(readFileSync(path));
  } catch {
    throw cannot(`${path} holds no public key in PEM.`, "name the key that glacis audit-log new-key printed second.");
  }
}

function notesOf(path: string): readonly string[] {
  try {
    const lines = readFileSync(path, "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line) => (JSON.parse(line) as { readonly note: string }).note);
  } catch {
    throw cannot(`${path} holds no checkpoints.`, "each line is a JSON object with a note, as fileAnchor writes it.");
  }
}

function cannot(what: string, fix: string): CannotCheck {
  return new CannotCheck(what, "a log that was not verified proves nothing.", fix);
}

function describe({ broken, size, from, root, checkpoints }: AuditLogVerdict, { publicKey }: VerifyOptions): string {
  if (broken !== undefined) {
    const place = broken.file === undefined ? "" : ` in ${broken.file} at byte ${broken.offset}`;
    return `${broken.problem}: event ${broken.seq}${place}`;
  }
  const signed =
    publicKey === undefined ? "signatures not judged: no --public-key" : `${checkpoints} signed checkpoints agree`;
  return `whole: events ${from} to ${size}, root ${root}, ${signed}`;
}
