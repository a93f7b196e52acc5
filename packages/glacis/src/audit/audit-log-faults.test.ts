import { spawnSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
} from "node:fs";
import { appendFileSync, truncateSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateKeyPairSync } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { heartbeat, segmentsOf } from "../../../../test/support/audit-log-files.ts";
import type { AuditEvent } from "../core/event.ts";
import { verifyAuditLog } from "./audit-log-verify.ts";
import { openAuditLog, type AuditLog, type AuditLogOptions } from "./audit-log.ts";

const ORIGIN = "test/faults";
const LIBRARY = fileURLToPath(new URL("../../dist/audit/index.js", import.meta.url));
const { privateKey } = generateKeyPairSync("ed25519");
const folders: string[] = [];
const logs: AuditLog[] = [];
afterEach(async () => {
  for (const log of logs.splice(0)) await log.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "glacis-audit-faults-"));
  folders.push(path);
  return path;
}

async function openIn(options: Partial<AuditLogOptions> = {}): Promise<{ log: AuditLog; told: AuditEvent[] }> {
  const told: AuditEvent[] = [];
  const report = (event: AuditEvent): void => void told.push(event);
  const log = await openAuditLog({ directory: folder(), origin: ORIGIN, report, ...options });
  logs.push(log);
  return { log, told };
}

const countsOf = (directory: string): readonly number[] =>
  segmentsOf(directory)
    .flatMap((path) => readFileSync(path, "utf8").trimEnd().split("\n"))
    .filter((line) => line.includes("sys_heartbeat"))
    .map((line) => (JSON.parse(line) as { readonly count: number }).count);

describe("a log whose file is no longer as the writer left it", () => {
  const meddle: Readonly<Record<string, (path: string) => void>> = {
    moved: (path) => renameSync(path, `${path}.1`),
    removed: (path) => unlinkSync(path),
    shortened: (path) => truncateSync(path, 0),
    lengthened: (path) => appendFileSync(path, "{}\n"),
    replaced: (path) => {
      copyFileSync(path, `${path}.copy`);
      renameSync(`${path}.copy`, path);
    },
  };
  for (const [what, change] of Object.entries(meddle)) {
    it(`goes on in a new file once it is ${what}, tells of it, and loses nothing that it confirms afterwards`, async () => {
      const { log, told } = await openIn();
      await log.append(heartbeat(1));
      change(segmentsOf(log.options.directory)[0] as string);
      await log.append(heartbeat(2));
      await log.append(heartbeat(3));
      expect(countsOf(log.options.directory)).toEqual(expect.arrayContaining([2, 3]));
      expect(told.map(({ event: name, count }) => [name, count])).toEqual([["audit_log_altered", 1]]);
      const { whole } = await verifyAuditLog({ directory: log.options.directory, origin: ORIGIN });
      // A copy with every byte is what was written; a log without its beginning shows by its checkpoints.
      expect(whole).toBe(what === "replaced" || what === "moved" || what === "removed");
    });
  }

  it("names the first event that is gone where a checkpoint was signed over it", async () => {
    const { log } = await openIn({ signingKey: privateKey });
    await log.append(heartbeat(1));
    await log.checkpoint();
    unlinkSync(segmentsOf(log.options.directory)[0] as string);
    await log.append(heartbeat(2));
    await log.close();
    const { from } = await verifyAuditLog({ directory: log.options.directory, origin: ORIGIN });
    expect(from).toBe(3);
  });
});

describe("a log whose writing fails", () => {
  it.skipIf(process.platform !== "linux")(
    "opens its file anew when somebody else has closed its descriptor",
    async () => {
      const { log, told } = await openIn();
      await log.append(heartbeat(1));
      const [path] = segmentsOf(log.options.directory);
      const descriptor = readdirSync("/proc/self/fd").find((name) => linkOf(name) === path);
      closeSync(Number(descriptor));
      await expect(log.append(heartbeat(2))).rejects.toMatchObject({ code: "write_failed" });
      await log.append(heartbeat(3));
      expect(countsOf(log.options.directory)).toEqual([1, 3]);
      expect(told.map(({ event: name }) => name)).toEqual(["audit_log_unwritable"]);
      expect(await verifyAuditLog({ directory: log.options.directory, origin: ORIGIN })).toMatchObject({ whole: true });
    },
  );

  it("refuses while its directory is gone", async () => {
    const { log, told } = await openIn();
    await log.append(heartbeat(1));
    const { directory } = log.options;
    renameSync(directory, `${directory}.away`);
    await expect(log.append(heartbeat(2))).rejects.toMatchObject({ code: "write_failed" });
    renameSync(`${directory}.away`, directory);
    await log.append(heartbeat(3));
    expect(countsOf(directory)).toEqual([1, 3]);
    expect(told.at(-1)?.event).toBe("audit_log_unwritable");
  });
});

describe("a process that ends at once", () => {
  it("has on the disk what it was given, though nothing asynchronous happens any more", async () => {
    const directory = folder();
    const script = join(folder(), "exit.mjs");
    writeFileSync(
      script,
      `import { openAuditLog } from ${JSON.stringify(LIBRARY)};
const log = await openAuditLog({ directory: ${JSON.stringify(directory)}, origin: "${ORIGIN}" });
const event = ${JSON.stringify(heartbeat(0))};
for (let count = 1; count <= 3000; count += 1) log.audit({ ...event, count });
if (process.argv[2] === "under way") await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
log.audit({ ...event, count: 3001, severity: "critical" });
process.exit(3);`,
    );
    for (const when of ["before", "under way"]) {
      const { status, stderr } = spawnSync(process.execPath, [script, when], { encoding: "utf8" });
      expect([status, stderr]).toEqual([3, ""]);
    }
    const once = Array.from({ length: 3001 }, (_, index) => index + 1);
    expect(countsOf(directory)).toEqual([...once, ...once]);
    expect(await verifyAuditLog({ directory, origin: ORIGIN })).toMatchObject({ whole: true });
  });
});

describe("an anchor that never answers", () => {
  it("holds up neither events nor the end of the log, and is told of", async () => {
    const anchors = [{ name: "dead", publish: async () => new Promise<void>(() => undefined) }];
    const { log, told } = await openIn({ signingKey: privateKey, anchors });
    vi.useFakeTimers({ toFake: ["setTimeout", "setInterval"] });
    try {
      await log.append(heartbeat(1));
      const signed = log.checkpoint();
      await log.append(heartbeat(2));
      await vi.advanceTimersByTimeAsync(10_000);
      await signed;
      const closed = log.close();
      await vi.waitFor(async () => vi.advanceTimersByTimeAsync(10_000));
      await closed;
    } finally {
      vi.useRealTimers();
    }
    expect(new Set(told.map(({ event: name }) => name))).toEqual(new Set(["audit_anchor_failed"]));
    expect(told.map(({ detail }) => detail)).toContain("dead");
  });
});

describe("a clock that is set back", () => {
  it("does not keep the log from signing", async () => {
    let nowMs = Date.parse("2026-06-01T00:00:00Z");
    const { log } = await openIn({ signingKey: privateKey, now: () => nowMs, checkpointEvents: 1 });
    nowMs -= 365 * 24 * 3600 * 1000;
    await log.append(heartbeat(1));
    await vi.waitFor(() => expect(readdirSync(log.options.directory)).toContain("checkpoints.jsonl"));
  });
});

function linkOf(name: string): string {
  try {
    return readlinkSync(join("/proc/self/fd", name));
  } catch {
    return "";
  }
}
