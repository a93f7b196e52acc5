import { PGlite } from "@electric-sql/pglite";
import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase, type TestDatabase } from "../../../../test/support/services.ts";
import type { TenantId } from "../core/brand.ts";
import { tenantScope, type TenantScope } from "../core/principal.ts";
import { TenantIsolationError } from "./tenant-context.ts";
import { tenantDatabase, type TenantDatabase, type TenantDatabaseOptions } from "./tenant.ts";

const role = `tenant_test_${randomBytes(6).toString("hex")}`;
const migration = `
  create table notes (
    tenant_id uuid not null,
    id uuid not null default gen_random_uuid() primary key,
    text text not null
  );
  alter table notes enable row level security;
  alter table notes force row level security;
  create policy tenant on notes
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
  create role ${role} nologin nosuperuser nobypassrls;
  grant select, insert, update, delete on notes to ${role};
`;

const scopeOf = (tenantId: string): TenantScope =>
  tenantScope({ kind: "service", id: "test", tenantId: tenantId as TenantId, roles: [] });

const postgres: TestDatabase | undefined = await testDatabase("tenant");

interface Ground {
  readonly database: TenantDatabaseOptions["database"];
  readonly exec: (sql: string) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

const grounds: Readonly<Record<string, () => Promise<Ground>>> = {
  PGlite: async () => {
    const database = await PGlite.create();
    return { database, exec: (sql) => database.exec(sql), close: () => database.close() };
  },
  ...(postgres !== undefined && {
    Postgres: async (): Promise<Ground> => ({
      database: postgres.pool,
      exec: (sql) => postgres.pool.query(sql),
      close: async () => {
        await postgres.pool.query(`drop owned by ${role}; drop role ${role}`);
        await postgres.drop();
      },
    }),
  }),
};

describe.each(Object.entries(grounds))("withTenant on %s", (_name, open) => {
  const a = randomUUID();
  const b = randomUUID();
  let ground: Ground;
  let tenants: TenantDatabase;

  beforeAll(async () => {
    ground = await open();
    await ground.exec(migration);
    tenants = tenantDatabase({ database: ground.database, role });
    for (const tenant of [a, b]) {
      await tenants.withTenant(scopeOf(tenant), (connection) =>
        connection.query("insert into notes (tenant_id, text) values ($1, $2)", [tenant, `of ${tenant}`]),
      );
    }
  });
  afterAll(() => ground.close());

  it("shows a tenant its own rows and no others, without a where clause", async () => {
    const rows = await tenants.withTenant(scopeOf(a), (connection) => connection.query("select text from notes"));
    expect(rows).toEqual([{ text: `of ${a}` }]);
  });

  it("gives rows as arrays to query builders", async () => {
    const rows = await tenants.withTenant(scopeOf(a), (connection) =>
      connection.queryArrays("select tenant_id, text from notes where tenant_id = $1", [a]),
    );
    expect(rows).toEqual([[a, `of ${a}`]]);
  });

  it("refuses to write a row of another tenant, and to move one there", async () => {
    const insert = tenants.withTenant(scopeOf(a), (connection) =>
      connection.query("insert into notes (tenant_id, text) values ($1, 'planted')", [b]),
    );
    await expect(insert).rejects.toThrow(/row-level security/u);
    const move = tenants.withTenant(scopeOf(a), (connection) =>
      connection.query("update notes set tenant_id = $1", [b]),
    );
    await expect(move).rejects.toThrow(/row-level security/u);
  });

  it("changes and deletes nothing of another tenant", async () => {
    const touched = await tenants.withTenant(scopeOf(a), async (connection) => [
      ...(await connection.query("update notes set text = 'mine' where tenant_id = $1 returning id", [b])),
      ...(await connection.query("delete from notes where tenant_id = $1 returning id", [b])),
    ]);
    expect(touched).toEqual([]);
  });

  it("runs nothing without a scope", async () => {
    let ran = false;
    const work = async (): Promise<void> => {
      ran = true;
    };
    for (const scope of [undefined, null, {}, { tenantId: "" }, { tenantId: 7 }]) {
      await expect(tenants.withTenant(scope as never, work)).rejects.toThrow(/tenant scope/u);
    }
    expect(ran).toBe(false);
  });

  it("rolls back what failed, and rethrows its error", async () => {
    const failing = tenants.withTenant(scopeOf(a), async (connection) => {
      await connection.query("insert into notes (tenant_id, text) values ($1, 'half')", [a]);
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    const rows = await tenants.withTenant(scopeOf(a), (connection) =>
      connection.query("select 1 from notes where text = 'half'"),
    );
    expect(rows).toEqual([]);
  });

  it("does not pretend to have committed when an error was swallowed", async () => {
    const swallowing = tenants.withTenant(scopeOf(a), async (connection) => {
      await connection.query("insert into notes (tenant_id, text) values ($1, 'lost')", [a]);
      await connection.query("select 1 / 0").catch(() => undefined);
    });
    await expect(swallowing).rejects.toThrow(/aborted/u);
  });

  it("forgets the tenant and the role with the transaction", async () => {
    await tenants.withTenant(scopeOf(a), async () => undefined);
    const asked = tenants.withTenant(scopeOf(b), (connection) => connection.query("select text from notes"));
    expect(await asked).toEqual([{ text: `of ${b}` }]);
  });

  it("keeps and returns nothing of a transaction whose tenant was changed inside", async () => {
    const crossing = tenants.withTenant(scopeOf(a), async (connection) => {
      await connection.query("select set_config('app.tenant_id', $1, true)", [b]);
      await connection.query("update notes set text = 'stolen'");
      return connection.query("select text from notes");
    });
    await expect(crossing).rejects.toThrow(TenantIsolationError);
    const rows = await tenants.withTenant(scopeOf(b), (connection) => connection.query("select text from notes"));
    expect(rows).toEqual([{ text: `of ${b}` }]);
  });

  it("takes one statement per query, so that a smuggled second one is an error", async () => {
    const stacked = tenants.withTenant(scopeOf(a), (connection) => connection.query("select 1; reset role"));
    await expect(stacked).rejects.toThrow(/multiple commands/u);
  });

  it("refuses a connection that outlives its transaction", async () => {
    const leaked = await tenants.withTenant(scopeOf(a), async (connection) => connection);
    await expect(leaked.query("select text from notes")).rejects.toThrow(TenantIsolationError);
    await expect(leaked.queryArrays("select text from notes")).rejects.toThrow(TenantIsolationError);
  });

  it("refuses to work as a role that row-level security does not bind", async () => {
    const unbound = tenantDatabase({ database: ground.database });
    const asked = unbound.withTenant(scopeOf(a), (connection) => connection.query("select 1"));
    await expect(asked).rejects.toThrow(/exempt from row-level security/u);
    await expect(unbound.forTenant(scopeOf(a)).query("select 1")).rejects.toThrow(TenantIsolationError);
  });

  it("refuses a tenant that the policy cannot read, instead of showing anything", async () => {
    const malformed = tenants.withTenant(scopeOf("not-a-uuid"), (connection) =>
      connection.query("select * from notes"),
    );
    await expect(malformed).rejects.toThrow(/uuid/u);
  });

  it("keeps two hundred interleaved transactions of two tenants apart", async () => {
    const seen = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const tenant = index % 2 === 0 ? a : b;
        const rows = await tenants.withTenant(scopeOf(tenant), (connection) =>
          connection.query("select tenant_id from notes"),
        );
        return rows.every(({ tenant_id }) => tenant_id === tenant) && rows.length === 1;
      }),
    );
    expect(seen.every(Boolean)).toBe(true);
  });
});

describe.runIf(postgres !== undefined)("withTenant over a pool", () => {
  it("survives a connection that is killed in the middle, and hands out no setting of it", async () => {
    const database = await testDatabase("tenant_kill");
    if (database === undefined) return expect(process.env["CI"]).not.toBe("true");
    const killed = `${role}_kill`;
    try {
      await database.pool.query(`create role ${killed} nologin`);
      const tenants = tenantDatabase({ database: database.pool, role: killed });
      const cut = tenants.withTenant(scopeOf(randomUUID()), async (connection) => {
        const [row] = await connection.query<{ pid: number }>("select pg_backend_pid() as pid");
        await database.pool.query("select pg_terminate_backend($1)", [row?.pid]);
        await connection.query("select 1");
      });
      await expect(cut).rejects.toThrow();
      const { rows } = await database.pool.query("select current_setting('app.tenant_id', true) as tenant");
      expect(["", null]).toContain(rows[0].tenant);
    } finally {
      await database.pool.query(`drop role ${killed}`);
      await database.drop();
    }
  });
});

describe("tenantDatabase", () => {
  it("refuses what it cannot work with, with the correction", () => {
    expect(() => tenantDatabase({ database: {} as never })).toThrow(/pg pool or a PGlite/u);
    expect(() => tenantDatabase({ database: { connect: fail }, setting: "tenant" })).toThrow(/app\.tenant_id/u);
    expect(() => tenantDatabase({ database: { connect: fail }, role: "a; drop" })).toThrow(/plain identifier/u);
    expect(() => tenantDatabase({ database: { connect: fail }, roel: "x" } as never)).toThrow(/Did you mean "role"/u);
  });
});

function fail(): never {
  throw new Error("Nobody should connect.");
}
