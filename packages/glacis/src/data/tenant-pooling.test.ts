import { randomUUID } from "node:crypto";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testBouncer, type TestBouncer } from "../../../../test/support/pgbouncer.ts";
import { tenantGround, type TenantGround } from "../../../../test/support/tenant-ground.ts";
import type { TenantId } from "../core/brand.ts";
import { tenantScope, type TenantScope } from "../core/principal.ts";
import { keyRing, newKey } from "./key-ring.ts";
import { tenantMigration } from "./tenant-migration.ts";
import { installTenantProof } from "./tenant-proof.ts";
import { tenantDatabase, type TenantDatabase } from "./tenant.ts";

const ground: TenantGround | undefined = await tenantGround("tenant_pooling");
const bouncer: TestBouncer | undefined = ground && (await testBouncer(ground.url, 3));
const keys = keyRing(newKey("k1"));
const tenantIds = Array.from({ length: 20 }, () => randomUUID());
const scopeOf = (tenantId: string): TenantScope =>
  tenantScope({ kind: "service", id: "test", tenantId: tenantId as TenantId, roles: [] });

const ways: readonly (readonly [string, string, pg.PoolConfig])[] = [
  ["one pool", ground?.url ?? "", { max: 5 }],
  ["one pipelined pool", ground?.url ?? "", { max: 5, pipeline: true }],
  ...(bouncer === undefined
    ? []
    : ([
        ["PgBouncer pooling by transaction", bouncer.url, { max: 40 }],
        ["PgBouncer, pipelined", bouncer.url, { max: 40, pipeline: true }],
      ] as const)),
];

describe.runIf(ground !== undefined)("tenants that share connections", () => {
  if (ground === undefined) return;
  const { owner, role, pool } = ground;

  beforeAll(async () => {
    await owner.query(
      "create table notes (tenant_id uuid not null, id uuid primary key default gen_random_uuid(), text text)",
    );
    await owner.query(tenantMigration({ role, proof: true, tables: [{ name: "notes" }] }));
    await installTenantProof(owner, keys);
    await owner.query(
      "insert into notes (tenant_id, text) select t, 'of ' || t from unnest($1::uuid[]) t, generate_series(1, 3)",
      [tenantIds],
    );
  });
  afterAll(async () => {
    await ground.drop();
    await bouncer?.stop();
  });

  describe.each(ways)("over %s", (_name, connectionString, config) => {
    let shared: pg.Pool;
    let tenants: TenantDatabase;

    beforeAll(() => {
      shared = pool({ ...config, connectionString });
      tenants = tenantDatabase({ database: shared, proof: keys });
    });
    afterAll(() => shared.end());

    it("never show a foreign row in two hundred interleaved requests, some of which fail", async () => {
      const work = Array.from({ length: 200 }, async (_, index) => {
        const tenant = tenantIds[index % tenantIds.length] as string;
        if (index % 3 === 0)
          return [tenant, await tenants.forTenant(scopeOf(tenant)).query("select tenant_id from notes")] as const;
        const rows = tenants.withTenant(scopeOf(tenant), async (connection) => {
          const before = await connection.query("select tenant_id from notes");
          if (index % 10 === 7) await connection.query("select 1 / 0");
          if (index % 10 === 9) throw new Error("changed my mind");
          await connection.query("select pg_sleep(0.002)");
          return [...before, ...(await connection.query("select tenant_id from notes"))];
        });
        return [tenant, await rows.catch(() => undefined)] as const;
      });
      const seen = await Promise.all(work);
      const foreign = seen.filter(([tenant, rows]) => rows?.some((row) => row["tenant_id"] !== tenant));
      expect(foreign).toEqual([]);
      expect(seen.every(([, rows]) => rows === undefined || rows.length === 3 || rows.length === 6)).toBe(true);
      expect(seen.filter(([, rows]) => rows === undefined).length).toBeGreaterThan(20);
    });

    it("leave no setting behind, however their work ended", async () => {
      const scope = scopeOf(tenantIds[0] as string);
      await tenants.withTenant(scope, (connection) => connection.query("select 1"));
      await tenants.withTenant(scope, (connection) => connection.query("select 1 / 0")).catch(() => undefined);
      await tenants.forTenant(scope).query("select 1");
      for (let attempt = 0; attempt < 10; attempt += 1) {
        const { rows } = await shared.query(
          "select current_setting('app.tenant_id', true) as tenant, current_setting('app.tenant_proof', true) as proof, (select count(*)::int from notes) as notes",
        );
        expect([rows[0].tenant || "", rows[0].proof || "", rows[0].notes]).toEqual(["", "", 0]);
      }
    });

    it("survive the death of a connection in the middle, and nobody inherits from it", async () => {
      const tenant = tenantIds[1] as string;
      const cut = tenants.withTenant(scopeOf(tenant), async (connection) => {
        await connection.query("insert into notes (tenant_id, text) values ($1, 'unfinished')", [tenant]);
        const [row] = await connection.query<{ pid: number }>("select pg_backend_pid() as pid");
        await owner.query("select pg_terminate_backend($1)", [row?.pid]);
        await connection.query("select 1");
      });
      await expect(cut).rejects.toThrow();
      const { rows } = await shared.query("select (select count(*)::int from notes) as notes");
      expect(rows).toEqual([{ notes: 0 }]);
      expect(await tenants.forTenant(scopeOf(tenant)).query("select 1 from notes where text = 'unfinished'")).toEqual(
        [],
      );
    });
  });
});
