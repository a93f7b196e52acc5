import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EICAR, startClamd, type Clamd } from "../../../../test/support/clamd-server.ts";
import { localStorage } from "../data/storage-local.ts";
import { clamdScanner } from "./malware-clamd.ts";
import { uploads, type UploadsOptions } from "./uploads.ts";

const root = mkdtempSync(join(tmpdir(), "rescan-"));
const storage = localStorage({ root });
let clamd: Clamd;
beforeAll(async () => {
  clamd = await startClamd();
});
afterAll(() => {
  clamd.close();
  rmSync(root, { recursive: true });
});

async function keep(content: string): Promise<{ readonly key: string; readonly bytes: number }> {
  const key = storage.newKey("acme");
  const file = await storage.quarantine();
  await pipeline([Buffer.from(content)], file.stream);
  await file.commit(key, { bytes: content.length, sha256: "" });
  return { key, bytes: content.length };
}

const uploadsWith = (options: Partial<UploadsOptions>) => uploads({ storage, accept: ["txt"], ...options });

describe("a file that nobody could scan", () => {
  it("is scanned again as it lies there, byte for byte, and nothing of that is left", async () => {
    const upload = uploadsWith({ scan: clamdScanner({ host: "127.0.0.1", port: clamd.port }), unscanned: "keep" });
    const text = "plain text ".repeat(50_000);
    expect(await upload.rescan(await keep(text))).toBe("clean");
    expect(clamd.scanned.at(-1)?.toString()).toBe(text);
    expect(await upload.rescan(await keep(EICAR))).toBe("infected");
    for (const how of ["close", "garbage", "half", "unknown"] as const) {
      clamd.behave(how);
      expect(await upload.rescan(await keep(EICAR)), how).toBe("pending");
    }
    clamd.behave("scan");
    expect(readdirSync(join(root, "quarantine"))).toEqual([]);
  });

  it("stays pending without a scanner, with one that throws, and is an error where it is gone", async () => {
    expect(await uploadsWith({}).rescan(await keep("text"))).toBe("pending");
    const broken = { name: "broken", scan: () => Promise.reject(new Error("broken")) };
    const upload = uploadsWith({ scan: broken });
    expect(await upload.rescan(await keep("text"))).toBe("pending");
    await expect(upload.rescan({ key: storage.newKey("acme"), bytes: 4 })).rejects.toThrow("There is no such file.");
    expect(readdirSync(join(root, "quarantine"))).toEqual([]);
  });

  it("is refused or kept, and nothing between", () => {
    expect(() => uploadsWith({ unscanned: "maybe" as "keep" })).toThrow(/unscanned/u);
  });
});
