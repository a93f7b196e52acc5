/** What a durable event costs, against a bare append of the same lines with the same wait for the disk; and how fast a log verifies. */
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openAuditLog, verifyAuditLog } from "glacis/audit";
import { recordOf } from "./records.mjs";

const CALLERS = 2048;
const ORIGIN = "bench/audit";
const { privateKey, publicKey } = generateKeyPairSync("ed25519");

async function inFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), "glacis-bench-audit-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** So many callers, each with the next event as soon as its last is on the disk. */
async function load(events, append) {
  let next = 0;
  const start = performance.now();
  const call = async () => {
    while (next < events) await append(recordOf((next += 1)));
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
  return (events * 1000) / (performance.now() - start);
}

/** Events a second, each on the disk before its caller is told so. */
export function durable(events) {
  return inFolder(async (directory) => {
    const log = await openAuditLog({ directory, origin: ORIGIN, signingKey: privateKey });
    const rate = await load(events, log.append);
    await log.close();
    return rate;
  });
}

/** The limit: the same group commit of plain JSON lines, without a chain. */
export function bareAppend(events) {
  return inFolder(async (directory) => {
    const file = await open(join(directory, "lines"), "a");
    let waiting = [];
    let isRunning = false;
    async function drain() {
      while (waiting.length > 0) {
        const batch = waiting;
        waiting = [];
        await file.write(batch.map(({ line }) => line).join(""));
        await file.datasync();
        for (const { resolve } of batch) resolve();
      }
      isRunning = false;
    }
    const append = (record) =>
      new Promise((resolve) => {
        waiting.push({ line: `${JSON.stringify(record)}\n`, resolve });
        if (!isRunning) setImmediate(drain);
        isRunning = true;
      });
    const rate = await load(events, append);
    await file.close();
    return rate;
  });
}

/** Seconds to verify so many events. */
export function verified(events) {
  return inFolder(async (directory) => {
    const log = await openAuditLog({ directory, origin: ORIGIN, signingKey: privateKey });
    for (let index = 0; index < events; index += 4096)
      await Promise.all(Array.from({ length: 4096 }, (_, offset) => log.append(recordOf(index + offset))));
    await log.close();
    const start = performance.now();
    const verdict = await verifyAuditLog({ directory, origin: ORIGIN, publicKey });
    if (!verdict.whole) throw new Error(`The log does not verify: ${JSON.stringify(verdict.broken)}`);
    return (performance.now() - start) / 1000;
  });
}
