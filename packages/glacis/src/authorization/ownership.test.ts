import { describe, expect, it } from "vitest";
import type { TenantId, UserId } from "../core/brand.ts";
import { Refusal } from "../core/error-reason.ts";
import { ANONYMOUS, type Principal } from "../core/principal.ts";
import { ownership } from "./ownership.ts";

const columns = { id: "text", ownerId: "text", tenantId: "text" } as const;
const documents = ownership({ resource: "document", columns, owner: "ownerId", tenant: "tenantId" });
const users = ownership({ resource: "user", columns, owner: "id", tenant: "tenantId" });
const ann: Principal = {
  kind: "user",
  id: "ann" as UserId,
  tenantId: "acme" as TenantId,
  roles: [],
  assurance: 1,
  authenticatedAtMs: 0,
};
const robot: Principal = { kind: "service", id: "robot", tenantId: "acme" as TenantId, roles: [] };

function reasonOf(ask: () => unknown): unknown {
  try {
    return ask();
  } catch (error) {
    if (error instanceof Refusal) return [error.decision.reason, error.decision.members?.["fields"]];
    throw error;
  }
}

describe("ownership", () => {
  it("stamps owner and tenant from who creates, users and services alike, and leaves the input as it was", () => {
    const input = { title: "Plan" };
    expect(documents.stamp(ann, input)).toEqual({ title: "Plan", ownerId: "ann", tenantId: "acme" });
    expect(documents.stamp(robot, input)).toEqual({ title: "Plan", ownerId: "robot", tenantId: "acme" });
    expect(input).toEqual({ title: "Plan" });
  });

  it.each([
    [{ ownerId: "bob" }, ["ownerId"]],
    [{ ownerId: "ann" }, ["ownerId"]],
    [{ tenantId: "globex", ownerId: null }, ["ownerId", "tenantId"]],
    [{ tenantId: undefined }, ["tenantId"]],
    // As a query builder takes it that is given columns' names.
    [{ owner_id: "bob", tenant_id: "globex" }, ["owner_id", "tenant_id"]],
  ])("refuses a client's own %j by name, right or wrong", (claimed, names) => {
    const fields = names.map((field) => ({ field, problem: "forbidden" }));
    expect(reasonOf(() => documents.stamp(ann, { title: "Plan", ...claimed }))).toEqual(["input_invalid", fields]);
  });

  it("lets nobody create who is nobody", () => {
    for (const who of [ANONYMOUS, { ...ann, id: "" as UserId }, { ...ann, tenantId: "" as TenantId }])
      expect(reasonOf(() => documents.stamp(who, {}))).toEqual(["unauthenticated", undefined]);
  });

  it("takes a record to stamp and nothing else", () => {
    for (const input of [null, undefined, [], "text"])
      expect(reasonOf(() => documents.stamp(ann, input as never))).toEqual([
        "input_invalid",
        [{ field: "", problem: "not_a_record" }],
      ]);
  });

  it("scopes reads to the caller's own rows of its own tenant", () => {
    expect(documents.scope(ann, { startAt: 2 })).toMatchObject({
      text: '(("tenant_id" = $2::text) and ("owner_id" = $3::text))',
      values: ["acme", "ann"],
    });
    expect(documents.scope(robot).values).toEqual(["acme", "robot"]);
    expect(documents.scope(ANONYMOUS)).toMatchObject({
      text: '(("tenant_id" = null::text) and ("owner_id" = null::text))',
      values: [],
    });
  });

  it("lets users see only themselves", () => {
    expect(users.scope(ann, { alias: "u" }).text).toBe('(("u"."tenant_id" = $1::text) and ("u"."id" = $2::text))');
  });

  it("refuses what it does not know", () => {
    const options = { resource: "document", columns, owner: "ownerId", tenant: "tenantId" } as const;
    expect(() => ownership({ ...options, owner: "owner" as "ownerId" })).toThrow(/Did you mean "ownerId"/u);
    expect(() => ownership({ ...options, tenants: "x" } as typeof options)).toThrow(/Did you mean "tenant"/u);
  });
});
