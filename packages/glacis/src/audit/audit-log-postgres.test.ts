import { generateKeyPairSync, randomBytes } from "node:crypto";
import { afterAll, describe, expect, it, vi } from "vitest";
import type pg from "pg";
import { testDatabase, testPool } from "../../../../test/support/services.ts";
import type { AuditRecord } from "../core/event.ts";
import { verifyPostgresAuditLog } from "./audit-log-postgres-verify.ts";
import { auditLogMigration, postgresAuditLog } from "./audit-log-postgres.ts";

const owner = await testDatabase("audit_log");
const role = `glacis_app_${randomBytes(4).toString("hex")}`;
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const origin = "app.example.com/audit";
const pool = owner && (await poolOfRole(owner.url));
afterAll(async () => {
  await pool?.end();
  await owner?.pool.query(`drop owned by ${role}`);
  await owner?.pool.query(`drop role ${role}`);
  await owner?.drop();
});

/** Connects as the role that applications use, which owns nothing. */
async function poolOfRole(database: string): Promise<pg.Pool> {
  await owner?.pool.query(`create role ${role} login password 'x'; create table notes (text text)`);
  await owner?.pool.query(auditLogMigration(role));
  await owner?.pool.query(`grant insert, select on notes to ${role}`);
  const url = new URL(database);
  url.username = role;
  url.password = "x";
  return testPool({ connectionString: url.href });
}

function event(count: number): AuditRecord {
  return {
    time: "2026-01-01T00:00:00.000Z",
    event_type: "account",
    status: "succeeded",
    severity: "info",
    event: "authz_change",
    count,
    tenant_id: "t1",
  };
}

describe("a database that never answers", () => {
  it("costs no caller anything, is told of, and holds up the end of the log for a while and no longer", async () => {
    const told: string[] = [];
    const log = postgresAuditLog({
      database: { query: async () => new Promise<never>(() => undefined) },
      origin,
      report: ({ event: name, count }) => void told.push(`${name} ${count ?? ""}`.trim()),
    });
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    try {
      log.audit(event(1));
      const closed = log.close().catch(String);
      for (let second = 0; second < 120; second += 1) {
        await vi.advanceTimersByTimeAsync(1000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await closed).toMatch(/has not answered/u);
    } finally {
      vi.useRealTimers();
    }
    expect(told).toEqual(["audit_log_unwritable", "audit_events_lost 1"]);
  });
});

describe.skipIf(pool === undefined)("postgresAuditLog", () => {
  const database = pool as pg.Pool;
  const log = postgresAuditLog({ database, origin, signingKey: privateKey });
  const verify = async (anchors: readonly string[] = []) =>
    verifyPostgresAuditLog({ database, origin, publicKey, anchors });

  it("loses nothing that its sink took while the database was away, and writes one statement at a time", async () => {
    const statements: unknown[][] = [];
    let running = 0;
    let away = 2;
    const shaky = postgresAuditLog({
      origin,
      database: {
        async query(text, values) {
          if (!text.startsWith("insert into glacis_audit_events")) return { rows: [] };
          running += 1;
          expect(running).toBe(1);
          statements.push(values);
          await new Promise((resolve) => setTimeout(resolve, 5));
          running -= 1;
          if ((away -= 1) >= 0) throw new Error("away");
          return { rows: [] };
        },
      },
    });
    for (let count = 0; count < 50; count += 1) shaky.audit({ ...event(count), detail: "a\0b" });
    await shaky.close();
    expect(statements.map(([tenants]) => (tenants as unknown[]).length)).toEqual([50, 50, 50]);
    expect(statements.at(-1)?.[0]).toEqual(Array.from({ length: 50 }, () => "t1"));
  });

  it("keeps an event exactly when its transaction is kept", async () => {
    for (const end of ["commit", "rollback"]) {
      const client = await database.connect();
      await client.query("begin");
      await client.query("insert into notes values ($1)", [end]);
      await log.append(event(end === "commit" ? 1 : 2), client);
      await client.query(end);
      client.release();
    }
    await log.sequence();
    const { rows } = await database.query<{ line: string }>("select line from glacis_audit_events");
    expect(rows.map(({ line }) => (JSON.parse(line) as AuditRecord).count)).toEqual([1]);
    expect(await verify()).toMatchObject({ whole: true, size: 1, checkpoints: 1 });
  });

  it("lets neither the application nor the owner change, remove or empty what is written", async () => {
    for (const statement of [
      "update glacis_audit_events set line = '{}'",
      "delete from glacis_audit_chain",
      "truncate glacis_audit_checkpoints",
      "truncate glacis_audit_events cascade",
    ]) {
      await expect(database.query(statement)).rejects.toThrow(/permission denied|append-only/u);
      await expect(owner?.pool.query(statement)).rejects.toThrow(/append-only/u);
    }
  });

  it("chains each event once, while many write and several sequence", async () => {
    const writers = Array.from({ length: 64 }, async (_, index) => log.append(event(100 + index)));
    const others = [1, 2, 3].map(() => postgresAuditLog({ database, origin, signingKey: privateKey }));
    await Promise.all([...writers, ...others.map(async (other) => other.sequence())]);
    await log.sequence();
    expect(await verify()).toMatchObject({ whole: true, size: 65 });
  });

  it("leaves an event that is not yet committed its place behind those that are", async () => {
    const slow = await database.connect();
    await slow.query("begin");
    await log.append(event(200), slow);
    await log.append(event(201));
    expect(await log.sequence()).toBe(1);
    await slow.query("commit");
    slow.release();
    expect(await log.sequence()).toBe(1);
    expect(await verify()).toMatchObject({ whole: true, size: 67 });
  });

  it("finds an event that was kept out of the chain", async () => {
    await log.append(event(300));
    await database.query("delete from glacis_audit_pending");
    expect((await verify()).broken).toMatchObject({ problem: "unchained" });
    await database.query("insert into glacis_audit_pending select max(id) from glacis_audit_events");
    await log.sequence();
    expect(await verify()).toMatchObject({ whole: true, size: 68 });
  });

  it("names an event that somebody above all roles has changed or removed", async () => {
    const { rows } = await database.query<{ note: string }>(
      "select note from glacis_audit_checkpoints order by size desc limit 1",
    );
    const attack = async (...statements: readonly string[]): Promise<void> => {
      const client = await (owner as NonNullable<typeof owner>).pool.connect();
      await client.query(
        "alter table glacis_audit_events disable trigger all; alter table glacis_audit_chain disable trigger all",
      );
      try {
        for (const statement of statements) await client.query(statement);
      } finally {
        client.release();
      }
    };
    await attack(
      "update glacis_audit_events set line = replace(line, '1', '2') where id = (select event_id from glacis_audit_chain where seq = 5)",
    );
    expect((await verify()).broken).toMatchObject({ problem: "altered", seq: 5 });
    await attack("delete from glacis_audit_chain where seq >= 5");
    expect((await verify([rows[0]?.note ?? ""])).broken).toMatchObject({ problem: "truncated", seq: 5 });
  });
});
