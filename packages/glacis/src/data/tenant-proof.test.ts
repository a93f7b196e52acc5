import { createHmac, randomUUID } from "node:crypto";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tenantGround, type TenantGround } from "../../../../test/support/tenant-ground.ts";
import type { TenantId } from "../core/brand.ts";
import type { AuditEvent } from "../core/event.ts";
import { tenantScope, type TenantScope } from "../core/principal.ts";
import { keyRing, newKey } from "./key-ring.ts";
import { TenantIsolationError } from "./tenant-context.ts";
import { tenantMigration } from "./tenant-migration.ts";
import { installTenantProof, tenantProofs } from "./tenant-proof.ts";
import { tenantDatabase, type TenantDatabase } from "./tenant.ts";

const ground: TenantGround | undefined = await tenantGround("tenant_proof");
const scopeOf = (tenantId: string): TenantScope =>
  tenantScope({ kind: "service", id: "test", tenantId: tenantId as TenantId, roles: [] });
const [a, b] = [randomUUID(), randomUUID()];
const [first, second] = [newKey("k1"), newKey("k2")];
const keys = keyRing(first);

const tables = `
  create table notes (tenant_id uuid not null, id uuid primary key default gen_random_uuid(), text text not null);
  create view every_note with (security_invoker) as select * from notes;
`;

describe.runIf(ground !== undefined)("a proved tenant", () => {
  if (ground === undefined) return;
  const { owner, role } = ground;
  const events: AuditEvent[] = [];
  let pool: pg.Pool;
  let tenants: TenantDatabase;

  beforeAll(async () => {
    pool = ground.pool({ max: 2 });
    await owner.query(tables);
    const migration = tenantMigration({ role, proof: true, tables: [{ name: "notes" }] });
    await owner.query(migration);
    await owner.query(migration);
    await owner.query(`grant select on every_note to ${role}`);
    await installTenantProof(owner, keys);
    tenants = tenantDatabase({ database: pool, proof: keys, report: (event) => events.push(event) });
    for (const tenant of [a, b]) {
      await tenants
        .forTenant(scopeOf(tenant))
        .query("insert into notes (tenant_id, text) values ($1, $2)", [tenant, `of ${tenant}`]);
    }
  });
  afterAll(() => ground.drop());

  /** What the attacker gets: the rows of a query into which anything was smuggled, or the error. */
  async function smuggle(...statements: readonly string[]): Promise<string> {
    const outcomes: unknown[] = [];
    const work = tenants.withTenant(scopeOf(a), async (connection) => {
      for (const statement of statements) outcomes.push(await connection.query(statement).catch(String));
    });
    await work.catch((error: unknown) => outcomes.push(String(error)));
    return JSON.stringify(outcomes);
  }

  it("sees its own rows", async () => {
    expect(await tenants.forTenant(scopeOf(a)).query("select text from notes")).toEqual([{ text: `of ${a}` }]);
    expect(await tenants.forTenant(scopeOf(b)).query("select text from every_note")).toEqual([{ text: `of ${b}` }]);
  });

  const forged = `k1.9999999999.${"0".repeat(64)}`;

  it.each<[string, readonly string[]]>([
    ["a condition that is always true", [`select text from notes where tenant_id = '${b}' or true`]],
    ["a union", ["select text from notes union all select text from every_note"]],
    [
      "set_config in the same statement",
      [`select (select set_config('app.tenant_id', '${b}', true)), n.text from notes n`],
    ],
    [
      "set_config first, and restored in the same statement",
      [
        `with s as materialized (select set_config('app.tenant_id', '${b}', true)),
          r as materialized (select n.text, s.set_config from s, notes n)
         select r.text, set_config('app.tenant_id', '${a}', true) from r`,
      ],
    ],
    ["set_config for the session", [`select set_config('app.tenant_id', '${b}', false)`, "select text from notes"]],
    ["SET LOCAL", [`set local app.tenant_id = '${b}'`, "select text from notes"]],
    ["SET, commit and another transaction", [`set app.tenant_id = '${b}'`, "commit", "select text from notes"]],
    [
      "a transaction of the attacker's own",
      ["commit", "begin", `set local app.tenant_id = '${b}'`, "select text from notes", "commit"],
    ],
    [
      "a forged proof",
      [
        `select set_config('app.tenant_id', '${b}', true), set_config('app.tenant_proof', '${forged}', true)`,
        "select text from notes",
      ],
    ],
    ["a proof without parts", [`set local app.tenant_proof = 'x'`, "select text from notes"]],
    ["no proof", [`set local app.tenant_id = '${b}'`, "set local app.tenant_proof = ''", "select text from notes"]],
    ["RESET ROLE", ["reset role", "select text from notes"]],
    ["SET ROLE", ["set role postgres", "select text from notes"]],
    ["set_config of the role", ["select set_config('role', 'none', true)", "select text from notes"]],
    ["SET SESSION AUTHORIZATION", ["set session authorization postgres", "select text from notes"]],
    ["row_security off", ["set local row_security = off", "select text from notes"]],
    ["switching the policies off", ["alter table notes disable row level security", "select text from notes"]],
    ["dropping a policy", ["drop policy tenant_floor on notes", "select text from notes"]],
    ["a policy of the attacker's", ["create policy mine on notes using (true)", "select text from notes"]],
    ["reading the keys", ["select * from glacis.tenant_keys"]],
    [
      "replacing the function",
      ["create or replace function glacis.current_tenant() returns text language sql as 'select null'"],
    ],
    ["COPY to the client", ["copy notes to stdout"]],
    ["COPY of a query to the client", ["copy (select text from notes) to stdout"]],
    ["SELECT INTO", ["select * into stolen from notes", "select * into temporary stolen from notes", "table stolen"]],
    ["COPY to a file", ["copy notes to '/tmp/notes'"]],
    ["COPY to a program", ["copy notes to program 'cat'"]],
    [
      "a DO block",
      [
        `do $$ declare t text; begin
          perform set_config('app.tenant_id', '${b}', true); select text into t from notes limit 1;
          perform set_config('app.tenant_id', '${a}', true); raise exception 'got %', t;
        end $$`,
      ],
    ],
    [
      "dynamic SQL in an expression",
      [`select query_to_xml('select set_config(''app.tenant_id'', ''${b}'', true), text from notes', true, false, '')`],
    ],
    [
      "a temporary table that shadows",
      ["create temporary table notes (tenant_id uuid, id uuid, text text)", "select text from notes"],
    ],
    [
      "a temporary function in a condition",
      [
        "create function pg_temp.peek(t text) returns boolean language plpgsql cost 0.0001 as 'begin raise notice ''%'', t; return true; end'",
        "select text from notes where pg_temp.peek(text)",
      ],
    ],
    ["a schema of the attacker's", ["create schema mine", "create table public.mine as select * from notes"]],
    ["a cast that would tell a row in its error", [`select text::integer from notes where tenant_id = '${b}'`]],
    ["the planner's statistics", ["select most_common_vals::text from pg_catalog.pg_stats where tablename = 'notes'"]],
    [
      "the planner's other statistics",
      [
        "select * from pg_catalog.pg_stats_ext",
        "select * from pg_catalog.pg_stats_ext_exprs",
        "select stavalues1::text from pg_catalog.pg_statistic where starelid = 'notes'::regclass",
      ],
    ],
    ["a plan that was made for another tenant", ["prepare kept as select text from notes", "execute kept"]],
    ["reading files", ["select pg_read_file('/etc/passwd')"]],
    ["large objects", ["select lo_import('/etc/passwd')"]],
    [
      "other databases",
      ["create extension dblink", "select * from dblink('', 'select text from notes') as t (text text)"],
    ],
    [
      "a cursor that outlives the transaction",
      [
        "declare kept cursor with hold for select text from notes",
        "commit",
        `set app.tenant_id = '${b}'`,
        "fetch all kept",
      ],
    ],
    [
      "a search path with the attacker's schema first",
      ["select set_config('search_path', 'pg_temp, public', false)", "select text from notes"],
    ],
    ["stacked statements", [`select 1; set app.tenant_id = '${b}'; select text from notes`]],
    [
      "locking and updating foreign rows",
      [
        `update notes set text = 'stolen' where tenant_id = '${b}' returning text`,
        `select text from notes where tenant_id = '${b}' for update`,
      ],
    ],
    ["deleting foreign rows", [`delete from notes where tenant_id = '${b}' returning text`]],
    ["TRUNCATE", ["truncate notes"]],
    [
      "ON CONFLICT",
      [
        `insert into notes (tenant_id, id, text) select '${a}', id, 'mine' from notes on conflict (id) do update set text = excluded.text returning text`,
      ],
    ],
    [
      "MERGE",
      [
        `merge into notes n using (select '${b}'::uuid as t) s on n.tenant_id = s.t when matched then update set text = 'merged' when not matched then insert (tenant_id, text) values (s.t, 'planted')`,
      ],
    ],
  ])("is not left by %s", async (_attack, statements) => {
    await owner.query("analyze notes");
    expect(await smuggle(...statements)).not.toContain(`of ${b}`);
    const rows = await tenants.forTenant(scopeOf(b)).query("select text from notes");
    expect(rows).toEqual([{ text: `of ${b}` }]);
  });

  it("answers alike whether a foreign row is there or not", async () => {
    const { rows } = await owner.query<{ id: string }>("select id from notes where tenant_id = $1", [b]);
    const there = rows[0]?.id ?? "";
    const ask = async (text: string, id: string): Promise<string> =>
      (await smuggle(text.replaceAll("$id", `'${id}'`))).replaceAll(id, "$id");
    for (const text of [
      "select 1 / 0 from notes where id = $id",
      "select text::integer from notes where id = $id",
      "select 1 from notes where id = $id and 1 / (length(text) - length(text)) > 0",
      "select case when exists (select from notes where id = $id) then 1 / 0 end",
      "select (select text from notes where id = $id) is null",
      "update notes set text = text where id = $id",
      "delete from notes where id = $id returning 1 / 0",
      "select 1 from notes where id = $id for update nowait",
      `insert into notes (tenant_id, id, text) values ('${b}', $id, 'x') on conflict do nothing`,
    ])
      expect(await ask(text, there), text).toBe(await ask(text, randomUUID()));
  });

  it("is told by the planner's estimates how many rows another tenant has, and no more than that", async () => {
    await owner.query("insert into notes (tenant_id, text) select $1, 'many' from generate_series(1, 3000)", [b]);
    await owner.query("analyze notes");
    const estimate = async (tenant: string): Promise<number> => {
      const plan = await smuggle(`explain (format json) select 1 from notes where tenant_id = '${tenant}'`);
      expect(plan).not.toContain("many");
      return Math.max(...[...plan.matchAll(/Plan Rows\W+(\d+)/gu)].map(([, rows]) => Number(rows)));
    };
    expect(await estimate(b)).toBeGreaterThan(1000);
    expect(await estimate(randomUUID())).toBeLessThan(100);
    await owner.query("delete from notes where text = 'many'");
  });

  it("is not told by what other sessions are doing", async () => {
    const seen = await tenants.withTenant(scopeOf(b), async (busy) => {
      await busy.query("select text from notes");
      const spied = await new Promise<readonly unknown[]>((resolve, reject) => {
        // Outside of the other tenant's context, as another request would be.
        void pool
          .query(
            "select query from pg_catalog.pg_stat_activity where usename = current_user and pid <> pg_backend_pid()",
          )
          .then(({ rows }) => resolve(rows), reject);
      });
      return JSON.stringify(spied);
    });
    expect(seen).toContain("notes");
    expect(seen).not.toContain(b);
    expect(seen).not.toContain("k1.");
  });

  it("is nobody's without a setting: no rows, no writes", async () => {
    expect((await pool.query("select * from notes")).rows).toEqual([]);
    await expect(pool.query("insert into notes (tenant_id, text) values ($1, 'x')", [a])).rejects.toThrow(
      /row-level security/u,
    );
  });

  it("raises an alarm when the proof is refused", async () => {
    events.length = 0;
    const crossing = tenants.withTenant(scopeOf(a), async (connection) => {
      await connection.query(`set local app.tenant_id = '${b}'`);
      return connection.query("select text from notes");
    });
    await expect(crossing).rejects.toThrow(TenantIsolationError);
    expect(events).toMatchObject([
      {
        event_type: "tenant",
        event: "tenant_cross_access",
        severity: "critical",
        detail: "proof_refused",
        tenant_id: a,
      },
    ]);
  });

  it("notices a tenant that was left in the session, and gives the connection up", async () => {
    const single = ground.pool({ max: 1 });
    const watched = tenantDatabase({ database: single, proof: keys, report: (event) => events.push(event) });
    const pidOf = async (): Promise<unknown> =>
      (await watched.forTenant(scopeOf(a)).query("select pg_backend_pid() as pid"))[0]?.["pid"];
    const before = await pidOf();
    expect(await pidOf()).toBe(before);
    await single.query(`set app.tenant_id = '${b}'`);
    events.length = 0;
    expect(await pidOf()).toBe(before);
    expect(events).toMatchObject([{ event: "tenant_setting_leaked", severity: "error" }]);
    expect(await pidOf()).not.toBe(before);
  });

  it.each(["app.user_id", "app.service_id", "app.roles", "app.groups"])(
    "is nobody's who was left in the session as %s, and gives the connection up",
    async (setting) => {
      const single = ground.pool({ max: 1 });
      const watched = tenantDatabase({ database: single, proof: keys, report: (event) => events.push(event) });
      const ask = (settings = new Map<string, string>()) =>
        watched
          .forTenant(scopeOf(a), { settings })
          .query("select current_setting($1, true) as who, pg_backend_pid() as pid", [setting]);
      const [before] = await ask(new Map([[setting, "this caller"]]));
      expect(before?.["who"]).toBe("this caller");
      await watched.forTenant(scopeOf(a)).query("select set_config($1, 'somebody else', false)", [setting]);
      events.length = 0;
      expect(await ask()).toEqual([{ who: "", pid: before?.["pid"] }]);
      expect(events).toMatchObject([{ event: "tenant_setting_leaked" }]);
      expect((await ask())[0]?.["pid"]).not.toBe(before?.["pid"]);
    },
  );

  it("expires, and is bound to the tenant and the expiry", async () => {
    const prove = tenantProofs(keys);
    const ask = async (tenant: string, proof: string): Promise<unknown> => {
      const client = await pool.connect();
      try {
        await client.query("begin");
        await client.query("select set_config('app.tenant_id', $1, true), set_config('app.tenant_proof', $2, true)", [
          tenant,
          proof,
        ]);
        return (await client.query("select glacis.current_tenant() as tenant")).rows[0].tenant;
      } finally {
        await client.query("rollback");
        client.release();
      }
    };
    const proof = prove(a, Date.now());
    expect(await ask(a, proof)).toBe(a);
    await expect(ask(b, proof)).rejects.toMatchObject({ code: "GT001" });
    await expect(ask(a, prove(a, Date.now() - 600_000))).rejects.toThrow(/expired/u);
    const [id, expiry, mac] = proof.split(".");
    await expect(ask(a, `${id}.${Number(expiry) + 1}.${mac}`)).rejects.toMatchObject({ code: "GT001" });
    await expect(ask(a, `k9.${expiry}.${mac}`)).rejects.toMatchObject({ code: "GT001" });
  });

  it("survives a rotation of the keys, and not the end of one", async () => {
    const both = keyRing(`${second},${first}`);
    const rotated = tenantDatabase({ database: pool, proof: both });
    await expect(rotated.forTenant(scopeOf(a)).query("select text from notes")).rejects.toThrow(TenantIsolationError);
    await installTenantProof(owner, both);
    expect(await rotated.forTenant(scopeOf(a)).query("select text from notes")).toHaveLength(1);
    expect(await tenants.forTenant(scopeOf(a)).query("select text from notes")).toHaveLength(1);
    await installTenantProof(owner, keyRing(second));
    await expect(tenants.forTenant(scopeOf(a)).query("select text from notes")).rejects.toThrow(TenantIsolationError);
    await installTenantProof(owner, keys);
  });

  it("is computed as RFC 2104 says, by the database as by node", async () => {
    // Test cases 1, 2 and 4 of RFC 4231, whose keys fit into a block.
    const cases: readonly (readonly [Buffer, Buffer, string])[] = [
      [
        Buffer.alloc(20, 0x0b),
        Buffer.from("Hi There"),
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
      ],
      [
        Buffer.from("Jefe"),
        Buffer.from("what do ya want for nothing?"),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
      ],
      [
        Buffer.from(Array.from({ length: 25 }, (_, index) => index + 1)),
        Buffer.alloc(50, 0xcd),
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
      ],
    ];
    for (const [key, message, mac] of cases) {
      const source = {
        ids: ["t"],
        derive: () => ({ current: { id: "t", bytes: key }, all: [{ id: "t", bytes: key }] }),
      };
      await installTenantProof(owner, source);
      const { rows } = await owner.query(
        "select encode(sha256(outer_pad || sha256(inner_pad || $1::bytea)), 'hex') as mac from glacis.tenant_keys",
        [message],
      );
      expect(rows[0].mac).toBe(mac);
      expect(createHmac("sha256", key).update(message).digest("hex")).toBe(mac);
    }
    await installTenantProof(owner, keys);
  });
});

describe.runIf(ground !== undefined)("a tenant without proof", () => {
  it("is a convention against whoever can write SQL: this is what the proof is for", async () => {
    const plain = (await tenantGround("tenant_plain")) as TenantGround;
    try {
      await plain.owner.query(tables);
      await plain.owner.query(tenantMigration({ role: plain.role, tables: [{ name: "notes" }] }));
      const tenants = tenantDatabase({ database: plain.pool() });
      await tenants.forTenant(scopeOf(b)).query("insert into notes (tenant_id, text) values ($1, 'of b')", [b]);
      const smuggled = `select set_config('app.tenant_id', '${b}', true) from generate_series(1, 1)`;
      const crossing = tenants.withTenant(scopeOf(a), async (connection) => {
        await connection.query(smuggled);
        return connection.query("select text from notes");
      });
      await expect(crossing).rejects.toThrow(TenantIsolationError);
      const restoring = tenants.withTenant(scopeOf(a), async (connection) => {
        await connection.query(smuggled);
        const rows = await connection.query("select text from notes");
        await connection.query(smuggled.replace(b, a));
        return rows;
      });
      expect(await restoring).toEqual([{ text: "of b" }]);
    } finally {
      await plain.drop();
    }
  });
});
