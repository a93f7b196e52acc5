import { spawnSync } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { auditLogMigration, openAuditLog, postgresAuditLog } from "glacis/audit";
import { afterAll, describe, expect, it } from "vitest";
import { heartbeat } from "../../../../test/support/audit-log-files.ts";
import { testDatabase } from "../../../../test/support/services.ts";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "glacis-audit-log-"));
const database = await testDatabase("cli_audit_log");
afterAll(async () => {
  rmSync(directory, { recursive: true });
  await database?.drop();
});

function auditLog(...args: readonly string[]): { readonly code: number | null; readonly out: string } {
  const env = { ...process.env, ...(database && { DATABASE_URL: database.url }) };
  const { status, stdout } = spawnSync(process.execPath, [MAIN, "audit-log", ...args], { encoding: "utf8", env });
  return { code: status, out: stdout };
}

describe("glacis audit-log", () => {
  it("verifies a log with the key that it made, and names the event that was changed", async () => {
    const [privatePem, publicPem] = auditLog("new-key").out.split(/(?<=END PRIVATE KEY-----\n)/u) as [string, string];
    const key = join(directory, "public.pem");
    writeFileSync(key, publicPem);
    const logs = join(directory, "log");
    const log = await openAuditLog({ directory: logs, origin: "test/cli", signingKey: createPrivateKey(privatePem) });
    for (const count of [1, 2, 3]) await log.append(heartbeat(count));
    await log.close();
    const args = ["verify", logs, "--origin", "test/cli", "--public-key", key];
    expect(auditLog(...args)).toEqual({
      code: 0,
      out: expect.stringMatching(/^whole: events 1 to 4, .* 1 signed checkpoints agree/u) as string,
    });
    const segment = join(logs, readdirSync(logs).find((name) => name.startsWith("audit-")) as string);
    writeFileSync(segment, readFileSync(segment, "utf8").replace('"count":2', '"count":7'));
    expect(auditLog(...args)).toEqual({
      code: 1,
      out: expect.stringMatching(/^altered: event 3 in audit-0+1\.jsonl at byte \d+/u) as string,
    });
  });

  it("says with exit code 2 that there is nothing to verify", () => {
    expect(auditLog("verify", join(directory, "nowhere"), "--origin", "x").code).toBe(2);
    expect(auditLog("verify", "--origin", "x").code).toBe(2);
    expect(auditLog("verify", directory, "--database", "--origin", "x").code).toBe(2);
  });

  describe.skipIf(database === undefined)("on Postgres", () => {
    const args = ["verify", "--database", "--origin", "test/cli"];

    it("cannot tell of a database that holds no log", () => {
      expect(auditLog(...args).code).toBe(2);
    });

    it("verifies the log that is kept there, and names the event that its owner changed", async () => {
      const pool = database?.pool as NonNullable<typeof database>["pool"];
      await pool.query(auditLogMigration("pg_monitor"));
      const log = postgresAuditLog({ database: pool, origin: "test/cli" });
      for (const count of [1, 2, 3]) await log.append(heartbeat(count), pool);
      await log.sequence();
      expect(auditLog(...args)).toEqual({ code: 0, out: expect.stringMatching(/^whole: events 1 to 3, /u) as string });
      await pool.query("alter table glacis_audit_events disable trigger all");
      await pool.query("update glacis_audit_events set line = replace(line, '\"count\":2', '\"count\":7')");
      expect(auditLog(...args)).toEqual({ code: 1, out: "altered: event 2\n" });
    });
  });
});
