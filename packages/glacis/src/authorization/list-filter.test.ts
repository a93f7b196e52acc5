import { sql as drizzleSql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { boolean, pgTable, uuid } from "drizzle-orm/pg-core";
import { Kysely, PostgresDialect, sql as kyselySql } from "kysely";
import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase, type TestDatabase } from "../../../../test/support/services.ts";
import type { TenantId, UserId } from "../core/brand.ts";
import { ANONYMOUS, type Principal, type User } from "../core/principal.ts";
import { accessPolicy } from "./access-policy.ts";
import { anyOf, caller } from "./match.ts";
import { ownership } from "./ownership.ts";
import { rowSecurity, rowSettings } from "./row-security.ts";

const columns = { id: "uuid", tenantId: "uuid", ownerId: "uuid", draft: "boolean" } as const;
const policy = accessPolicy({
  resource: "document",
  table: "filtered",
  columns,
  tenant: "tenantId",
  actions: { list: "list", update: "update" },
  conditions: { isOwner: { ownerId: caller.userId }, isFinal: { draft: false } },
  statements: [
    { action: "list", principal: "authenticated", effect: "allow", expression: "isOwner or isFinal" },
    { action: "update", principal: "authenticated", effect: "allow", condition: "isOwner" },
  ],
});
const role = `filter_test_${randomBytes(6).toString("hex")}`;
const tenants = [randomUUID(), randomUUID()] as const;
const users = [randomUUID(), randomUUID()] as const;
const person = (id: string, tenantId: string, ...roles: string[]): User => ({
  kind: "user",
  id: id as UserId,
  tenantId: tenantId as TenantId,
  roles,
  assurance: 1,
  authenticatedAtMs: 0,
});
const ann = person(users[0], tenants[0]);

const postgres: TestDatabase | undefined = await testDatabase("filter");

describe("a list filter", () => {
  it("counts parameters from where it is told", () => {
    expect(policy.filter(ann, "update", { startAt: 3 })).toMatchObject({
      text: `(("tenant_id" = $3::uuid) and ("owner_id" = $4::uuid))`,
      values: [tenants[0], users[0]],
    });
    for (const startAt of [0, -1, 1.5, Number.NaN])
      expect(() => policy.filter(ann, "list", { startAt })).toThrow(/startAt/u);
    expect(() => policy.filter(ann, "list", { start: 2 } as object)).toThrow(/Did you mean "startAt"/u);
  });

  it("finds only texts among the roles, as the policy does in memory", () => {
    const byRole = accessPolicy({
      resource: "page",
      columns: { tenantId: "uuid", audience: "text" },
      tenant: "tenantId",
      actions: { list: "list" },
      conditions: { isFor: { audience: anyOf(caller.roles) } },
      statements: [{ action: "list", principal: "authenticated", effect: "allow", condition: "isFor" }],
    });
    const odd = person(users[0], tenants[0], ...([7, null, "editor"] as never[]));
    expect(byRole.filter(odd, "list").values).toEqual([tenants[0], "editor"]);
  });

  it("needs no database to say no", () => {
    expect(policy.filter(ANONYMOUS, "list")).toMatchObject({ text: "false", values: [] });
    expect(policy.filter({ ...ann, id: "" as UserId }, "list")).toMatchObject({ text: "false", values: [] });
  });
});

describe.runIf(postgres !== undefined)("a list filter on Postgres", () => {
  const { pool } = postgres as TestDatabase;
  const documents = pgTable("filtered", {
    id: uuid("id").primaryKey(),
    tenantId: uuid("tenant_id"),
    ownerId: uuid("owner_id"),
    draft: boolean("draft"),
  });
  const db = drizzle(pool);
  const kysely = new Kysely<{ filtered: { id: string; tenant_id: string; owner_id: string; draft: boolean } }>({
    dialect: new PostgresDialect({ pool }),
  });
  const mine = ownership({ resource: "document", columns, owner: "ownerId", tenant: "tenantId" });

  beforeAll(async () => {
    await pool.query(`
      create role ${role} nologin nosuperuser nobypassrls;
      create table filtered (id uuid primary key, tenant_id uuid, owner_id uuid, draft boolean);
      create index filtered_owner on filtered (tenant_id, owner_id);
      insert into filtered
      select gen_random_uuid(), case when n % 1000 < 2 then '${tenants[0]}' else gen_random_uuid() end::uuid,
        case when n % 2 = 0 then '${users[0]}' else '${users[1]}' end::uuid, n % 3 = 0
      from generate_series(1, 100000) n;
      analyze filtered;
    `);
  });

  afterAll(async () => {
    await pool.query(`drop owned by ${role}; drop role ${role}`);
    await postgres?.drop();
  });

  const plan = async (text: string, values: readonly unknown[]): Promise<string> => {
    const { rows } = await pool.query<{ "QUERY PLAN": string }>(`explain ${text}`, [...values]);
    return rows.map((line) => line["QUERY PLAN"]).join("\n");
  };

  it("uses the index on tenant and owner", async () => {
    for (const filter of [policy.filter(ann, "list"), policy.filter(ann, "update"), mine.scope(ann)]) {
      const explained = await plan(`select * from filtered where ${filter.text}`, filter.values);
      expect(explained).toMatch(/Index Cond: .*tenant_id = /u);
      expect(explained).not.toMatch(/Seq Scan/u);
    }
    expect(await plan(`select * from filtered where ${mine.scope(ann).text}`, mine.scope(ann).values)).toMatch(
      /Index Cond: .*owner_id = /u,
    );
  });

  it("lets row-level security use it too", async () => {
    const shadow = accessPolicy({
      resource: "filtered",
      table: "filtered",
      columns,
      tenant: "tenantId",
      actions: { list: "list" },
      conditions: { isOwner: { ownerId: caller.userId } },
      statements: [{ action: "list", principal: "user", effect: "allow", condition: "isOwner" }],
    });
    const client = await pool.connect();
    try {
      await client.query("begin");
      await client.query(rowSecurity(shadow).sql);
      await client.query(`grant select on filtered to ${role}`);
      for (const [setting, value] of [...rowSettings(ann), ["role", role] as const])
        await client.query("select set_config($1, $2, true)", [setting, value]);
      const { rows } = await client.query<{ "QUERY PLAN": string }>("explain select * from filtered");
      expect(rows.map((line) => line["QUERY PLAN"]).join("\n")).toMatch(/Index Cond: .*tenant_id = .*owner_id = /su);
    } finally {
      await client.query("rollback");
      client.release();
    }
  });

  it("is the same in Drizzle and in Kysely, with values bound and never pasted", async () => {
    const { text, values } = policy.filter(ann, "list");
    const { rows } = await pool.query<{ id: string }>(`select id from filtered where ${text} order by id`, [...values]);
    expect(rows.length).toBeGreaterThan(50);
    const where = policy.filter(ann, "list").template(drizzleSql);
    const inDrizzle = db.select({ id: documents.id }).from(documents).where(where).orderBy(documents.id);
    expect(await inDrizzle).toEqual(rows);
    expect(inDrizzle.toSQL().params).toEqual(values);
    const inKysely = kysely
      .selectFrom("filtered as f")
      .select("f.id")
      .where("f.draft", "in", [true, false])
      .where(policy.filter(ann, "list", { alias: "f" }).template(kyselySql<boolean>))
      .orderBy("f.id");
    expect(await inKysely.execute()).toEqual(rows);
    expect(inKysely.compile().parameters).toEqual([true, false, ...values]);
  });

  it("is no rows for a caller whose id cannot be a value of the column", async () => {
    const robot: Principal = { kind: "service", id: "robot", tenantId: tenants[0] as TenantId, roles: [] };
    const named = person("not-a-uuid", tenants[0]);
    for (const filter of [mine.scope(robot), mine.scope(named), mine.scope(ANONYMOUS), policy.filter(named, "update")])
      expect((await pool.query(`select id from filtered where ${filter.text}`, [...filter.values])).rows).toEqual([]);
  });
});
