import { spawnSync } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openAuditLog } from "glacis/audit";
import { afterAll, describe, expect, it } from "vitest";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "glacis-audit-log-"));
afterAll(() => rmSync(directory, { recursive: true }));

function auditLog(...args: readonly string[]): { readonly code: number | null; readonly out: string } {
  const { status, stdout } = spawnSync(process.execPath, [MAIN, "audit-log", ...args], { encoding: "utf8" });
  return { code: status, out: stdout };
}

describe("glacis audit-log", () => {
  it("verifies a log with the key that it made, and names the event that was changed", async () => {
    const [privatePem, publicPem] = auditLog("new-key").out.split(/(?<=END PRIVATE KEY-----\n)/u) as [string, string];
    const key = join(directory, "public.pem");
    writeFileSync(key, publicPem);
    const logs = join(directory, "log");
    const log = await openAuditLog({ directory: logs, origin: "test/cli", signingKey: createPrivateKey(privatePem) });
    for (const count of [1, 2, 3])
      await log.append({
        time: "2026-01-01T00:00:00.000Z",
        event_type: "system",
        status: "observed",
        severity: "info",
        event: "sys_heartbeat",
        count,
      });
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
  });
});
