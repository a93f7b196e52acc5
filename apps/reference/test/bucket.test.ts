/** Files in a bucket instead of the data folder: the same promises, over the protocol of S3. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { s3Server, type S3Server } from "../../../test/support/s3-server.ts";
import { writePdf } from "../../../test/support/upload-samples.ts";
import { DEMO_DOCUMENTS, TEST_TENANTS } from "../src/demo.ts";
import type { Answer, Client } from "./support/client.ts";
import { startFolio, type Folio } from "./support/folio.ts";

const FILES = `/api/documents/${DEMO_DOCUMENTS.alpha}/attachments`;
const PDF = writePdf();
const FOUR = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];
const blocked = (names: readonly string[]): string =>
  `<PublicAccessBlockConfiguration>${names.map((name) => `<${name}>true</${name}>`).join("")}</PublicAccessBlockConfiguration>`;

let server: S3Server;
let folio: Folio;
let alice: Client;
beforeAll(async () => {
  server = await s3Server();
  server.publicAccessBlock = blocked(FOUR);
  vi.stubEnv("AWS_ENDPOINT_URL_S3", server.endpoint);
  vi.stubEnv("AWS_REGION", "eu-central-1");
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI");
  vi.stubEnv("AWS_MAX_ATTEMPTS", "1");
  folio = await startFolio("test-target", { FILES_BUCKET: "acme-files" });
  alice = folio.client();
  const person = TEST_TENANTS.flatMap(({ people }) => people).find(({ key }) => key === "a_user");
  await alice.signIn({ email: person?.email ?? "", password: person?.password ?? "" });
}, 180_000);
afterAll(async () => {
  await folio?.stop();
  await server?.close();
  vi.unstubAllEnvs();
});
beforeEach(() => {
  server.faults.length = 0;
});

const send = (): Promise<Answer> =>
  alice.ask(FILES, {
    method: "POST",
    parts: [{ name: "file", filename: "report.pdf", type: "application/pdf", content: PDF }],
  });
const waiting = (): readonly string[] => readdirSync(join(folio.settings.dataFolder, "quarantine"));

describe("a bucket for files", () => {
  it("takes a file that was judged, hands it out to its workspace, in parts too, and loses it when it is removed", async () => {
    const added = await send();
    expect(added.status).toBe(201);
    const [key, ...others] = [...server.objects.keys()];
    expect([key, others]).toEqual([expect.stringMatching(/^\/acme-files\/[\da-f-]{36}\/[\w-]+$/u), []]);
    expect(server.objects.get(key ?? "")?.headers).toMatchObject({
      "x-amz-server-side-encryption": "AES256",
      "content-disposition": "attachment",
    });
    // Nothing of it stays on this machine.
    expect(waiting()).toEqual([]);
    expect(existsSync(join(folio.settings.dataFolder, "files"))).toBe(false);

    const path = `/api/attachments/${String(added.json["id"])}`;
    const got = await alice.ask(path);
    expect(got.bytes.equals(PDF)).toBe(true);
    const part = await alice.ask(path, { headers: { range: "bytes=1-3" } });
    expect([part.status, part.text]).toEqual([206, "PDF"]);
    expect((await folio.client().ask(path)).status).toBe(401);

    expect((await alice.ask(path, { method: "DELETE" })).status).toBe(200);
    await expect.poll(() => server.objects.size, { timeout: 10_000 }).toBe(0);
    expect((await alice.ask(path)).status).toBe(404);
  });

  it("that fails leaves neither a row nor a file behind, and says nothing of why", async () => {
    const before = (await alice.ask(FILES)).text;
    server.faults.push(500, 500, 500);
    const refused = await send();
    expect(refused.status).toBe(503);
    expect(refused.text).not.toMatch(/acme-files|InternalError|AKID/u);
    expect((await alice.ask(FILES)).text).toBe(before);
    expect(waiting()).toEqual([]);
    expect(server.objects.size).toBe(0);
  });

  it.each([
    ["may be public", () => (server.publicAccessBlock = blocked(FOUR.slice(1))), /acme-files .*may be public/u],
    ["has no block at all", () => (server.publicAccessBlock = undefined), /acme-files .*may be public/u],
    ["is not ours", () => server.faults.push(403), /acme-files .*cannot be used/u],
  ])("that %s keeps the application from starting", async (_what, spoil, message) => {
    spoil();
    await expect(startFolio("test-target", { FILES_BUCKET: "acme-files" })).rejects.toThrow(message);
    server.publicAccessBlock = blocked(FOUR);
  });

  it("has a name, and nothing else", async () => {
    for (const name of ["https://acme.example/", "Acme", "a/b", "x"])
      await expect(startFolio("test-target", { FILES_BUCKET: name })).rejects.toThrow(/FILES_BUCKET must be the name/u);
  });
});
