/** A server that is killed while it receives loses nothing that it has acknowledged, and keeps nothing by halves. */
import { fork, type ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { localStorage } from "glacis/data";
import { call, writeForm } from "./support/upload-client.ts";

const WORKER = new URL("./support/upload-worker.mjs", import.meta.url);
const root = mkdtempSync(join(tmpdir(), "upload-kill-"));
afterAll(() => rmSync(root, { recursive: true }));

async function start(): Promise<{ readonly worker: ChildProcess; readonly port: number }> {
  const worker = fork(WORKER, [root], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const [port] = (await once(worker, "message")) as [number];
  return { worker, port };
}

interface Acknowledged {
  readonly key: string;
  readonly sha256: string;
}

async function sendUntilGone(port: number, acknowledged: Acknowledged[]): Promise<void> {
  for (;;) {
    const content = randomBytes(200_000).toString("hex");
    const { contentType, body } = writeForm([{ name: "a", filename: "a.txt", type: "text/plain", content }]);
    try {
      const answer = await call(port, "/files", { method: "POST", body, headers: { "content-type": contentType } });
      if (answer.status === 200) acknowledged.push(...(JSON.parse(answer.body.toString()) as Acknowledged[]));
    } catch {
      return;
    }
  }
}

const names = (folder: string): readonly string[] =>
  existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : [];

describe("kill -9", () => {
  it("loses nothing acknowledged, and leaves no half file", async () => {
    const acknowledged: Acknowledged[] = [];
    let interrupted = 0;
    for (let round = 0; round < 4; round += 1) {
      const { worker, port } = await start();
      const sending = Array.from({ length: 6 }, () => sendUntilGone(port, acknowledged));
      const enough = acknowledged.length + 8;
      while (acknowledged.length < enough || names("quarantine").length === 0) await sleep(1 + round);
      worker.kill("SIGKILL");
      await Promise.all([once(worker, "exit"), ...sending]);
      interrupted += names("quarantine").length;
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(32);
    expect(interrupted).toBeGreaterThan(0);
    for (const { key, sha256 } of acknowledged) {
      const content = readFileSync(join(root, "objects", key));
      expect(createHash("sha256").update(content).digest("hex")).toBe(sha256);
    }
    // What was not acknowledged in time may be there, but only whole.
    for (const name of names("objects/shared"))
      expect(readFileSync(join(root, "objects/shared", name))).toHaveLength(400_000);
    const next = await localStorage({ root }).quarantine();
    expect(names("quarantine")).toHaveLength(1);
    await next.discard();
    expect(names("quarantine")).toHaveLength(0);
  }, 60_000);
});
