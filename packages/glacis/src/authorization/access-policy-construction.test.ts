import { describe, expect, it } from "vitest";
import type { TenantId, UserId } from "../core/brand.ts";
import type { User } from "../core/principal.ts";
import { accessPolicy, type AccessPolicyOptions } from "./access-policy.ts";
import { atLeast, caller, contains, opaque, sameAs } from "./match.ts";
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
const ann: User = {
  kind: "user",
  id: "ann" as UserId,
  tenantId: "acme" as TenantId,
  roles: [],
  assurance: 1,
  authenticatedAtMs: 0,
};
const row = { id: "d1", tenantId: "acme", ownerId: "ann", status: "draft", level: 1, open: false, sharedWith: ["bob"] };

describe("an access policy at construction", () => {
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
  const test = (source: unknown) => ({ match: "test", test: source });

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
    ["a missing action", withStatement({ action: undefined }), /has action as undefined/u],
    ["an unknown principal", withStatement({ principal: "Authenticated" }), /Did you mean "authenticated"/u],
    ["an undeclared role", withStatement({ principal: "role:admn" }), /Did you mean "role:admin"/u],
    ["an undeclared group", withStatement({ principal: "group:admin" }), /no principal "group:admin"/u],
    ["a user without an id", withStatement({ principal: "user:" }), /no principal "user:"/u],
    ["no principal", withStatement({ principal: [] }), /at least one principal/u],
    ["a misspelt effect", withStatement({ effect: "Allow" }), /no effect "Allow"\. Did you mean "allow"/u],
    ["no effect", withStatement({ effect: undefined }), /no effect/u],
    ["an unknown condition", withStatement({ condition: "isOwnr" }), /no condition "isOwnr"\. Did you mean "isOwner"/u],
    // What a misspelt constant leaves behind: without it the statement would allow everybody.
    ["a condition that is undefined", withStatement({ condition: undefined }), /has condition as undefined/u],
    ["an expression that is undefined", withStatement({ expression: undefined }), /has expression as undefined/u],
    [
      "a field's action that is undefined",
      { ...base, fields: { status: { write: { principal: "user", action: undefined } } } },
      /has action as undefined/u,
    ],
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
    // Types see none of these: they stand in JSON, or in JavaScript.
    [
      "an order that is SQL",
      withCondition({ level: test({ kind: "order", operator: "= 1 or 1 =", bound: 1 }) }),
      /no order "= 1 or 1 ="/u,
    ],
    [
      "a test that does not exist",
      withCondition({ status: test({ kind: "matches", value: ".*" }) }),
      /no test "matches"/u,
    ],
    ["a test that is nothing", withCondition({ status: test(null) }), /needs a test/u],
    [
      "an unknown part of a test",
      withCondition({ status: test({ kind: "isNull", negate: true }) }),
      /no part "negate"/u,
    ],
    [
      "an unknown attribute of the caller",
      withCondition({ ownerId: { match: "attribute", name: "userid" } }),
      /no attribute of the caller "userid"\. Did you mean "userId"/u,
    ],
    [
      "an unknown list of the caller",
      withCondition({ status: test({ kind: "anyOfCaller", list: "role" }) }),
      /no list of the caller "role"\. Did you mean "roles"/u,
    ],
    [
      "a list of values that is a text",
      withCondition({ status: test({ kind: "anyOf", values: "draft" }) }),
      /a list of values/u,
    ],
    ["one of no values", withCondition({ status: test({ kind: "anyOf", values: [] }) }), /a list of values/u],
    [
      "an opaque condition without a function",
      withCondition({ match: "opaque", test: "() => true" }),
      /opaque\(\) with a function/u,
    ],
    [
      "a condition with a name of the language",
      {
        ...base,
        conditions: JSON.parse('{ "__proto__": { "open": true } }') as object,
        statements: [{ ...statement, condition: "constructor" }],
      },
      /no condition "constructor"/u,
    ],
    [
      "a statement from JSON with a part of another vocabulary",
      withStatement(JSON.parse('{ "Effect": "Allow" }') as object),
      /no part "Effect"\. Did you mean "effect"/u,
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
