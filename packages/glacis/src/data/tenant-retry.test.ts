import { PGlite } from "@electric-sql/pglite";
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import type { TenantId } from "../core/brand.ts";
import { Refusal } from "../core/error-reason.ts";
import { tenantScope } from "../core/principal.ts";
import { TenantIsolationError } from "./tenant-context.ts";
import type { TenantConnection } from "./tenant-connection.ts";
import { inSomeOrder } from "./tenant-retry.ts";
import { tenantDatabase, type TenantDatabase } from "./tenant.ts";

const role = `retry_test_${randomBytes(6).toString("hex")}`;
const scope = tenantScope({ kind: "service", id: "test", tenantId: "acme" as TenantId, roles: [] });
const migration = `
  create table doctors (name text primary key, on_call boolean not null);
  insert into doctors values ('ada', true), ('bob', true);
  create role ${role} nologin nosuperuser nobypassrls;
  grant select, insert, update, delete on doctors to ${role};
`;
const SERIALIZABLE = { serializable: true };
const failure = (code: string): Error => Object.assign(new Error("from the driver"), { code });

describe("inSomeOrder", () => {
  it("runs the work again when Postgres could not fit it in, and no more than four times", async () => {
    for (const code of ["40001", "40P01"]) {
      let runs = 0;
      const work = async (): Promise<string> => {
        runs += 1;
        if (runs < 4) throw new Error("wrapped", { cause: failure(code) });
        return "done";
      };
      expect(await inSomeOrder(work)).toBe("done");
      expect(runs).toBe(4);
    }
    let runs = 0;
    const hopeless = inSomeOrder(async () => {
      runs += 1;
      throw failure("40001");
    });
    await expect(hopeless).rejects.toThrow(Refusal);
    await expect(hopeless).rejects.toThrow("conflict");
    await expect(hopeless).rejects.toMatchObject({ decision: { events: [{ event: "transaction_conflict" }] } });
    expect(runs).toBe(4);
  });

  it("runs nothing again for any other failure", async () => {
    for (const error of [failure("23505"), new Error("x"), "text", null]) {
      let runs = 0;
      const work = inSomeOrder(async () => {
        runs += 1;
        throw error;
      });
      await expect(work).rejects.toBe(error);
      expect(runs).toBe(1);
    }
  });
});

const postgres = await testDatabase("retry");

describe.runIf(postgres !== undefined)("serializable work on Postgres", () => {
  let tenants: TenantDatabase;
  beforeAll(async () => {
    await postgres?.pool.query(migration);
    tenants = tenantDatabase({ database: postgres?.pool as never, role });
  });
  afterAll(async () => {
    await postgres?.pool.query(`drop owned by ${role}; drop role ${role}`);
    await postgres?.drop();
  });

  /** Goes off call while another is on: two who look at once see each other. */
  const leave = (name: string) => async (connection: TenantConnection) => {
    const others = await connection.query("select name from doctors where on_call and name <> $1", [name]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (others.length === 0) return "stays";
    await connection.query("update doctors set on_call = false where name = $1", [name]);
    return "leaves";
  };

  it("keeps what two transactions would break together, though each alone is right", async () => {
    const together = (options: object) =>
      Promise.all(["ada", "bob"].map((name) => tenants.withTenant(scope, leave(name), options)));
    expect(await together({})).toEqual(["leaves", "leaves"]);
    await postgres?.pool.query("update doctors set on_call = true");
    expect((await together(SERIALIZABLE)).toSorted()).toEqual(["leaves", "stays"]);
  });

  it("joins serializable work only, and is for transactions", async () => {
    const inner = (): Promise<unknown> => tenants.withTenant(scope, (one) => one.query("select 1"), SERIALIZABLE);
    await expect(tenants.withTenant(scope, inner)).rejects.toThrow(TenantIsolationError);
    expect(await tenants.withTenant(scope, inner, SERIALIZABLE)).toHaveLength(1);
    const alone = tenants.forTenant(scope, SERIALIZABLE);
    await expect(alone.query("select 1")).rejects.toThrow("serializable is for withTenant");
  });
});

describe("serializable work on PGlite", () => {
  it("is serializable", async () => {
    const database = await PGlite.create();
    await database.exec(migration);
    const tenants = tenantDatabase({ database, role });
    const level = (options: object) =>
      tenants.withTenant(scope, (one) => one.query("show transaction_isolation"), options);
    expect(await level(SERIALIZABLE)).toEqual([{ transaction_isolation: "serializable" }]);
    expect(await level({})).toEqual([{ transaction_isolation: "read committed" }]);
    await database.close();
  });
});
