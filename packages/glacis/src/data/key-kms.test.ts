import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KMS } from "@aws-sdk/client-kms";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { awsServer } from "../../../../test/support/aws-server.ts";
import { keyRingFile } from "./key-file.ts";
import { KeysUnavailableError, kmsKeyRing, newKmsKey, type KmsKeysOptions } from "./key-kms.ts";
import { newKey } from "./key-ring.ts";
import { signer } from "./signed-value.ts";

const server = await awsServer();
const client = new KMS({
  endpoint: server.endpoint,
  region: "eu-central-1",
  credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI" },
  maxAttempts: 1,
});
const ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd";
const options: KmsKeysOptions = { client, keyId: ARN, context: { app: "shop", stage: "production" } };

afterEach(() => {
  server.calls.length = 0;
  server.faults.length = 0;
});
afterAll(async () => {
  client.destroy();
  await server.close();
});

describe("kmsKeyRing", () => {
  it("opens keys that the service made and never showed, the first one current", async () => {
    const [old, fresh] = [await newKmsKey("k1", options), await newKmsKey("k2", options)];
    expect(server.calls.map(({ target }) => target)).toEqual(
      Array(2).fill("TrentService.GenerateDataKeyWithoutPlaintext"),
    );
    const before = await kmsKeyRing(old, options);
    const after = await kmsKeyRing(`${fresh}, ${old}`, options);
    expect(after.ids).toEqual(["k2", "k1"]);
    const text = signer({ keys: before, purpose: "test" }).sign("payload", { expiresInSeconds: 60 });
    expect(signer({ keys: after, purpose: "test" }).verify(text)).toBe("payload");
    const other = await kmsKeyRing(fresh, options);
    expect(signer({ keys: other, purpose: "test" }).verify(text)).toBeUndefined();
  });

  it("asks once for each key at the start, and never again", async () => {
    const keys = await kmsKeyRing(await newKmsKey("k1", options), options);
    server.calls.length = 0;
    for (const purpose of ["one", "two", "three"]) keys.derive(purpose);
    expect(server.calls).toEqual([]);
  });

  it("opens nothing in another context, or under another key", async () => {
    const wrapped = await newKmsKey("k1", options);
    const staging = { ...options, context: { app: "shop", stage: "staging" } };
    await expect(kmsKeyRing(wrapped, staging)).rejects.toMatchObject({ cause: { name: "InvalidCiphertextException" } });
    const stranger = { ...options, keyId: `${ARN}-other` };
    await expect(kmsKeyRing(wrapped, stranger)).rejects.toMatchObject({ cause: { name: "IncorrectKeyException" } });
  });

  it.each([
    ["is down", { status: 503, type: "KMSInternalException" }, "KMSInternalException"],
    ["refuses", { status: 400, type: "AccessDeniedException" }, "AccessDeniedException"],
    ["does not answer", "hang", "TimeoutError"],
  ] as const)("does not start when the service %s", async (_, fault, cause) => {
    const wrapped = await newKmsKey("k1", options);
    server.faults.push(fault);
    const opening = kmsKeyRing(wrapped, { ...options, timeoutMs: 300 });
    await expect(opening).rejects.toThrow(KeysUnavailableError);
    await expect(opening).rejects.toMatchObject({ cause: { name: cause } });
  });

  it.each([undefined, "", "k1", "k1:", "K1:AAAA", "k1:AA=A", "k1:AAAA,", `k1:${"A".repeat(9000)}`])(
    "refuses the ring %s without asking",
    async (wrapped) => {
      await expect(kmsKeyRing(wrapped, options)).rejects.toThrow(TypeError);
      expect(server.calls).toEqual([]);
    },
  );

  it("corrects what it is given", async () => {
    await expect(newKmsKey("K 1", options)).rejects.toThrow(/a-z/u);
    await expect(newKmsKey("k1", { ...options, context: {} })).rejects.toThrow(/context/u);
    await expect(newKmsKey("k1", { ...options, client: {} as never })).rejects.toThrow(/client-kms/u);
    await expect(newKmsKey("k1", { ...options, key: 1 } as never)).rejects.toThrow(/keyId/u);
    for (const timeoutMs of [0, 1.5, 60_001])
      await expect(newKmsKey("k1", { ...options, timeoutMs })).rejects.toThrow(/timeoutMs/u);
  });

  it("makes no key of an answer that holds none", async () => {
    const empty = { generateDataKeyWithoutPlaintext: async () => ({}), decrypt: async () => ({}) };
    await expect(newKmsKey("k1", { ...options, client: empty })).rejects.toThrow(KeysUnavailableError);
    await expect(kmsKeyRing("k1:AAAA", { ...options, client: empty })).rejects.toThrow(/32 bytes/u);
  });
});

describe("keyRingFile", () => {
  const folder = mkdtempSync(join(tmpdir(), "glacis-keys-"));
  const path = join(folder, "keys");
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("reads a ring that nobody else can read or change", async () => {
    const line = `${newKey("k2")},${newKey("k1")}`;
    writeFileSync(path, `${line}\n`);
    chmodSync(path, 0o600);
    expect((await keyRingFile(path)).ids).toEqual(["k2", "k1"]);
    chmodSync(path, 0o644);
    await expect(keyRingFile(path)).rejects.toThrow(/read by others/u);
    expect((await keyRingFile(path, { readableByOthers: true })).ids).toEqual(["k2", "k1"]);
    chmodSync(path, 0o666);
    await expect(keyRingFile(path, { readableByOthers: true })).rejects.toThrow(/changed by others/u);
  });

  it.runIf(process.getuid?.() === 0)(
    "reads no ring of which another user is the owner, who may change it",
    async () => {
      writeFileSync(path, newKey("k1"));
      chmodSync(path, 0o600);
      chownSync(path, 65_534, 65_534);
      await expect(keyRingFile(path)).rejects.toThrow(/belongs to another user/u);
      chmodSync(path, 0o644);
      expect((await keyRingFile(path, { readableByOthers: true })).ids).toEqual(["k1"]);
      chownSync(path, 0, 0);
    },
  );

  it("quotes nothing of a ring that is none", async () => {
    writeFileSync(path, "k1:correct-horse-battery");
    chmodSync(path, 0o600);
    await expect(keyRingFile(path)).rejects.toThrow(/32 bytes/u);
    await expect(keyRingFile(path)).rejects.not.toThrow(/horse/u);
    await expect(keyRingFile(join(folder, "none"))).rejects.toThrow(/ENOENT/u);
  });
});
