import { afterAll, describe, expect, it } from "vitest";
import * as audit from "glacis/audit";
import * as authentication from "glacis/authentication";
import * as authorization from "glacis/authorization";
import * as center from "glacis/center";
import * as data from "glacis/data";
import * as input from "glacis/input";
import * as network from "glacis/network";
import { libraryMigration } from "./library-migration.ts";
import { testDatabase } from "../../../../test/support/services.ts";

const database = await testDatabase("library_migration");
const ROLE = `library_app_${process.pid}`;
const TABLE = /create (?:unlogged )?table if not exists (\w+)/gu;
const tablesOf = (sql: string): readonly string[] => [...sql.matchAll(TABLE)].map((match) => String(match[1]));

afterAll(async () => {
  await database?.pool.query(`drop owned by ${ROLE}; drop role ${ROLE}`);
  await database?.drop();
});

describe("the migration of the library", () => {
  it("has the tables of every migration that a layer exports, so that none is forgotten", () => {
    const whole = new Set(tablesOf(libraryMigration({ role: "app" })));
    const doors: readonly Readonly<Record<string, unknown>>[] = [
      audit,
      authentication,
      authorization,
      center,
      data,
      input,
      network,
    ];
    const exported = doors.flatMap((door) =>
      Object.entries(door).filter(([name, value]) => name.endsWith("_MIGRATION") && typeof value === "string"),
    );
    expect(exported.length).toBeGreaterThan(10);
    for (const [name, sql] of exported)
      expect(
        tablesOf(String(sql)).filter((table) => !whole.has(table)),
        name,
      ).toEqual([]);
  });

  it.each(["", "a b; drop table x", 'app"', undefined])("refuses %j as a role", (role) => {
    expect(() => libraryMigration({ role: role as string })).toThrow(TypeError);
  });

  describe.skipIf(database === undefined)("on Postgres", () => {
    const pool = database?.pool as NonNullable<typeof database>["pool"];

    it("can be run again, and lets the application's role work but not rewrite what happened", async () => {
      await pool.query(`create role ${ROLE} nologin`);
      await pool.query(libraryMigration({ role: ROLE }));
      await pool.query(libraryMigration({ role: ROLE }));
      const client = await pool.connect();
      try {
        await client.query(`set role ${ROLE}`);
        await client.query("insert into glacis_used (id, until_ms) values ('once', 1)");
        await client.query("select * from glacis_sessions, glacis_accounts, glacis_events, glacis_audit_events");
        await expect(client.query("update glacis_events set event = ''")).rejects.toThrow("permission denied");
        await expect(client.query("delete from glacis_audit_events")).rejects.toThrow(/permission denied|append-only/u);
        await expect(client.query("drop table glacis_sessions")).rejects.toThrow("must be owner");
      } finally {
        await client.query("reset role");
        client.release();
      }
    });
  });
});
