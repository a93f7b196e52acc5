import { PGlite } from "@electric-sql/pglite";
import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase, type TestDatabase } from "../../../../test/support/services.ts";
import type { TenantId, UserId } from "../core/brand.ts";
import { ANONYMOUS, type Principal, type User } from "../core/principal.ts";
import { accessPolicy } from "./access-policy.ts";
import { caller, opaque } from "./match.ts";
import { checkPolicyDrift, type DriftConnection } from "./policy-drift.ts";
import { rowSecurity, rowSettings } from "./row-security.ts";

const columns = { id: "uuid", tenantId: "uuid", ownerId: "uuid", draft: "boolean" } as const;
const policy = accessPolicy({
  resource: "document",
  table: "documents",
  columns,
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

const role = `rows_test_${randomBytes(6).toString("hex")}`;
const MIGRATION = `
  create table documents (id uuid primary key, tenant_id uuid, owner_id uuid, draft boolean not null);
  create index on documents (tenant_id, owner_id);
  create role ${role} nologin nosuperuser nobypassrls;
  grant select, insert, update, delete on documents to ${role};
  ${rowSecurity(policy).sql}
`;

const tenants = [randomUUID(), randomUUID()] as const;
const users = [randomUUID(), randomUUID()] as const;
const person = (id: string, tenantId: string, ...roles: string[]): User => ({
  kind: "user",
  id: id as UserId,
  tenantId: tenantId as TenantId,
  roles,
  assurance: 1,
  authenticatedAtMs: 0,
});
const ann = person(users[0], tenants[0]);

describe("the compiled policies", () => {
  it("write every value as a literal that cannot end itself", () => {
    const names = ["o'neil", "back\\slash", "a'; drop table documents; --", 'q"uote', "$1"];
    const hostile = accessPolicy({
      resource: "note",
      table: 'app.no"tes',
      columns: { tenantId: { type: "text", name: 'ten"ant' }, status: "text" },
      tenant: "tenantId",
      actions: { list: "list" },
      groups: names,
      conditions: Object.fromEntries(names.map((name, index) => [`c${index}`, { status: name }])),
      statements: names.map(
        (name, index) =>
          ({
            action: "list",
            principal: `group:${name}`,
            effect: "allow",
            condition: `c${index}`,
          }) as const,
      ),
    });
    const { sql } = rowSecurity(hostile, { role: 'ro"le' });
    expect(sql).toContain(`create policy "note_select" on "app"."no""tes" as permissive for select to "ro""le"`);
    expect(sql).toContain(`("status" = 'a''; drop table documents; --'::text)`);
    expect(sql).toContain(`("status" = E'back\\\\slash'::text)`);
    expect(sql).not.toMatch(/[^']'; drop/u);
  });

  it("refuse a verb that no action has by not allowing it", () => {
    expect(
      rowSecurity(policy).policies.map(({ verb, using, check }) => [verb, using !== undefined, check !== undefined]),
    ).toEqual([
      ["select", true, false],
      ["insert", false, true],
      ["update", true, true],
      ["delete", true, false],
    ]);
  });

  it("are not made of functions, of a missing table or of odd options", () => {
    const base = { resource: "note", columns: { tenantId: "uuid" }, tenant: "tenantId" } as const;
    const conditions = { itIsOpen: opaque(() => true) };
    const statements = [{ action: "show", principal: "*", effect: "allow", condition: "itIsOpen" }] as const;
    const closed = accessPolicy({ ...base, table: "notes", actions: { show: "read" }, conditions, statements });
    expect(() => rowSecurity(closed)).toThrow(
      /select, cannot be compiled to SQL: the condition "itIsOpen" is a function/u,
    );
    expect(() => closed.filter(ann, "show")).toThrow(/"itIsOpen" is a function/u);
    expect(() => rowSecurity(accessPolicy({ ...base, actions: { show: "read" }, statements: [] }))).toThrow(
      /needs a table/u,
    );
    expect(() => rowSecurity(policy, { prefix: "x" } as object)).toThrow(/no option "prefix"/u);
    expect(() => rowSecurity(policy, { settings: "a'b" })).toThrow(/one lower-case word/u);
    expect(() => rowSecurity(policy, { role: "" })).toThrow(/plain identifier/u);
  });

  it("read settings that leave nothing over from the caller before", () => {
    const service: Principal = { kind: "service", id: "robot", tenantId: "t" as TenantId, roles: ["a"], groups: ["g"] };
    const names = ["app.tenant_id", "app.user_id", "app.service_id", "app.roles", "app.groups"];
    for (const who of [ann, service, ANONYMOUS]) expect([...rowSettings(who).keys()]).toEqual(names);
    expect([...rowSettings(ANONYMOUS).values()]).toEqual(["", "", "", "[]", "[]"]);
    expect([...rowSettings(service).values()]).toEqual(["t", "", "robot", '["a"]', '["g"]']);
    expect(() => rowSettings({ ...ann, tenantId: "" as TenantId })).toThrow(/id and a tenant/u);
    // Half a surrogate pair would arrive as another character, and so as whoever is called by that.
    for (const text of ["\ud800", "a\0b"]) {
      expect(() => rowSettings({ ...ann, id: text as UserId })).toThrow(/id and a tenant/u);
      expect(() => rowSettings({ ...ann, tenantId: text as TenantId })).toThrow(/id and a tenant/u);
      expect(rowSettings({ ...ann, roles: [text, "editor"] }).get("app.roles")).toBe('["editor"]');
    }
    expect(rowSettings({ ...ann, roles: [7, null, ["admin"]] as never }).get("app.roles")).toBe("[]");
  });
});

const postgres: TestDatabase | undefined = await testDatabase("rows");

interface Ground {
  readonly connection: DriftConnection;
  readonly exec: (sql: string) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

const grounds: Readonly<Record<string, () => Promise<Ground>>> = {
  PGlite: async () => {
    const database = await PGlite.create();
    return { connection: database, exec: (sql) => database.exec(sql), close: () => database.close() };
  },
  ...(postgres !== undefined && {
    Postgres: async (): Promise<Ground> => {
      const client = await postgres.pool.connect();
      const close = async (): Promise<void> => {
        client.release();
        await postgres.pool.query(`drop owned by ${role}; drop role ${role}`);
        await postgres.drop();
      };
      return { connection: client, exec: (sql) => client.query(sql), close };
    },
  }),
};

describe.each(Object.entries(grounds))("on %s", (_name, open) => {
  let ground: Ground;

  beforeAll(async () => {
    ground = await open();
    await ground.exec(MIGRATION);
    await ground.exec(`
      insert into documents
      select gen_random_uuid(),
        case when n % 50 = 0 then '${tenants[0]}' when n % 50 = 1 then '${tenants[1]}' else gen_random_uuid() end::uuid,
        case when n % 3 = 0 then '${users[0]}' when n % 3 = 1 then '${users[1]}' else gen_random_uuid() end::uuid, n % 2 = 0
      from generate_series(1, 2000) n;
      analyze documents;
    `);
  });

  afterAll(async () => ground.close());

  async function as<Result>(who: Principal, work: () => Promise<Result>): Promise<Result> {
    await ground.connection.query("begin");
    try {
      for (const [setting, value] of [...rowSettings(who), ["role", role] as const])
        await ground.connection.query("select set_config($1, $2, true)", [setting, value]);
      return await work();
    } finally {
      await ground.connection.query("rollback");
    }
  }

  it("lists by policy what row-level security lists without one", async () => {
    const { text, values } = policy.filter(ann, "list");
    const listed = await ground.connection.query(`select id from documents where ${text} order by id`, [...values]);
    const forgotten = await as(ann, () => ground.connection.query("select id from documents order by id"));
    expect(listed.rows.length).toBeGreaterThan(0);
    expect(forgotten.rows).toEqual(listed.rows);
  });

  it("shows nothing to nobody: a connection without settings, and an anonymous caller", async () => {
    expect((await as(ANONYMOUS, () => ground.connection.query("select id from documents"))).rows).toEqual([]);
    await ground.connection.query("begin");
    await ground.connection.query("select set_config('role', $1, true)", [role]);
    expect((await ground.connection.query("select id from documents")).rows).toEqual([]);
    await ground.connection.query("rollback");
  });

  it("does not let a row be handed to another owner or tenant", async () => {
    const moved = (change: string): Promise<unknown> =>
      as(ann, () => ground.connection.query(`update documents set ${change}`));
    await expect(moved(`owner_id = '${users[1]}'`)).rejects.toMatchObject({ code: "42501" });
    await expect(moved(`tenant_id = '${tenants[1]}'`)).rejects.toMatchObject({ code: "42501" });
    await expect(moved("draft = true")).resolves.toBeDefined();
  });

  it("finds no drift where there is none, and each kind where there is", async () => {
    const find = async (sql: string, options = {}): Promise<readonly string[]> => {
      await ground.exec(sql);
      const findings = await checkPolicyDrift(ground.connection, policy, options);
      return findings.map(({ rule, detail }) => `${rule.id.split("/")[1]} ${detail}`);
    };
    const mend = rowSecurity(policy).sql;
    expect(await find("")).toEqual([]);
    expect(await find("alter policy document_select on documents using (true)")).toEqual([
      "policy-drift document_select: using",
    ]);
    expect(await find(`${mend} alter policy document_insert on documents with check (true)`)).toEqual([
      "policy-drift document_insert: with check",
    ]);
    expect(await find(`${mend} alter policy document_delete on documents to ${role}`)).toEqual([
      "policy-drift document_delete: roles",
    ]);
    expect(await find(`${mend} drop policy document_update on documents`)).toEqual(["policy-missing document_update"]);
    expect(await find(`${mend} create policy extra on documents using (true)`)).toEqual(["policy-widened extra"]);
    expect(
      await find("drop policy extra on documents; create policy extra on documents as restrictive using (true)"),
    ).toEqual(["policy-narrowed extra"]);
    const floor = "drop policy extra on documents; create policy tenant_floor on documents as restrictive using (true)";
    expect(await find(floor)).toEqual([]);
    await ground.exec("alter policy tenant_floor on documents rename to extra; drop policy extra on documents");
    expect(await find("alter table documents no force row level security")).toEqual(["row-security-off not forced"]);
    expect(await find("alter table documents disable row level security")).toEqual(["row-security-off not enabled"]);
    expect(await find(mend)).toEqual([]);
    const restrictive = { restrictive: true, role };
    expect(await find("", restrictive)).toHaveLength(4);
    expect(
      await find(`${rowSecurity(policy, restrictive).sql} create policy extra on documents using (true)`, restrictive),
    ).toEqual([]);
    expect(await find(`drop policy extra on documents; ${mend}`)).toEqual([]);
    await expect(ground.connection.query("select 1 from pg_temp.documents")).rejects.toMatchObject({
      code: "42P01",
    });
  });

  const byHand: readonly (readonly [what: string, sql: string, findings: readonly string[]])[] = [
    [
      "a condition that lets more through",
      "alter policy document_select on documents using (draft is not null)",
      ["policy-drift document_select: using"],
    ],
    [
      "a condition that looks alike",
      "alter policy document_update on documents using (owner_id is not distinct from nullif(current_setting('app.user_id', true), '')::uuid)",
      ["policy-drift document_update: using"],
    ],
    [
      "a check that was dropped with the policy",
      "drop policy document_insert on documents; create policy document_insert on documents for insert with check (true)",
      ["policy-drift document_insert: with check"],
    ],
    [
      "the same words for another verb",
      "alter policy document_delete on documents rename to kept; alter policy document_select on documents rename to document_delete; alter policy kept on documents rename to document_select",
      ["policy-drift document_delete: command, using", "policy-drift document_select: command, using"],
    ],
    [
      "a policy for everything in the place of one for reading",
      "drop policy document_select on documents; create policy document_select on documents for all using (true)",
      ["policy-drift document_select: command, using"],
    ],
    [
      "a policy made restrictive",
      "drop policy document_delete on documents; create policy document_delete on documents as restrictive for delete using (true)",
      ["policy-drift document_delete: permissive, using"],
    ],
    [
      "one role in the place of all",
      `alter policy document_select on documents to ${role}`,
      ["policy-drift document_select: roles"],
    ],
    [
      "a policy under another name",
      "alter policy document_select on documents rename to documents_read",
      ["policy-missing document_select", "policy-widened documents_read"],
    ],
    ["one policy more", "create policy debug on documents for select using (true)", ["policy-widened debug"]],
    [
      "one that hides rows",
      "create policy frozen on documents as restrictive using (not draft)",
      ["policy-narrowed frozen"],
    ],
    [
      "two columns that changed places",
      "alter table documents rename owner_id to held; alter table documents add owner_id uuid",
      [
        "policy-drift document_delete: using",
        "policy-drift document_insert: with check",
        "policy-drift document_select: using",
        "policy-drift document_update: using, with check",
      ],
    ],
    [
      "another type under the same name",
      "drop policy document_select on documents; alter table documents alter draft drop not null",
      ["policy-missing document_select"],
    ],
    [
      "row-level security switched off",
      "alter table documents disable row level security",
      ["row-security-off not enabled"],
    ],
    ["the owner let off", "alter table documents no force row level security", ["row-security-off not forced"]],
    [
      "another table in its place",
      "alter table documents rename to real; create table documents (like real)",
      [
        "policy-missing document_delete",
        "policy-missing document_insert",
        "policy-missing document_select",
        "policy-missing document_update",
        "row-security-off not enabled",
      ],
    ],
    [
      "a view in its place",
      "alter table documents rename to real; create view documents as select * from real",
      [
        "policy-missing document_delete",
        "policy-missing document_insert",
        "policy-missing document_select",
        "policy-missing document_update",
        "row-security-off not enabled",
      ],
    ],
  ];

  it.each(byHand)("finds what somebody has altered by hand: %s", async (_what, sql, expected) => {
    // The check has a transaction of its own, and undoes it.
    const inside: DriftConnection = {
      query: (text, values) =>
        ground.connection.query(
          text === "begin" ? "savepoint compared" : text === "rollback" ? "rollback to savepoint compared" : text,
          values,
        ),
    };
    await ground.exec("begin");
    try {
      await ground.exec(sql);
      const findings = await checkPolicyDrift(inside, policy);
      expect(findings.map(({ rule, detail }) => `${rule.id.split("/")[1]} ${detail}`).toSorted()).toEqual(expected);
    } finally {
      await ground.exec("rollback");
    }
  });
});
