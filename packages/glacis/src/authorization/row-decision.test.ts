import { describe, expect, it } from "vitest";
import type { TenantId, UserId } from "../core/brand.ts";
import type { Principal } from "../core/principal.ts";
import { accessPolicy } from "./access-policy.ts";
import { caller } from "./match.ts";

const policy = accessPolicy({
  resource: "document",
  columns: { id: "text", tenantId: "text", ownerId: "text", locked: "boolean", status: "text", level: "integer" },
  tenant: "tenantId",
  actions: { update: "update" },
  roles: ["admin", "editor", "intern", "suspended"],
  conditions: {
    own: { ownerId: caller.userId },
    made: { ownerId: caller.serviceId },
    locked: { locked: true },
    final: { status: "final" },
    draft: { status: "draft" },
    secret: { level: 9 },
  },
  statements: [
    { action: "update", principal: "*", effect: "deny", condition: "locked" },
    { action: "update", principal: "role:suspended", effect: "deny" },
    { action: "update", principal: "role:intern", effect: "deny", condition: "final" },
    { action: "update", principal: "user", effect: "deny", condition: "secret" },
    { action: "update", principal: "user", effect: "allow", condition: "own" },
    { action: "update", principal: "service", effect: "allow", condition: "made" },
    { action: "update", principal: "authenticated", effect: "allow", condition: "draft" },
    { action: "update", principal: "role:editor", effect: "allow", condition: "final" },
    { action: "update", principal: "role:admin", effect: "allow" },
  ],
  report: () => undefined,
});

const ROLES = [[], ["intern"], ["editor"], ["editor", "intern"], ["admin"], ["admin", "suspended"], ["unheard-of"]];
const CALLERS = ROLES.flatMap((roles): Principal[] => [
  { kind: "user", id: "ann" as UserId, tenantId: "acme" as TenantId, roles, assurance: 1, authenticatedAtMs: 0 },
  { kind: "service", id: "ann", tenantId: "acme" as TenantId, roles },
]);
const ROWS = ["acme", "other"].flatMap((tenantId) =>
  ["ann", "bob"].flatMap((ownerId) =>
    [true, false, null].flatMap((locked) =>
      ["draft", "final", "lost", null].flatMap((status) =>
        [1, 9, null].map((level) => ({ id: "d", tenantId, ownerId, locked, status, level })),
      ),
    ),
  ),
);

/** The statements above, read aloud. */
function expected(who: Principal, row: (typeof ROWS)[number]): boolean {
  if (who.kind === "anonymous" || row.tenantId !== "acme" || row.locked !== false) return false;
  const holds = (role: string): boolean => who.roles.includes(role);
  if (holds("suspended") || (holds("intern") && (row.status === "final" || row.status === null))) return false;
  if (who.kind === "user" && row.level !== 1) return false;
  if (row.ownerId === who.id || row.status === "draft" || holds("admin")) return true;
  return holds("editor") && row.status === "final";
}

describe("the decision about a row", () => {
  it("is what the statements say, for every caller and every row", () => {
    const wrong = CALLERS.flatMap((who) =>
      ROWS.filter((row) => policy.permits(who, "update", row) !== expected(who, row)).map((row) => ({ who, row })),
    );
    expect(wrong).toEqual([]);
    expect(ROWS.some((row) => expected(CALLERS[0] as Principal, row))).toBe(true);
  });

  it("is no for a caller without an id, a tenant or a list of roles, and for a kind that does not exist", () => {
    const row = { id: "d", tenantId: "acme", ownerId: "ann", locked: false, status: "draft", level: 1 };
    const ann = CALLERS[0] as Principal;
    expect(policy.permits(ann, "update", row)).toBe(true);
    for (const flaw of [{ id: "" }, { tenantId: undefined }, { roles: "admin" }, { groups: "legal" }, { kind: "root" }])
      expect(policy.permits({ ...ann, ...flaw } as unknown as Principal, "update", row)).toBe(false);
  });
});
