import { PGlite } from "@electric-sql/pglite";
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tenantGround, type TenantGround } from "../../../../test/support/tenant-ground.ts";
import type { TenantId } from "../core/brand.ts";
import { tenantScope, type TenantScope } from "../core/principal.ts";
import { quoteIdentifier, quoteLiteral } from "./sql-quoting.ts";
import { keyRing, newKey } from "./key-ring.ts";
import { tenantMigration, type TenantMigrationOptions } from "./tenant-migration.ts";
import { installTenantProof } from "./tenant-proof.ts";
import { tenantDatabase, type TenantDatabase, type TenantDatabaseOptions } from "./tenant.ts";

const postgres: TenantGround | undefined = await tenantGround("tenant_migration");
const scopeOf = (tenantId: string): TenantScope =>
  tenantScope({ kind: "service", id: "test", tenantId: tenantId as TenantId, roles: [] });

/** Names that need quoting stand for all that could be smuggled into generated SQL. */
const tables = `
  create schema "odd schema";
  create table tenants (id uuid primary key, name text not null);
  create table users (tenant_id uuid not null, id uuid primary key, name text);
  create table "odd schema"."It's a ""table""; drop table users --" (
    "Tenant Id" uuid, id bigint generated always as identity primary key, "owner 'id'" uuid, text text
  );
  create table documents (
    tenant_id uuid, id uuid primary key, owner_id uuid, parent_id uuid, reviewer_id uuid, title text, secret text
  );
`;
const odd = 'odd schema.It\'s a "table"; drop table users --';
const migrationFor = (role: string): TenantMigrationOptions => ({
  role,
  systemRole: `${role}_system`,
  tables: [
    { name: "tenants", tenantColumn: "id", key: "id", grant: { select: true } },
    // Before the table that it points at, on purpose.
    {
      name: "documents",
      references: [
        { column: "tenant_id", table: "tenants", onDelete: "cascade" },
        { column: "owner_id", table: "users", onDelete: "cascade" },
        { column: "parent_id", table: "documents" },
        { column: "reviewer_id", table: "users", onDelete: "set null" },
      ],
      grant: { select: true, insert: true, update: ["title", "owner_id", "reviewer_id", "parent_id"], delete: true },
    },
    { name: "users", references: [{ column: "tenant_id", table: "tenants", onDelete: "cascade" }] },
    { name: odd, tenantColumn: "Tenant Id", references: [{ column: "owner 'id'", table: "users" }] },
  ],
});

interface Ground {
  readonly database: TenantDatabaseOptions["database"];
  readonly role: string;
  readonly become: boolean;
  readonly exec: (sql: string) => Promise<unknown>;
  readonly ask: (sql: string) => Promise<readonly unknown[]>;
  readonly close: () => Promise<void>;
}

const grounds: Readonly<Record<string, () => Promise<Ground>>> = {
  PGlite: async () => {
    const database = await PGlite.create();
    return {
      database,
      role: "app",
      become: true,
      exec: (sql) => database.exec(sql),
      ask: async (sql) => (await database.query(sql)).rows,
      close: () => database.close(),
    };
  },
  ...(postgres !== undefined && {
    Postgres: async (): Promise<Ground> => ({
      database: postgres.pool(),
      role: postgres.role,
      become: false,
      exec: (sql) => postgres.owner.query(sql),
      ask: async (sql) => (await postgres.owner.query(sql)).rows,
      close: () => postgres.drop(),
    }),
  }),
};

describe.each(Object.entries(grounds))("a migrated table on %s", (_name, open) => {
  const [a, b] = [randomUUID(), randomUUID()];
  const users = { a: randomUUID(), b: randomUUID() };
  let ground: Ground;
  let tenants: TenantDatabase;

  beforeAll(async () => {
    ground = await open();
    await ground.exec(tables);
    const sql = tenantMigration(migrationFor(ground.role));
    await ground.exec(sql);
    tenants = tenantDatabase({
      database: ground.database,
      ...(ground.become && { role: ground.role }),
      schemas: ["public", "odd schema"],
    });
    await ground.exec(`insert into tenants values ('${a}', 'A'), ('${b}', 'B');
      insert into users values ('${a}', '${users.a}', 'Ann'), ('${b}', '${users.b}', 'Bob')`);
  });
  afterAll(() => ground.close());

  const as = (tenant: string) => tenants.forTenant(scopeOf(tenant));
  const quoted = `"odd schema"."It's a ""table""; drop table users --"`;

  it("is changed by nothing when the migration is applied again", async () => {
    const shape = `select (select count(*)::int from pg_index i join pg_class c on c.oid = i.indrelid where c.relnamespace::regnamespace::text in ('public', '"odd schema"')) as indexes,
      (select count(*)::int from pg_constraint where connamespace::regnamespace::text in ('public', '"odd schema"')) as constraints,
      (select count(*)::int from pg_policy) as policies`;
    const before = await ground.ask(shape);
    await ground.exec(tenantMigration(migrationFor(ground.role)));
    expect(await ground.ask(shape)).toEqual(before);
    expect(before[0]).toMatchObject({ policies: 24 });
  });

  it("takes the library's own tables from the role, all but the audit log's", async () => {
    const may = `select has_table_privilege('${ground.role}', 'glacis_sessions', 'select') as sessions,
      has_column_privilege('${ground.role}', 'glacis_sessions', 'id', 'select') as column,
      has_table_privilege('${ground.role}', 'glacis_audit_events', 'insert') as audit`;
    await ground.exec(`create table glacis_sessions (id text primary key); create table glacis_audit_events (id text);
      grant select, insert on glacis_sessions, glacis_audit_events to ${ground.role}; grant select (id) on glacis_sessions to public`);
    expect(await ground.ask(may)).toEqual([{ sessions: true, column: true, audit: true }]);
    await ground.exec(tenantMigration(migrationFor(ground.role)));
    expect(await ground.ask(may)).toEqual([{ sessions: false, column: false, audit: true }]);
  });

  it("holds each verb to the tenant", async () => {
    const id = randomUUID();
    await as(a).query("insert into documents (tenant_id, id, owner_id, title) values ($1, $2, $3, 'mine')", [
      a,
      id,
      users.a,
    ]);
    expect(await as(b).query("select * from documents")).toEqual([]);
    expect(await as(b).query("update documents set title = 'theirs' returning 1")).toEqual([]);
    expect(await as(b).query("delete from documents returning 1")).toEqual([]);
    await expect(
      as(b).query("insert into documents (tenant_id, id) values ($1, $2)", [a, randomUUID()]),
    ).rejects.toThrow(/row-level security/u);
    expect(await as(a).query("select title from documents where id = $1", [id])).toEqual([{ title: "mine" }]);
  });

  it("lets no key point into another tenant", async () => {
    const pointing = as(a).query("insert into documents (tenant_id, id, owner_id) values ($1, $2, $3)", [
      a,
      randomUUID(),
      users.b,
    ]);
    await expect(pointing).rejects.toMatchObject({ code: "23503" });
    const moving = as(a).query("update documents set owner_id = $1", [users.b]);
    await expect(moving).rejects.toMatchObject({ code: "23503" });
    const odd = as(a).query(`insert into ${quoted} ("Tenant Id", "owner 'id'") values ($1, $2)`, [a, users.b]);
    await expect(odd).rejects.toMatchObject({ code: "23503" });
    await as(a).query(`insert into ${quoted} ("Tenant Id", "owner 'id'") values ($1, $2)`, [a, users.a]);
  });

  it("has a tenant in every row", async () => {
    await expect(ground.exec("insert into documents (id) values (gen_random_uuid())")).rejects.toThrow(/null/u);
  });

  it("empties the pointer and keeps the tenant when what it points at is deleted", async () => {
    const [reviewer, document] = [randomUUID(), randomUUID()];
    await as(a).query("insert into users values ($1, $2, 'Rea')", [a, reviewer]);
    await as(a).query("insert into documents (tenant_id, id, reviewer_id) values ($1, $2, $3)", [
      a,
      document,
      reviewer,
    ]);
    await as(a).query("delete from users where id = $1", [reviewer]);
    expect(await as(a).query("select tenant_id, reviewer_id from documents where id = $1", [document])).toEqual([
      { tenant_id: a, reviewer_id: null },
    ]);
  });

  it("grants what was said and nothing beyond", async () => {
    await expect(as(a).query("update documents set secret = 'x'")).rejects.toMatchObject({ code: "42501" });
    await expect(as(a).query("truncate documents")).rejects.toMatchObject({ code: "42501" });
    await expect(as(a).query("insert into tenants values ($1, 'C')", [a])).rejects.toMatchObject({ code: "42501" });
    await expect(as(a).query("create table public.mine (id int)")).rejects.toMatchObject({ code: "42501" });
    await expect(as(a).query("create temporary table mine (id int)")).rejects.toMatchObject({ code: "42501" });
  });

  it("keeps its floor under a policy that somebody adds", async () => {
    await ground.exec("create policy careless on users using (true) with check (true)");
    expect(await as(a).query("select name from users where name in ('Ann', 'Bob')")).toEqual([{ name: "Ann" }]);
    await ground.exec("drop policy careless on users");
  });

  it("looks names up in the tables' schemas, and in the temporary one last", async () => {
    expect(await as(a).query("select current_setting('search_path') as path")).toEqual([
      { path: 'public, "odd schema", pg_temp' },
    ]);
    const settings = await ground.ask(
      `select s.setconfig from pg_db_role_setting s join pg_roles r on r.oid = s.setrole where r.rolname = '${ground.role}' and s.setdatabase <> 0`,
    );
    expect(settings).toEqual([{ setconfig: ['search_path=public, "odd schema", pg_temp'] }]);
  });

  it("shows the system role every tenant", async () => {
    const rows = await ground.ask(`select polname from pg_policy where polname = 'tenant_system'`);
    expect(rows).toHaveLength(4);
  });

  it("leads an index with the tenant for each table and key", async () => {
    const led = (await ground.ask(`select c.relname as table, string_agg(a.attname, ',' order by k.place) as columns
      from pg_index i join pg_class c on c.oid = i.indrelid cross join unnest(i.indkey::int2[]) with ordinality k (number, place)
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number where c.relname in ('documents') group by 1, i.indexrelid order by 2`)) as readonly {
      columns: string;
    }[];
    expect(led.map(({ columns }) => columns)).toEqual([
      "id",
      "tenant_id,id",
      "tenant_id,owner_id",
      "tenant_id,parent_id",
      "tenant_id,reviewer_id",
    ]);
  });
});

describe("tenantMigration", () => {
  const role = "app";
  it.each<[string, TenantMigrationOptions, RegExp]>([
    ["an unknown option", { role, tables: [], tabels: 1 } as never, /Did you mean "tables"/u],
    [
      "an unknown word about a table",
      { role, tables: [{ name: "a", tenant: "x" }] as never },
      /has no option "tenant"/u,
    ],
    ["an unknown verb", { role, tables: [{ name: "a", grant: { truncate: true } }] as never }, /truncate/u],
    [
      "an unknown deletion",
      { role, tables: [{ name: "a", references: [{ column: "b", table: "c", onDelete: "drop" }] }] as never },
      /onDelete/u,
    ],
    ["a table twice", { role, tables: [{ name: "a" }, { name: "public.a" }] }, /twice/u],
    ["no name", { role, tables: [{ name: "" }] }, /bytes/u],
    ["a name that Postgres would cut", { role: "r".repeat(64), tables: [] }, /63 bytes/u],
    ["no list", { role, tables: undefined as never }, /list/u],
    ["a type that is none", { role, tables: [], tenantType: "int" as never }, /uuid, text, bigint/u],
    ["a setting of one word", { role, tables: [], setting: "tenant" }, /app\.tenant_id/u],
    ["a proof of another setting", { role, tables: [], setting: "app.org", proof: true }, /proof/u],
    ["an access that is none", { role, tables: [{ name: "a", access: "all" as never }] }, /access/u],
  ])("refuses %s", (_what, options, message) => {
    expect(() => tenantMigration(options)).toThrow(message);
  });

  it("leaves the rules inside a tenant to other policies where it is told so", () => {
    const sql = tenantMigration({ role, tables: [{ name: "a", access: "policies" }] });
    expect(sql).toContain("as restrictive for all");
    expect(sql).not.toContain("tenant_select");
  });
});

describe.runIf(postgres !== undefined)("the plan of a tenant's list", () => {
  it.each([false, true])(
    "reads the tenant's rows in order from one index, and expects as many as there are (proof: %s)",
    async (proof) => {
      const ground = (await tenantGround("tenant_plan")) as TenantGround;
      try {
        const { owner, role, pool } = ground;
        const keys = keyRing(newKey("k1"));
        await owner.query(`create table notes (tenant_id uuid not null, id uuid primary key default gen_random_uuid(), at timestamptz not null, text text);
        insert into notes (tenant_id, at, text) select ('00000000-0000-4000-8000-' || lpad((n % 20)::text, 12, '0'))::uuid, now() - n * interval '1 s', repeat('x', 200) from generate_series(1, 20000) n;
        create index by_time on notes (tenant_id, at desc, id desc)`);
        await owner.query(tenantMigration({ role, proof, tables: [{ name: "notes" }] }));
        if (proof) await installTenantProof(owner, keys);
        await owner.query("vacuum analyze notes");
        const planned = tenantDatabase({ database: pool(), ...(proof && { proof: keys }) });
        const plan = await planned
          .forTenant(scopeOf("00000000-0000-4000-8000-000000000007"))
          .query("explain (format json) select id, text from notes order by at desc, id desc limit 50");
        const text = JSON.stringify(plan);
        expect(text).toContain('"Index Name":"by_time"');
        expect(text).not.toContain('"Sort"');
        const expected = Number(/"by_time".*?"Plan Rows":(\d+)/u.exec(text)?.[1]);
        expect(expected).toBeGreaterThan(500);
        expect(expected).toBeLessThan(2000);
      } finally {
        await ground.drop();
      }
    },
  );
});

describe.runIf(postgres !== undefined)("quoting", () => {
  const any = fc.string({ unit: "binary", maxLength: 40 }).filter((text) => !text.includes("\0"));

  it("gives names and texts back as they were, whatever is in them", async () => {
    const other = (await tenantGround("tenant_quoting")) as TenantGround;
    try {
      await fc.assert(
        fc.asyncProperty(
          any.filter((name) => name !== "" && name.isWellFormed() && Buffer.byteLength(name) <= 63),
          any.filter((text) => text.isWellFormed()),
          async (name, text) => {
            const { rows, fields } = await other.owner.query(
              `select ${quoteLiteral(text)} as ${quoteIdentifier(name)}`,
            );
            expect(rows[0][fields[0]?.name ?? ""]).toBe(text);
            expect(fields[0]?.name).toBe(name);
          },
        ),
        { numRuns: 100 },
      );
    } finally {
      await other.drop();
    }
  });
});
