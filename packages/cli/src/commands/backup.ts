import { readFileSync, writeFileSync } from "node:fs";
import type { Command } from "commander";
import type { BackupFacts } from "glacis/data";
import { differences, parseContents, readContents, type Contents } from "../backup/contents.ts";
import { lookAtBackup, withRestored, type BackupFile } from "../backup/restore.ts";
import { databaseUrl, withClient, type DatabaseFailure } from "../database.ts";
import { CannotCheck, EXIT } from "../outcome.ts";

const SERVER = "SCRATCH_DATABASE_URL";

interface VerifyOptions {
  readonly record?: string;
  readonly evidence?: string;
  readonly mayLoseHours: string;
}

/** `glacis backup`: what a database holds when it is dumped, and whether the dump restores to that. */
export function addBackupCommand(program: Command, setExitCode: (code: number) => void): void {
  const backup = program.command("backup").description("restore a backup, and hold it against what was recorded");
  backup
    .command("record")
    .description("print how many rows each table of DATABASE_URL has, and a sum over them; no values")
    .option("--snapshot <name>", "of pg_export_snapshot(), which pg_dump --snapshot dumps too")
    .action(async ({ snapshot }: { readonly snapshot?: string }) => {
      const work = (client: Parameters<typeof readContents>[0]) => readContents(client, Date.now(), snapshot);
      const contents = await withClient(databaseUrl("backup record"), UNRECORDED, work, RECORD_TIMEOUT_MS);
      process.stdout.write(`${JSON.stringify(contents)}\n`);
    });
  backup
    .command("verify")
    .description("restore a dump into a scratch database, look at it, and drop it again")
    .argument("<file>", "the backup")
    .argument("[decrypt...]", "after --, a program that reads the backup and prints the dump, and its arguments")
    .option("--record <file>", "what glacis backup record printed when the dump was made")
    .option("--may-lose-hours <hours>", "how old the backup may be", "24")
    .option("--evidence <file>", "where to write what backupEncryption() asks for, as JSON")
    .addHelpText(
      "after",
      `\nThe scratch server is that of ${SERVER}. Example: glacis backup verify main.dump.age --record main.json -- age --decrypt --identity key.txt`,
    )
    .action(async (path: string, decrypt: readonly string[], options: VerifyOptions) => {
      const found = await verify(path, decrypt, options);
      setExitCode(found.length === 0 ? EXIT.clean : EXIT.findings);
    });
}

const RECORD_TIMEOUT_MS = 3_600_000;
const UNRECORDED: DatabaseFailure = {
  what: "the database could not be recorded",
  why: "without a record nobody knows what the backup should hold.",
  fix: "connect as a login that sees every row, such as the one that dumps.",
};

async function verify(path: string, decrypt: readonly string[], options: VerifyOptions): Promise<readonly string[]> {
  const hours = Number(options.mayLoseHours);
  if (!(Number.isFinite(hours) && hours > 0))
    throw new CannotCheck("--may-lose-hours is no number.", "an old backup would pass.", "write hours, such as 24.");
  const record = options.record === undefined ? undefined : recordIn(options.record);
  const file = await lookAtBackup(path);
  const nowMs = Date.now();
  const restored = await withRestored(scratchServer(), file, decrypt, (client) => readContents(client, nowMs));
  const found = [...judgeFile(file, nowMs, hours), ...judgeContents(restored, record)];
  const rows = restored.tables.reduce((sum, table) => sum + table.rows, 0);
  const compared = record === undefined ? "held against no record" : "held against its record";
  const lines = [`restored: ${restored.tables.length} tables with ${rows} rows, ${compared}`, ...found];
  process.stdout.write(`${lines.join("\n")}\n`);
  if (options.evidence !== undefined && found.length === 0)
    writeFileSync(options.evidence, `${JSON.stringify(factsOf(file, nowMs))}\n`);
  return found;
}

function judgeFile({ encrypted, atMs }: BackupFile, nowMs: number, hours: number): readonly string[] {
  return [
    ...(encrypted === true
      ? []
      : [encrypted === false ? "plaintext: it is not encrypted" : "not-verified: nothing says that it is encrypted"]),
    ...(nowMs - atMs > hours * 3_600_000 ? [`stale: it is older than ${hours} hours`] : []),
  ];
}

function judgeContents(restored: Contents, record: Contents | undefined): readonly string[] {
  if (record !== undefined) return differences(record, restored).map((line) => `differs: ${line}`);
  return restored.tables.some(({ rows }) => rows > 0) ? [] : ["empty: no table has a row"];
}

function factsOf({ path, encrypted, atMs }: BackupFile, nowMs: number): BackupFacts {
  return { name: path, encrypted, newestAtMs: Math.floor(atMs), lastRestoreAtMs: nowMs };
}

function recordIn(path: string): Contents {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw new CannotCheck(
      `there is no record at ${path}.`,
      "nothing would be compared.",
      "name the file that it is in.",
    );
  }
  return parseContents(text, path);
}

function scratchServer(): string {
  const url = process.env[SERVER];
  if (url !== undefined && URL.canParse(url) && /^postgres(?:ql)?:$/u.test(new URL(url).protocol)) return url;
  throw new CannotCheck(
    `${SERVER} is not set, or no URL of Postgres.`,
    "a backup is restored into a database of its own, on a server that holds nothing else.",
    "set it to a login that may create databases there, such as postgres://postgres@127.0.0.1:5433/postgres.",
  );
}
