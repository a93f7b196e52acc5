import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tenantGround, type TenantGround } from "../../../../test/support/tenant-ground.ts";
import type { TenantId } from "../core/brand.ts";
import type { AuditEvent } from "../core/event.ts";
import { tenantScope } from "../core/principal.ts";
import { systemDatabase, type SystemDatabase } from "./system-scope.ts";
import { runAsTenant } from "./tenant-context.ts";
import { tenantMigration } from "./tenant-migration.ts";

const ground: TenantGround | undefined = await tenantGround("system_scope");

describe.runIf(ground !== undefined)("dangerouslyWithoutTenant", () => {
  if (ground === undefined) return;
  const { owner, role, pool } = ground;
  const events: AuditEvent[] = [];
  const [a, b] = [randomUUID(), randomUUID()];
  let system: SystemDatabase;

  beforeAll(async () => {
    await owner.query(
      "create table notes (tenant_id uuid not null, id uuid primary key default gen_random_uuid(), text text)",
    );
    // The login of this ground plays the system's part; the application's role is another.
    await owner.query(tenantMigration({ role: `${role}_system`, systemRole: role, tables: [{ name: "notes" }] }));
    await owner.query("insert into notes (tenant_id, text) values ($1, 'a'), ($2, 'b')", [a, b]);
    system = systemDatabase({ database: pool(), report: (event) => events.push(event) });
  });
  afterAll(() => ground.drop());

  it("sees every tenant, and the log hears of it before", async () => {
    events.length = 0;
    const rows = await system.dangerouslyWithoutTenant({ reason: "nightly expiry" }, (connection) => {
      expect(events).toMatchObject([
        {
          event_type: "tenant",
          event: "tenant_bypass",
          severity: "warning",
          status: "observed",
          detail: "nightly expiry",
        },
      ]);
      return connection.queryArrays("select text from notes order by text");
    });
    expect(rows).toEqual([["a"], ["b"]]);
  });

  it("keeps all of its work or nothing", async () => {
    const failing = system.dangerouslyWithoutTenant({ reason: "test" }, async (connection) => {
      await connection.query("delete from notes");
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    const swallowing = system.dangerouslyWithoutTenant({ reason: "test" }, async (connection) => {
      await connection.query("delete from notes");
      await connection.query("select 1 / 0").catch(() => undefined);
    });
    await expect(swallowing).rejects.toThrow(/aborted/u);
    const { rows } = await owner.query("select count(*)::int as notes from notes");
    expect(rows).toEqual([{ notes: 2 }]);
  });

  it("does not start inside work for one tenant", async () => {
    const scope = tenantScope({ kind: "service", id: "test", tenantId: a as TenantId, roles: [] });
    const nested = runAsTenant(scope, () => system.dangerouslyWithoutTenant({ reason: "test" }, async () => 1));
    await expect(nested).rejects.toThrow(/one tenant/u);
  });

  it.each(["", "  ", undefined, 7, "x".repeat(201)])("runs nothing for the reason %o", async (reason) => {
    await expect(system.dangerouslyWithoutTenant({ reason: reason as string }, async () => 1)).rejects.toThrow(
      /reason/u,
    );
  });
});

describe("systemDatabase", () => {
  const database = { connect: () => Promise.reject(new Error("Nobody should connect.")) };
  it("refuses what it cannot work with, with the correction", () => {
    expect(() => systemDatabase({ database } as never)).toThrow(/security\.report/u);
    expect(() => systemDatabase({ database: {} as never, report: () => undefined })).toThrow(/pg pool or a PGlite/u);
    expect(() => systemDatabase({ database, report: () => undefined, rol: "x" } as never)).toThrow(
      /Did you mean "role"/u,
    );
    expect(() => systemDatabase({ database, report: () => undefined, role: "a b" })).toThrow(/plain identifier/u);
  });
});
