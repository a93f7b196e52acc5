import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Pool } from "pg";
import { tenantGround } from "../../../../test/support/tenant-ground.ts";
import type { TenantId, UserId } from "../core/brand.ts";
import { tenantScope, type User } from "../core/principal.ts";
import { tenantDatabase, type TenantDatabase } from "../data/tenant.ts";
import type { Deployment } from "../core/control.ts";
import { exportAuditTrail } from "./audit-trail-export.ts";
import { auditTrailMigration } from "./audit-trail-migration.ts";
import { auditTrail, auditTrailControl } from "./audit-trail.ts";

const ground = await tenantGround("audit_trail");

const trail = auditTrail({
  resources: { document: { title: "internal", body: "personal", ssn: "sensitive" }, membership: { role: "internal" } },
});

function user(tenantId: string, id: string, actor?: string): User {
  const own = { kind: "user", id: id as UserId, tenantId: tenantId as TenantId, roles: [], assurance: 1 } as const;
  const support = actor === undefined ? {} : { actor: { id: actor as UserId, tenantId: "support" as TenantId } };
  return { ...own, ...support, authenticatedAtMs: 0 };
}

const ann = user("t1", "ann");
const bob = user("t2", "bob");
const change = { principal: ann, action: "document.change", resource: "document", id: "d-1" } as const;

describe.skipIf(ground === undefined)("auditTrail", () => {
  let database: TenantDatabase;
  let owner: Pool;
  let pool: Pool;

  beforeAll(async () => {
    if (ground === undefined) return;
    owner = ground.owner;
    await owner.query(auditTrailMigration({ role: ground.role, tenantType: "text" }));
    await owner.query(auditTrailMigration({ role: ground.role, tenantType: "text" }));
    await owner.query(`create table notes (id text, title text); grant all on notes to ${ground.role}`);
    pool = ground.pool();
    database = tenantDatabase({ database: pool });
  });
  afterAll(() => ground?.drop());

  it("keeps who did what, with values by their class, and under both names on a visit", async () => {
    await database.withTenant(tenantScope(ann), async (connection) => {
      await trail.record(connection, {
        ...change,
        principal: user("t1", "ann", "sue"),
        before: { title: "Old", body: "dear Zoe", ssn: "078-05-1120", odd: "x", same: 1 },
        after: { title: "New", body: "dear Zack", ssn: null, odd: "y", same: 1 },
        reason: "asked by the customer",
      });
    });
    const [entry] = await database.withTenant(tenantScope(ann), (connection) => trail.page(connection));
    expect(entry).toMatchObject({
      actorId: "ann",
      impersonatorId: "sue",
      action: "document.change",
      resourceId: "d-1",
      reason: "asked by the customer",
      changes: [
        { field: "body", before: "[personal]", after: "[personal]" },
        { field: "odd", before: "[secret]", after: "[secret]" },
        { field: "ssn", before: "[sensitive]", after: null },
        { field: "title", before: "Old", after: "New" },
      ],
    });
    expect(JSON.stringify(entry)).not.toMatch(/zoe|078-05/iu);
  });

  it("shows no tenant another's entries, nor lets one write them", async () => {
    const seen = await database.withTenant(tenantScope(bob), (connection) => trail.page(connection));
    expect(seen).toEqual([]);
    const forged = database.withTenant(tenantScope(bob), (connection) => trail.record(connection, change));
    await expect(forged).rejects.toThrow(/row-level security/u);
    expect((await pool.query("select from glacis_audit_trail")).rowCount).toBe(0);
  });

  it("undoes the change whose entry cannot be written, and the entry whose change fails", async () => {
    const write = (action: Parameters<typeof trail.record>[1], fails: boolean): Promise<void> =>
      database.withTenant(tenantScope(ann), async (connection) => {
        await connection.query("insert into notes values ('n', 'x')");
        await trail.record(connection, action);
        if (fails) throw new Error("the change failed");
      });
    await expect(write({ ...change, principal: bob }, false)).rejects.toThrow(/row-level security/u);
    await expect(write({ ...change, action: "late.failure" }, true)).rejects.toThrow("the change failed");
    expect((await owner.query("select from notes")).rowCount).toBe(0);
    expect((await owner.query("select from glacis_audit_trail where action = 'late.failure'")).rowCount).toBe(0);
  });

  it("lets the application's role change, backdate, empty or remove nothing", async () => {
    const attempt = (text: string): Promise<unknown> =>
      database.withTenant(tenantScope(ann), (connection) => connection.query(text));
    await expect(attempt("update glacis_audit_trail set actor_id = 'bob'")).rejects.toThrow();
    await expect(attempt("truncate glacis_audit_trail")).rejects.toThrow();
    await expect(attempt("insert into glacis_audit_trail (tenant_id, at) values ('t1', '2001-01-01')")).rejects.toThrow(
      /permission denied/u,
    );
    await attempt("delete from glacis_audit_trail");
    expect((await owner.query("select from glacis_audit_trail where tenant_id = 't1'")).rowCount).toBeGreaterThan(0);
    await expect(owner.query("update glacis_audit_trail set actor_id = 'bob'")).rejects.toThrow("append-only");
  });

  it("keeps an entry for 400 days and no longer than the next one is written after that", async () => {
    const insert = `insert into glacis_audit_trail (tenant_id, at, actor_id, actor_kind, action, resource_type, resource_id, changes)
      values ('t3', now() - make_interval(days => $1), 'cy', 'user', $2, 'document', 'd', '[]')`;
    await owner.query(insert, [399, "young"]);
    await owner.query(insert, [401, "old"]);
    const cy = user("t3", "cy");
    await database.withTenant(tenantScope(cy), (connection) => trail.record(connection, { ...change, principal: cy }));
    const left = await database.withTenant(tenantScope(cy), (connection) => trail.page(connection));
    expect(left.map(({ action }) => action)).toEqual(["document.change", "young"]);
  });

  it("exports every entry once, in files where no cell is a formula", async () => {
    const dee = user("t4", "dee");
    await database.withTenant(tenantScope(dee), async (connection) => {
      for (let index = 0; index < 501; index += 1)
        await trail.record(connection, {
          ...change,
          principal: dee,
          id: `=HYPERLINK("d-${index}")`,
          after: { title: "=1+1" },
        });
    });
    const file = (format: "csv" | "json"): Promise<string> =>
      database.withTenant(tenantScope(dee), async (connection) => {
        let text = "";
        for await (const part of exportAuditTrail(trail, connection, format)) text += part;
        return text;
      });
    const lines = (await file("csv")).trimEnd().split("\r\n");
    expect(lines).toHaveLength(502);
    expect(lines[1]).toContain(`"'=HYPERLINK(""d-500"")"`);
    expect(lines.every((line) => !/(?:^|,)"?[=+@-]/u.test(line))).toBe(true);
    const objects = (await file("json"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { resourceId: string });
    expect(new Set(objects.map(({ resourceId }) => resourceId)).size).toBe(501);
  });

  it("pages by entry, and takes no cursor that is none", async () => {
    const scope = tenantScope(user("t4", "dee"));
    const pages = await database.withTenant(scope, async (connection) => {
      const first = await trail.page(connection, { limit: 2, actorId: "dee" });
      const second = await trail.page(connection, { limit: 2, before: first[1]?.id ?? "" });
      return [...first, ...second, ...(await trail.page(connection, { before: "1; drop table notes" }))];
    });
    const ids = pages.map(({ id }) => Number(id));
    expect(ids).toHaveLength(4);
    expect(ids).toEqual(ids.toSorted((left, right) => right - left));
  });
});

describe("auditTrail's options", () => {
  it("are checked", async () => {
    expect(() => auditTrail({ resources: {} })).toThrow("at least one resource");
    expect(() => auditTrail({ resources: { a: { b: "open" as "public" } } })).toThrow('no class "open" (a.b)');
    expect(() => auditTrail({ resources: { a: {} }, retentionDays: 1 })).toThrow("30 to 3650");
    expect(() => auditTrailMigration({ role: "r", retentionDays: 1 })).toThrow("30 to 3650");
    expect(() => auditTrailMigration({ role: "" })).toThrow("database name");
    const nowhere = { query: async () => [] };
    await expect(trail.record(nowhere, { ...change, resource: "other" })).rejects.toThrow('no resource "other"');
    await expect(trail.record(nowhere, { ...change, id: "x".repeat(201) })).rejects.toThrow("at most 200");
    await expect(trail.record(nowhere, { ...change, reason: "a\0b" })).rejects.toThrow("reason");
  });

  it("are judged: a trail that is absent, or too short", () => {
    const production: Deployment = {
      mode: "production",
      nodeVersion: "22.12.0",
      variables: new Map(),
      nodeOptions: [],
      nowMs: 0,
    };
    const ids = (days?: number) =>
      auditTrailControl(days)
        .check(production)
        .map(({ rule }) => rule.id);
    expect(ids()).toEqual(["audit-trail/absent"]);
    expect(ids(90)).toEqual(["audit-trail/short-retention"]);
    expect(ids(400)).toEqual([]);
  });
});
