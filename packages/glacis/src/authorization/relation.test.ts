import { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TenantId, UserId } from "../core/brand.ts";
import type { User } from "../core/principal.ts";
import { accessPolicy } from "./access-policy.ts";
import { caller, related } from "./match.ts";
import { checkPolicyDrift } from "./policy-drift.ts";
import { rowSecurity, rowSettings } from "./row-security.ts";

const shares = {
  property: "shares",
  table: "document_shares",
  columns: { tenantId: "uuid", documentId: "uuid", userId: "uuid", permission: "text" },
  on: { tenantId: "tenantId", documentId: "id" },
} as const;
const policy = accessPolicy({
  resource: "document",
  table: "documents",
  columns: { id: "uuid", tenantId: "uuid", ownerId: "uuid" },
  tenant: "tenantId",
  actions: { list: "list", update: "update", destroy: "delete" },
  conditions: {
    isOwner: { ownerId: caller.userId },
    isReader: related({ ...shares, where: { userId: caller.userId } }),
    isEditor: related({ ...shares, where: { userId: caller.userId, permission: "edit" } }),
    isBlocked: related({ ...shares, where: { userId: caller.userId, permission: "none" } }),
  },
  statements: [
    { action: "list", principal: "user", effect: "allow", expression: "isOwner or isReader" },
    { action: "update", principal: "user", effect: "allow", expression: "isOwner or isEditor" },
    { action: "destroy", principal: "user", effect: "allow", condition: "isOwner" },
    { action: "*", principal: "user", effect: "deny", condition: "isBlocked" },
  ],
});

const uuid = (digit: number): string => `00000000-0000-4000-8000-00000000000${digit}`;
const person = (digit: number): User => ({
  kind: "user",
  id: uuid(digit) as UserId,
  tenantId: uuid(9) as TenantId,
  roles: [],
  assurance: 1,
  authenticatedAtMs: 0,
});
const [owner, reader, editor, blocked, stranger] = [person(1), person(2), person(3), person(4), person(5)];
const share = (user: User, permission: string) => ({ userId: user.id, permission });
const document = {
  id: uuid(7),
  tenantId: uuid(9),
  ownerId: owner.id,
  shares: [share(reader, "view"), share(editor, "edit"), share(blocked, "edit"), share(blocked, "none")],
};

describe("a condition about related rows", () => {
  it("looks at the rows that were loaded with this one", () => {
    const may = (user: User) =>
      (["list", "update", "destroy"] as const).filter((action) => policy.permits(user, action, document));
    expect(may(owner)).toEqual(["list", "update", "destroy"]);
    expect(may(reader)).toEqual(["list"]);
    expect(may(editor)).toEqual(["list", "update"]);
    expect(may(blocked)).toEqual([]);
    expect(may(stranger)).toEqual([]);
  });

  it.each([undefined, null, "shares", {}, { length: 1, 0: share(reader, "edit") }])(
    "knows nothing where they are %j: it allows nothing, and what denies stands",
    (loaded) => {
      const row = { ...document, shares: loaded };
      for (const user of [reader, editor, owner]) expect(policy.permits(user, "list", row)).toBe(false);
    },
  );

  it("are those that were loaded, whatever a client says of them among its changes", () => {
    const decide = (loaded: object[], changes: object) =>
      policy.decide(owner, "update", { ...document, shares: loaded } as never, changes);
    const gift = { ownerId: stranger.id, shares: [share(owner, "edit")] };
    expect(decide([], gift)).toMatchObject({ permitted: false });
    expect(decide([share(owner, "none")], { shares: [] })).toMatchObject({ permitted: false, cause: "denied" });
    expect(decide([], { shares: [share(owner, "none")] })).toEqual({ permitted: true });
  });

  it("takes no odd row among them for one that matches", () => {
    const row = {
      ...document,
      shares: [null, "x", [share(reader, "view")], { userId: { toString: () => reader.id } }],
    };
    expect(policy.permits(reader, "list", row)).toBe(false);
    expect(policy.permits(owner, "list", row)).toBe(true);
  });

  it("asks for the table's alias, without which a column could be the other table's", () => {
    expect(() => policy.filter(reader, "list")).toThrow(/needs alias/u);
    expect(policy.filter(reader, "list", { alias: "d" }).text).toContain(
      `exists (select 1 from "document_shares" as glacis_related where glacis_related."tenant_id" = "d"."tenant_id" and glacis_related."document_id" = "d"."id" and `,
    );
  });

  it.each([
    [{ property: "id" }, /under which no column stands/u],
    [{ table: "a.b.c" }, /table as a name/u],
    [{ on: {} }, /needs on/u],
    [{ on: { documentId: "title" } }, /cannot join "documentId"/u],
    [{ on: { permission: "id" } }, /cannot join "permission"/u],
    [{ where: { user: "x" } }, /no column "user".*Did you mean "userId"/u],
    [{ where: {} }, /needs columns and what they must be/u],
    [{ wher: {} }, /no option "wher".*Did you mean "where"/u],
  ])("is refused at construction for %j", (change, message) => {
    const build = () =>
      accessPolicy({
        resource: "document",
        columns: { id: "uuid", tenantId: "uuid" },
        tenant: "tenantId",
        actions: { list: "list" },
        conditions: { isReader: related({ ...shares, where: { userId: caller.userId }, ...(change as object) }) },
        statements: [],
      });
    expect(build).toThrow(message);
  });
});

describe("the row-level security of it", () => {
  let database: PGlite;
  beforeAll(async () => {
    database = await PGlite.create();
    await database.exec(`
      create role app nologin;
      create table documents (id uuid primary key, tenant_id uuid, owner_id uuid);
      create table document_shares (tenant_id uuid, document_id uuid, user_id uuid, permission text);
      grant select, update, delete on documents to app;
      grant select on document_shares to app;
      insert into documents values ('${document.id}', '${document.tenantId}', '${document.ownerId}');
      ${document.shares.map(({ userId, permission }) => `insert into document_shares values ('${document.tenantId}', '${document.id}', '${userId}', '${permission}');`).join("\n")}
      -- The same key in another tenant is another document's share.
      insert into document_shares values ('${uuid(8)}', '${document.id}', '${stranger.id}', 'edit');
      ${rowSecurity(policy).sql}`);
  });
  afterAll(() => database.close());

  it("says what the handler says", async () => {
    for (const [user, count] of [
      [owner, 1],
      [reader, 1],
      [editor, 1],
      [blocked, 0],
      [stranger, 0],
    ] as const) {
      const seen = await database.transaction(async (transaction) => {
        for (const [name, value] of [...rowSettings(user), ["role", "app"] as const])
          await transaction.query("select set_config($1, $2, true)", [name, value]);
        return (await transaction.query("select 1 from documents")).rows.length;
      });
      expect(seen, user.id).toBe(count);
    }
  });

  it("is compared with the live policies, and a change of either is drift", async () => {
    expect(await checkPolicyDrift(database, policy)).toEqual([]);
    await database.exec(
      "drop policy document_select on documents; create policy document_select on documents for select using (exists (select 1 from document_shares))",
    );
    expect((await checkPolicyDrift(database, policy)).map(({ rule }) => rule.id)).toEqual([
      "object-level-authorization/policy-drift",
    ]);
  });
});
