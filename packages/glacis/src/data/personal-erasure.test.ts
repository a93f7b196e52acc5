import { randomUUID } from "node:crypto";
import type { PoolClient } from "pg";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import type { AuditEvent } from "../core/event.ts";
import { fieldEncryption } from "./field-encryption.ts";
import { keyRing, newKey } from "./key-ring.ts";
import { personalData, type PersonalTable } from "./personal-data.ts";
import { ErasureError, eraseSubject, sweepRetention, type EraseOptions } from "./personal-erasure.ts";
import { exportSubject, type PersonalDatabase } from "./personal-export.ts";

const ground = await testDatabase("personal_data");
const ssn = fieldEncryption({ keys: keyRing(newKey("k1")) }).column({ table: "users", column: "ssn" });
const [ADA, BOB] = [randomUUID(), randomUUID()];

const tables = {
  users: {
    columns: { id: "internal", email: "personal", ssn: "sensitive", password_hash: "secret", born: "sensitive" },
    hashed: ["password_hash"],
    encrypted: ["ssn"],
    erase: "delete",
  },
  sessions: {
    columns: { id: "internal", user_id: "internal", ip: "personal", seen_at: "internal" },
    subject: "user_id",
    erase: "delete",
    retention: { column: "seen_at", days: 30 },
  },
  orders: {
    columns: { id: "internal", user_id: "internal", ship_to: "personal", note: "personal", total: "internal" },
    subject: "user_id",
    erase: "anonymise",
    replace: { ship_to: "(erased)" },
  },
  parcels: {
    columns: { id: "internal", order_id: "internal", recipient: "personal" },
    subject: { column: "order_id", of: "orders" },
    erase: "delete",
  },
  invoices: {
    columns: { id: "internal", order_id: "internal", billed_to: "personal" },
    subject: { column: "order_id", of: "orders" },
    erase: "keep",
    retention: { basis: "tax law, ten years" },
  },
} as const satisfies Record<string, PersonalTable>;
const map = personalData({ subject: "users", tables });

describe.runIf(ground !== undefined)("a person's data", () => {
  const pool = ground?.pool as NonNullable<typeof ground>["pool"];
  const over = (client: Pick<PoolClient, "query">): PersonalDatabase => ({
    query: async (text, values) => (await client.query(text, [...values])).rows as Record<string, unknown>[],
  });
  const rowsOf = async (sql: string): Promise<unknown[]> => (await pool.query(sql)).rows;

  async function inTransaction<Result>(work: (database: PersonalDatabase) => Promise<Result>): Promise<Result> {
    const client = await pool.connect();
    try {
      await client.query("begin");
      const result = await work(over(client));
      await client.query("commit");
      return result;
    } catch (error) {
      await client.query("rollback");
      throw error;
    } finally {
      client.release();
    }
  }
  const erase = (options?: EraseOptions, of = map) =>
    inTransaction((database) => eraseSubject(of, database, ADA, options));

  beforeEach(async () => {
    await pool.query(`drop schema public cascade; create schema public;
      create table users (id uuid primary key, email text not null, ssn text, password_hash text not null, born date);
      create table sessions (id int primary key, user_id uuid not null references users, ip inet, seen_at timestamptz not null);
      create table orders (id bigint primary key, user_id uuid references users, ship_to text not null, note text, total numeric);
      create table parcels (id int primary key, order_id bigint not null references orders, recipient text);
      create table invoices (id int primary key, order_id bigint not null references orders, billed_to text)`);
    for (const [index, [id, name]] of [[ADA, "ada"] as const, [BOB, "bob"] as const].entries()) {
      const sealed = ssn.seal(`078-05-112${index}`, { tenantId: "t1", row: id });
      await pool.query("insert into users values ($1, $2, $3, $4, '1815-12-10')", [
        id,
        `${name}@example.com`,
        sealed,
        `$argon2id$${name}`,
      ]);
      await pool.query("insert into sessions values ($1, $2, '192.0.2.7', '2026-01-01')", [index, id]);
      await pool.query("insert into orders values ($1, $2, $3, $4, 12.50)", [
        9_007_199_254_740_993n + BigInt(index),
        id,
        `${name}'s street`,
        `for ${name}`,
      ]);
      await pool.query("insert into parcels values ($1, $2, $3)", [
        index,
        9_007_199_254_740_993n + BigInt(index),
        name,
      ]);
      await pool.query("insert into invoices values ($1, $2, $3)", [
        index,
        9_007_199_254_740_993n + BigInt(index),
        name,
      ]);
    }
  });
  afterAll(() => ground?.drop());

  it("is exported from every table, exact, opened, and without what opens an account", async () => {
    const open = (sealed: string, { row }: { readonly row: string }): string =>
      ssn.open(sealed, { tenantId: "t1", row });
    const data = await exportSubject(map, over(pool), ADA, { open });
    expect(data).toEqual({
      users: [{ id: ADA, email: "ada@example.com", ssn: "078-05-1120", born: "1815-12-10" }],
      sessions: [
        { id: "0", user_id: ADA, ip: "192.0.2.7/32", seen_at: expect.stringMatching(/^2026-01-01/u) as string },
      ],
      orders: [{ id: "9007199254740993", user_id: ADA, ship_to: "ada's street", note: "for ada", total: "12.50" }],
      parcels: [{ id: "0", order_id: "9007199254740993", recipient: "ada" }],
      invoices: [{ id: "0", order_id: "9007199254740993", billed_to: "ada" }],
    });
    expect(JSON.stringify(data)).not.toMatch(/argon2|bob/u);
    expect(Object.keys((await exportSubject(map, over(pool), ADA))["users"]?.[0] ?? {})).toEqual([
      "id",
      "email",
      "born",
    ]);
    const hashed = personalData({
      subject: "users",
      tables: { ...tables, users: { ...tables.users, hashed: ["password_hash", "email"] } },
    });
    expect((await exportSubject(hashed, over(pool), ADA))["users"]).toEqual([{ id: ADA, born: "1815-12-10" }]);
    const parcels = { ...tables.parcels, others: ["recipient"] };
    const sparing = personalData({ subject: "users", tables: { ...tables, parcels } });
    expect((await exportSubject(sparing, over(pool), ADA))["parcels"]).toEqual([
      { id: "0", order_id: "9007199254740993" },
    ]);
    await expect(exportSubject(map, over(pool), "' or true --")).rejects.toThrow(/uuid/u);
    await expect(exportSubject(map, over(pool), ADA, { mostRows: 0 })).rejects.toThrow(/mostRows/u);
  });

  it("is never exported in part", async () => {
    await pool.query("insert into sessions select n, $1, '192.0.2.7', now() from generate_series(10, 12) n", [ADA]);
    await expect(exportSubject(map, over(pool), ADA, { mostRows: 3 })).rejects.toThrow(RangeError);
  });

  it("is erased across tables, and nobody else's with it", async () => {
    const events: AuditEvent[] = [];
    const steps = await erase({ report: (event) => void events.push(event) });
    expect(new Map(steps.map(({ table, action, rows }) => [table, `${action} ${rows}`]))).toEqual(
      new Map([
        ["sessions", "delete 1"],
        ["parcels", "delete 1"],
        ["invoices", "keep 1"],
        ["orders", "anonymise 1"],
        ["users", "delete 1"],
      ]),
    );
    expect(await rowsOf("select user_id, ship_to, note, total from orders order by id limit 1")).toEqual([
      { user_id: null, ship_to: "(erased)", note: null, total: "12.50" },
    ]);
    expect(await exportSubject(map, over(pool), ADA)).toEqual({
      users: [],
      sessions: [],
      orders: [],
      parcels: [],
      invoices: [],
    });
    const bob = await exportSubject(map, over(pool), BOB);
    expect(Object.values(bob).map((rows) => rows.length)).toEqual([1, 1, 1, 1, 1]);
    expect(events).toMatchObject([{ event: "personal_data_erased", resource_id: ADA, count: 4 }]);
    expect(JSON.stringify(events)).not.toContain("ada@");
    expect((await erase()).map(({ rows }) => rows)).toEqual([0, 0, 0, 0, 0]);
  });

  it("is erased whole or not at all", async () => {
    await pool.query(
      "create table audit (user_id uuid not null references users); insert into audit select id from users",
    );
    await expect(erase()).rejects.toThrow(/foreign key/u);
    await expect(eraseSubject(map, over(pool), ADA)).rejects.toThrow(/inside a transaction/u);
    const data = await exportSubject(map, over(pool), ADA);
    expect(Object.values(data).map((rows) => rows.length)).toEqual([1, 1, 1, 1, 1]);
  });

  it("does not count as erased while a trigger keeps a row", async () => {
    await pool.query(`create function keep() returns trigger language plpgsql as 'begin return null; end';
      create trigger keep before delete on sessions for each row execute function keep();
      alter table sessions drop constraint sessions_user_id_fkey`);
    await expect(erase()).rejects.toThrow(ErasureError);
    expect(await rowsOf("select count(*)::int as n from users")).toEqual([{ n: 2 }]);
  });

  it("is left to a destroyed key where the map says so, and only then is the key destroyed", async () => {
    const { users, ...others } = tables;
    const shredding = personalData({ subject: "users", tables: { ...others, users: { ...users, erase: "shred" } } });
    await expect(erase({}, shredding)).rejects.toThrow(/needs shred/u);
    const shredded: string[] = [];
    const shred = async (id: string): Promise<void> => void shredded.push(id);
    expect(await erase({ shred }, shredding)).toContainEqual({ table: "users", action: "shred", rows: 1 });
    expect(shredded).toEqual([ADA]);
    expect(await rowsOf("select count(*)::int as n from users")).toEqual([{ n: 2 }]);
  });

  it("cannot be erased in an order that does not exist, and says which tables are meant", async () => {
    await pool.query(
      "alter table users add home int; alter table sessions add unique (id); alter table users add foreign key (home) references sessions",
    );
    await expect(erase()).rejects.toThrow(/circle: users, sessions/u);
  });

  it("goes when its time is over, in portions", async () => {
    await pool.query("insert into sessions select n, $1, null, '2026-01-01' from generate_series(100, 2600) n", [BOB]);
    await pool.query("insert into sessions values (9, $1, null, '2026-06-01')", [BOB]);
    const now = (): number => Date.parse("2026-06-10");
    expect(await sweepRetention(map, over(pool), { now })).toEqual({ sessions: 2503 });
    expect(await rowsOf("select id from sessions")).toEqual([{ id: 9 }]);
  });
});
