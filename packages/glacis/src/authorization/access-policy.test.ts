import { describe, expect, it } from "vitest";
import type { TenantId, UserId } from "../core/brand.ts";
import { Refusal } from "../core/error-reason.ts";
import type { AuditEvent } from "../core/event.ts";
import { ANONYMOUS, type Principal, type Service, type User } from "../core/principal.ts";
import { accessPolicy, type AccessPolicyOptions } from "./access-policy.ts";
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
      { event: "tenant.cross_access", event_type: "tenant", severity: "critical", action: "retrieve" },
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
    expect([moved.reason, moved.events[0]?.event]).toEqual(["not_found", "tenant.cross_access"]);
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

describe("construction", () => {
  const base = {
    resource: "document",
    columns: COLUMNS,
    tenant: "tenantId",
    actions: ACTIONS,
    roles: ["admin"],
    groups: ["legal"],
    conditions: { isOwner: { ownerId: caller.userId } },
    statements: [],
  };
  const statement = { action: "list", principal: "authenticated", effect: "allow" };
  const withStatement = (part: object) => ({ ...base, statements: [{ ...statement, ...part }] });
  const withCondition = (it: unknown) => ({ ...base, conditions: { it } });

  it.each<readonly [string, object, RegExp]>([
    ["an unknown option", { ...base, statement: [] }, /Did you mean "statements"/u],
    ["a missing tenant", { ...base, tenant: undefined }, /needs tenant: the column of the tenant, or acrossTenants/u],
    ["an unknown tenant column", { ...base, tenant: "tenant" }, /no column "tenant"\. Did you mean "tenantId"/u],
    ["a tenant column that is a flag", { ...base, tenant: "open" }, /tenant column of type/u],
    ["an unknown id column", { ...base, id: "uid" }, /no column "uid"\. Did you mean "id"/u],
    ["a table that is no name", { ...base, table: "a.b.c" }, /needs table/u],
    ["a resource that is no word", { ...base, resource: "" }, /needs resource/u],
    ["no columns", { ...base, columns: {} }, /needs columns/u],
    ["an unknown column type", { ...base, columns: { ...COLUMNS, x: "varchar" } }, /unknown type/u],
    [
      "a column named like the prototype",
      { ...base, columns: { ...COLUMNS, constructor: "text" } },
      /cannot have a column/u,
    ],
    ["no actions", { ...base, actions: {} }, /needs actions/u],
    ["an unknown kind of action", { ...base, actions: { list: "lst" } }, /no kind "lst"\. Did you mean "list"/u],
    ["an action that is no word", { ...base, actions: { "<read>": "read" } }, /plain word for an action/u],
    ["statements that are no list", { ...base, statements: statement }, /list of statements/u],
    ["an unknown action", withStatement({ action: "retreive" }), /no action "retreive"\. Did you mean "retrieve"/u],
    ["a pattern for an action", withStatement({ action: "li*" }), /no action "li\*"/u],
    ["no action", withStatement({ action: [] }), /at least one action/u],
    ["a missing action", withStatement({ action: undefined }), /needs action as text/u],
    ["an unknown principal", withStatement({ principal: "Authenticated" }), /Did you mean "authenticated"/u],
    ["an undeclared role", withStatement({ principal: "role:admn" }), /Did you mean "role:admin"/u],
    ["an undeclared group", withStatement({ principal: "group:admin" }), /no principal "group:admin"/u],
    ["a user without an id", withStatement({ principal: "user:" }), /no principal "user:"/u],
    ["no principal", withStatement({ principal: [] }), /at least one principal/u],
    ["a misspelt effect", withStatement({ effect: "Allow" }), /no effect "Allow"\. Did you mean "allow"/u],
    ["no effect", withStatement({ effect: undefined }), /no effect/u],
    ["an unknown condition", withStatement({ condition: "isOwnr" }), /no condition "isOwnr"\. Did you mean "isOwner"/u],
    ["no condition in the list of them", withStatement({ condition: [] }), /at least one condition/u],
    ["an unknown name in an expression", withStatement({ expression: "not isowner2" }), /no condition "isowner2"/u],
    ["an expression that is cut short", withStatement({ expression: "isOwner and" }), /cannot be read/u],
    [
      "an unknown part of a statement",
      withStatement({ conditions: "isOwner" }),
      /no part "conditions"\. Did you mean "condition"/u,
    ],
    [
      "an unknown column in a condition",
      withCondition({ owner: caller.userId }),
      /no column "owner"\. Did you mean "ownerId"/u,
    ],
    ["null in a condition", withCondition({ ownerId: null }), /with null; write isNull\(\)/u],
    ["undefined in a condition", withCondition({ ownerId: undefined }), /cannot compare/u],
    ["a number for a text", withCondition({ ownerId: 1 }), /cannot compare the column "ownerId" of type text with 1/u],
    ["a fraction for a whole number", withCondition({ level: 1.5 }), /cannot compare/u],
    ["a number beyond the column", withCondition({ level: 2 ** 31 }), /cannot compare/u],
    ["an order on texts", withCondition({ status: atLeast(1) }), /with an order/u],
    ["a time compared", withCondition({ publishedAt: "2026-01-01" }), /cannot compare/u],
    ["an element of a text", withCondition({ status: contains("a") }), /with contains/u],
    ["columns of different types", withCondition({ status: sameAs("level") }), /sameAs\("level"\)/u],
    ["half a surrogate pair", withCondition({ status: "\ud800" }), /cannot compare/u],
    ["a NUL", withCondition({ status: "a\0" }), /cannot compare/u],
    ["a condition without columns", withCondition({}), /needs columns and what they must be/u],
    ["a bare function", withCondition(() => true), /opaque/u],
    ["a condition defined by itself", { ...base, conditions: { a: "not b", b: "a" } }, /by itself/u],
    ["a condition called and", { ...base, conditions: { and: { open: true } } }, /condition's name/u],
    [
      "an opaque condition for a list",
      { ...base, conditions: { it: opaque(() => true) }, statements: [{ ...statement, condition: "it" }] },
      /cannot list by the condition "it"/u,
    ],
    ["an unknown part of a field", { ...base, fields: { title: { reads: "*" } } }, /Did you mean "read"/u],
    ["an unknown principal of a field", { ...base, fields: { title: { read: "evrybody" } } }, /no principal/u],
    [
      "a reading action for writing a field",
      { ...base, fields: { title: { write: { principal: "*", action: "list" } } } },
      /no writing action "list"/u,
    ],
  ])("refuses %s", (_, options, message) => {
    expect(() =>
      accessPolicy(options as AccessPolicyOptions<typeof COLUMNS, typeof ACTIONS, never, never, never, never>),
    ).toThrow(message);
  });

  it("refuses the same at compile time", () => {
    const options = {
      resource: "document",
      columns: COLUMNS,
      tenant: "tenantId",
      actions: ACTIONS,
      roles: ["admin"],
    } as const;
    const conditions = { isOwner: { ownerId: caller.userId } };
    const list = { action: "list", principal: "authenticated", effect: "allow" } as const;
    const refuse = (build: () => unknown): void => expect(build).toThrow(TypeError);
    // @ts-expect-error -- no such action
    refuse(() => accessPolicy({ ...options, statements: [{ ...list, action: "lst" }] }));
    // @ts-expect-error -- no such condition
    refuse(() => accessPolicy({ ...options, conditions, statements: [{ ...list, condition: "isOwnr" }] }));
    // @ts-expect-error -- no such role
    refuse(() => accessPolicy({ ...options, statements: [{ ...list, principal: "role:boss" }] }));
    // @ts-expect-error -- no such column
    refuse(() => accessPolicy({ ...options, conditions: { it: { owner: caller.userId } }, statements: [] }));
    // @ts-expect-error -- a text is not a whole number
    refuse(() => accessPolicy({ ...options, conditions: { it: { level: "one" } }, statements: [] }));
    const policy = accessPolicy({ ...options, conditions, statements: [] });
    // @ts-expect-error -- no such action
    expect(policy.permits(ann, "lst", row)).toBe(false);
    // @ts-expect-error -- not a row of these columns
    expect(policy.permits(ann, "list", { ...row, ownerId: 1 })).toBe(false);
  });

  it("wants the reason for rows without a tenant in words", () => {
    expect(() => acrossTenants(" ")).toThrow(/reason in words/u);
  });
});
