import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type pg from "pg";
import { countingProxy, type CountingProxy } from "../../../../test/support/counting-proxy.ts";
import { tenantGround, type TenantGround } from "../../../../test/support/tenant-ground.ts";
import type { TenantId } from "../core/brand.ts";
import { tenantScope, type TenantScope } from "../core/principal.ts";
import { tenantMigration } from "./tenant-migration.ts";
import type { PoolConnection, TenantPool } from "./tenant-wire.ts";
import { tenantDatabase, type TenantDatabase } from "./tenant.ts";

const ground: TenantGround | undefined = await tenantGround("tenant_driver");
const scopeOf = (tenantId: string): TenantScope =>
  tenantScope({ kind: "service", id: "test", tenantId: tenantId as TenantId, roles: [] });
const a = randomUUID();

/** What is neither `pg` nor made to be like it: a pool that somebody has wrapped, with queries alone. */
function wrapped(pool: pg.Pool): TenantPool {
  return {
    async connect(): Promise<PoolConnection> {
      const client = await pool.connect();
      return {
        query: (query) => client.query(query),
        on: (event, listener) => client.on(event, listener),
        off: (event, listener) => client.off(event, listener),
        release: (error) => client.release(error),
      };
    },
  };
}

describe.runIf(ground !== undefined)("flights", () => {
  if (ground === undefined) return;
  const { owner, role, url, pool } = ground;
  let proxy: CountingProxy;
  let drivers: Readonly<Record<"plain" | "prepared" | "pipelined" | "wrapped", TenantDatabase>>;

  beforeAll(async () => {
    await owner.query(
      "create table notes (tenant_id uuid not null, id uuid primary key default gen_random_uuid(), text text)",
    );
    await owner.query(tenantMigration({ role, tables: [{ name: "notes" }] }));
    const target = new URL(url);
    proxy = await countingProxy({ host: target.hostname, port: Number(target.port || "5432") });
    target.hostname = "127.0.0.1";
    target.port = String(proxy.port);
    const through = { connectionString: target.href, max: 1 };
    drivers = {
      plain: tenantDatabase({ database: pool(through) }),
      prepared: tenantDatabase({ database: pool(through), prepare: true }),
      pipelined: tenantDatabase({ database: pool({ ...through, pipeline: true }) }),
      wrapped: tenantDatabase({ database: wrapped(pool(through)) }),
    };
    for (const tenants of Object.values(drivers)) await tenants.forTenant(scopeOf(a)).query("select 1");
  });
  afterAll(async () => {
    await ground.drop();
    await proxy.close();
  });

  it.each([
    ["plain", 1],
    ["prepared", 1],
    ["pipelined", 1],
    ["wrapped", 4],
  ] as const)("take one round trip for a query on a %s pool, where it can: %i", async (name, trips) => {
    proxy.take();
    await drivers[name].forTenant(scopeOf(a)).query("select text from notes");
    expect(proxy.take()).toBe(trips);
  });

  it.each([
    ["plain", 4],
    ["prepared", 4],
    ["pipelined", 4],
    ["wrapped", 7],
  ] as const)("add the commit and nothing else to a transaction of three queries on a %s pool", async (name, trips) => {
    proxy.take();
    await drivers[name].withTenant(scopeOf(a), async (connection) => {
      for (const text of ["one", "two"]) {
        await connection.query("insert into notes (tenant_id, text) values ($1, $2)", [a, text]);
      }
      return connection.query("select count(*) from notes");
    });
    expect(proxy.take()).toBe(trips);
  });

  describe.each(["plain", "prepared", "pipelined", "wrapped"] as const)("over a %s pool", (name) => {
    const tenants = (): TenantDatabase => drivers[name];

    it("parse values as the driver does", async () => {
      const [row] = await tenants()
        .forTenant(scopeOf(a))
        .query("select 7 as number, true as truth, null as nothing, $1::jsonb as document, $2::timestamptz as moment", [
          { nested: [1] },
          new Date(0),
        ]);
      expect(row).toEqual({ number: 7, truth: true, nothing: null, document: { nested: [1] }, moment: new Date(0) });
      expect(await tenants().forTenant(scopeOf(a)).queryArrays("select 1, 2")).toEqual([[1, 2]]);
    });

    it("answer an empty query and a command without rows", async () => {
      expect(await tenants().forTenant(scopeOf(a)).query("")).toEqual([]);
      expect(await tenants().forTenant(scopeOf(a)).query("set local work_mem = '8MB'")).toEqual([]);
    });

    it("reject with the database's own error, and go on", async () => {
      await expect(tenants().forTenant(scopeOf(a)).query("select 1 / 0")).rejects.toMatchObject({ code: "22012" });
      await expect(tenants().forTenant(scopeOf(a)).query("selec")).rejects.toMatchObject({ code: "42601" });
      expect(await tenants().forTenant(scopeOf(a)).query("select 1 as one")).toEqual([{ one: 1 }]);
    });

    it("reject a value that cannot be sent, and go on", async () => {
      const circular: { self?: object } = {};
      circular.self = circular;
      const asked = tenants().withTenant(scopeOf(a), (connection) => connection.query("select $1::jsonb", [circular]));
      await expect(asked).rejects.toThrow(/circular/iu);
      expect(await tenants().forTenant(scopeOf(a)).query("select 2 as two")).toEqual([{ two: 2 }]);
    });

    it("keep parallel queries of one transaction in order", async () => {
      const answers = await tenants().withTenant(scopeOf(a), (connection) =>
        Promise.all([1, 2, 3, 4, 5].map((value) => connection.query("select $1::int as value", [value]))),
      );
      expect(answers.flat()).toEqual([1, 2, 3, 4, 5].map((value) => ({ value })));
    });

    it("undo a single write that fails at the end of its own transaction", async () => {
      const asked = tenants()
        .forTenant(scopeOf(a))
        .query(
          "with added as (insert into notes (tenant_id, text) values ($1, 'half') returning 1) select 1 / 0 from added",
          [a],
        );
      await expect(asked).rejects.toMatchObject({ code: "22012" });
      expect(await tenants().forTenant(scopeOf(a)).query("select 1 from notes where text = 'half'")).toEqual([]);
    });

    it("refuse COPY, which has no place in a query", async () => {
      await expect(tenants().forTenant(scopeOf(a)).query("copy notes from stdin")).rejects.toThrow();
      expect(await tenants().forTenant(scopeOf(a)).query("select 3 as three")).toEqual([{ three: 3 }]);
    });
  });

  it("plan a text once per connection where they are prepared, whatever fails between", async () => {
    const single = pool({ max: 1 });
    const tenants = tenantDatabase({ database: single, prepare: true });
    for (let round = 0; round < 3; round += 1) {
      await tenants.forTenant(scopeOf(a)).query("select 1");
      await expect(tenants.forTenant(scopeOf(a)).query("selec")).rejects.toMatchObject({ code: "42601" });
      await tenants.withTenant(scopeOf(a), (connection) => connection.query("select 1 / 0")).catch(() => undefined);
    }
    const { rows } = await single.query(
      "select statement from pg_prepared_statements where name like 'glacis_%' order by 1",
    );
    expect(rows.map(({ statement }) => statement)).toEqual([
      "select 1",
      "select 1 / 0",
      expect.stringContaining("set_config"),
    ]);
  });

  it("plan again what comes again and again, and nothing else, unless somebody decides", async () => {
    const single = pool({ max: 1 });
    const [tenants, never] = [
      tenantDatabase({ database: single }),
      tenantDatabase({ database: single, prepare: false }),
    ];
    for (let round = 0; round < 6; round += 1) {
      await tenants.forTenant(scopeOf(a)).query("select 'again'");
      await tenants.forTenant(scopeOf(a)).query(`select 'once' || ${round}`);
      await never.forTenant(scopeOf(a)).query("select 'never'");
    }
    const { rows } = await single.query("select statement from pg_prepared_statements order by 1");
    expect(rows.map(({ statement }) => statement)).toEqual(["select 'again'", expect.stringContaining("set_config")]);
  });

  describe("over a connection that loses what was prepared, as behind a pooler", () => {
    const ask = "select count(*)::int as lost from notes";
    async function losing(how: "lost" | "taken"): Promise<{ single: pg.Pool; tenants: TenantDatabase }> {
      const first = pool({ max: 1 });
      const single = how === "lost" ? first : pool({ max: 1 });
      const warm = tenantDatabase({ database: first });
      for (let round = 0; round < 6; round += 1) await warm.forTenant(scopeOf(a)).query(ask);
      const { rows } = await first.query("select name, statement from pg_prepared_statements");
      expect(rows).toHaveLength(2);
      if (how === "lost") await single.query("deallocate all");
      else for (const { name } of rows) await single.query(`prepare ${name} as select 'somebody else''s'`);
      return { single, tenants: how === "lost" ? warm : tenantDatabase({ database: single }) };
    }

    it.each(["lost", "taken"] as const)("asks again without names, when they are %s", async (how) => {
      const { tenants } = await losing(how);
      expect(await tenants.forTenant(scopeOf(a)).query(ask)).toEqual([{ lost: expect.any(Number) }]);
    });

    it.each(["lost", "taken"] as const)("runs a transaction once, in order, when they are %s", async (how) => {
      const { single, tenants } = await losing(how);
      const tenant = randomUUID();
      await tenants.withTenant(scopeOf(tenant), (connection) =>
        Promise.all(
          ["one", "two", "three"].map((text) =>
            connection.query("insert into notes (tenant_id, text) values ($1, $2)", [tenant, text]),
          ),
        ),
      );
      expect(await tenants.forTenant(scopeOf(tenant)).query("select text from notes order by text")).toEqual([
        { text: "one" },
        { text: "three" },
        { text: "two" },
      ]);
      expect((await single.query("select 1 from pg_stat_activity where state like 'idle in%'")).rows).toEqual([]);
    });
  });

  it("survive a change of the schema, and plan again", async () => {
    const single = pool({ max: 1 });
    const tenants = tenantDatabase({ database: single });
    const ask = () => tenants.forTenant(scopeOf(a)).query("select * from growing");
    await owner.query(`create table growing (one int); grant select on growing to ${role}`);
    for (let round = 0; round < 6; round += 1) await ask();
    await owner.query("alter table growing add column two int; insert into growing values (1, 2)");
    for (let round = 0; round < 6; round += 1) expect(await ask()).toEqual([{ one: 1, two: 2 }]);
  });

  it.each([
    ["a statement under a name", ["prepare mine as select 1"]],
    ["the end of one", ["deallocate all"]],
    ["a setting of the session", ["set statement_timeout = '9s'"]],
    ["a setting of the session, hidden", ["set/* local */statement_timeout = '9s'"]],
    ["a notification to wait for", ["listen others"]],
    ["a cursor", ["declare kept cursor with hold for select 1"]],
    ["a block", ["do $$ begin execute 'prepare mine as select 1'; end $$"]],
    ["a block that fails", ["do $$ begin execute 'prepare mine as select 1'; raise exception 'x'; end $$"]],
    ["an end of its own", ["commit", "begin", "set statement_timeout = '9s'", "commit"]],
  ])("give up a connection on which work left %s", async (_what, statements) => {
    const single = pool({ max: 1 });
    const tenants = tenantDatabase({ database: single });
    const pid = async (): Promise<unknown> => (await single.query("select pg_backend_pid() as pid")).rows[0].pid;
    const before = await pid();
    await tenants.withTenant(scopeOf(a), (connection) => connection.query("set local statement_timeout = '9s'"));
    await tenants.withTenant(scopeOf(a), (connection) => connection.query("select 1 / 0")).catch(() => undefined);
    expect(await pid()).toBe(before);
    await tenants
      .withTenant(scopeOf(a), async (connection) => {
        for (const statement of statements) await connection.query(statement);
      })
      .catch(() => undefined);
    expect(await pid()).not.toBe(before);
  });

  it("run nothing under a name that work has given to a statement of its own", async () => {
    const single = pool({ max: 1 });
    const tenants = tenantDatabase({ database: single });
    const ask = "select text from notes where text = 'the real one'";
    for (let round = 0; round < 6; round += 1) await tenants.forTenant(scopeOf(a)).query(ask);
    const { rows } = await single.query("select name from pg_prepared_statements where statement = $1", [ask]);
    await tenants.withTenant(scopeOf(a), async (connection) => {
      await connection.query(`deallocate ${rows[0].name}`);
      await connection.query(`prepare ${rows[0].name} as select 'planted' as text`);
    });
    expect(await tenants.forTenant(scopeOf(randomUUID())).query(ask)).toEqual([]);
  });

  it("survive a change of the schema where they are prepared", async () => {
    const single = pool({ max: 1 });
    const tenants = tenantDatabase({ database: single, prepare: true });
    const ask = () => tenants.forTenant(scopeOf(a)).query("select * from changing");
    await owner.query(`create table changing (one int); grant select on changing to ${role}`);
    await ask();
    await owner.query("alter table changing add column two int");
    await expect(ask()).rejects.toMatchObject({ code: "0A000" });
    expect(await ask()).toEqual([]);
  });

  it("keep a query time limit of the driver", async () => {
    const hasty = tenantDatabase({ database: pool({ max: 1, query_timeout: 300 }) });
    await expect(hasty.forTenant(scopeOf(a)).query("select pg_sleep(3)")).rejects.toThrow(/timeout/iu);
    expect(await hasty.forTenant(scopeOf(a)).query("select 1 as one")).toEqual([{ one: 1 }]);
  });
});
