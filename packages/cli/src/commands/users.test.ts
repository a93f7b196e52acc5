import { pbkdf2Sync } from "node:crypto";
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { AUTHENTICATION_MIGRATION, passwordHashing, postgresAuthentication } from "glacis/authentication";
import { commandProcess, spawnGlacis } from "../../../../test/support/command-line.ts";
import { testDatabase } from "../../../../test/support/services.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const answer = commandProcess();
const folder = mkdtempSync(join(tmpdir(), "glacis-users-"));
const database = await testDatabase("cli_users");

const PASSWORD = "a password from the old system";
const PBKDF2 = `pbkdf2_sha256$1000$oldsalt12345$${pbkdf2Sync(PASSWORD, "oldsalt12345", 1000, 32, "sha256").toString("base64")}`;
const BCRYPT = "$2b$12$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyz01234";
const HEADER = "id,password,last_login,is_superuser,username,email,is_active,date_joined";

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await database?.drop();
});
beforeEach(async () => {
  await database?.pool
    .query(`drop table if exists glacis_accounts, glacis_one_time_links, glacis_jobs, glacis_job_allowances;
    ${AUTHENTICATION_MIGRATION}`);
});

function fileOf(name: string, text: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const django = (id: number | string, email: string, hash = PBKDF2, active = "t"): string =>
  `${id},${hash},,f,someone,${email},${active},2019-05-06 07:08:09.123456+00`;

interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

async function users(args: readonly string[], url = database?.url, program = answer): Promise<Run> {
  // In little memory, where the process is its own.
  const env = {
    ...process.env,
    NODE_OPTIONS: "--max-old-space-size=64",
    ...(url !== undefined && { DATABASE_URL: url }),
  };
  const { exitCode, stdout, stderr } = await program(["users", "import", ...args], { cwd: ROOT, env });
  return { code: exitCode, out: stdout, errors: stderr };
}

const alone = (args: readonly string[]): Promise<Run> => users(args, undefined, spawnGlacis);

const stored = async (): Promise<readonly Record<string, unknown>[]> =>
  (await database?.pool.query("select * from glacis_accounts order by user_id"))?.rows as Record<string, unknown>[];

describe("glacis users import, looking only", () => {
  it("counts by algorithm, and prints the setting for the costliest hash without that hash", async () => {
    const lines = [HEADER, django(1, "a@example.com"), django(2, "b@example.com", `bcrypt$${BCRYPT}`)];
    const { code, out } = await users([fileOf("two.csv", lines.join("\n"))]);
    expect(code).toBe(0);
    expect(out).toContain("2 rows: 2 fit (0 of them disabled), 0 not fit");
    expect(out).toMatch(/1 {2}pbkdf2_sha256\n +1 {2}bcrypt/u);
    expect(out).toMatch(/costliestImported: "bcrypt\$\$2b\$12\$[^"]+"/u);
    expect(out).not.toContain("abcdefghijklmnopqrstuu");
    expect(out).toContain("Nothing was written");
  });

  it("names each line that is not fit, and neither the address nor the hash in it", async () => {
    const lines = [
      `\uFEFF${HEADER}`,
      django(1, "Jane@Example.com"),
      django(2, " jane@EXAMPLE.com"),
      django(3, ""),
      django(4, "no address"),
      django(5, "bad@example.com", "sha1$salt$c0ffeec0ffee"),
      django(6, "nul\0@example.com"),
      django(7, "nul@example.com", `${PBKDF2}\0`),
      `8,"${"x".repeat(100_000)}`.concat('"'),
      django("9 9", "id@example.com"),
      "10,too,few",
      `11,${PBKDF2},,f,"O""Neil, Ann","ann@example.com",f,`,
      django(12, "unusable@example.com", "!SomeRandomText"),
      django(13, "fffd\uFFFD@example.com"),
    ];
    const { code, out } = await users([fileOf("bad.csv", lines.join("\r\n"))]);
    expect(code).toBe(1);
    expect(out.split("\n").filter((line) => line.startsWith("line "))).toEqual([
      "line 3: address_repeated as on line 2",
      "line 4: address_missing",
      "line 5: address_invalid",
      "line 6: hash_unreadable",
      "line 7: address_invalid",
      "line 8: hash_unreadable",
      "line 9: record_too_long",
      "line 10: user_id_invalid",
      "line 11: columns_do_not_fit_header",
      "line 14: address_invalid",
    ]);
    expect(out).toContain("13 rows: 3 fit (1 of them disabled), 10 not fit");
    expect(out).toMatch(/1 {2}no password/u);
    expect(out).not.toMatch(/example\.com|c0ffee|oldsalt/iu);
  });

  it.each([
    ["no header", "nohead.csv", django(1, "a@example.com")],
    ["UTF-16", "wide.csv", Buffer.from(`\uFEFF${HEADER}`, "utf16le")],
    ["an array that is cut off", "cut.json", '[{"model": "auth.user", "pk": 1, "fields": {}}'],
    ["another format", "users.txt", HEADER],
    ["an empty file", "empty.csv", ""],
  ])("refuses %s with exit code 2", async (_, name, text) => {
    expect(await users([fileOf(name, text)])).toMatchObject({ code: 2, out: "" });
  });

  it("reads one hundred thousand rows in little memory, and sees a repetition at their end", async () => {
    const path = join(folder, "many.csv");
    const file = createWriteStream(path);
    file.write(`${HEADER}\n`);
    for (let id = 1; id <= 100_000; id += 1) {
      if (!file.write(`${django(id, `user${id}@example.com`)}\n`)) await once(file, "drain");
    }
    file.end(`${django(100_001, "USER7@example.com")}\n`);
    await once(file, "finish");
    const { code, out, errors } = await alone([path]);
    expect([code, errors]).toEqual([1, ""]);
    expect(out).toContain("100001 rows: 100000 fit");
    expect(out).toContain("line 100002: address_repeated as on line 8\n");
  }, 120_000);
});

describe.skipIf(database === undefined)("glacis users import --write", () => {
  it("writes what is fit, and a second run changes nothing", async () => {
    const lines = [
      HEADER,
      django(1, "Jane@Example.com"),
      django(2, "off@example.com", PBKDF2, "f"),
      django(3, "none@example.com", "!"),
      django(4, "broken", PBKDF2),
    ];
    const path = fileOf("write.csv", lines.join("\n"));
    const first = await alone([path, "--write"]);
    expect([first.code, first.out]).toEqual([1, expect.stringContaining("Written: 3 new, 0 were there already")]);
    const rows = await stored();
    expect(rows.map(({ email, status, password_hash: hash }) => [email, status, hash])).toEqual([
      ["jane@example.com", "active", PBKDF2],
      ["off@example.com", "disabled", PBKDF2],
      ["none@example.com", "active", null],
    ]);
    expect(rows[0]).toMatchObject({ user_id: "1", verified_at_ms: null, created_at_ms: "1557126489123" });
    await database?.pool.query(
      "update glacis_accounts set password_hash = 'changed since', version = 7 where user_id = '1'",
    );
    const before = await stored();
    const second = await users([path, "--write"]);
    expect(second.out).toContain("Written: 0 new, 3 were there already");
    expect(await stored()).toEqual(before);
  });

  it("lets an imported owner sign in with the old password", async () => {
    await users([fileOf("sign-in.csv", [HEADER, django(1, "jane@example.com")].join("\n")), "--write", "--verified"]);
    if (database === undefined) throw new Error("unreachable");
    const account = await postgresAuthentication(database.pool).accounts.byEmail("jane@example.com");
    expect(account?.verifiedAtMs).toBeTypeOf("number");
    const passwords = passwordHashing({ memoryKiB: 7168, passes: 5 });
    const of = account && { userId: account.userId, stored: account.passwordHash };
    expect((await passwords.verify(PASSWORD, of, Date.now())).kind).toBe("verified");
    expect((await passwords.verify("another", of, Date.now())).kind).toBe("refused");
  });

  it("never takes an id or an address that is somebody's", async () => {
    await users([fileOf("one.csv", [HEADER, django(1, "first@example.com")].join("\n")), "--write"]);
    const lines = [
      HEADER,
      django(1, "second@example.com"),
      django(2, "first@example.com"),
      django(3, "third@example.com"),
    ];
    const { code, out } = await users([fileOf("clash.csv", lines.join("\n")), "--write"]);
    expect([code, out]).toEqual([1, expect.stringContaining("line 2: user_id_taken")]);
    expect(out).toContain("Written: 1 new, 1 were there already");
    expect((await stored()).map(({ user_id: id, email }) => [id, email])).toEqual([
      ["1", "first@example.com"],
      ["3", "third@example.com"],
    ]);
  });

  it("reads a fixture of dumpdata and leaves its other models alone", async () => {
    const user = {
      model: "auth.user",
      pk: 41,
      fields: { password: PBKDF2, email: "Fix@example.com", is_active: true },
    };
    const text = JSON.stringify([{ model: "auth.group", pk: 1, fields: { name: "staff" } }, user], undefined, 2);
    const { code, out } = await users([fileOf("dump.json", text), "--write"]);
    expect([code, out]).toEqual([
      0,
      expect.stringContaining("2 rows: 1 fit (0 of them disabled), 0 not fit, 1 of other"),
    ]);
    expect(await stored()).toMatchObject([{ user_id: "41", email: "fix@example.com" }]);
  });

  it("reads a table of bcrypt hashes, and takes no other hash from it", async () => {
    const lines = ["mail,encrypted", `a@example.com,${BCRYPT}`, `b@example.com,${PBKDF2}`];
    const path = fileOf("devise.csv", lines.join("\n"));
    const columns = ["--email-column", "mail", "--hash-column", "encrypted"];
    const { code, out } = await users([path, "--from", "bcrypt", ...columns, "--write"]);
    expect([code, out]).toEqual([1, expect.stringContaining("line 3: hash_not_bcrypt")]);
    expect(await stored()).toMatchObject([{ email: "a@example.com", password_hash: BCRYPT }]);
  });

  it("lets two imports at once write each account once", async () => {
    const lines = Array.from({ length: 2000 }, (_, index) => django(index + 1, `user${index}@example.com`));
    const path = fileOf("race.csv", [HEADER, ...lines].join("\n"));
    const runs = await Promise.all([alone([path, "--write"]), alone([path, "--write"])]);
    const written = runs.map(({ out }) => Number(/Written: (\d+) new/u.exec(out)?.[1]));
    expect([runs.map(({ code }) => code), written.reduce((sum, one) => sum + one)]).toEqual([[0, 0], 2000]);
  });

  it("says what is missing without the URL", async () => {
    const path = fileOf("nowhere.csv", [HEADER, django(1, "a@example.com")].join("\n"));
    const { code, errors } = await users([path, "--write"], "postgres://someone:hunter2@127.0.0.1:1/none");
    expect([code, errors]).toEqual([2, expect.stringContaining("the accounts could not be written")]);
    expect(errors).not.toContain("hunter2");
  });
});
