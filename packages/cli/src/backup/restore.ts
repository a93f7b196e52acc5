/** A dump restored into a database that is made for it and dropped after. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { withClient, type DatabaseFailure } from "../database.ts";
import { CannotCheck } from "../outcome.ts";
import type { PostureClient } from "glacis/data";

const HEAD_BYTES = 64;
const MOST_ERROR_CHARACTERS = 65_536;
/** A large table takes its time to be read. */
const QUERY_TIMEOUT_MS = 3_600_000;

/** How a file begins that somebody encrypted: age, OpenPGP, OpenSSL. */
const ENCRYPTED =
  /^(?:age-encryption\.org\/v\d|-----BEGIN (?:AGE ENCRYPTED FILE|PGP MESSAGE)-----|Salted__|[\x84\x85\x8c\xc1\xc3])/u;
/** A dump of any format, and what is only packed. */
const PLAIN =
  /^(?:PGDMP|\s*--|\s*(?:SET|CREATE|COPY|INSERT)\s|\x1f\x8b|\x28\xb5\x2f\xfd|BZh|\xfd7zXZ|PK\x03\x04|toc\.dat)/u;

export interface BackupFile {
  readonly path: string;
  readonly bytes: number;
  readonly atMs: number;
  /** Undefined where its beginning says nothing. */
  readonly encrypted: boolean | undefined;
}

/** @throws CannotCheck when there is no such file */
export async function lookAtBackup(path: string): Promise<BackupFile> {
  const handle = await open(path).catch(() => undefined);
  try {
    const stat = await handle?.stat();
    if (handle === undefined || !stat?.isFile())
      throw cannot(`there is no backup at ${path}.`, "name the file that the last backup was written to.");
    const head = Buffer.alloc(HEAD_BYTES);
    const { bytesRead } = await handle.read(head, 0, HEAD_BYTES, 0);
    const text = head.toString("latin1", 0, bytesRead);
    const encrypted = PLAIN.test(text) ? false : ENCRYPTED.test(text) ? true : undefined;
    return { path, bytes: stat.size, atMs: stat.mtimeMs, encrypted };
  } finally {
    await handle?.close();
  }
}

/**
 * Restores a dump of the custom or tar format of pg_dump, and works in what came of it. A plain dump is a script that may run programs, and is not
 * taken: pg_restore refuses it.
 *
 * @param server a URL that may create databases, on a server that holds nothing else
 * @param decrypt a program and its arguments: it gets the file, and prints the dump; none where the file is one
 * @throws CannotCheck when anything of it fails; the database is dropped whatever happens
 */
export async function withRestored<Result>(
  server: string,
  file: BackupFile,
  decrypt: readonly string[],
  work: (client: PostureClient) => Promise<Result>,
): Promise<Result> {
  const name = `glacis_restore_${randomBytes(8).toString("hex")}`;
  return withClient(server, UNRESTORED, async (admin) => {
    await admin.query(`create database ${name} template template0`, []);
    try {
      const url = new URL(server);
      url.pathname = `/${name}`;
      await restore(url, name, file, decrypt);
      return await withClient(url.href, UNRESTORED, work, QUERY_TIMEOUT_MS);
    } finally {
      await admin.query(`drop database if exists ${name} with (force)`, []);
    }
  });
}

const UNRESTORED: DatabaseFailure = {
  what: "the backup could not be restored",
  why: "a backup that was never restored is a hope.",
  fix: "make the scratch server reachable from here, with a login that may create databases.",
};

async function restore(url: URL, name: string, file: BackupFile, decrypt: readonly string[]): Promise<void> {
  const args = ["--exit-on-error", "--no-owner", "--no-privileges", "--no-publications", "--no-subscriptions"];
  const restoring = spawn("pg_restore", [...args, `--dbname=${name}`], {
    // The URL's password would be on the command line for every user of the machine to see.
    env: { PATH: process.env["PATH"], ...connectionOf(url) },
    stdio: ["pipe", "ignore", "pipe"],
  });
  const [program, ...rest] = decrypt;
  const decrypting = program === undefined ? undefined : spawn(program, rest, { stdio: ["pipe", "pipe", "inherit"] });
  let said = "";
  restoring.stderr.setEncoding("utf8").on("data", (text: string) => {
    if (said.length < MOST_ERROR_CHARACTERS) said += text;
  });
  const ended = Promise.all([exitOf(restoring), decrypting === undefined ? 0 : exitOf(decrypting)]);
  const source = createReadStream(file.path);
  // Whoever ends early breaks the pipe of the other; what counts is how they ended.
  const piped =
    decrypting === undefined
      ? [pipeline(source, restoring.stdin)]
      : [pipeline(source, decrypting.stdin), pipeline(decrypting.stdout, restoring.stdin)];
  await Promise.allSettled(piped);
  const [restored, decrypted] = await ended;
  if (decrypted !== 0)
    throw cannot(
      decrypted === undefined ? `there is no program ${program}.` : `${program} ended with ${decrypted}.`,
      "name the program that decrypts the backup, and give it the key.",
    );
  if (restored === undefined) throw cannot("there is no pg_restore here.", "install the client programs of Postgres.");
  if (restored !== 0) throw cannot(`pg_restore ended with ${restored}${reasonIn(said)}.`, FIX);
}

const FIX =
  "look at the dump with pg_restore --list; make it with pg_dump --format=custom, and make the roles that its policies name on the scratch server.";

/** The first error, unless it may quote a row. */
function reasonIn(said: string): string {
  const line = said.split("\n").find((text) => text.startsWith("pg_restore: error: ")) ?? "";
  const reason = line.slice("pg_restore: error: ".length, 220);
  return reason === "" || /copy|key|row|value|column/iu.test(reason) ? "" : `: ${reason}`;
}

/** The exit code; undefined when the program could not be started. */
async function exitOf(child: ChildProcess): Promise<number | undefined> {
  try {
    const [code] = (await once(child, "close")) as [number | null];
    return code ?? -1;
  } catch {
    return undefined;
  }
}

function connectionOf(url: URL): Readonly<Record<string, string>> {
  const sslmode = url.searchParams.get("sslmode");
  const parts: Readonly<Record<string, string>> = {
    PGHOST: decodeURIComponent(url.searchParams.get("host") ?? url.hostname.replace(/^\[|\]$/gu, "")),
    PGPORT: url.port,
    PGUSER: decodeURIComponent(url.username),
    PGPASSWORD: decodeURIComponent(url.password),
    PGSSLMODE: sslmode ?? "",
    PGSSLROOTCERT: url.searchParams.get("sslrootcert") ?? "",
  };
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== ""));
}

function cannot(what: string, fix: string): CannotCheck {
  return new CannotCheck(what, UNRESTORED.why, fix);
}
