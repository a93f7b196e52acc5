import { randomBytes, randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import type { PGlite } from "@electric-sql/pglite";
import pg from "pg";
import { eq } from "drizzle-orm";
import type { Principal, TenantScope, User } from "glacis";
import { postgresAuthentication } from "glacis/authentication";
import { checkPolicyDrift, rowSettings } from "glacis/authorization";
import { databasePosture, tenantDatabase, type TenantConnection } from "glacis/data";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../test/support/services.ts";
import { accountsIn, personOf, systemScope, type Accounts } from "../src/accounts/accounts.ts";
import type { Database } from "../src/database/database.ts";
import type { Role } from "../src/accounts/memberships.ts";
import { openEmbedded } from "../src/database/embedded.ts";
import { migrate } from "../src/database/migrate.ts";
import { FOUNDATION, migrations, ROLES, upkeep, type DatabaseRoles } from "../src/database/migrations.ts";
import { openPostgres } from "../src/database/postgres.ts";
import { allowLogin, runtimeUrl } from "../src/database/runtime-login.ts";
import { documents } from "../src/database/schema.ts";
import { attachmentPolicy, fileKeeper } from "../src/attachments/policy.ts";
import { ACCESS_POLICIES } from "../src/database/access-policies.ts";
import { documentPolicy, ROW_SECURITY } from "../src/documents/policy.ts";
import { documentsIn } from "../src/documents/documents.ts";
import { temporaryFolder } from "./support/folio.ts";

const suffix = randomBytes(6).toString("hex");
const rolesOf = (word: string): DatabaseRoles => ({
  runtime: `folio_${word}_app_${suffix}`,
  library: `folio_${word}_library_${suffix}`,
  signIn: `folio_${word}_sign_in_${suffix}`,
});
const roles = rolesOf("ground");
const postgres = await testDatabase("folio");

interface Ground {
  readonly database: Database;
  readonly role: string;
  /** As the runtime role, without a tenant. */
  readonly ask: (text: string) => Promise<readonly unknown[]>;
  readonly close: () => Promise<void>;
}

const grounds: Readonly<Record<string, () => Promise<Ground>>> = {
  PGlite: async () => {
    const folder = temporaryFolder();
    const database = await openEmbedded(folder);
    const close = async (): Promise<void> => {
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    };
    const ask: Ground["ask"] = (text) =>
      (database.tenantDriver as unknown as PGlite).transaction(async (transaction) => {
        await transaction.query(`set local role ${ROLES.runtime}`);
        return (await transaction.query(text)).rows;
      });
    return { database, role: ROLES.runtime, ask, close };
  },
  ...(postgres !== undefined && {
    Postgres: async (): Promise<Ground> => {
      const database = await openPostgres(postgres.url, roles);
      const ask: Ground["ask"] = async (text) => (await database.tenantDriver.query(text, [])).rows;
      return { database, role: roles.runtime, ask, close: () => database.close() };
    },
  }),
};

afterAll(async () => {
  if (postgres === undefined) return;
  for (const role of Object.values(roles))
    await postgres.pool.query(`drop owned by ${role} cascade; drop role ${role}`);
  await postgres.drop();
});

const TENANT_TABLES = [
  "tenants",
  "users",
  "memberships",
  "documents",
  "document_shares",
  "attachments",
  "webhooks",
  "webhook_deliveries",
];

describe.each(Object.entries(grounds))("the database on %s", (_name, open) => {
  let ground: Ground;
  let accounts: Accounts;
  const a = { id: randomUUID(), owner: randomUUID(), document: randomUUID() };
  const b = { id: randomUUID(), owner: randomUUID(), document: randomUUID() };
  const scopeA = systemScope(a.id, "test");

  /** Raw SQL inside a scope: what an injection would have. */
  const raw = <Result>(
    scope: TenantScope,
    work: (connection: TenantConnection) => Promise<Result>,
    as: Principal = personOf(scope.tenantId, scope.tenantId === b.id ? b.owner : a.owner, "owner"),
  ): Promise<Result> =>
    tenantDatabase({ database: ground.database.tenantDriver, role: ground.role }).withTenant(scope, work, {
      settings: rowSettings(as),
    });

  beforeAll(async () => {
    ground = await open();
    accounts = accountsIn(ground.database);
    for (const { id, owner, document } of [a, b]) {
      await accounts.createTenant({ id, name: "Tenant" }, { id: owner, name: "Owner", role: "owner" });
      await ground.database.withTenant(
        systemScope(id, "test"),
        (db) => db.insert(documents).values({ tenantId: id, id: document, ownerId: owner, title: "t", body: "b" }),
        personOf(id, owner, "owner"),
      );
    }
  });
  afterAll(() => ground.close());

  it("shows raw SQL in a scope nothing of another tenant, in any table", async () => {
    for (const table of TENANT_TABLES) {
      const column = table === "tenants" ? "id" : "tenant_id";
      const seen = await raw(scopeA, (connection) =>
        connection.query(`select distinct ${column} as tenant from ${table}`),
      );
      expect(
        seen.every(({ tenant }) => tenant === a.id),
        table,
      ).toBe(true);
    }
  });

  it("changes and deletes nothing of another tenant by raw SQL", async () => {
    const attempts = [
      `update documents set title = 'stolen' where id = '${b.document}' returning id`,
      `update documents set title = 'stolen' where tenant_id <> '${a.id}' returning id`,
      `delete from documents where tenant_id = '${b.id}' returning id`,
      `update users set name = 'x' where tenant_id = '${b.id}' returning id`,
      `update memberships set role = 'viewer' where tenant_id = '${b.id}' returning user_id`,
      `delete from tenants where id = '${b.id}' returning id`,
      `delete from users where tenant_id = '${b.id}' returning id`,
    ];
    for (const text of attempts) expect(await raw(scopeA, (connection) => connection.query(text)), text).toEqual([]);
  });

  it("refuses rows for another tenant and references into it", async () => {
    const insert = (tenant: string, owner: string): Promise<unknown> =>
      raw(
        scopeA,
        (connection) =>
          connection.query("insert into documents (tenant_id, owner_id, title, body) values ($1, $2, 't', 'b')", [
            tenant,
            owner,
          ]),
        personOf(a.id, owner, "owner"),
      );
    await expect(insert(b.id, b.owner)).rejects.toThrow(/row-level security/u);
    await expect(insert(a.id, b.owner)).rejects.toThrow(/foreign key/u);
    const share = (document: string, user: string): Promise<unknown> =>
      raw(scopeA, (connection) =>
        connection.query(
          "insert into document_shares (tenant_id, document_id, owner_id, user_id, permission) values ($1, $2, $3, $4, 'view')",
          [a.id, document, a.owner, user],
        ),
      );
    await expect(share(b.document, randomUUID())).rejects.toThrow(/foreign key/u);
    await expect(share(a.document, b.owner)).rejects.toThrow(/foreign key/u);
  });

  it("lets nobody move a row or change whose it is: the columns are not granted", async () => {
    for (const change of [`tenant_id = '${b.id}'`, `owner_id = '${b.owner}'`, "id = gen_random_uuid()"]) {
      const moved = raw(scopeA, (connection) => connection.query(`update documents set ${change}`));
      await expect(moved, change).rejects.toThrow(/permission denied/u);
    }
    for (const change of [`tenant_id = '${b.id}'`, `user_id = '${b.owner}'`]) {
      const moved = raw(scopeA, (connection) => connection.query(`update memberships set ${change}`));
      await expect(moved, change).rejects.toThrow(/permission denied/u);
    }
  });

  it("says of one user where he belongs, before a tenant is known, and of nobody else", async () => {
    expect(await accounts.belonging(b.owner)).toEqual({ tenantId: b.id, role: "owner" });
    expect(await accounts.belonging(randomUUID())).toBeUndefined();
    for (const wrong of ["%", "", "' or true --"]) await expect(accounts.belonging(wrong)).rejects.toThrow(/uuid/u);
  });

  it("gives an account one workspace, and takes it along with the only person in it", async () => {
    const userId = randomUUID();
    const person = { id: userId, name: "Race", role: "owner" as const };
    const attempts = await Promise.allSettled(
      Array.from({ length: 8 }, () => accounts.createTenant({ name: "Race" }, person)),
    );
    expect(attempts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const tenantId = (await accounts.belonging(userId))?.tenantId ?? "";
    await expect(accounts.addPerson(scopeA, person)).rejects.toThrow();
    await accounts.erasePerson(userId);
    expect(await accounts.belonging(userId)).toBeUndefined();
    const left = await raw(systemScope(tenantId, "test"), (connection) => connection.query("select 1 from tenants"));
    expect(left).toEqual([]);
  });

  it("erases one of several with his documents, and lets an owner follow", async () => {
    const [owner, member, tenantId] = [randomUUID(), randomUUID(), randomUUID()];
    const scope = systemScope(tenantId, "test");
    await accounts.createTenant({ id: tenantId, name: "Heirs" }, { id: owner, name: "O", role: "owner" });
    await accounts.addPerson(scope, { id: member, name: "M", role: "member" });
    await ground.database.withTenant(
      scope,
      (db) => db.insert(documents).values({ tenantId, ownerId: owner, title: "His", body: "" }),
      personOf(tenantId, owner, "owner"),
    );
    expect(await accounts.exportPerson(owner)).toMatchObject({ users: [{ name: "O" }], documents: [{ title: "His" }] });
    await accounts.erasePerson(owner);
    expect(await accounts.belonging(owner)).toBeUndefined();
    expect(await accounts.belonging(member)).toEqual({ tenantId, role: "owner" });
    expect(await raw(scope, (connection) => connection.query("select 1 from documents"))).toEqual([]);
  });

  it("sees no row at all without a tenant, and with an empty one", async () => {
    for (const table of TENANT_TABLES) {
      expect(await ground.ask(`select 1 from ${table}`), table).toEqual([]);
    }
  });

  it("protects every table that has a tenant, for every verb, its owner included", async () => {
    const catalog = await ground.database.query(
      `select c.relname as name, c.relrowsecurity as enabled, c.relforcerowsecurity as forced,
         (select count(distinct p.polcmd)::int from pg_policy p where p.polrelid = c.oid and p.polname like 'tenant_%') as verbs
       from pg_class c join pg_attribute t on t.attrelid = c.oid
       where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and t.attname = 'tenant_id' and c.relname not like 'glacis%'
       order by 1`,
      [],
    );
    const expected = TENANT_TABLES.filter((name) => name !== "tenants").toSorted();
    expect(catalog.rows).toEqual(expected.map((name) => ({ name, enabled: true, forced: true, verbs: 4 })));
  });

  it("begins every index of a tenant table that queries use with the tenant", async () => {
    const { rows } = await ground.database.query(
      `select indexdef from pg_indexes where schemaname = 'public' and tablename in ('documents', 'document_shares', 'memberships')
       and indexname not in ('documents_pkey', 'memberships_one_workspace')`,
      [],
    );
    expect(rows.length).toBeGreaterThan(4);
    for (const { indexdef } of rows as readonly { readonly indexdef: string }[])
      expect(indexdef).toMatch(/\(tenant_id/u);
  });

  it("has no foreign key between tenant tables that leaves the tenant out", async () => {
    const { rows } = await ground.database.query(
      `select conrelid::regclass::text || ': ' || pg_get_constraintdef(oid) as key from pg_constraint where contype = 'f' and conrelid::regclass::text not like 'glacis%'`,
      [],
    );
    const keys = (rows as readonly { readonly key: string }[]).map(({ key }) => key);
    expect(keys).toHaveLength(12);
    for (const key of keys)
      expect(key).toMatch(
        /FOREIGN KEY \(tenant(?:_id)?(, \w+(, owner_id)?\) REFERENCES \w+\(tenant_id, (user_)?id(, owner_id)?\)|\) REFERENCES tenants\(id\))/u,
      );
  });

  it("runs as roles that cannot pass over a policy, and cannot become anybody else through the functions between them", async () => {
    const self = `select r.rolsuper, r.rolbypassrls, r.rolcreaterole,
         (select count(*)::int from pg_class c where c.relowner = r.oid) as owned
       from pg_roles r where r.rolname = current_user`;
    const harmless = [{ rolsuper: false, rolbypassrls: false, rolcreaterole: false, owned: 0 }];
    expect(await ground.ask(self)).toEqual(harmless);
    expect((await ground.database.query(self, [])).rows).toEqual(harmless);
    const { rows } = await ground.database.query(
      "select distinct prosecdef, proconfig from pg_proc where proname in ('find_membership', 'colleague_address')",
      [],
    );
    expect(rows).toEqual([{ prosecdef: true, proconfig: ["search_path=pg_catalog, pg_temp"] }]);
  });

  it("lets SQL inside a scope read no hash, no secret and no session, and no other column of the library's", async () => {
    const { rows } = await ground.database.query(
      `select table_name as table, array_agg(column_name::text) as columns from information_schema.columns
       where table_schema = 'public' and table_name like 'glacis%' group by 1`,
      [],
    );
    const library = rows as readonly { readonly table: string; readonly columns: readonly string[] }[];
    const secret = ["glacis_accounts", "glacis_sessions", "glacis_totp", "glacis_recovery_codes", "glacis_passkeys"];
    expect(library.map(({ table }) => table)).toEqual(expect.arrayContaining(secret));
    const attempts = [
      "select * from find_membership(gen_random_uuid())",
      "select rolpassword from pg_authid",
      ...library.flatMap(({ table, columns }) => [
        `delete from ${table}`,
        `select count(*) from ${table}`,
        ...columns.map((column) => `select id from documents union select ${column}::text::uuid from ${table}`),
      ]),
    ];
    for (const text of attempts)
      await expect(
        raw(scopeA, (connection) => connection.query(text)),
        text,
      ).rejects.toThrow(/permission denied/u);
  });

  it("tells SQL inside a scope the addresses of colleagues, and no other", async () => {
    const { accounts: library } = postgresAuthentication(ground.database.driver);
    for (const { owner } of [a, b]) {
      const account = {
        userId: owner as User["id"],
        email: `${owner}@x.test`,
        passwordHash: null,
        status: "active",
      } as const;
      await library.create({ ...account, verifiedAtMs: 0, version: 1, createdAtMs: 0 });
    }
    const asked = await raw(scopeA, (connection) =>
      connection.query("select colleague_address($1) as own, colleague_address($2) as foreign", [a.owner, b.owner]),
    );
    expect(asked).toEqual([{ own: `${a.owner}@x.test`, foreign: null }]);
    expect(await ground.ask(`select colleague_address('${a.owner}') as nobody`)).toEqual([{ nobody: null }]);
  });

  it("shows the library's role no row of a tenant", async () => {
    for (const table of TENANT_TABLES)
      await expect(ground.database.query(`select 1 from ${table}`, []), table).rejects.toThrow(/permission denied/u);
  });

  it("takes along what was shared with somebody who leaves", async () => {
    const [tenantId, owner, member] = [randomUUID(), randomUUID(), randomUUID()];
    const scope = systemScope(tenantId, "test");
    const as = (id: string, role: Role): User => personOf(tenantId, id, role);
    await accounts.createTenant({ id: tenantId, name: "Leavers" }, { id: owner, name: "O", role: "owner" });
    const joining = () => accounts.addPerson(scope, { id: member, name: "M", role: "member" });
    await joining();
    const shelf = documentsIn(ground.database);
    const id = await shelf.create(as(owner, "owner"), { title: "Shared", body: "" });
    expect(await shelf.share(as(owner, "owner"), id, { userId: member, permission: "edit" })).toBe("shared");
    expect(await shelf.read(as(member, "member"), id)).toMatchObject({ access: "edit" });
    expect(await accounts.removePerson(as(owner, "owner"), member)).toBe("changed");
    expect(await shelf.read(as(member, "member"), id)).toBeUndefined();
    await joining();
    expect(await shelf.read(as(member, "member"), id)).toBeUndefined();
    const left = raw(scope, (connection) => connection.query("select 1 from document_shares"), as(owner, "owner"));
    expect(await left).toEqual([]);
  });

  it("shows raw SQL inside a workspace no document of a colleague, unless it is shared", async () => {
    const [tenantId, owner, member] = [randomUUID(), randomUUID(), randomUUID()];
    const scope = systemScope(tenantId, "test");
    const [boss, worker] = [personOf(tenantId, owner, "owner"), personOf(tenantId, member, "member")];
    await accounts.createTenant({ id: tenantId, name: "Inside" }, { id: owner, name: "O", role: "owner" });
    await accounts.addPerson(scope, { id: member, name: "M", role: "member" });
    const shelf = documentsIn(ground.database);
    const [secret, shared] = [
      await shelf.create(boss, { title: "Secret", body: "" }),
      await shelf.create(boss, { title: "Shared", body: "" }),
    ];
    await shelf.share(boss, shared, { userId: member, permission: "view" });
    const run = (text: string, as = worker) => raw(scope, (connection) => connection.query(text), as);
    expect(await run("select title from documents")).toEqual([{ title: "Shared" }]);
    expect(await run("select user_id from document_shares")).toEqual([{ user_id: member }]);
    for (const text of [
      "update documents set title = 'x' returning id",
      "delete from documents returning id",
      "update document_shares set permission = 'edit' returning user_id",
      "delete from document_shares returning user_id",
    ])
      expect(await run(text), text).toEqual([]);
    const gift = `insert into document_shares (tenant_id, document_id, owner_id, user_id, permission) values ('${tenantId}', '${secret}', $owner, '${member}', 'edit')`;
    await expect(run(gift.replace("$owner", `'${owner}'`))).rejects.toThrow(/row-level security/u);
    // As his own, which the document's is not.
    await expect(run(gift.replace("$owner", `'${member}'`))).rejects.toThrow(/row-level security|foreign key/u);
    expect(await run("select 1 from documents", personOf(tenantId, randomUUID(), "owner"))).toEqual([]);
    expect(await shelf.list(worker, { q: "", sort: "title" })).toMatchObject({
      documents: [{ title: "Shared", access: "view" }],
    });
    expect(await shelf.change(worker, shared, { title: "Mine" })).toEqual({ kind: "not_found" });
    await shelf.share(boss, shared, { userId: member, permission: "edit" });
    expect(await shelf.change(worker, shared, { title: "Ours" })).toMatchObject({ kind: "changed" });
    expect(await shelf.change({ ...worker, roles: ["viewer"] }, shared, { title: "No" })).toEqual({
      kind: "not_found",
    });
  });

  it("shows a file to nobody who may not read its document, and lets nobody but its editors add or remove one", async () => {
    const accounts = accountsIn(ground.database);
    const tenantId = randomUUID();
    const scope = systemScope(tenantId, "test");
    const [boss, reader, editor, viewer] = [
      personOf(tenantId, randomUUID(), "owner"),
      personOf(tenantId, randomUUID(), "member"),
      personOf(tenantId, randomUUID(), "member"),
      personOf(tenantId, randomUUID(), "viewer"),
    ];
    await accounts.createTenant({ id: tenantId, name: "Files" }, { id: boss.id, name: "O", role: "owner" });
    for (const [{ id }, role] of [
      [reader, "member"],
      [editor, "member"],
      [viewer, "viewer"],
    ] as const)
      await accounts.addPerson(scope, { id, name: role, role });
    const shelf = documentsIn(ground.database);
    const [secret, shared] = [
      await shelf.create(boss, { title: "Secret", body: "" }),
      await shelf.create(boss, { title: "Shared", body: "" }),
    ];
    await shelf.share(boss, shared, { userId: reader.id, permission: "view" });
    await shelf.share(boss, shared, { userId: editor.id, permission: "edit" });
    const run = (text: string, as: Principal) => raw(scope, (connection) => connection.query(text), as);
    const insert = (document: string, name: string): string =>
      `insert into attachments (tenant_id, document_id, storage_key, name, media_type, bytes, sha256, scan)
       values ('${tenantId}', '${document}', '${randomUUID()}', '${name}', 'text/plain', 1, '${"0".repeat(64)}', 'pending')`;
    await run(insert(secret, "of the secret"), boss);
    await run(insert(shared, "of the shared"), editor);
    for (const [document, who] of [
      [secret, reader],
      [secret, editor],
      [shared, reader],
      [shared, viewer],
    ] as const)
      await expect(run(insert(document, "smuggled"), who)).rejects.toThrow(/row-level security/u);
    const names = "select name from attachments order by name";
    const [ofSecret, ofShared] = [{ name: "of the secret" }, { name: "of the shared" }];
    const seen: readonly (readonly [Principal, readonly object[]])[] = [
      [boss, [ofSecret, ofShared]],
      [reader, [ofShared]],
      [editor, [ofShared]],
      [viewer, []],
      [fileKeeper(tenantId), [ofSecret, ofShared]],
    ];
    for (const [who, expected] of seen) {
      expect(await run(names, who)).toEqual(expected);
      const filtered = await raw(
        scope,
        async (connection) => {
          const { text, values } = attachmentPolicy.filter(who, "list", { alias: "attachments" });
          return connection.query(`select name from attachments where ${text} order by name`, [...values]);
        },
        who,
      );
      expect(filtered).toEqual(expected);
    }
    for (const who of [boss, editor, reader, viewer])
      expect(await run("update attachments set scan = 'clean' returning id", who), "only what scans says so").toEqual(
        [],
      );
    for (const who of [reader, viewer]) expect(await run("delete from attachments returning id", who)).toEqual([]);
    expect(await run("delete from attachments returning name", fileKeeper(tenantId))).toEqual([]);
    expect(await run("delete from attachments returning name", editor)).toEqual([ofShared]);
  });

  it("answers drizzle like any other driver, dates and numbers included", async () => {
    const [row] = await ground.database.withTenant(
      scopeA,
      (db) => db.select().from(documents).where(eq(documents.id, a.document)),
      personOf(a.id, a.owner, "owner"),
    );
    expect(row).toMatchObject({ id: a.document, version: 1, link: null });
    expect(row?.createdAt).toBeInstanceOf(Date);
    expect(Math.abs(Date.now() - Number(row?.createdAt))).toBeLessThan(600_000);
  });
});

describe.runIf(postgres !== undefined)("the application on Postgres", () => {
  it("logs in as two roles, from which no statement leads back or to the other", async () => {
    const database = await openPostgres(postgres?.url ?? "", roles);
    try {
      const who = "select session_user::text as login, current_user::text as role";
      for (const [driver, role, other] of [
        [database.driver, roles.library, roles.runtime],
        [database.tenantDriver, roles.runtime, roles.library],
      ] as const) {
        expect((await driver.query(who, [])).rows).toEqual([{ login: role, role }]);
        await driver.query("reset role", []);
        await driver.query("reset session authorization", []);
        expect((await driver.query(who, [])).rows).toEqual([{ login: role, role }]);
        for (const forbidden of [
          "set role postgres",
          `set role ${other}`,
          `set role ${roles.signIn}`,
          "create temporary table users (id int)",
          "create table stolen (id int)",
        ])
          await expect(driver.query(forbidden, []), forbidden).rejects.toThrow(/permission denied/u);
      }
    } finally {
      await database.close();
    }
  });

  it("has a password of its own where the owner has one, and tells the server only how to check it", async () => {
    const [url, role] = ["postgres://owner:s%40cret@db.example/app", "folio_app"];
    const login = new URL(runtimeUrl(url, role));
    expect(login.username).toBe(role);
    expect(login.password).toMatch(/^[0-9a-f]{64}$/u);
    expect(new URL(runtimeUrl(url.replace("s%40cret", "other"), role)).password).not.toBe(login.password);
    expect(allowLogin(url, role)).toMatch(/^alter role folio_app login password 'SCRAM-SHA-256\$4096:[^']+';$/u);
    expect(allowLogin(url, role)).not.toContain(login.password);
    const accepts = await postgres?.pool.query("select rolpassword from pg_authid where rolname = $1", [roles.runtime]);
    expect(accepts?.rows).toEqual([{ rolpassword: null }]);
  });

  it("has the policies that the access policies compile to, and a change of one is found", async () => {
    const database = await openPostgres(postgres?.url ?? "", roles);
    await database.close();
    const client = new pg.Client({ connectionString: postgres?.url });
    await client.connect();
    try {
      for (const policy of ACCESS_POLICIES) expect(await checkPolicyDrift(client, policy, ROW_SECURITY)).toEqual([]);
      await client.query("alter policy document_select on documents using (true)");
      const drift = await checkPolicyDrift(client, documentPolicy, ROW_SECURITY);
      expect(drift.map(({ rule, detail }) => [rule.id, detail])).toEqual([
        ["object-level-authorization/policy-drift", "document_select: using"],
      ]);
    } finally {
      await client.end();
    }
  });

  it("passes the judgement of its own database without an error", async () => {
    const database = await openPostgres(postgres?.url ?? "", roles);
    try {
      const posture = await databasePosture(database.tenantDriver, { shared: ["migrations"] });
      const errors = posture.filter(({ rule }) => rule.severity === "error");
      expect(errors.map(({ rule, at, detail }) => [rule.id, at, detail])).toEqual([]);
    } finally {
      await database.close();
    }
  });
});

describe.runIf(postgres !== undefined)("migrations", () => {
  it("let several processes start at once: one works, the others wait and find it done", async () => {
    const server = await testDatabase("folio_race");
    if (server === undefined) return expect(process.env["CI"]).not.toBe("true");
    const own = rolesOf("race");
    const connect = async () => {
      const client = new pg.Client({ connectionString: server.url });
      await client.connect();
      const applied = await migrate(
        { query: (text, values) => client.query(text, values), exec: (sql) => client.query(sql) },
        migrations(own),
        upkeep(own),
        FOUNDATION,
      );
      await client.end();
      return applied.length;
    };
    const applied = await Promise.all(Array.from({ length: 6 }, connect));
    expect(applied.toSorted()).toEqual([0, 0, 0, 0, 0, migrations(own).length]);
    for (const role of Object.values(own)) await server.pool.query(`drop owned by ${role} cascade; drop role ${role}`);
    await server.drop();
  });

  it("carry accounts over from before they were the library's, as an owner whom policies bind", async () => {
    const server = await testDatabase("folio_carry");
    if (server === undefined) return expect(process.env["CI"]).not.toBe("true");
    const own = rolesOf("carry");
    const login = `folio_carry_owner_${suffix}`;
    await server.pool.query(`create role ${login} login createrole; grant all on schema public to ${login}`);
    await server.pool.query(`alter database "${new URL(server.url).pathname.slice(1)}" owner to ${login}`);
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await client.query(`set role ${login}`);
    const connection = {
      query: (text: string, values: unknown[]) => client.query(text, values),
      exec: (sql: string) => client.query(sql),
    };
    const all = migrations(own);
    await migrate(connection, all.slice(0, 4), "", FOUNDATION);
    const [tenantId, userId] = [randomUUID(), randomUUID()];
    const hash = "$argon2id$v=19$m=65536,t=3,p=1$c2FsdHNhbHQ$aGFzaGhhc2g";
    await server.pool.query(`insert into tenants (id, name) values ('${tenantId}', 'T')`);
    await server.pool.query(
      `insert into users (tenant_id, id, email, name) values ('${tenantId}', '${userId}', 'a@carry.test', 'A')`,
    );
    await server.pool.query(
      `insert into credentials (tenant_id, user_id, email, password_hash) values ('${tenantId}', '${userId}', 'a@carry.test', '${hash}')`,
    );
    expect(await migrate(connection, all, upkeep(own), FOUNDATION)).toEqual(all.slice(4).map(({ name }) => name));
    const { rows } = await server.pool.query("select user_id, email, password_hash, status from glacis_accounts");
    expect(rows).toEqual([{ user_id: userId, email: "a@carry.test", password_hash: hash, status: "active" }]);
    await client.end();
    await server.pool.query(`reassign owned by ${login} to current_user`);
    for (const role of [...Object.values(own), login])
      await server.pool.query(`drop owned by ${role} cascade; drop role ${role}`);
    await server.drop();
  });

  it("leave nothing behind when one of them fails, and refuse an edited or unknown one", async () => {
    const server = await testDatabase("folio_fail");
    if (server === undefined) return expect(process.env["CI"]).not.toBe("true");
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    const connection = {
      query: (text: string, values: unknown[]) => client.query(text, values),
      exec: (sql: string) => client.query(sql),
    };
    const good = { name: "0001", sql: "create table one (id int);" };
    const bad = { name: "0002", sql: "create table two (id int); select nonsense;" };
    await expect(migrate(connection, [good, bad], "")).rejects.toThrow(/nonsense/u);
    expect((await client.query("select to_regclass('one') as one, to_regclass('migrations') as log")).rows).toEqual([
      { one: null, log: null },
    ]);
    expect(await migrate(connection, [good], "")).toEqual(["0001"]);
    expect(await migrate(connection, [good], "")).toEqual([]);
    await expect(migrate(connection, [{ ...good, sql: "create table uno (id int);" }], "")).rejects.toThrow(/edited/u);
    await expect(migrate(connection, [], "")).rejects.toThrow(/does not know/u);
    await client.end();
    await server.drop();
  });
});
