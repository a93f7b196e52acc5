import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import type { TenantId, UserId } from "../core/brand.ts";
import { Refusal } from "../core/error-reason.ts";
import type { AuditEvent } from "../core/event.ts";
import { ANONYMOUS, type Principal, type Service, type User } from "../core/principal.ts";
import { accessPolicy } from "./access-policy.ts";
import { anyOf, atLeast, caller, contains, isNull, isPresent, not, opaque, sameAs } from "./match.ts";
import { acrossTenants } from "./read-policy.ts";

const COLUMNS = {
  id: "text",
  tenantId: "text",
  ownerId: "text",
  status: "text",
  level: "integer",
  open: "boolean",
  sharedWith: "text[]",
  publishedAt: "timestamptz",
} as const;
const ACTIONS = { list: "list", retrieve: "read", create: "create", update: "update", destroy: "delete" } as const;

function user(id: string, more: Partial<User> = {}): User {
  const tenantId = "acme" as TenantId;
  return { kind: "user", id: id as UserId, tenantId, roles: [], assurance: 1, authenticatedAtMs: 0, ...more };
}

const robot: Service = { kind: "service", id: "ann", tenantId: "acme" as TenantId, roles: [] };
const ann = user("ann");
const row = { id: "d1", tenantId: "acme", ownerId: "ann", status: "draft", level: 1, open: false, sharedWith: ["bob"] };

/** A policy for one action from the parts that a test is about. */
function policyOf(
  conditions: Record<string, unknown>,
  statements: readonly object[],
  events: AuditEvent[] = [],
  tenant: unknown = "tenantId",
) {
  return accessPolicy({
    resource: "document",
    columns: COLUMNS,
    tenant: tenant as "tenantId",
    actions: ACTIONS,
    roles: ["admin", "editor"],
    groups: ["legal"],
    conditions: conditions as { readonly [Name in string]: string },
    statements: statements as readonly { action: "*"; principal: "*"; effect: "allow" }[],
    report: (event) => events.push(event),
  });
}

const anybody = { action: "*", principal: "*", effect: "allow" };
const when = (condition: unknown, who: Principal, subject: object = row): boolean =>
  policyOf({ it: condition }, [{ ...anybody, action: "retrieve", condition: "it" }]).permits(who, "retrieve", subject);

describe("an access policy", () => {
  it("refuses what no statement allows", () => {
    expect(policyOf({}, []).permits(ann, "retrieve", row)).toBe(false);
    const policy = policyOf({}, [{ ...anybody, action: "retrieve" }]);
    expect([policy.permits(ann, "retrieve", row), policy.permits(ann, "update", row)]).toEqual([true, false]);
  });

  it("lets a denial win, wherever it stands", () => {
    const deny = { action: "retrieve", principal: "user:ann", effect: "deny" };
    expect(policyOf({}, [deny, anybody]).permits(ann, "retrieve", row)).toBe(false);
    expect(policyOf({}, [anybody, deny]).permits(ann, "retrieve", row)).toBe(false);
    expect(policyOf({}, [anybody, deny]).permits(user("bob"), "retrieve", row)).toBe(true);
  });

  it.each([
    ["*", true, true, true],
    ["anonymous", false, false, true],
    ["authenticated", true, true, false],
    ["user", true, false, false],
    ["service", false, true, false],
    ["user:ann", true, false, false],
    ["service:ann", false, true, false],
    ["role:admin", true, false, false],
    ["role:editor", false, true, false],
    ["group:legal", true, false, false],
  ])(
    "takes the principal %s for a user %s, a service %s, a stranger %s",
    (principal, asUser, asService, asStranger) => {
      const columns = { id: "text" } as const;
      const policy = accessPolicy({
        resource: "price",
        columns,
        tenant: acrossTenants("prices are public"),
        actions: { show: "read" },
        roles: ["admin", "editor"],
        groups: ["legal"],
        statements: [{ action: "show", principal: principal as "*", effect: "allow" }],
      });
      const admin = user("ann", { roles: ["admin"], groups: ["legal"] });
      const editor: Service = { ...robot, roles: ["editor"] };
      expect(policy.permits(admin, "show", { id: "1" })).toBe(asUser);
      expect(policy.permits(editor, "show", { id: "1" })).toBe(asService);
      expect(policy.permits(ANONYMOUS, "show", { id: "1" })).toBe(asStranger);
    },
  );

  it("reads <read> as list and read, <write> as the rest, and * as all", () => {
    const permitted = (action: string) => {
      const policy = policyOf({}, [{ ...anybody, action }]);
      return Object.keys(ACTIONS).filter((name) => policy.permits(ann, name as "list", row));
    };
    expect(permitted("<read>")).toEqual(["list", "retrieve"]);
    expect(permitted("<write>")).toEqual(["create", "update", "destroy"]);
    expect(permitted("*")).toEqual(Object.keys(ACTIONS));
  });

  it("stays inside the tenant, whatever the statements say", () => {
    const policy = policyOf({}, [anybody]);
    for (const tenantId of ["globex", "", null, undefined, "ACME", "acme "])
      expect(policy.permits(ann, "retrieve", { ...row, tenantId })).toBe(false);
    expect(policy.permits(ANONYMOUS, "retrieve", row)).toBe(false);
    expect(policy.permits(ANONYMOUS, "retrieve", { ...row, tenantId: null })).toBe(false);
  });

  it.each([
    ["no tenant", { tenantId: undefined }],
    ["a null tenant", { tenantId: null }],
    ["an empty tenant", { tenantId: "" }],
    ["an empty id", { id: "" }],
    ["no id", { id: undefined }],
    ["roles in one text", { roles: "administrator, admin" }],
    ["a kind that does not exist", { kind: "root" }],
  ])("permits nothing to a principal with %s, on rows that look alike included", (_, wrong) => {
    const broken = { ...ann, ...wrong } as unknown as Principal;
    const twin = { ...row, tenantId: broken.kind === "anonymous" ? null : broken.tenantId, ownerId: "" };
    const policy = policyOf({}, [anybody], [], acrossTenants("to see that it is not the tenant alone"));
    expect(policy.permits(broken, "retrieve", twin)).toBe(false);
    expect(policy.decide(broken, "retrieve", twin)).toMatchObject({ permitted: false });
    expect(policy.filter(broken, "list").text).toBe("false");
    expect(policy.couldPermit(broken, "list")).toBe(false);
  });

  it("never lets null equal null, nor undefined, nor an empty text", () => {
    for (const ownerId of [null, undefined]) {
      expect(when({ ownerId: caller.userId }, ann, { ...row, ownerId })).toBe(false);
      expect(when({ ownerId: not(caller.userId) }, ann, { ...row, ownerId })).toBe(false);
      expect(when({ ownerId: caller.userId }, robot, { ...row, ownerId })).toBe(false);
      expect(when({ ownerId: sameAs("status") }, ann, { ...row, ownerId, status: ownerId })).toBe(false);
      expect(when({ ownerId: anyOf("x") }, ann, { ...row, ownerId })).toBe(false);
      expect(when({ sharedWith: contains(caller.userId) }, ann, { ...row, sharedWith: [ownerId] })).toBe(false);
    }
  });

  it("does not take a service for the user of the same id", () => {
    expect(when({ ownerId: caller.userId }, ann)).toBe(true);
    expect(when({ ownerId: caller.userId }, robot)).toBe(false);
    expect(when({ ownerId: caller.serviceId }, robot)).toBe(true);
    expect(when({ ownerId: caller.serviceId }, ann)).toBe(false);
  });

  it.each([
    [{ status: "draft" }, true],
    [{ status: "DRAFT" }, false],
    [{ status: not("draft") }, false],
    [{ status: anyOf("final", "draft") }, true],
    [{ status: anyOf(caller.roles) }, false],
    [{ level: atLeast(1) }, true],
    [{ level: atLeast(2) }, false],
    [{ open: false }, true],
    [{ open: not(false) }, false],
    [{ sharedWith: contains("bob") }, true],
    [{ sharedWith: contains("ann") }, false],
    [{ sharedWith: not(contains("ann")) }, true],
    [{ publishedAt: isNull() }, false],
    [{ publishedAt: isPresent() }, false],
    [{ status: "draft", level: 2 }, false],
  ])("decides %j", (condition, expected) => {
    expect(when(condition, ann)).toBe(expected);
  });

  it("does not know whether a column is null that was not loaded", () => {
    expect(when({ publishedAt: isNull() }, ann, { ...row, publishedAt: null })).toBe(true);
    expect(when({ publishedAt: isNull() }, ann, row)).toBe(false);
  });

  it("counts a denial whose condition cannot be known as a denial", () => {
    const policy = policyOf({ locked: { open: false } }, [
      anybody,
      { ...anybody, effect: "deny", condition: "locked" },
    ]);
    expect(policy.permits(ann, "retrieve", { ...row, open: true })).toBe(true);
    expect(policy.permits(ann, "retrieve", { ...row, open: false })).toBe(false);
    expect(policy.permits(ann, "retrieve", { ...row, open: null })).toBe(false);
  });

  it("does not compare values of different types", () => {
    expect(when({ level: 1 }, ann, { ...row, level: "1" })).toBe(true);
    expect(when({ level: 1 }, ann, { ...row, level: "1.0" })).toBe(false);
    expect(when({ level: 1 }, ann, { ...row, level: [1] })).toBe(false);
    expect(when({ open: true }, ann, { ...row, open: 1 })).toBe(false);
    expect(when({ ownerId: caller.userId }, ann, { ...row, ownerId: ["ann"] })).toBe(false);
    expect(when({ ownerId: caller.userId }, ann, { ...row, ownerId: { toString: () => "ann" } })).toBe(false);
  });
});

describe("a condition that fails", () => {
  const failures: readonly (readonly [string, () => unknown])[] = [
    [
      "throws",
      () => {
        throw new Error("the flag service is down");
      },
    ],
    ["returns a promise of true", async () => true],
    ["returns a promise that rejects", async () => Promise.reject(new Error("later"))],
    [
      "returns a promise of another realm that rejects",
      () => runInNewContext("Promise.reject(new Error())") as unknown,
    ],
    ["returns undefined", () => undefined],
    ["returns null", () => null],
    ["returns 1", () => 1],
    ["returns a text", () => "yes"],
    ["returns an object", () => ({})],
    ["returns a boolean in a box", () => Object(true) as unknown],
    // oxlint-disable-next-line unicorn/no-thenable -- what an ORM's query is
    ["returns something thenable", () => ({ then: () => true })],
  ];

  it.each(failures)("denies and raises an event when it %s", (_, decide) => {
    const events: AuditEvent[] = [];
    const allow = { ...anybody, action: "retrieve", condition: "it" };
    const policy = policyOf({ it: opaque(decide as () => boolean) }, [allow], events);
    expect(policy.permits(ann, "retrieve", row)).toBe(false);
    expect(events).toMatchObject([
      { event: "sys_control_failed", severity: "critical", detail: "fault", resource_type: "document" },
    ]);
    expect(policy.decide(ann, "retrieve", row)).toMatchObject({
      cause: "fault",
      refusal: { reason: "control_failed" },
    });
  });

  it.each(failures)("denies all the more when a denial asks it and it %s", (_, decide) => {
    const deny = { ...anybody, action: "retrieve", effect: "deny", condition: "it" };
    const policy = policyOf({ it: opaque(decide as () => boolean) }, [{ ...anybody, action: "retrieve" }, deny]);
    expect(policy.permits(ann, "retrieve", row)).toBe(false);
  });

  it("is not made good by another statement that allows, before it or after", () => {
    const broken = { ...anybody, action: "retrieve", condition: "it" };
    const sound = { ...anybody, action: "retrieve" };
    for (const statements of [
      [broken, sound],
      [sound, broken],
    ]) {
      const policy = policyOf({ it: opaque(() => 1 as never) }, statements);
      expect(policy.permits(ann, "retrieve", row)).toBe(false);
    }
  });

  it("is not asked where its statement is about somebody else", () => {
    const broken = { action: "retrieve", principal: "service", effect: "allow", condition: "it" };
    const policy = policyOf({ it: opaque(() => 1 as never) }, [broken, { ...anybody, action: "retrieve" }]);
    expect(policy.permits(ann, "retrieve", row)).toBe(true);
    expect(policy.permits(robot, "retrieve", row)).toBe(false);
  });

  it("is never asked about a row of another tenant", () => {
    const seen: unknown[] = [];
    const peek = opaque((_, subject: object) => seen.push(subject) > 0);
    const policy = policyOf({ peek }, [{ ...anybody, action: "retrieve", condition: "peek" }]);
    expect(policy.permits(ann, "retrieve", { ...row, tenantId: "globex" })).toBe(false);
    expect(seen).toEqual([]);
    expect(policy.permits(ann, "retrieve", row)).toBe(true);
  });

  it("denies when the row itself throws, or is no row", () => {
    const trap = {
      ...row,
      get status(): string {
        throw new Error("lazy column");
      },
    };
    expect(when({ status: "draft" }, ann, trap)).toBe(false);
    const policy = policyOf({}, [anybody]);
    for (const nothing of [null, undefined]) expect(policy.permits(ann, "retrieve", nothing as never)).toBe(false);
  });
});

describe("authorize", () => {
  const policy = policyOf({ own: { ownerId: caller.userId }, open: { open: true } }, [
    { action: "<read>", principal: "authenticated", effect: "allow", expression: "own or open" },
    { action: "<write>", principal: "user", effect: "allow", condition: "own" },
  ]);
  const refusal = (ask: () => unknown) => {
    try {
      ask();
    } catch (error) {
      if (error instanceof Refusal) return error.decision;
      throw error;
    }
    throw new Error("it was permitted");
  };

  it("returns proof that carries the row", () => {
    const proof = policy.authorize(ann, "update", row);
    expect(proof).toMatchObject({ resource: "document", action: "update" });
    expect(proof.row).toBe(row);
    expect(Object.isFrozen(proof)).toBe(true);
  });

  it("answers the same 404 for a row that is missing, foreign or not to be seen", () => {
    const rows = [null, undefined, { ...row, tenantId: "globex" }, { ...row, ownerId: "bob" }];
    for (const action of ["retrieve", "update", "destroy"] as const) {
      const reasons = rows.map((subject) => refusal(() => policy.authorize(ann, action, subject)).reason);
      expect(reasons).toEqual(["not_found", "not_found", "not_found", "not_found"]);
    }
  });

  it("answers 403 for what the caller sees and may not do", () => {
    const shown = { ...row, ownerId: "bob", open: true };
    expect(policy.permits(ann, "retrieve", shown)).toBe(true);
    expect(refusal(() => policy.authorize(ann, "update", shown)).reason).toBe("forbidden");
    expect(refusal(() => policy.authorize(ann, "create", { ...row, ownerId: "bob" })).reason).toBe("forbidden");
  });

  it("answers 401 to a stranger where nothing is given away, and 404 where it would be", () => {
    const open = policyOf({}, [{ ...anybody, principal: "user" }], [], acrossTenants("a test"));
    expect(refusal(() => open.authorize(ANONYMOUS, "create", row)).reason).toBe("unauthenticated");
    expect(refusal(() => open.authorize(ANONYMOUS, "retrieve", row)).reason).toBe("not_found");
  });

  it("raises a critical event for a row of another tenant, with the row's id hashed and nothing else of it", () => {
    const { events } = refusal(() =>
      policy.authorize(ann, "retrieve", { ...row, id: "secret-id", tenantId: "globex" }),
    );
    expect(events).toMatchObject([
      { event: "tenant_cross_access", event_type: "tenant", severity: "critical", action: "retrieve" },
    ]);
    expect(events[0]?.resource_id).toMatch(/^[\w-]{43}$/u);
    expect(JSON.stringify(events)).not.toMatch(/secret-id|globex/u);
    expect(refusal(() => policy.authorize(ann, "update", { ...row, ownerId: "bob" })).events).toMatchObject([
      { event: "authz_fail", event_type: "authorization_failure", detail: "not_allowed" },
    ]);
  });

  it("holds the row as it will be to the policy too", () => {
    expect(policy.authorize(ann, "update", row, { status: "final" }).row).toBe(row);
    expect(refusal(() => policy.authorize(ann, "update", row, { ownerId: "bob" })).reason).toBe("forbidden");
    const moved = refusal(() => policy.authorize(ann, "update", row, { tenantId: "globex" }));
    expect([moved.reason, moved.events[0]?.event]).toEqual(["not_found", "tenant_cross_access"]);
  });

  it("refuses an action that does not exist", () => {
    expect(policy.permits(ann, "publish" as "list", row)).toBe(false);
    expect(policy.permits(ann, "constructor" as "list", row)).toBe(false);
    expect(refusal(() => policy.authorize(ann, "publish" as "list", row)).reason).toBe("forbidden");
    expect(() => policy.filter(ann, "lst" as "list")).toThrow(/Did you mean "list"/u);
  });

  it("tells a stranger's route from a member's before there is a row", () => {
    const routes = policyOf({ own: { ownerId: caller.userId } }, [
      { action: "<read>", principal: "authenticated", effect: "allow", condition: "own" },
      { action: "destroy", principal: "role:admin", effect: "allow" },
      { action: "destroy", principal: "service", effect: "deny" },
    ]);
    const admin = user("root", { roles: ["admin"] });
    expect(routes.couldPermit(ann, "list")).toBe(true);
    expect(routes.couldPermit(ANONYMOUS, "list")).toBe(false);
    expect(routes.couldPermit(ann, "destroy")).toBe(false);
    expect(routes.couldPermit(admin, "destroy")).toBe(true);
    expect(routes.couldPermit({ ...robot, roles: ["admin"] }, "destroy")).toBe(false);
    expect(routes.couldPermit(admin, "update")).toBe(false);
  });
});
