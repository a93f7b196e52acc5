import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import type { AuditEvent } from "../core/event.ts";
import type { RotationDatabase } from "./column-rotation.ts";
import { shreddableFields, TenantShreddedError, type ShreddableFieldsOptions } from "./crypto-shredding.ts";
import { DecryptError, fieldEncryption } from "./field-encryption.ts";
import { keyRing, newKey } from "./key-ring.ts";
import { postgresTenantKeys } from "./tenant-key-store.ts";

const [first, second] = [newKey("k1"), newKey("k2")];
const SSN = { table: "people", column: "ssn" };
const PLACE = { tenantId: "t1", row: "r1" };

const ground = await testDatabase("crypto_shredding");

describe.runIf(ground !== undefined)("shreddableFields", () => {
  const pool = ground?.pool as NonNullable<typeof ground>["pool"];
  let queries = 0;
  const query: RotationDatabase["query"] = async (text, values) => {
    queries += 1;
    return (await pool.query(text, [...values])).rows;
  };
  const store = postgresTenantKeys({ database: { query } });
  const open = (options: Partial<ShreddableFieldsOptions> = {}): ReturnType<typeof shreddableFields> =>
    shreddableFields({ keys: keyRing(first), store, ...options });

  beforeEach(async () => {
    await pool.query(
      "drop table if exists tenant_keys; create table tenant_keys (tenant_id text primary key, wrapped text)",
    );
    queries = 0;
  });
  afterAll(() => ground?.drop());

  it("seals under a key of the tenant's own, which every process finds again", async () => {
    const sealed = (await open().forTenant("t1")).column(SSN).seal("078-05-1120", PLACE);
    expect((await open().forTenant("t1")).column(SSN).open(sealed, PLACE)).toBe("078-05-1120");
    expect(() =>
      fieldEncryption({ keys: keyRing(first) })
        .column(SSN)
        .open(sealed, PLACE),
    ).toThrow(DecryptError);
    const { rows } = await pool.query("select * from tenant_keys");
    expect(rows).toEqual([{ tenant_id: "t1", wrapped: expect.stringMatching(/^x1\.k1\./u) }]);
  });

  it("agrees on one key when many processes meet a tenant first", async () => {
    const fields = await Promise.all(Array.from({ length: 20 }, () => open().forTenant("t1")));
    const sealed = fields.map((own, index) => own.column(SSN).seal(`v${index}`, PLACE));
    const reader = fields[7]?.column(SSN);
    expect(sealed.map((text) => reader?.open(text, PLACE))).toEqual(sealed.map((_, index) => `v${index}`));
  });

  it("destroys a tenant for good, and no other", async () => {
    const events: AuditEvent[] = [];
    const shreddable = open({ report: (event) => events.push(event) });
    const sealed = (await shreddable.forTenant("t1")).column(SSN).seal("x", PLACE);
    const place = { tenantId: "t2", row: "r1" };
    const other = (await shreddable.forTenant("t2")).column(SSN).seal("y", place);
    await shreddable.shred("t1");
    await expect(shreddable.forTenant("t1")).rejects.toThrow(TenantShreddedError);
    await expect(open().forTenant("t1")).rejects.toThrow(TenantShreddedError);
    expect((await shreddable.forTenant("t2")).column(SSN).open(other, place)).toBe("y");
    expect(events).toMatchObject([{ event: "tenant_key_destroyed", tenant_id: "t1" }]);

    await store.insert("t1", "x1.k1.planted");
    await expect(open().forTenant("t1")).rejects.toThrow(TenantShreddedError);
    await pool.query("delete from tenant_keys where tenant_id = 't1'");
    const reborn = (await open().forTenant("t1")).column(SSN);
    expect(() => reborn.open(sealed, PLACE)).toThrow(DecryptError);
  });

  it("may be shredded before it ever had a key", async () => {
    await open().shred("t9");
    await expect(open().forTenant("t9")).rejects.toThrow(TenantShreddedError);
  });

  it("works with an unwrapped key for its time, and asks again after it", async () => {
    let nowMs = 0;
    const shreddable = open({ keptSeconds: 300, now: () => nowMs });
    await Promise.all(Array.from({ length: 10 }, () => shreddable.forTenant("t1")));
    const asked = queries;
    expect(asked).toBe(3);
    await open().shred("t1");
    nowMs = 299_999;
    await shreddable.forTenant("t1");
    nowMs = 300_000;
    await expect(shreddable.forTenant("t1")).rejects.toThrow(TenantShreddedError);
    expect(queries).toBe(asked + 2);
  });

  it("keeps no more tenants than it was told", async () => {
    const shreddable = open({ keptTenants: 2 });
    for (const tenant of ["t1", "t2", "t3"]) await shreddable.forTenant(tenant);
    const asked = queries;
    await shreddable.forTenant("t3");
    expect(queries).toBe(asked);
    await shreddable.forTenant("t1");
    expect(queries).toBe(asked + 1);
  });

  it("refuses while the store is away, and recovers with it", async () => {
    let away = true;
    const read: typeof store.read = async (tenantId) => {
      if (away) throw new Error("connection lost");
      return store.read(tenantId);
    };
    const shreddable = open({ store: { ...store, read } });
    await expect(shreddable.forTenant("t1")).rejects.toThrow("connection lost");
    away = false;
    expect((await shreddable.forTenant("t1")).column(SSN).seal("x", PLACE)).toMatch(/^x1\.t1\./u);
  });

  it("wraps keys anew when the ring rotates, and leaves every row alone", async () => {
    const sealed = (await open().forTenant("t1")).column(SSN).seal("x", PLACE);
    const both = open({ keys: keyRing(`${second},${first}`) });
    expect([await both.rewrap("t1"), await both.rewrap("t1"), await both.rewrap("t2")]).toEqual([true, false, false]);
    const after = open({ keys: keyRing(second) });
    expect((await after.forTenant("t1")).column(SSN).open(sealed, PLACE)).toBe("x");
    await after.shred("t1");
    expect(await both.rewrap("t1")).toBe(false);
    expect(await store.replace("t1", "a", "b")).toBe(false);
  });

  it("refuses a key that was moved from another tenant", async () => {
    await open().forTenant("t1");
    await pool.query("insert into tenant_keys select 't2', wrapped from tenant_keys");
    await expect(open().forTenant("t2")).rejects.toThrow(DecryptError);
  });

  it("refuses work for another tenant with this one's key", async () => {
    const column = (await open().forTenant("t1")).column(SSN);
    const other = { tenantId: "t2", row: "r1" };
    const sealed = column.seal("x", PLACE);
    const attempts = [
      () => column.seal("x", other),
      () => column.open(sealed, other),
      () => column.reseal(sealed, other),
      () => column.blindIndex().of("x", other),
      () => column.blindIndex().candidates("x", other),
    ];
    for (const attempt of attempts) expect(attempt).toThrow(/another tenant/u);
    expect(column.blindIndex().of("x", PLACE)).toBe(column.blindIndex().candidates("X", PLACE)[0]);
    expect(column.reseal(sealed, PLACE)).toBeUndefined();
  });

  it("refuses what it cannot work with", async () => {
    expect(() => open({ keptSeconds: 3601 })).toThrow(/keptSeconds/u);
    expect(() => open({ keptTenants: 0 })).toThrow(/keptTenants/u);
    expect(() => open({ stor: store } as never)).toThrow(/Did you mean "store"/u);
    expect(() => postgresTenantKeys({ database: { query }, table: "" })).toThrow(/name/u);
    for (const tenant of ["", undefined, "\ud800"])
      await expect(open().forTenant(tenant as never)).rejects.toThrow(/tenantId/u);
  });
});
