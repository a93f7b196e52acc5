import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ANONYMOUS, type Principal, type User } from "../core/principal.ts";
import { roleHierarchy } from "./role-hierarchy.ts";

const ROLES = ["viewer", "member", "admin", "owner"] as const;
const hierarchy = roleHierarchy({ roles: ROLES, grantor: "admin" });

function user(...roles: string[]): User {
  return {
    kind: "user",
    id: "u" as User["id"],
    tenantId: "t" as User["tenantId"],
    roles,
    assurance: 1,
    authenticatedAtMs: 0,
  };
}

describe("roles in order", () => {
  it("let nobody give more than they have, and nobody below the grantor give anything", () => {
    expect(hierarchy.grantable(user("owner"))).toEqual(ROLES);
    expect(hierarchy.grantable(user("admin"))).toEqual(["viewer", "member", "admin"]);
    for (const nobody of [user("member"), user("viewer"), user(), ANONYMOUS]) {
      expect(hierarchy.grantable(nobody)).toEqual([]);
    }
  });

  it.each([
    ["a member who makes himself owner", user("member"), { from: "member", to: "owner" }, "not_a_grantor"],
    ["an admin who makes himself owner", user("admin"), { from: "admin", to: "owner" }, "grant_above"],
    ["an admin who demotes an owner", user("admin"), { from: "owner", to: "viewer" }, "target_above"],
    ["an admin who removes an owner", user("admin"), { from: "owner" }, "target_above"],
    ["an owner who gives a role that does not exist", user("owner"), { from: "member", to: "root" }, "grant_above"],
    ["an owner who changes somebody of an unknown role", user("owner"), { from: "root", to: "member" }, "target_above"],
    ["a name that every object has", user("owner"), { to: "constructor" }, "grant_above"],
    ["a change of nothing", user("owner"), {}, "no_change"],
    ["a role that only looks like one", user("Owner", "owner "), { to: "viewer" }, "not_a_grantor"],
  ])("refuse %s, with an event", (_, principal, change, detail) => {
    expect(hierarchy.decide(principal, change)).toMatchObject({
      kind: "deny",
      reason: "forbidden",
      events: [{ event: "authz.escalation_attempt", control: "privilege-escalation", detail, user_id: "u" }],
    });
  });

  it("count roles that are no list for nothing", () => {
    const odd = { ...user(), roles: "owner" } as unknown as Principal;
    expect(hierarchy.mayGrant(odd, "viewer")).toBe(false);
  });

  it("never lift anybody above the highest of those who acted, whatever they did in whatever order", () => {
    const people = 5;
    const step = fc.record({
      actor: fc.nat(people - 1),
      target: fc.nat(people - 1),
      to: fc.constantFrom(...ROLES, "root", undefined),
    });
    const below = fc.array(fc.constantFrom("viewer", "member", "admin"), { minLength: people, maxLength: people });
    fc.assert(
      fc.property(below, fc.array(step, { maxLength: 40 }), (start, steps) => {
        const held: (string | undefined)[] = [...start];
        const highest = Math.max(...start.map((role) => ROLES.indexOf(role as "admin")));
        for (const { actor, target, to } of steps) {
          const roles = [held[actor]].filter((role) => role !== undefined);
          if (hierarchy.decide(user(...roles), { from: held[target], to }).kind === "allow") held[target] = to;
        }
        expect(Math.max(...held.map((role) => ROLES.indexOf(role as "admin")))).toBeLessThanOrEqual(highest);
      }),
    );
  });

  it("are refused at construction when they are no order", () => {
    expect(() => roleHierarchy({ roles: ["a", "a"], grantor: "a" })).toThrow(/twice/u);
    expect(() => roleHierarchy({ roles: [], grantor: "a" as never })).toThrow(/list of names/u);
    expect(() => roleHierarchy({ roles: ["a"], grantor: "b" as "a" })).toThrow(/grantor/u);
    expect(() => roleHierarchy({ roles: ["a"], grantor: "a", grantors: 1 } as never)).toThrow(/did you mean/iu);
  });
});
