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
const TENANT_ROLE = `library_tenants_${process.pid}`;
const TABLE = /create (?:unlogged )?table if not exists (\w+)/gu;
const tablesOf = (sql: string): readonly string[] => [...sql.matchAll(TABLE)].map((match) => String(match[1]));

afterAll(async () => {
  await database?.pool.query(`drop owned by ${ROLE}, ${TENANT_ROLE}; drop role ${ROLE}, ${TENANT_ROLE}`);
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

  it("needs two roles where it is told both", () => {
    expect(() => libraryMigration({ role: "app", tenantRole: "app" })).toThrow(/two roles/u);
  });

  it.each(["", "a b; drop table x", 'app"', undefined])("refuses %j as a role", (role) => {
    expect(() => libraryMigration({ role: role as string })).toThrow(TypeError);
  });

  describe.skipIf(database === undefined)("on Postgres", () => {
    const pool = database?.pool as NonNullable<typeof database>["pool"];

    it("can be run again, and lets the application's role work but not rewrite what happened", async () => {
      await pool.query(`create role ${ROLE} nologin; create role ${TENANT_ROLE} nologin`);
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

    it("takes its tables from the role of tenants' queries, and the posture says when that has one of them", async () => {
      const sql = libraryMigration({ role: ROLE, tenantRole: TENANT_ROLE });
      const reached = async (): Promise<readonly string[]> => {
        const posture = await data.databasePosture(pool, { role: TENANT_ROLE });
        const found = posture.filter(({ rule }) => rule.id === "database-exposure/role-reaches-accounts");
        return found.map(({ at }) => (at.kind === "database" ? at.name : ""));
      };
      await pool.query(libraryMigration({ role: TENANT_ROLE }));
      const tables = tablesOf(sql).map((table) => `public.${table}`);
      const reach = await reached();
      expect(tables).toEqual(expect.arrayContaining([...reach]));
      const harmless = /rate_limits|used|quotas|alarm|event|audit|support|allowances|counters/u;
      expect(tables.filter((table) => !reach.includes(table) && !harmless.test(table))).toEqual([]);
      await pool.query(sql);
      expect(await reached()).toEqual([]);
    });
  });
});
