import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { verifyAuditLog, type AuditLogVerdict } from "glacis/audit";
import type { Command } from "commander";
import { CannotCheck, EXIT } from "../outcome.ts";

interface VerifyOptions {
  readonly origin: string;
  readonly publicKey?: string;
  readonly anchor?: string;
}

/** `glacis audit-log`: makes a key for a log, and says whether a log is as it was written. */
export function addAuditLogCommand(program: Command, setExitCode: (code: number) => void): void {
  const log = program.command("audit-log").description("verify an audit log, and make its signing key");
  log
    .command("verify")
    .description("read a log and name the first event that is altered, missing or cut off")
    .argument("<directory>", "where the log's segments are")
    .requiredOption("--origin <name>", "the log's name in its checkpoints")
    .option("--public-key <path>", "the Ed25519 key that checkpoints must be signed with, in PEM")
    .option("--anchor <path>", "checkpoints that were kept elsewhere: one JSON object with a note on each line")
    .action(async (directory: string, options: VerifyOptions) => {
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

async function verify(directory: string, { origin, publicKey, anchor }: VerifyOptions): Promise<AuditLogVerdict> {
  if (!existsSync(directory)) throw cannot(`there is no ${directory} here.`, "name the directory of the log.");
  const anchors = anchor === undefined ? [] : notesOf(anchor);
  const key = publicKey === undefined ? undefined : keyOf(publicKey);
  try {
    return await verifyAuditLog({ directory, origin, anchors, ...(key !== undefined && { publicKey: key }) });
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
