import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const ROLE = `cli_migrate_${process.pid}`;
const database = await testDatabase("cli_migrate");

afterAll(async () => {
  await database?.pool.query(`drop owned by ${ROLE}; drop role ${ROLE}`);
  await database?.drop();
});

function migrate(args: readonly string[], url?: string) {
  const { DATABASE_URL: _, ...rest } = process.env;
  const env = { ...rest, ...(url !== undefined && { DATABASE_URL: url }) };
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "migrate", ...args], {
    cwd: ROOT,
    env,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

describe("glacis migrate", () => {
  it("prints what it would run, and needs no database for that", () => {
    const { status, stdout } = migrate(["--role", "app"]);
    expect(status).toBe(0);
    expect(stdout).toContain("create table if not exists glacis_sessions");
    expect(stdout).toContain('on glacis_sessions to "app"');
  });

  it.each([
    [[], "required option"],
    [["--role", "a b"], '"a b" will not do'],
    [["--role", "app", "--tenant-role", "app"], "needs two roles"],
    [["--role", "app", "--write"], "DATABASE_URL is not set"],
  ])("says what %j lacks", (args, what) => {
    const { status, stderr } = migrate(args);
    expect(status).toBe(2);
    expect(stderr).toContain(what);
  });

  describe.skipIf(database === undefined)("on Postgres", () => {
    it("changes nothing where the role does not exist, and says what to do", async () => {
      const { status, stderr } = migrate(["--role", ROLE, "--write"], database?.url);
      expect(status).toBe(2);
      expect(stderr).toContain("nothing was changed");
      expect(stderr).toContain(`create role "${ROLE}" login`);
      const { rows } = (await database?.pool.query("select to_regclass('glacis_sessions') as it")) ?? { rows: [] };
      expect(rows).toEqual([{ it: null }]);
    });

    it("makes the tables, and may be run again", async () => {
      await database?.pool.query(`create role ${ROLE} nologin`);
      for (const _ of [1, 2]) {
        const { status, stdout } = migrate(["--role", ROLE, "--write"], database?.url);
        expect(status, stdout).toBe(0);
        expect(stdout).toBe(`The library's tables are up to date, and ${ROLE} may use them.\n`);
      }
      const { rows } = (await database?.pool.query(
        "select has_table_privilege($1, 'glacis_sessions', 'insert') as may",
        [ROLE],
      )) ?? { rows: [] };
      expect(rows).toEqual([{ may: true }]);
    });
  });
});
