import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandProcess, spawnGlacis } from "../../../../test/support/command-line.ts";
import { testDatabase } from "../../../../test/support/services.ts";

const answer = commandProcess();
const hasTools = ["pg_dump", "pg_restore", "openssl"].every((tool) => spawnSync(tool, ["version"]).error === undefined);
const database = hasTools ? await testDatabase("backup") : undefined;
const folder = mkdtempSync(join(tmpdir(), "glacis-backup-"));
const at = (name: string): string => join(folder, name);

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await database?.drop();
});

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function backup(args: readonly string[], program = answer): Promise<Outcome> {
  const url = database?.url ?? "";
  const env = { ...process.env, DATABASE_URL: url, SCRATCH_DATABASE_URL: url };
  const { exitCode, stdout, stderr } = await program(["backup", ...args], { env });
  return { code: exitCode, out: stdout, err: stderr };
}

describe.runIf(database !== undefined)("glacis backup", () => {
  const decrypt = ["--", "openssl", "enc", "-d", "-aes-256-cbc", "-pbkdf2", "-pass", `file:${at("key")}`];
  beforeAll(async () => {
    await database?.pool.query(`create table notes (id int primary key, body text, at timestamptz default now());
      create table "Odd name" (id int); insert into notes select n, 'SECRET ' || n from generate_series(1, 500) as n`);
    writeFileSync(at("key"), "a passphrase for this test");
    execFileSync("pg_dump", ["--format=custom", `--file=${at("main.dump")}`, database?.url ?? ""]);
    writeFileSync(at("main.json"), (await backup(["record"])).out);
    const encrypt = ["enc", "-aes-256-cbc", "-pbkdf2", "-pass", `file:${at("key")}`, "-in", at("main.dump")];
    execFileSync("openssl", [...encrypt, "-out", at("main.dump.enc")]);
  });

  it("records counts and sums, and no value", async () => {
    const record = readFileSync(at("main.json"), "utf8");
    expect(JSON.parse(record)).toMatchObject({ tables: [{ name: 'public."Odd name"', rows: 0 }, { rows: 500 }] });
    expect(record).not.toContain("SECRET");
    expect((await backup(["record", "--snapshot", "x'; drop table notes"])).code).toBe(2);
  });

  it("restores an encrypted dump, finds all of it, and leaves evidence and no database", async () => {
    const args = ["verify", at("main.dump.enc"), "--record", at("main.json"), "--evidence", at("evidence.json")];
    expect(await backup([...args, ...decrypt], spawnGlacis)).toEqual({
      code: 0,
      out: "restored: 2 tables with 500 rows, held against its record\n",
      err: "",
    });
    expect(JSON.parse(readFileSync(at("evidence.json"), "utf8"))).toMatchObject({
      encrypted: true,
      newestAtMs: expect.any(Number) as number,
      lastRestoreAtMs: expect.any(Number) as number,
    });
    const left = await database?.pool.query("select from pg_database where datname like 'glacis\\_restore\\_%'");
    expect(left?.rowCount).toBe(0);
  });

  it("finds a dump in the clear, an old one, and each table that is other than recorded", async () => {
    const record = JSON.parse(readFileSync(at("main.json"), "utf8")) as {
      tables: { name: string; rows: number; sum: string }[];
    };
    const tables = record.tables.map((table) => (table.name === "public.notes" ? { ...table, sum: "7" } : table));
    writeFileSync(
      at("other.json"),
      JSON.stringify({ atMs: 1, tables: [...tables, { name: "public.gone", rows: 1, sum: "1" }] }),
    );
    utimesSync(at("main.dump"), 1000, 1000);
    const { code, out } = await backup([
      "verify",
      at("main.dump"),
      "--record",
      at("other.json"),
      "--evidence",
      at("none.json"),
    ]);
    expect(code).toBe(1);
    expect(out.split("\n").slice(1, -1)).toEqual([
      "plaintext: it is not encrypted",
      "stale: it is older than 24 hours",
      "differs: public.notes: other values than recorded",
      "differs: public.gone: is missing",
    ]);
    expect(() => readFileSync(at("none.json"))).toThrow();
  });

  it.each<[string, () => readonly string[], RegExp]>([
    ["a file that is no dump", () => ["verify", at("main.json")], /pg_restore ended with 1/u],
    ["a dump that is cut off", () => ["verify", at("cut.dump")], /pg_restore ended with 1/u],
    ["a script", () => ["verify", at("script.sql")], /pg_restore ended with 1/u],
    [
      "no key",
      () => ["verify", at("main.dump.enc"), ...decrypt.slice(0, -1), `file:${at("nowhere")}`],
      /openssl ended with 1/u,
    ],
    [
      // CBC does not authenticate: one wrong key of 256 leaves padding that looks right, and then only pg_restore can tell.
      "the wrong key",
      () => ["verify", at("main.dump.enc"), ...decrypt.slice(0, -1), "pass:wrong"],
      /(?:openssl|pg_restore) ended with 1/u,
    ],
    ["no program to decrypt with", () => ["verify", at("main.dump.enc"), "--", "no-such-program"], /no program/u],
    ["no file", () => ["verify", at("nowhere")], /no backup at/u],
    ["no record", () => ["verify", at("main.dump"), "--record", at("nowhere")], /no record at/u],
    ["a record that is none", () => ["verify", at("main.dump"), "--record", at("key")], /no record of a database/u],
  ])("says with exit code 2 that it could not verify %s", async (_what, args, said) => {
    const dump = readFileSync(at("main.dump"));
    writeFileSync(at("cut.dump"), dump.subarray(0, dump.length - 900));
    writeFileSync(at("script.sql"), "-- PostgreSQL database dump\n\\! touch pwned\n");
    const { code, out, err } = await backup(args());
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(said);
    expect(err).not.toMatch(/SECRET|@127/u);
    const left = await database?.pool.query("select from pg_database where datname like 'glacis\\_restore\\_%'");
    expect(left?.rowCount).toBe(0);
  });
});
