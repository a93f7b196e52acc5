import { PGlite } from "@electric-sql/pglite";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import { isLastHolderRefusal, lastHolderStays } from "./last-holder.ts";

const sql = lastHolderStays({
  table: "memberships",
  tenantColumn: "tenant_id",
  roleColumn: "role",
  role: "owner",
  tenants: { table: "tenants", key: "id" },
});
const SCHEMA = `
create table tenants (id int primary key);
create table memberships (tenant_id int references tenants on delete cascade, user_id int, role text, primary key (tenant_id, user_id));
${sql}${sql}`;
const SEED = `
delete from tenants;
insert into tenants values (1), (2);
insert into memberships values (1, 1, 'owner'), (1, 2, 'owner'), (1, 3, 'member'), (2, 4, 'owner');`;

const refusal = (work: Promise<unknown>): Promise<boolean> => work.then(() => false, isLastHolderRefusal);

describe("the last holder of a role, in PGlite", () => {
  let database: PGlite;
  beforeAll(async () => {
    database = await PGlite.create();
    await database.exec(SCHEMA);
  });
  beforeEach(() => database.exec(SEED));
  afterAll(() => database.close());

  it("stays, whether they would be demoted or removed, one by one or in one statement", async () => {
    expect(await refusal(database.query("update memberships set role = 'admin' where tenant_id = 2"))).toBe(true);
    expect(await refusal(database.query("delete from memberships where tenant_id = 2"))).toBe(true);
    expect(await refusal(database.query("update memberships set role = 'member' where tenant_id = 1"))).toBe(true);
    await database.query("delete from memberships where user_id = 1");
    expect(await refusal(database.query("delete from memberships where user_id = 2"))).toBe(true);
  });

  it("may hand over, and goes with the whole tenant", async () => {
    await database.query("update memberships set role = 'owner' where user_id = 3");
    await database.query("delete from memberships where user_id in (1, 2)");
    await database.query("delete from tenants where id = 1");
    expect((await database.query("select 1 from memberships where tenant_id = 1")).rows).toEqual([]);
  });

  it("is not judged by a snapshot of the past", async () => {
    await database.query("begin isolation level repeatable read");
    expect(await refusal(database.query("update memberships set role = 'admin' where user_id = 1"))).toBe(true);
    await database.query("rollback");
  });

  it("is named by plain identifiers alone", () => {
    const good = { table: "m", tenantColumn: "t", roleColumn: "r", role: "o", tenants: { table: "t", key: "id" } };
    expect(() => lastHolderStays({ ...good, table: "m; drop table m" })).toThrow(TypeError);
    expect(() => lastHolderStays({ ...good, role: "o'" })).toThrow(TypeError);
    expect(() => lastHolderStays({ ...good, rol: "o" } as never)).toThrow(/unknown|did you mean/iu);
  });
});

const postgres = await testDatabase("last_holder");
describe.runIf(postgres !== undefined)("two owners who demote each other at once, on Postgres", () => {
  const url = postgres?.url ?? "";
  afterAll(() => postgres?.drop());

  it.each(["read committed", "serializable"])("leave one owner, under %s", async (level) => {
    await postgres!.pool.query(`drop table if exists memberships, tenants; ${SCHEMA}`);
    const clients = [new pg.Client(url), new pg.Client(url)];
    await Promise.all(clients.map((client) => client.connect()));
    const attempt = async (client: pg.Client, user: number): Promise<boolean> => {
      try {
        await client.query(`begin isolation level ${level}`);
        await client.query("update memberships set role = 'member' where user_id = $1", [user]);
        await client.query("commit");
        return true;
      } catch {
        await client.query("rollback");
        return false;
      }
    };
    for (let round = 0; round < 30; round += 1) {
      await postgres!.pool.query(SEED);
      const won = await Promise.all(clients.map((client, index) => attempt(client, index + 1)));
      expect(won.filter(Boolean)).toHaveLength(1);
      const { rows } = await postgres!.pool.query("select 1 from memberships where tenant_id = 1 and role = 'owner'");
      expect(rows).toHaveLength(1);
    }
    await Promise.all(clients.map((client) => client.end()));
  });
});
