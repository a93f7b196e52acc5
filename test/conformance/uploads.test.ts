/** Files from a browser to the disk and back, under every framework, over real sockets. */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { authenticated, glacis, keyRing, newKey, publicAccess, routeRule, saas, type AuditRecord } from "glacis";
import { dangerouslyProvedElsewhere } from "glacis/authentication";
import { downloadLinks, localStorage } from "glacis/data";
import { download, memoryUploadQuotas, uploadQuota, uploads, type MalwareScanner } from "glacis/input";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call, writeForm, type Answer, type Form } from "../support/upload-client.ts";
import { ladenImage, writePdf, writePng } from "../support/upload-samples.ts";
import { writeDocx } from "../support/zip-writer.ts";
import { json, type Application, type Build, type Reply } from "./application.ts";
import { express4Build, express5Build } from "./frameworks/express.ts";
import { fastifyBuild } from "./frameworks/fastify.ts";
import { honoBuild } from "./frameworks/hono.ts";

const MAX_BYTES = 300_000;
const HOST = { host: "app.example.com", "x-forwarded-proto": "https", "x-forwarded-host": "app.example.com" };
const ORIGIN = { origin: "https://app.example.com", "sec-fetch-site": "same-origin" };
const PDF = writePdf();
const formOf = (content: Buffer = PDF, filename = "report.pdf", type = "application/pdf"): Form =>
  writeForm([{ name: "file", filename, type, content }]);

/** Stands for a scanner; `clamdScanner` has its own tests against a socket. */
const scanner: MalwareScanner = {
  name: "marker",
  async scan(file) {
    const text = (await file.read(0, file.size)).toString("latin1");
    if (text.includes("SCANNER-THROWS")) throw new Error("SECRET scanner failure");
    if (text.includes("SCANNER-FAILS")) return { kind: "failed", cause: "timeout" };
    return { kind: text.includes("MALWARE") ? "infected" : "clean" };
  },
};

interface World {
  readonly server: Server;
  readonly port: number;
  readonly root: string;
  readonly records: AuditRecord[];
  readonly cookie: string;
  readonly token: string;
}

async function build(make: Build): Promise<World> {
  const root = mkdtempSync(join(tmpdir(), "uploads-"));
  const records: AuditRecord[] = [];
  const keys = keyRing(newKey("k1"));
  const layers = saas({
    mode: "test",
    origin: "https://app.example.com",
    keys,
    proxies: ["127.0.0.1/32"],
    limits: { client: "100000/m" },
    audit: (record) => void records.push(record),
  });
  const security = glacis(layers);
  const storage = localStorage({ root });
  const links = downloadLinks({ keys });
  const upload = uploads({
    storage,
    accept: ["pdf", "png", "docx"],
    maxBytes: MAX_BYTES,
    maxFiles: 2,
    maxFields: 3,
    maxIdleSeconds: 1,
    scan: scanner,
    quota: uploadQuota({ store: memoryUploadQuotas(), bytes: 20_000_000 }),
  });
  const full = uploads({
    accept: ["pdf"],
    storage: {
      ...storage,
      async quarantine() {
        const quarantine = await storage.quarantine();
        const write = quarantine.stream.write.bind(quarantine.stream);
        let written = 0;
        Object.assign(quarantine.stream, {
          write(chunk: Buffer, ...rest: never[]) {
            if ((written += chunk.length) < 100_000) return write(chunk, ...rest);
            (quarantine.stream as unknown as { destroy(error: Error): void }).destroy(
              Object.assign(new Error("no space left"), { code: "ENOSPC" }),
            );
            return false;
          },
        });
        return quarantine;
      },
    },
  });
  const { bodyBytes } = upload;
  const application: Application = {
    groups: [],
    routes: [
      {
        method: "POST",
        path: "/sign-in",
        rule: routeRule(publicAccess("a test"), { kind: "api", csrfExempt: "a test" }),
        async behave({ exchange }) {
          await layers.sessions.establish(exchange, [dangerouslyProvedElsewhere("ada", exchange.receivedAtMs)], {
            userId: "ada",
            tenantId: "acme",
            roles: ["member"],
          });
          return json({ token: layers.csrf.token(exchange) });
        },
      },
      {
        method: "POST",
        path: "/files",
        rule: routeRule(authenticated(), { kind: "api", bodyBytes }),
        behave: async ({ exchange }) => {
          const { files, fields } = await upload.receive(exchange);
          return json({ files, fields: Object.fromEntries(fields) });
        },
      },
      {
        method: "POST",
        path: "/form",
        rule: routeRule(authenticated(), { bodyBytes, csrfExempt: "the token is the first field" }),
        behave: async ({ exchange }) =>
          json(await upload.receive(exchange, { csrf: (token) => layers.csrf.verify(exchange, token) })),
      },
      {
        method: "POST",
        path: "/forgotten",
        rule: routeRule(authenticated(), { bodyBytes, csrfExempt: "a mistake" }),
        behave: async ({ exchange }) => json(await upload.receive(exchange)),
      },
      {
        method: "POST",
        path: "/full",
        rule: routeRule(authenticated(), { kind: "api", bodyBytes }),
        behave: async ({ exchange }) => json(await full.receive(exchange)),
      },
      {
        method: "GET",
        path: "/links/:tenant/:id",
        rule: routeRule(authenticated(), { kind: "api" }),
        behave: ({ params }) =>
          json({
            link: links.mint(
              { key: `${params["tenant"]}/${params["id"]}`, filename: "r\u00e9sum\u00e9\r\n.html" },
              "ada",
            ),
          }),
      },
      {
        method: "GET",
        path: "/files",
        rule: routeRule(authenticated(), { kind: "download" }),
        async behave({ exchange }): Promise<Reply> {
          const { principal } = exchange;
          const ticket = links.redeem(
            new URLSearchParams(exchange.query).get("link"),
            principal.kind === "anonymous" ? "" : principal.id,
          );
          if (ticket === undefined) return { kind: "send", status: 403, body: "no" };
          const { status, headers, body } = await download(exchange, storage, { ...ticket, scan: "clean" });
          return {
            kind: "raw",
            write(response) {
              response.writeHead(status, Object.fromEntries(headers));
              if (body === undefined) response.end();
              else void pipeline(body, response).catch(() => undefined);
            },
          };
        },
      },
    ],
  };
  const server = await make(application, security);
  const { port } = server.address() as AddressInfo;
  const signed = await call(port, "/sign-in", {
    method: "POST",
    headers: { ...HOST, ...ORIGIN, "content-length": "0" },
  });
  const cookie = [signed.headers["set-cookie"] ?? []]
    .flat()
    .map((line) => line.split(";")[0])
    .join("; ");
  return { server, port, root, records, cookie, token: String(signed.json()["token"]) };
}

const FRAMEWORKS: readonly (readonly [string, Build])[] = [
  ["Express 5", express5Build],
  ["Express 4", express4Build],
  ["Fastify", fastifyBuild],
  ["Hono", honoBuild],
];

describe.each(FRAMEWORKS)("an upload under %s", (_name, make) => {
  let world: World;
  beforeAll(async () => {
    world = await build(make);
  });
  afterAll(() => {
    world.server.closeAllConnections();
    world.server.close();
    rmSync(world.root, { recursive: true });
  });

  const signed = () => ({ ...HOST, ...ORIGIN, cookie: world.cookie });
  const send = (
    form: Form,
    {
      path = "/files",
      headers = {},
      chunked = false,
    }: { path?: string; headers?: Record<string, string>; chunked?: boolean } = {},
  ): Promise<Answer> =>
    call(world.port, path, {
      method: "POST",
      body: form.body,
      chunked,
      headers: { ...signed(), "x-csrf-token": world.token, "content-type": form.contentType, ...headers },
    });
  const waiting = (): readonly string[] => readdirSync(join(world.root, "quarantine"));
  const stored = (): readonly string[] => {
    const folder = join(world.root, "objects", "acme");
    return existsSync(folder) ? readdirSync(folder) : [];
  };
  /** Whatever happens, nothing new is stored and nothing is left waiting. */
  async function expectNothingLeft<Result>(act: () => Promise<Result>): Promise<Result> {
    const before = stored();
    const result = await act();
    for (const until = Date.now() + 3000; waiting().length > 0 && Date.now() < until;) await sleep(20);
    expect(waiting()).toEqual([]);
    expect(stored()).toEqual(before);
    return result;
  }

  it("stores what it is given, under a name of its own, and says so once", async () => {
    world.records.length = 0;
    const content = writePdf(`/Pad (${"x".repeat(200_000)})`);
    const form = writeForm([
      { name: "title", content: "Quarterly" },
      { name: "file", filename: "C:\\fakepath\\Q3 report.pdf", type: "application/pdf", content },
    ]);
    const answer = await send(form);
    expect(answer.status).toBe(200);
    const { files, fields } = answer.json() as { files: Record<string, unknown>[]; fields: unknown };
    const sha256 = createHash("sha256").update(content).digest("hex");
    expect(files).toEqual([
      {
        field: "file",
        key: expect.stringMatching(/^acme\/[a-f0-9]{32}$/u),
        originalName: "Q3 report.pdf",
        kind: "pdf",
        mediaType: "application/pdf",
        bytes: content.length,
        sha256,
        scan: "clean",
      },
    ]);
    expect(fields).toEqual({ title: ["Quarterly"] });
    expect(readFileSync(join(world.root, "objects", String(files[0]?.["key"]))).equals(content)).toBe(true);
    expect(waiting()).toEqual([]);
    expect(world.records.filter(({ event_type }) => event_type === "upload").map(({ event }) => event)).toEqual([
      "upload_stored",
    ]);
  });

  it("keeps a picture without what was recorded beside it, and says what it kept", async () => {
    const content = ladenImage("png", writePng());
    const answer = await send(formOf(content, "a.png", "image/png"));
    expect(answer.status).toBe(200);
    const [file] = (answer.json() as { files: { key: string; bytes: number; sha256: string }[] }).files;
    const kept = readFileSync(join(world.root, "objects", String(file?.key)));
    expect(kept.equals(writePng())).toBe(true);
    expect(file).toMatchObject({
      bytes: kept.length,
      sha256: createHash("sha256").update(kept).digest("hex"),
      scan: "clean",
    });
    expect(waiting()).toEqual([]);
  });

  it("takes several files, and a file at exactly the limit", async () => {
    const most = writePdf(`/Pad (${"x".repeat(MAX_BYTES - writePdf("/Pad ()").length)})`);
    const form = writeForm([
      { name: "a", filename: "a.docx", content: writeDocx(), type: "application/octet-stream" },
      { name: "b", filename: "b.pdf", content: most, type: "application/pdf" },
    ]);
    expect(most).toHaveLength(MAX_BYTES);
    const answer = await send(form, { chunked: true });
    expect(answer.status).toBe(200);
    expect((answer.json() as { files: unknown[] }).files).toHaveLength(2);
  });

  it.each([
    [
      "one byte too many",
      () => formOf(Buffer.alloc(MAX_BYTES + 1)),
      413,
      { code: "upload_limit_exceeded", limit_name: "maxBytes", limit: MAX_BYTES },
    ],
    ["more than the route takes", () => formOf(Buffer.alloc(3 * MAX_BYTES)), 413, { limit: expect.any(Number) }],
    [
      "too many files",
      () =>
        writeForm(
          [1, 2, 3].map((index) => ({ name: "a", filename: `${index}.pdf`, type: "application/pdf", content: PDF })),
        ),
      413,
      { limit_name: "maxFiles", limit: 2 },
    ],
    [
      "too many fields",
      () => writeForm([1, 2, 3, 4].map((index) => ({ name: `a${index}`, content: "x" }))),
      413,
      { limit_name: "maxFields", limit: 3 },
    ],
    [
      "a field that is too long",
      () => writeForm([{ name: "a", content: "x".repeat(9000) }]),
      413,
      { limit_name: "fieldBytes", limit: 8192 },
    ],
    ["no file", () => writeForm([{ name: "a", content: "x" }]), 422, { code: "upload_refused" }],
    [
      "an empty file input",
      () => formOf(Buffer.alloc(0), "", "application/octet-stream"),
      422,
      { code: "upload_refused" },
    ],
    ["an empty file", () => formOf(Buffer.alloc(0)), 422, { code: "upload_refused" }],
    [
      "HTML that calls itself PDF",
      () => formOf(Buffer.from("<html><script>alert(1)</script>")),
      422,
      { code: "upload_refused" },
    ],
    ["another type than its name", () => formOf(PDF, "a.pdf", "text/html"), 422, { code: "upload_refused" }],
    ["a program", () => formOf(PDF, "a.exe"), 422, { code: "upload_refused" }],
    ["a deceptive name", () => formOf(PDF, "a\u202efdp.pdf"), 422, { code: "upload_refused" }],
    [
      "a huge picture",
      () => formOf(writePng(60_000, 60_000), "a.png", "image/png"),
      422,
      { code: "upload_refused", limit_name: "maxPixels", limit: 50_000_000 },
    ],
    [
      "a script in a picture",
      () => formOf(writePng(1, 1, [["tEXt", "Comment\0<script>alert(1)</script>"]]), "a.png", "image/png"),
      422,
      { code: "upload_refused" },
    ],
    ["malware", () => formOf(writePdf("/Marker (MALWARE)")), 422, { code: "upload_infected" }],
    [
      "what the scanner has no answer for",
      () => formOf(writePdf("/Marker (SCANNER-FAILS)")),
      503,
      { code: "control_failed" },
    ],
    ["what the scanner breaks on", () => formOf(writePdf("/Marker (SCANNER-THROWS)")), 503, { code: "control_failed" }],
    [
      "a good file and a bad one",
      () =>
        writeForm([
          { name: "a", filename: "a.pdf", type: "application/pdf", content: PDF },
          { name: "b", filename: "b.pdf", type: "application/pdf", content: "hello" },
        ]),
      422,
      { code: "upload_refused" },
    ],
    [
      "a form that breaks off",
      () => ({ ...formOf(), body: formOf().body.subarray(0, 200) }),
      400,
      { code: "body_malformed" },
    ],
    [
      "another boundary",
      () => ({ ...formOf(), contentType: "multipart/form-data; boundary=other" }),
      400,
      { code: "body_malformed" },
    ],
    ["no boundary", () => ({ ...formOf(), contentType: "multipart/form-data" }), 400, { code: "body_malformed" }],
    [
      "another media type",
      () => ({ ...formOf(), contentType: "multipart/mixed; boundary=a" }),
      415,
      { code: "media_type_unsupported" },
    ],
    [
      "a transfer encoding",
      () => {
        const { contentType, body } = formOf();
        return {
          contentType,
          body: Buffer.from(
            body.toString("latin1").replace("\r\n\r\n", "\r\ncontent-transfer-encoding: base64\r\n\r\n"),
            "latin1",
          ),
        };
      },
      400,
      { code: "body_malformed" },
    ],
  ] as const)("refuses %s, stores nothing, and says why once", async (_what, form, status, members) => {
    world.records.length = 0;
    for (const chunked of [false, true]) {
      const answer = await expectNothingLeft(() => send(form(), { chunked }));
      expect(answer.status).toBe(status);
      // Fastify refuses types that it has no parser for, in its own words.
      if (status !== 415) expect(answer.json()).toMatchObject(members);
      expect(answer.body.toString()).not.toContain("SECRET");
    }
    const told = world.records.filter(({ status: outcome }) => outcome !== "succeeded" && outcome !== "observed");
    if (status !== 415) expect(told, JSON.stringify(told)).toHaveLength(2);
    if (status !== 422) return;
    const wanted = "code" in members && members.code === "upload_infected" ? "malicious_upload" : "upload_validation";
    expect(told.map(({ event }) => event)).toEqual([wanted, wanted]);
  });

  it("writes nothing for a stranger, for another site, and without a token", async () => {
    const strangers: readonly Record<string, string>[] = [
      { cookie: "" },
      { origin: "https://evil.example", "sec-fetch-site": "cross-site" },
      { "x-csrf-token": "" },
    ];
    for (const headers of strangers) {
      const answer = await expectNothingLeft(() => send(formOf(), { headers }));
      expect([401, 403]).toContain(answer.status);
    }
  });

  it("takes the token from the first field, before it looks at a file", async () => {
    const file = { name: "file", filename: "a.pdf", type: "application/pdf", content: PDF };
    const field = { name: "csrf_token", content: world.token };
    const headers = { "x-csrf-token": "" };
    expect((await send(writeForm([field, file]), { path: "/form", headers })).status).toBe(200);
    for (const parts of [
      [file, field],
      [file],
      [{ ...field, content: "x" }, file],
      [{ name: "other", content: world.token }, file],
    ]) {
      const answer = await expectNothingLeft(() => send(writeForm(parts), { path: "/form", headers }));
      expect(answer.status).toBe(403);
    }
    expect((await expectNothingLeft(() => send(writeForm([file]), { path: "/forgotten", headers }))).status).toBe(500);
  });

  it("leaves nothing behind when the client goes away, at any byte", async () => {
    const { contentType, body } = formOf();
    const head = `POST /files HTTP/1.1\r\nhost: app.example.com\r\nx-forwarded-proto: https\r\norigin: https://app.example.com\r\ncookie: ${world.cookie}\r\nx-csrf-token: ${world.token}\r\ncontent-type: ${contentType}\r\ncontent-length: ${body.length}\r\n\r\n`;
    await expectNothingLeft(async () => {
      for (let start = 0; start < body.length; start += 32)
        await Promise.all(
          Array.from({ length: Math.min(32, body.length - start) }, (_, index) =>
            abandon(world.port, Buffer.concat([Buffer.from(head), body.subarray(0, start + index)])),
          ),
        );
      await sleep(100);
    });
  }, 60_000);

  it("lets nobody hold a place by sending slowly", async () => {
    const { contentType, body } = formOf();
    const answer = await expectNothingLeft(() =>
      dribble(
        world.port,
        `POST /files HTTP/1.1\r\nhost: app.example.com\r\nx-forwarded-proto: https\r\norigin: https://app.example.com\r\ncookie: ${world.cookie}\r\nx-csrf-token: ${world.token}\r\ncontent-type: ${contentType}\r\ncontent-length: ${body.length}\r\n\r\n`,
        body.subarray(0, 300),
      ),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 408 /u);
    expect(answer).toContain('"limit_name":"maxIdleSeconds","limit":1');
  });

  it("refuses when the disk is full", async () => {
    const answer = await expectNothingLeft(() =>
      send(formOf(writePdf(`/Pad (${"x".repeat(250_000)})`)), { path: "/full" }),
    );
    expect(answer.status).toBe(503);
    expect(answer.json()).toMatchObject({ code: "control_failed" });
  });

  it("hands a file out to be saved, to the one it was linked for", async () => {
    const sent = (await send(formOf())).json() as { files: { key: string }[] };
    const { link } = (await call(world.port, `/links/${sent.files[0]?.key}`, { headers: signed() })).json();
    const fetch = (headers: Record<string, string> = {}): Promise<Answer> =>
      call(world.port, `/files?link=${String(link)}`, { headers: { ...signed(), ...headers } });
    const whole = await fetch();
    expect(whole.status).toBe(200);
    expect(whole.body.equals(PDF)).toBe(true);
    expect(whole.headers).toMatchObject({
      "content-type": "application/octet-stream",
      "content-disposition": "attachment; filename=\"r_sum_.html\"; filename*=UTF-8''r%C3%A9sum%C3%A9.html",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
      "content-security-policy": expect.stringContaining("sandbox"),
      "cross-origin-resource-policy": "same-origin",
      "content-length": String(PDF.length),
    });
    const part = await fetch({ range: "bytes=5-9" });
    expect([part.status, part.headers["content-range"], part.body.toString("latin1")]).toEqual([
      206,
      `bytes 5-9/${PDF.length}`,
      "1.7\n%",
    ]);
    expect((await fetch({ range: `bytes=${PDF.length}-` })).status).toBe(416);
    expect((await call(world.port, `/files?link=${String(link).slice(0, -2)}xx`, { headers: signed() })).status).toBe(
      403,
    );
    expect((await call(world.port, `/files?link=${String(link)}`, { headers: { ...HOST } })).status).toBe(401);
  });
});

/** Sends some bytes and breaks the connection. */
async function abandon(port: number, bytes: Buffer): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect(port, "127.0.0.1", () =>
      socket.write(bytes, () => setTimeout(() => socket.resetAndDestroy(), 2)),
    );
    socket.on("error", () => undefined);
    socket.on("close", () => resolve());
  });
}

/** Sends the beginning, and then nothing, until the server answers. */
async function dribble(port: number, head: string, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(Buffer.concat([Buffer.from(head), bytes])));
    socket.on("data", (chunk: Buffer) => void (text += chunk.toString("latin1")));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text));
  });
}
