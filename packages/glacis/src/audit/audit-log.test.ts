import { spawn } from "node:child_process";
import { createCipheriv, createDecipheriv, generateKeyPairSync, randomBytes } from "node:crypto";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { segmentsOf } from "../../../../test/support/audit-log-files.ts";
import type { AuditEvent, AuditRecord } from "../core/event.ts";
import { fileAnchor } from "./audit-anchor.ts";
import { AuditLogError } from "./audit-log-error.ts";
import { verifyAuditLog, type AuditLogVerdict } from "./audit-log-verify.ts";
import { openAuditLog, type AuditLog, type AuditLogOptions } from "./audit-log.ts";

const WORKER = fileURLToPath(new URL("../../../../test/support/audit-log-worker.mjs", import.meta.url));
const KILLS = Number(process.env["GLACIS_AUDIT_KILLS"] ?? 20);
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const ORIGIN = "app.example.com/audit";

const folders: string[] = [];
const logs: AuditLog[] = [];
afterEach(async () => {
  for (const log of logs.splice(0)) await log.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "glacis-audit-"));
  folders.push(path);
  return path;
}

/** What a case has otherwise. */
interface Changes extends Partial<AuditLogOptions> {
  readonly unsigned?: boolean;
}
const UNSIGNED: Changes = { unsigned: true };

async function openIn(directory: string, { unsigned = false, ...options }: Changes = {}): Promise<AuditLog> {
  const log = await openAuditLog({
    directory,
    origin: ORIGIN,
    ...(!unsigned && { signingKey: privateKey }),
    report: () => undefined,
    ...options,
  });
  logs.push(log);
  return log;
}

function event(count: number, about: Partial<AuditRecord> = {}): AuditRecord {
  return {
    time: "2026-01-01T00:00:00.000Z",
    event_type: "system",
    status: "observed",
    severity: "info",
    event: "sys_heartbeat",
    count,
    ...about,
  } as AuditRecord;
}

/** A closed log of so many events. */
async function written(count: number, options: Changes = {}): Promise<string> {
  const directory = folder();
  const log = await openIn(directory, options);
  for (let first = 0; first < count; first += 20) {
    const numbers = Array.from({ length: Math.min(20, count - first) }, (_, index) => first + index);
    await Promise.all(numbers.map(async (number) => log.append(event(number))));
  }
  await log.close();
  return directory;
}

const verify = async (directory: string, anchors: readonly string[] = []): Promise<AuditLogVerdict> =>
  verifyAuditLog({ directory, origin: ORIGIN, publicKey, anchors });
const linesOf = (directory: string, fromSegment = 0): readonly string[] =>
  segmentsOf(directory)
    .slice(fromSegment)
    .flatMap((path) => readFileSync(path, "utf8").trimEnd().split("\n"));
const countsOf = (directory: string, fromSegment = 0): readonly number[] =>
  linesOf(directory, fromSegment)
    .filter((line) => line.endsWith("}"))
    .map((line) => JSON.parse(line) as AuditRecord)
    .filter(({ event: name }) => name === "sys_heartbeat")
    .map(({ count }) => count ?? -1);

describe("openAuditLog", () => {
  it("writes each event as one flat line, in order, numbered, and whole", async () => {
    const directory = await written(500);
    expect(countsOf(directory)).toEqual(Array.from({ length: 500 }, (_, index) => index));
    expect(await verify(directory)).toMatchObject({
      whole: true,
      broken: undefined,
      size: 501,
      verified: 501,
      checkpoints: 1,
    });
  });

  it("goes on where it stood, over files of which each can be read by itself", async () => {
    const directory = await written(200, { segmentBytes: 8192 });
    const again = await openIn(directory, { segmentBytes: 8192 });
    await again.append(event(200));
    await again.close();
    const { seq } = JSON.parse(linesOf(directory).at(-1) as string) as { readonly seq: number };
    expect(segmentsOf(directory).length).toBeGreaterThan(3);
    for (const segment of segmentsOf(directory).slice(1))
      expect(JSON.parse(readFileSync(segment, "utf8").split("\n")[0] as string)).toMatchObject({
        event: "audit_log_segment",
      });
    expect(await verify(directory)).toMatchObject({ whole: true, size: seq });
    rmSync(segmentsOf(directory)[0] as string);
    const later = await verify(directory);
    expect(later).toMatchObject({ whole: true, size: seq });
    expect(later.from).toBeGreaterThan(1);
  });

  it("refuses a second writer in the same directory", async () => {
    const directory = folder();
    await openIn(directory);
    await expect(openIn(directory)).rejects.toThrow(/Another process writes/u);
  });

  it("lets 64 callers write at once without mixing them up", async () => {
    const log = await openIn(folder());
    await Promise.all(Array.from({ length: 64 }, async (_, index) => log.append(event(index))));
    expect(countsOf(log.options.directory)).toEqual(Array.from({ length: 64 }, (_, index) => index));
  });

  it("writes what nobody waits for after a while, and with it at once what came before an error", async () => {
    const log = await openIn(folder());
    const size = async (count: number): Promise<void> => {
      while (linesOf(log.options.directory).length < count) await delay(5);
    };
    await log.append(event(0));
    const begun = performance.now();
    for (let index = 1; index <= 5; index += 1) log.audit(event(index));
    await size(7);
    expect(performance.now() - begun).toBeGreaterThan(150);

    vi.useFakeTimers({ toFake: ["setTimeout"] });
    try {
      log.audit(event(6));
      log.audit(event(7, { severity: "error" }));
      await size(9);
      log.audit(event(8));
      await log.flush();
    } finally {
      vi.useRealTimers();
    }
    expect(countsOf(log.options.directory)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect((await verify(log.options.directory)).whole).toBe(true);
  });

  it("takes back a line that a crash cut off, keeps it beside, and records that", async () => {
    const directory = await written(10);
    const [path] = segmentsOf(directory) as [string];
    appendFileSync(path, '{"time":"2026-01-01T00:00:00.000Z","event_ty');
    const log = await openIn(directory);
    await log.close();
    expect(linesOf(directory).at(-1)).toContain('"event":"audit_log_repaired"');
    expect(readFileSync(`${path}.torn`, "utf8")).toContain("event_ty");
    expect(await verify(directory)).toMatchObject({ whole: true });
  });

  it("keeps the whole lines of a commit that a crash cut off between two of them, and records that", async () => {
    const directory = await written(10, UNSIGNED);
    const [path] = segmentsOf(directory) as [string];
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.slice(0, text.lastIndexOf("\n", text.length - 2) + 1));
    const log = await openIn(directory, UNSIGNED);
    await log.close();
    expect(linesOf(directory).at(-1)).toContain('"event":"audit_log_repaired"');
    expect(countsOf(directory)).toEqual(Array.from({ length: 9 }, (_, index) => index));
    expect(await verifyAuditLog({ directory, origin: ORIGIN })).toMatchObject({ whole: true, size: 11 });
  });

  it("says at the end of each commit which one it was, and signs the tree over them", async () => {
    const directory = await written(45);
    const ends = linesOf(directory).flatMap((line) => {
      const { seq, commit } = JSON.parse(line) as { readonly seq: number; readonly commit?: number };
      return commit === undefined ? [] : [[commit, seq]];
    });
    expect(ends).toEqual([
      [1, 21],
      [2, 41],
      [3, 46],
    ]);
    expect(readFileSync(join(directory, "checkpoints.jsonl"), "utf8")).toContain(`${ORIGIN}\\n3\\n`);
  });

  it("does not go on after a line that somebody has changed, nor after a log that was shortened", async () => {
    const directory = await written(10);
    const [path] = segmentsOf(directory) as [string];
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace('"count":9', '"count":8'));
    await expect(openIn(directory)).rejects.toMatchObject({ code: "altered" });
    writeFileSync(path, text.slice(0, text.lastIndexOf("\n", text.length - 2) + 1));
    await expect(openIn(directory)).rejects.toMatchObject({ code: "truncated" });
  });

  it("refuses events while the disk is full, tells of it once, and goes on without a gap", async () => {
    const reported: AuditEvent[] = [];
    const directory = folder();
    const log = await openIn(directory, { report: (one) => void reported.push(one), segmentBytes: 4096 });
    await log.append(event(0));
    // The next file cannot be made: a directory stands in its place.
    await Promise.all(Array.from({ length: 30 }, async (_, index) => log.append(event(index + 1))));
    const name = `audit-${String(33).padStart(16, "0")}.jsonl`;
    mkdirSync(join(directory, name));
    await expect(log.append(event(31))).rejects.toBeInstanceOf(AuditLogError);
    log.audit(event(32));
    await log.flush();
    expect(reported.map(({ event: told }) => told)).toEqual(["audit_log_unwritable"]);
    rmSync(join(directory, name), { recursive: true });
    await log.append(event(33));
    await log.close();
    expect(countsOf(directory)).toEqual([...Array.from({ length: 31 }, (_, index) => index), 33]);
    expect(linesOf(directory).at(-1)).toContain('"event":"audit_events_lost"');
    expect(await verify(directory)).toMatchObject({ whole: true });
  });

  it("keeps a line a line, whatever stands in an event", async () => {
    const log = await openIn(folder());
    const nasty = `\r\n{"event":"forged"}\u2028\u202e\u0085\u001b[2J${"x".repeat(5000)}`;
    await log.append(event(1, { action: nasty, user_agent: nasty }));
    await log.close();
    const lines = linesOf(folders[0] as string);
    expect(lines).toHaveLength(2);
    expect(lines[1]).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/u);
    expect((JSON.parse(lines[1] as string) as AuditRecord).action?.length).toBeLessThan(2100);
  });

  it("stays whole when a person's key is destroyed, and says nothing of the person any more", async () => {
    const keys = new Map([["user-1", randomBytes(32)]]);
    const protect = (record: AuditRecord): AuditRecord => {
      const key = keys.get(record.user_id ?? "");
      if (key === undefined || record.ip_address === undefined) return record;
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      const sealed = Buffer.concat([nonce, cipher.update(record.ip_address), cipher.final(), cipher.getAuthTag()]);
      return { ...record, ip_address: sealed.toString("base64url") };
    };
    const directory = folder();
    const log = await openIn(directory, { protect });
    await log.append(event(1, { user_id: "user-1", ip_address: "192.0.2.1" }));
    await log.close();
    const { ip_address = "" } = JSON.parse(linesOf(directory)[1] as string) as AuditRecord;
    const sealed = Buffer.from(ip_address, "base64url");
    const open = createDecipheriv("aes-256-gcm", keys.get("user-1") as Buffer, sealed.subarray(0, 12)).setAuthTag(
      sealed.subarray(-16),
    );
    expect(`${open.update(sealed.subarray(12, -16)).toString()}${open.final().toString()}`).toBe("192.0.2.1");
    keys.delete("user-1");
    expect(readFileSync(segmentsOf(directory)[0] as string, "utf8")).not.toContain("192.0.2.1");
    expect(await verify(directory)).toMatchObject({ whole: true });
  });
});

describe("verifyAuditLog", () => {
  it("finds every single byte that is changed", async () => {
    const directory = await written(6);
    const [path] = segmentsOf(directory) as [string];
    const bytes = readFileSync(path);
    for (let index = 0; index < bytes.length; index += 1) {
      const changed = Buffer.from(bytes);
      changed[index] = (bytes[index] as number) ^ (1 << (index % 8));
      writeFileSync(path, changed);
      const { whole, broken } = await verify(directory);
      const line = bytes.subarray(0, index).toString("latin1").split("\n").length;
      expect(whole, `byte ${index}`).toBe(false);
      expect(Math.abs((broken?.seq ?? 0) - line), `byte ${index}`).toBeLessThanOrEqual(1);
    }
  });

  it("names the first event that is altered, missing, or out of order", async () => {
    const directory = await written(20);
    const [path] = segmentsOf(directory) as [string];
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    const problemOf = async (changed: readonly string[]): Promise<unknown> => {
      writeFileSync(path, `${changed.join("\n")}\n`);
      const { broken } = await verify(directory);
      return [broken?.problem, broken?.seq];
    };
    expect(
      await problemOf(lines.map((line, index) => (index === 6 ? line.replace("heartbeat", "heartbeet") : line))),
    ).toEqual(["altered", 7]);
    expect(await problemOf(lines.toSpliced(6, 1))).toEqual(["missing", 7]);
    expect(await problemOf(lines.toSpliced(6, 0, lines[3] as string))).toEqual(["out_of_order", 7]);
    expect(await problemOf([...lines.slice(0, 6), lines[7] as string, lines[6] as string, ...lines.slice(8)])).toEqual([
      "missing",
      7,
    ]);
    expect(await problemOf(lines.slice(0, -1))).toEqual(["truncated", 21]);
    expect(await problemOf(lines)).toEqual([undefined, undefined]);
  });

  it("finds a segment that is gone from the middle", async () => {
    const directory = await written(200, { segmentBytes: 8192 });
    rmSync(segmentsOf(directory)[2] as string);
    expect((await verify(directory)).broken).toMatchObject({ problem: "missing" });
  });

  it("finds by its anchor a log that was cut back together with its own checkpoints", async () => {
    const anchor = join(folder(), "anchor.jsonl");
    const directory = folder();
    const log = await openIn(directory, { anchors: [fileAnchor(anchor)] });
    for (let index = 0; index < 5; index += 1) await log.append(event(index));
    await log.checkpoint();
    const early = [...segmentsOf(directory), join(directory, "checkpoints.jsonl")].map(
      (path) => [path, readFileSync(path)] as const,
    );
    for (let index = 5; index < 10; index += 1) await log.append(event(index));
    await log.close();
    for (const [path, bytes] of early) writeFileSync(path, bytes);
    expect(await verify(directory)).toMatchObject({ whole: true });
    const notes = readFileSync(anchor, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { readonly note: string }).note);
    expect((await verify(directory, notes)).broken).toMatchObject({ problem: "truncated", seq: 7 });
  });

  it("finds a log that was written anew as a whole, and one whose checkpoints another key signed", async () => {
    const directory = await written(5);
    const { note } = JSON.parse(readFileSync(join(directory, "checkpoints.jsonl"), "utf8")) as {
      readonly note: string;
    };
    const other = generateKeyPairSync("ed25519").privateKey;
    const forged = await written(9, { signingKey: other });
    expect((await verify(forged, [note])).broken).toMatchObject({ problem: "rewritten", seq: 1 });
    expect((await verify(forged)).broken).toMatchObject({ problem: "unsigned" });
  });
});

describe("a writer that is killed", () => {
  it(`loses no event that it had confirmed, ${KILLS} times`, { timeout: 60_000 + KILLS * 2000 }, async () => {
    const directory = folder();
    let next = 0;
    const everConfirmed: number[] = [];
    for (let round = 0; round < KILLS; round += 1) {
      // What was there before is read once, at the end: the log of two hundred lives is long.
      const fromSegment = Math.max(0, segmentsOf(directory).length - 1);
      const child = spawn(process.execPath, [WORKER, directory, String(next), "60000"], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let confirmed = "";
      child.stdout.on("data", (chunk: Buffer) => (confirmed += chunk.toString()));
      await once(child.stdout, "data");
      await delay(Math.random() * 40);
      const closed = once(child, "close");
      child.kill("SIGKILL");
      await closed;
      const numbers = confirmed.split("\n").slice(0, -1).map(Number);
      const here = new Set(countsOf(directory, fromSegment).filter((count) => count >= next));
      expect(
        numbers.filter((number) => !here.has(number)),
        `round ${round}`,
      ).toEqual([]);
      everConfirmed.push(...numbers);
      next = Math.max(...numbers) + 1_000_000;
    }
    // Nor does what a later life repairs take anything away.
    const kept = new Set(countsOf(directory));
    expect(everConfirmed.filter((number) => !kept.has(number))).toEqual([]);
    const log = await openAuditLog({ directory, origin: "test/worker", report: () => undefined });
    await log.close();
    expect(await verifyAuditLog({ directory, origin: "test/worker" })).toMatchObject({ whole: true });
  });
});
