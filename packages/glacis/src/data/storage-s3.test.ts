import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { S3 } from "@aws-sdk/client-s3";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { s3Server } from "../../../../test/support/s3-server.ts";
import { s3Storage } from "./storage-s3.ts";
import type { Quarantine } from "./storage.ts";

const server = await s3Server();
const folder = mkdtempSync(join(tmpdir(), "storage-s3-"));
const CLIENT = {
  forcePathStyle: true,
  region: "eu-central-1",
  credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI" },
  maxAttempts: 1,
};
const client = new S3({ ...CLIENT, endpoint: server.endpoint });
const options = { client, bucket: "files", quarantine: folder };
const PRODUCTION = { mode: "production", nodeVersion: "22", variables: new Map(), nodeOptions: [], nowMs: 0 } as const;

beforeEach(() => {
  server.objects.clear();
  server.faults.length = 0;
  server.publicAccessBlock = undefined;
});
afterAll(async () => {
  client.destroy();
  await server.close();
  rmSync(folder, { recursive: true });
});

async function write(content: string | Buffer, storage = s3Storage(options)): Promise<Quarantine> {
  const quarantine = await storage.quarantine();
  await new Promise<void>((resolve) => quarantine.stream.end(content as string, () => resolve()));
  return quarantine;
}
const about = (content: string | Buffer) => ({
  bytes: Buffer.byteLength(content),
  sha256: createHash("sha256").update(content).digest("hex"),
});

describe("a bucket", () => {
  it("keeps a file under its key, encrypted, to be saved and not cached", async () => {
    const storage = s3Storage(options);
    const key = storage.newKey("acme");
    const content = Buffer.alloc(300_000, "hello ");
    expect(await storage.size(key)).toBeUndefined();
    const quarantine = await write(content, storage);
    expect(await quarantine.commit(key, about(content))).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
    expect(server.objects.get(`/files/${key}`)?.headers).toMatchObject({
      "x-amz-server-side-encryption": "AES256",
      "content-disposition": "attachment",
      "content-type": "application/octet-stream",
      "cache-control": "no-store",
      "if-none-match": "*",
    });
    expect(await storage.size(key)).toBe(content.length);
    expect((await buffer(await storage.read(key))).equals(content)).toBe(true);
    expect((await buffer(await storage.read(key, { start: 6, end: 10 }))).toString()).toBe("hello");
    expect(await storage.remove(key)).toBe(true);
    expect(await storage.remove(key)).toBe(false);
    await expect(storage.read(key)).rejects.toThrow("There is no such file.");
  });

  it("is asked for a key of ours when there is one", async () => {
    const storage = s3Storage({ ...options, kmsKeyId: "arn:aws:kms:eu-central-1:111122223333:key/1" });
    const key = storage.newKey("acme");
    await (await write("x", storage)).commit(key, about("x"));
    expect(server.objects.get(`/files/${key}`)?.headers).toMatchObject({
      "x-amz-server-side-encryption": "aws:kms",
      "x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:eu-central-1:111122223333:key/1",
    });
  });

  it("gives a key to one of many that want it", async () => {
    const key = s3Storage(options).newKey("acme");
    const waiting = await Promise.all(Array.from({ length: 16 }, (_, index) => write(`file ${index}`)));
    const won = await Promise.all(waiting.map((one, index) => one.commit(key, about(`file ${index}`))));
    expect(won.filter(Boolean)).toHaveLength(1);
    expect(server.objects.get(`/files/${key}`)?.bytes.toString()).toBe(`file ${won.indexOf(true)}`);
    await Promise.all(waiting.map((one) => one.discard()));
    expect(readdirSync(folder)).toEqual([]);
  });

  it("takes no file whose bytes are not those that were hashed", async () => {
    const quarantine = await write("changed");
    await expect(quarantine.commit(s3Storage(options).newKey("acme"), about("hashed!"))).rejects.toThrow();
    expect(server.objects.size).toBe(0);
    await quarantine.discard();
  });

  it("is down: nothing counts as stored, as missing or as removed", async () => {
    const storage = s3Storage(options);
    const key = storage.newKey("acme");
    const quarantine = await write("x", storage);
    for (const act of [
      () => quarantine.commit(key, about("x")),
      () => storage.size(key),
      () => storage.read(key),
      () => storage.remove(key),
      () => storage.verify(),
    ]) {
      server.faults.push(503);
      await expect(act()).rejects.toThrow();
    }
    await quarantine.discard();
  });

  it("is not waited for without end, while a file that comes slowly is read to its end", async () => {
    let slow = false;
    const lazy = createServer((_, response) => {
      if (!slow) return;
      response.writeHead(200, { "content-length": 10 }).write("first");
      setTimeout(() => response.end("later"), 600);
    });
    lazy.listen(0, "127.0.0.1");
    await once(lazy, "listening");
    const endpoint = `http://127.0.0.1:${(lazy.address() as AddressInfo).port}`;
    const far = new S3({ ...CLIENT, endpoint });
    const storage = s3Storage({ ...options, client: far, timeoutMs: 300 });
    const key = storage.newKey("acme");
    await expect(storage.read(key)).rejects.toMatchObject({ name: expect.stringMatching(/Abort|Timeout/u) });
    await expect(storage.size(key)).rejects.toMatchObject({ name: expect.stringMatching(/Abort|Timeout/u) });
    slow = true;
    expect((await buffer(await storage.read(key))).toString()).toBe("firstlater");
    far.destroy();
    lazy.close();
    for (const timeoutMs of [0, -1, 0.5, NaN, "5"])
      expect(() => s3Storage({ ...options, timeoutMs: timeoutMs as number })).toThrow(/timeoutMs/u);
  });

  it("says whether it is private, and takes nothing when it is not", async () => {
    const storage = s3Storage(options);
    const rules = (): readonly string[] => storage.control.check(PRODUCTION).map(({ rule }) => rule.id);
    expect(rules()).toEqual(["private-storage/unverified"]);
    expect(await storage.verify()).toBe("public");
    expect(rules()).toEqual(["private-storage/public"]);
    await expect(storage.quarantine()).rejects.toThrow("may be public");
    const block = (restrict: boolean): string =>
      `<PublicAccessBlockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>${restrict}</RestrictPublicBuckets></PublicAccessBlockConfiguration>`;
    server.publicAccessBlock = block(false);
    expect(await storage.verify()).toBe("public");
    server.publicAccessBlock = block(true);
    expect(await storage.verify()).toBe("private");
    expect(rules()).toEqual([]);
  });

  it.each(["../x", "acme", "acme/x", ""])("takes %j for no key", async (key) => {
    const storage = s3Storage(options);
    expect(await storage.size(key)).toBeUndefined();
    await expect(storage.read(key)).rejects.toThrow("There is no such file.");
    await expect(storage.remove(key)).rejects.toThrow("There is no such file.");
  });

  it.each([
    { ...options, client: {} },
    { ...options, bucket: "" },
    { ...options, quarantine: "here" },
    { ...options, acl: "public-read" },
  ])("cannot be made of what does not fit (%#)", (wrong) => {
    expect(() => s3Storage(wrong as never)).toThrow(TypeError);
  });
});
