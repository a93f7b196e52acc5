import { PGlite } from "@electric-sql/pglite";
import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TenantId } from "../core/brand.ts";
import type { AuditEvent } from "../core/event.ts";
import type { Exchange } from "../core/exchange.ts";
import { ANONYMOUS, tenantScope, type Principal, type TenantScope } from "../core/principal.ts";
import { runInRequest } from "../primitives/request-context.ts";
import {
  currentTenant,
  keepTenant,
  runAsTenant,
  TenantContextMissing,
  TenantIsolationError,
} from "./tenant-context.ts";
import { tenantMigration } from "./tenant-migration.ts";
import { tenantDatabase, type TenantDatabase } from "./tenant.ts";

const userOf = (tenantId: string): Extract<Principal, { kind: "service" }> => ({
  kind: "service",
  id: "test",
  tenantId: tenantId as TenantId,
  roles: [],
});
const scopeOf = (tenantId: string): TenantScope => tenantScope(userOf(tenantId));
const requestOf = (principal: Principal, method: string = "POST"): Exchange => ({ principal, method }) as Exchange;

describe("currentTenant", () => {
  it("is the principal's of the request, and nobody's before anyone signed in", () => {
    expect(runInRequest(requestOf(userOf("a")), currentTenant).tenantId).toBe("a");
    expect(() => runInRequest(requestOf(ANONYMOUS), currentTenant)).toThrow(TenantContextMissing);
  });

  it("throws outside of requests and jobs", () => {
    expect(currentTenant).toThrow(/runAsTenant/u);
  });

  it("follows a job through promises, timers, streams and iterators", async () => {
    const seen: string[] = [];
    const note = (): void => void seen.push(currentTenant().tenantId);
    await runAsTenant(scopeOf("a"), async () => {
      await delay(1);
      note();
      await new Promise<void>(
        (resolve) => void setTimeout(() => setImmediate(() => process.nextTick(() => resolve(note()))), 1),
      );
      await pipeline(
        Readable.from([1, 2]),
        async function* (numbers) {
          for await (const number of numbers) {
            note();
            yield number;
          }
        },
        async (numbers) => {
          for await (const _ of numbers) note();
        },
      );
    });
    expect(seen.length).toBeGreaterThanOrEqual(6);
    expect(new Set(seen)).toEqual(new Set(["a"]));
    expect(currentTenant).toThrow(TenantContextMissing);
  });

  it("keeps parallel jobs apart", async () => {
    const tenants = Array.from({ length: 100 }, (_, index) => `tenant-${index % 7}`);
    const seen = await Promise.all(
      tenants.map((tenant) =>
        runAsTenant(scopeOf(tenant), async () => {
          await delay(Math.random() * 5);
          return currentTenant().tenantId;
        }),
      ),
    );
    expect(seen).toEqual(tenants);
  });

  it("goes with a callback that somebody else calls, once it is tied", () => {
    const emitter = new EventEmitter();
    const heard: string[] = [];
    runAsTenant(scopeOf("a"), () => {
      emitter.on(
        "tied",
        keepTenant(() => void heard.push(currentTenant().tenantId)),
      );
      emitter.on("loose", () => heard.push(currentTenant().tenantId));
    });
    emitter.emit("tied");
    expect(heard).toEqual(["a"]);
    expect(() => emitter.emit("loose")).toThrow(TenantContextMissing);
    expect(() => keepTenant(() => undefined)).toThrow(TenantContextMissing);
  });
});

describe("runAsTenant", () => {
  it("does not change tenants in the middle of a job", () => {
    const nested = (inner: string) => runAsTenant(scopeOf("a"), () => runAsTenant(scopeOf(inner), currentTenant));
    expect(nested("a").tenantId).toBe("a");
    expect(() => nested("b")).toThrow(TenantIsolationError);
  });

  it.each([undefined, null, {}, { tenantId: "" }, { tenantId: 7 }, { tenantId: "a\0b" }, { tenantId: "\ud800" }])(
    "runs nothing for %o",
    (scope) => {
      let ran = false;
      expect(() => runAsTenant(scope as never, () => (ran = true))).toThrow(/tenant scope/u);
      expect(ran).toBe(false);
    },
  );
});

describe("transactions in a context", () => {
  const [a, b] = [randomUUID(), randomUUID()];
  const events: AuditEvent[] = [];
  let database: PGlite;
  let tenants: TenantDatabase;

  beforeAll(async () => {
    database = await PGlite.create();
    await database.exec(
      "create table notes (tenant_id uuid not null, id uuid primary key default gen_random_uuid(), text text)",
    );
    await database.exec(tenantMigration({ role: "app", tables: [{ name: "notes" }] }));
    tenants = tenantDatabase({ database, role: "app", report: (event) => events.push(event) });
  });
  afterAll(() => database.close());

  const texts = async (tenant: string): Promise<readonly unknown[]> =>
    (await tenants.forTenant(scopeOf(tenant)).query("select text from notes order by text")).map(
      (row) => (row as { text: unknown }).text,
    );
  const insert = (
    connection: { query: (text: string, values: readonly unknown[]) => Promise<unknown> },
    text: string,
  ) => connection.query("insert into notes (tenant_id, text) values ($1, $2)", [a, text]);

  it("join one that is open for the same tenant", async () => {
    const seen = await tenants.withTenant(scopeOf(a), async (outer) => {
      await insert(outer, "joined");
      const inner = await tenants.withTenant(currentTenant(), (connection) =>
        connection.query("select txid_current() as id"),
      );
      const single = await tenants.forTenant(scopeOf(a)).query("select txid_current() as id");
      return [...inner, ...single, ...(await outer.query("select txid_current() as id"))];
    });
    expect(new Set(seen.map((row) => String(row["id"]))).size).toBe(1);
    expect(await texts(a)).toContain("joined");
  });

  it("refuse another tenant inside", async () => {
    const crossing = tenants.withTenant(scopeOf(a), () => tenants.withTenant(scopeOf(b), async () => "crossed"));
    await expect(crossing).rejects.toThrow(TenantIsolationError);
    await expect(runAsTenant(scopeOf(a), async () => tenants.forTenant(scopeOf(b)).query("select 1"))).rejects.toThrow(
      /one tenant/u,
    );
  });

  it("are undone as a whole when joined work failed, even if somebody swallowed its error", async () => {
    const swallowing = tenants.withTenant(scopeOf(a), async (outer) => {
      await insert(outer, "outer");
      await tenants
        .withTenant(scopeOf(a), async (inner) => {
          await insert(inner, "inner");
          throw new Error("half done");
        })
        .catch(() => undefined);
      return "fine";
    });
    await expect(swallowing).rejects.toThrow(/all of it is undone/u);
    expect(await texts(a)).not.toContain("outer");
  });

  it("begin anew once the surrounding one has ended", async () => {
    const late = await tenants.withTenant(scopeOf(a), async () => {
      const later = delay(20).then(() =>
        tenants.withTenant(currentTenant(), (connection) => connection.query("select 1 as one")),
      );
      return { later };
    });
    expect(await late.later).toEqual([{ one: 1 }]);
  });

  it("may keep savepoints of their own", async () => {
    await tenants.withTenant(scopeOf(a), async (connection) => {
      await insert(connection, "kept");
      await connection.query("savepoint attempt");
      await connection.query("select 1 / 0").catch(() => undefined);
      await connection.query("rollback to savepoint attempt");
    });
    expect(await texts(a)).toContain("kept");
  });

  it.each(["GET", "HEAD", "OPTIONS"])("may not write in a %s request, and say so", async (method) => {
    events.length = 0;
    const write = runInRequest(requestOf(userOf(a), method), () =>
      tenants.forTenant(currentTenant()).query("delete from notes"),
    );
    await expect(write).rejects.toMatchObject({ code: "25006" });
    expect(events).toMatchObject([
      { event_type: "tenant", event: "safe_method_write", control: "safe-methods", severity: "error", tenant_id: a },
    ]);
    const lifted = runInRequest(requestOf(userOf(a), method), () =>
      tenants.withTenant(currentTenant(), async (connection) => {
        await connection.query("select 1");
        await connection.query("select set_config('transaction_read_only', 'off', true)");
      }),
    );
    await expect(lifted).rejects.toMatchObject({ code: "25001" });
  });

  it("write in other requests, and in a safe one that says it must", async () => {
    await runInRequest(requestOf(userOf(a)), () =>
      tenants.withTenant(currentTenant(), (connection) => insert(connection, "posted")),
    );
    await runInRequest(requestOf(userOf(a), "GET"), () =>
      tenants.withTenant(currentTenant(), (connection) => insert(connection, "got"), { readOnly: false }),
    );
    expect(await texts(a)).toEqual(expect.arrayContaining(["posted", "got"]));
  });

  it("refuse to write inside a read-only one", async () => {
    const wider = tenants.withTenant(
      scopeOf(a),
      () => tenants.withTenant(scopeOf(a), (connection) => insert(connection, "wider")),
      { readOnly: true },
    );
    await expect(wider).rejects.toThrow(/read-only/u);
  });

  it("report an attempt to write into another tenant", async () => {
    events.length = 0;
    await expect(tenants.forTenant(scopeOf(a)).query("insert into notes (tenant_id) values ($1)", [b])).rejects.toThrow(
      /row-level security/u,
    );
    expect(events).toMatchObject([
      { event: "tenant_cross_access", severity: "critical", status: "refused", detail: "row_refused" },
    ]);
  });

  it("carry settings for policies inside the tenant, as long as they last", async () => {
    const settings = new Map([
      ["app.tenant_id", a],
      ["app.user_id", "u1"],
    ]);
    const read = "select current_setting('app.user_id', true) as user";
    const seen = await tenants.withTenant(
      scopeOf(a),
      async (outer) => [
        ...(await outer.query(read)),
        ...(await tenants.withTenant(scopeOf(a), (inner) => inner.query(read))),
        ...(await tenants.forTenant(scopeOf(a), { settings }).query(read)),
      ],
      { settings },
    );
    expect(seen).toEqual([{ user: "u1" }, { user: "u1" }, { user: "u1" }]);
    expect(
      await tenants.forTenant(scopeOf(a)).query(`select coalesce(current_setting('app.user_id', true), '') as user`),
    ).toEqual([{ user: "" }]);
  });

  it("refuse settings of another tenant, of another caller, and those that are not the application's", async () => {
    const ask = (settings: ReadonlyMap<string, string>) =>
      tenants.forTenant(scopeOf(a), { settings }).query("select 1");
    await expect(ask(new Map([["app.tenant_id", b]]))).rejects.toThrow(TenantIsolationError);
    await expect(ask(new Map([["app.tenant_proof", "x"]]))).rejects.toThrow(/app\.user_id/u);
    await expect(ask(new Map([["role", "postgres"]]))).rejects.toThrow(/app\.user_id/u);
    const other = tenants.withTenant(scopeOf(a), () => ask(new Map([["app.user_id", "u2"]])), {
      settings: new Map([["app.user_id", "u1"]]),
    });
    await expect(other).rejects.toThrow(/another caller/u);
  });

  it("refuse an option that they do not know", async () => {
    await expect(tenants.withTenant(scopeOf(a), async () => 1, { readonly: true } as never)).rejects.toThrow(
      /Did you mean "readOnly"/u,
    );
  });
});
