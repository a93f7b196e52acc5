import { randomUUID } from "node:crypto";
import { describeLocation, tenantScope, type User } from "glacis";
import { accessPolicy, caller, policyDrift, checkPolicyDrift, rowSecurity, rowSettings } from "glacis/authorization";
import { databasePosture, tenantDatabase, tenantMigration, type TenantDatabase } from "glacis/data";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tenantGround, type TenantGround } from "./support/tenant-ground.ts";

/** Two layers that never import each other write policies of one table: the floor of the tenant, and who may do what inside it. */

const ground: TenantGround | undefined = await tenantGround("row_posture");

const policy = accessPolicy({
  resource: "document",
  table: "documents",
  columns: { id: "uuid", tenantId: "uuid", ownerId: "uuid", draft: "boolean" },
  tenant: "tenantId",
  actions: { list: "list", create: "create", update: "update", destroy: "delete" },
  roles: ["admin"],
  conditions: { isOwner: { ownerId: caller.userId }, isFinal: { draft: false } },
  statements: [
    { action: "list", principal: "authenticated", effect: "allow", expression: "isOwner or isFinal" },
    { action: "<write>", principal: "authenticated", effect: "allow", condition: "isOwner" },
    { action: "destroy", principal: "role:admin", effect: "allow" },
  ],
});

describe.runIf(ground !== undefined)("the policies of access rules above the floor of the tenant", () => {
  if (ground === undefined) return;
  const { owner, role, pool } = ground;
  const [a, b] = [randomUUID(), randomUUID()];
  const person = (tenantId: string): User => ({
    kind: "user",
    id: randomUUID() as User["id"],
    tenantId: tenantId as User["tenantId"],
    roles: [],
    assurance: 1,
    authenticatedAtMs: 0,
  });
  const [ann, bob, cid] = [person(a), person(a), person(b)];
  let tenants: TenantDatabase;
  const titles = async (user: User): Promise<number> =>
    (await tenants.forTenant(tenantScope(user), { settings: rowSettings(user) }).query("select 1 from documents"))
      .length;

  beforeAll(async () => {
    await owner.query(
      "create table documents (tenant_id uuid not null, id uuid primary key, owner_id uuid not null, draft boolean not null)",
    );
    await owner.query(tenantMigration({ role, tables: [{ name: "documents", access: "policies" }] }));
    await owner.query(rowSecurity(policy, { role }).sql);
    tenants = tenantDatabase({ database: pool() });
    for (const user of [ann, bob, cid]) {
      await tenants
        .forTenant(tenantScope(user), { settings: rowSettings(user) })
        .query("insert into documents select $1, gen_random_uuid(), $2, draft from unnest(array[true, false]) draft", [
          user.tenantId,
          user.id,
        ]);
    }
  });
  afterAll(() => ground.drop());

  it("are accepted by the posture", async () => {
    const findings = await databasePosture(pool());
    expect(findings.filter(({ rule }) => rule.severity === "error").map(({ rule, at }) => [rule.id, at])).toEqual([]);
    expect(policyDrift).toBeTypeOf("function");
    expect(await checkPolicyDrift(owner, policy, { role })).toEqual([]);
  });

  it("decide inside the tenant, and the floor decides about the tenant", async () => {
    expect([await titles(ann), await titles(bob), await titles(cid)]).toEqual([3, 3, 2]);
    const nobody = await tenants.forTenant(tenantScope(ann)).query("select 1 from documents");
    expect(nobody).toEqual([]);
  });

  it("keep to the tenant by themselves, and the posture sees it", async () => {
    const client = await owner.connect();
    try {
      await client.query("begin");
      await client.query("drop policy tenant_floor on documents");
      const findings = (await databasePosture(client, { role })).filter(({ at }) =>
        describeLocation(at).includes("documents"),
      );
      expect(findings.filter(({ rule }) => rule.severity !== "note").map(({ rule }) => rule.id)).toEqual([]);
      expect(findings.map(({ rule }) => rule.id)).toContain("tenant-isolation/policies-without-floor");
    } finally {
      await client.query("rollback");
      client.release();
    }
  });

  it("are held to the tenant by the floor alone, should they forget it", async () => {
    await owner.query(
      "drop policy document_select on documents; create policy document_select on documents for select using (true)",
    );
    try {
      expect([await titles(ann), await titles(cid)]).toEqual([4, 2]);
    } finally {
      await owner.query(rowSecurity(policy, { role }).sql);
    }
  });
});
