/** What happens to a log of ten thousand events when disks, backups, editors and second writers get at it. */
import { spawn } from "node:child_process";
import { generateKeyPairSync, randomInt } from "node:crypto";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { heartbeat, segmentsOf } from "../../../../test/support/audit-log-files.ts";
import type { AuditEvent } from "../core/event.ts";
import { fileAnchor } from "./audit-anchor.ts";
import { chainHash, FIRST_HASH, readLine } from "./audit-log-line.ts";
import { verifyAuditLog, type AuditLogVerdict } from "./audit-log-verify.ts";
import { openAuditLog } from "./audit-log.ts";

const EVENTS = 10_000;
const ORIGIN = "test/tampering";
const LIBRARY = fileURLToPath(new URL("../../dist/audit/index.js", import.meta.url));
/** How many bytes of each line are changed; `all` takes minutes. */
const BYTES = process.env["GLACIS_AUDIT_BYTES"] ?? "4";
const { privateKey: signingKey, publicKey } = generateKeyPairSync("ed25519");
const root = mkdtempSync(join(tmpdir(), "glacis-tampering-"));
afterAll(() => rmSync(root, { recursive: true }));

let copies = 0;
const folder = (): string => join(root, `copy-${(copies += 1)}`);
const copyOf = (from: string): string => {
  const to = folder();
  cpSync(from, to, { recursive: true });
  return to;
};
const verify = async (directory: string, anchors: readonly string[] = []): Promise<AuditLogVerdict> =>
  verifyAuditLog({ directory, origin: ORIGIN, publicKey, anchors });

/** The number of the event that a byte belongs to. */
const seqAt = (bytes: Buffer, offset: number): number =>
  bytes.subarray(0, offset).toString("latin1").split("\n").length;

let whole: string;
let split: string;
beforeAll(async () => {
  whole = folder();
  split = folder();
  for (const [directory, segmentBytes] of [
    [whole, 64 << 20],
    [split, 200_000],
  ] as const) {
    const log = await openAuditLog({ directory, origin: ORIGIN, signingKey, segmentBytes, report: () => undefined });
    for (let first = 0; first < EVENTS; first += 500)
      await Promise.all(Array.from({ length: 500 }, async (_, index) => log.append(heartbeat(first + index))));
    await log.close();
  }
}, 60_000);

describe("a log of ten thousand events", () => {
  it("verifies, and a change of one bit of any byte does not fit the chain", () => {
    const [path = ""] = segmentsOf(whole);
    const lines = readFileSync(path)
      .toString("latin1")
      .trimEnd()
      .split("\n")
      .map((line) => Buffer.from(line, "latin1"));
    let previous = FIRST_HASH;
    let tried = 0;
    for (const [index, line] of lines.entries()) {
      const read = readLine(line);
      expect(read?.claimed).toBe(chainHash(previous, read?.body ?? ""));
      const places =
        BYTES === "all"
          ? line.keys()
          : Array.from({ length: Number(BYTES) }, (_, turn) =>
              turn === 0 ? (index * 7) % line.length : randomInt(line.length),
            );
      for (const at of places) {
        const changed = Buffer.from(line);
        changed[at] = (line[at] as number) ^ (1 << randomInt(8));
        tried += 1;
        // What a changed byte turns into two lines is no line either.
        const again = changed[at] === 0x0a ? undefined : readLine(changed);
        const fits = again?.seq === index + 1 && chainHash(previous, again.body) === again.claimed;
        expect(fits, `event ${index + 1}, byte ${at}`).toBe(false);
      }
      previous = read?.claimed ?? "";
    }
    expect(lines.length).toBe(EVENTS + 1);
    expect(tried).toBeGreaterThanOrEqual(EVENTS);
  }, 900_000);

  it("names the event of a byte that is changed anywhere in it", async () => {
    const directory = copyOf(whole);
    const [path = ""] = segmentsOf(directory);
    const bytes = readFileSync(path);
    expect(await verify(directory)).toMatchObject({ whole: true, size: EVENTS + 1 });
    for (let turn = 0; turn < 25; turn += 1) {
      const at = randomInt(bytes.length);
      const changed = Buffer.from(bytes);
      changed[at] = (bytes[at] as number) ^ (1 << randomInt(8));
      writeFileSync(path, changed);
      const { broken } = await verify(directory);
      expect(Math.abs((broken?.seq ?? -9) - seqAt(bytes, at)), `byte ${at}`).toBeLessThanOrEqual(1);
    }
  }, 120_000);

  it("names the first event of a page that a disk has lost from the middle, and does not go on behind it", async () => {
    const directory = copyOf(whole);
    const [path = ""] = segmentsOf(directory);
    const bytes = readFileSync(path);
    const page = Math.floor(bytes.length / 2 / 4096) * 4096;
    writeFileSync(path, Buffer.from(bytes).fill(0, page, page + 4096));
    const { broken } = await verify(directory);
    expect(broken?.seq).toBe(seqAt(bytes, page));
    expect(["altered", "missing"]).toContain(broken?.problem);
    await expect(
      openAuditLog({ directory, origin: ORIGIN, signingKey, report: () => undefined }),
    ).rejects.toMatchObject({ code: "altered" });
  });

  it("names the first event where two files have changed places, or one stands there twice", async () => {
    const swapped = copyOf(split);
    const [, second = "", third = "", ...others] = segmentsOf(swapped);
    expect(others.length).toBeGreaterThan(3);
    const first = JSON.parse(readFileSync(second, "utf8").split("\n")[0] ?? "") as { readonly seq: number };
    renameSync(second, join(swapped, "aside"));
    renameSync(third, second);
    renameSync(join(swapped, "aside"), third);
    expect((await verify(swapped)).broken).toMatchObject({ problem: "missing", seq: first.seq });
    const twice = copyOf(split);
    const [, one = "", other = ""] = segmentsOf(twice);
    writeFileSync(other, readFileSync(one));
    expect((await verify(twice)).broken?.problem).toBe("out_of_order");
  });

  it("is judged by every anchor: one that was rolled back with the log hides nothing from another", async () => {
    const directory = folder();
    const notes = [join(root, "anchor-one.jsonl"), join(root, "anchor-two.jsonl")];
    const anchors = notes.map((path) => fileAnchor(path));
    const log = await openAuditLog({ directory, origin: ORIGIN, signingKey, anchors, report: () => undefined });
    await log.append(heartbeat(1));
    await log.checkpoint();
    const backup = copyOf(directory);
    rmSync(join(backup, "writer.lock"), { force: true });
    const early = readFileSync(notes[0] as string, "utf8");
    for (let count = 2; count <= 6; count += 1) await log.append(heartbeat(count));
    await log.close();
    writeFileSync(notes[0] as string, early);
    const read = (path: string): string[] =>
      readFileSync(path, "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { readonly note: string }).note);
    expect(await verify(backup, read(notes[0] as string))).toMatchObject({ whole: true });
    expect((await verify(backup, notes.flatMap(read))).broken).toMatchObject({ problem: "truncated", seq: 3 });
    // An old anchor says nothing against a log that went on.
    expect(await verify(directory, read(notes[0] as string))).toMatchObject({ whole: true });
  });
});

describe("two writers", () => {
  it("in spite of the lock, because somebody removed it: the first notices, and no event that it confirms is lost", async () => {
    const directory = folder();
    const told: AuditEvent[] = [];
    const first = await openAuditLog({ directory, origin: ORIGIN, report: (one) => void told.push(one) });
    await first.append(heartbeat(1));
    rmSync(join(directory, "writer.lock"));
    const second = await openAuditLog({ directory, origin: ORIGIN, report: () => undefined });
    await second.append(heartbeat(2));
    await first.append(heartbeat(3));
    await Promise.all([first.close(), second.close()]);
    const counts = segmentsOf(directory)
      .flatMap((path) => readFileSync(path, "utf8").trimEnd().split("\n"))
      .map((line) => (JSON.parse(line) as { readonly count?: number }).count);
    expect(counts).toEqual(expect.arrayContaining([1, 2, 3]));
    expect(told.map(({ event: name }) => name)).toEqual(["audit_log_altered"]);
    expect((await verifyAuditLog({ directory, origin: ORIGIN })).whole).toBe(false);
  });
});

describe("a disk that takes no more", () => {
  it.skipIf(process.platform === "win32")(
    "loses no event that was confirmed, and leaves a log that goes on",
    async () => {
      const directory = folder();
      const script = join(root, "full.mjs");
      writeFileSync(
        script,
        `import { openAuditLog } from ${JSON.stringify(LIBRARY)};
const log = await openAuditLog({ directory: ${JSON.stringify(directory)}, origin: "${ORIGIN}", segmentBytes: 1 << 30, report: () => undefined });
let confirmed = -1;
for (let count = 0; count < 5000; count += 1) {
  try { await log.append({ ...${JSON.stringify(heartbeat(0))}, count }); confirmed = count; } catch (error) { console.log(confirmed, error.code, error.cause?.code); break; }
}`,
      );
      // The limit is on a file's length, and cuts a write in the middle as a full disk does.
      const child = spawn("bash", ["-c", `trap '' XFSZ; ulimit -f 64; exec "$0" "$1"`, process.execPath, script]);
      let said = "";
      child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
      await once(child, "close");
      const [confirmed, code, cause] = said.trim().split(" ");
      expect([code, cause]).toEqual(["write_failed", "EFBIG"]);
      expect(Number(confirmed)).toBeGreaterThan(50);
      const log = await openAuditLog({ directory, origin: ORIGIN, report: () => undefined });
      await log.append(heartbeat(9999));
      await log.close();
      const counts = segmentsOf(directory)
        .flatMap((path) => readFileSync(path, "utf8").trimEnd().split("\n"))
        .flatMap((line) => (JSON.parse(line) as { readonly count?: number; readonly event: string }).count ?? []);
      expect(counts.slice(0, Number(confirmed) + 1)).toEqual(
        Array.from({ length: Number(confirmed) + 1 }, (_, index) => index),
      );
      expect(counts.at(-1)).toBe(9999);
      expect(await verifyAuditLog({ directory, origin: ORIGIN })).toMatchObject({ whole: true });
    },
    60_000,
  );
});
