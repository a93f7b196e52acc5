/** Files of documents: what may come in, where it lies, who gets it, and what is left when it goes. */
import { createHash, randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { PGlite } from "@electric-sql/pglite";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writePdf, writePng, SVG } from "../../../test/support/upload-samples.ts";
import { writeForm } from "../../../test/support/upload-client.ts";
import { writeDocx, writeZip } from "../../../test/support/zip-writer.ts";
import { EICAR, startClamd, type Clamd } from "../../../test/support/clamd-server.ts";
import { DEMO_DOCUMENTS, TEST_TENANTS } from "../src/demo.ts";
import type { Answer, Client } from "./support/client.ts";
import { startFolio, temporaryFolder, type Folio } from "./support/folio.ts";

const [alpha] = TEST_TENANTS;
const TENANT = alpha?.id ?? "";
const DOCUMENT = DEMO_DOCUMENTS.alpha;
const FILES = `/api/documents/${DOCUMENT}/attachments`;
const PDF = writePdf();
const LARGEST = 10 * 1024 * 1024;

let folio: Folio;
let clamd: Clamd;
let alice: Client;
let amy: Client;
let bob: Client;
beforeAll(async () => {
  clamd = await startClamd(2 * LARGEST);
  folio = await startFolio("test-target", { CLAMD: `127.0.0.1:${clamd.port}` });
  [alice, amy, bob] = await Promise.all([
    signedIn(folio, "a_user"),
    signedIn(folio, "a_user2"),
    signedIn(folio, "b_user"),
  ]);
}, 180_000);
afterAll(async () => {
  await folio?.stop();
  clamd?.close();
});

async function signedIn(running: Folio, key: string): Promise<Client> {
  const person = TEST_TENANTS.flatMap(({ people }) => people).find((one) => one.key === key);
  const signed = running.client();
  await signed.signIn({ email: person?.email ?? "", password: person?.password ?? "" });
  return signed;
}

const part = (content: Buffer | string = PDF, filename = "report.pdf", type = "application/pdf") => ({
  name: "file",
  filename,
  type,
  content,
});
const send = (client: Client, file = part(), path: string = FILES): Promise<Answer> =>
  client.ask(path, { method: "POST", parts: [file] });

function filesIn(folder: string): readonly string[] {
  const path = join(folio.settings.dataFolder, "files", folder);
  return existsSync(path) ? readdirSync(path) : [];
}
const stored = (): readonly string[] => filesIn(`objects/${TENANT}`);

/** Whatever happens, nothing new is kept and nothing is left waiting. */
async function expectNothingKept<Result>(act: () => Promise<Result>): Promise<Result> {
  const [before, listed] = [stored(), (await alice.ask(FILES)).text];
  const result = await act();
  for (const until = Date.now() + 3000; filesIn("quarantine").length > 0 && Date.now() < until;) await sleep(20);
  expect(filesIn("quarantine")).toEqual([]);
  expect(stored()).toEqual(before);
  expect((await alice.ask(FILES)).text).toBe(listed);
  return result;
}

describe("a file", () => {
  it("is kept under a key of ours, listed, handed out as it came, and removed from the disk", async () => {
    const content = writeDocx();
    const added = await send(
      alice,
      part(content, "C:\\fakepath\\Q3 r\u00e9sum\u00e9.docx", "application/octet-stream"),
    );
    expect(added.status, added.text).toBe(201);
    const { id, ...rest } = added.json;
    expect(rest).toEqual({
      documentId: DOCUMENT,
      name: "Q3 r\u00e9sum\u00e9.docx",
      mediaType: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
      bytes: content.length,
      sha256: createHash("sha256").update(content).digest("hex"),
      scan: "clean",
      addedBy: "Alice Abel",
      createdAt: expect.any(String),
    });
    expect(added.headers.get("location")).toBe(`/api/attachments/${String(id)}`);
    expect(stored()).toHaveLength(1);
    expect(stored()[0]).toMatch(/^[0-9a-f]{32}$/u);
    expect((await alice.ask(FILES)).json["attachments"]).toEqual([added.json]);

    const got = await alice.ask(`/api/attachments/${String(id)}`);
    expect(got.bytes.equals(content)).toBe(true);
    expectInert(got);
    expect(got.headers.get("content-disposition")).toBe(
      `attachment; filename="Q3 r_sum_.docx"; filename*=UTF-8''Q3%20r%C3%A9sum%C3%A9.docx`,
    );
    const some = await alice.ask(`/api/attachments/${String(id)}`, { headers: { range: "bytes=2-5" } });
    expect([some.status, some.headers.get("content-range")]).toEqual([206, `bytes 2-5/${content.length}`]);
    expect(some.bytes.equals(content.subarray(2, 6))).toBe(true);
    const beyond = await alice.ask(`/api/attachments/${String(id)}`, { headers: { range: "bytes=99999999-" } });
    expect(beyond.status).toBe(416);

    expect((await alice.ask(`/api/attachments/${String(id)}`, { method: "DELETE" })).status).toBe(200);
    expect(stored()).toEqual([]);
    expect((await alice.ask(`/api/attachments/${String(id)}`)).status).toBe(404);
  });

  function expectInert({ headers }: Answer): void {
    expect(headers.get("content-type")).toBe("application/octet-stream");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("cache-control")).toMatch(/no-store/u);
    expect(headers.get("content-security-policy")).toMatch(/sandbox/u);
    expect(headers.get("content-disposition")).toMatch(/^attachment/u);
  }

  it("is a person's by a link that lives for a minute, works for him alone, and only while he may read", async () => {
    const { json } = await send(alice);
    const page = `/documents/${DOCUMENT}/attachments/${String(json["id"])}`;
    const { status, headers } = await alice.ask(page);
    const link = headers.get("location") ?? "";
    expect(status).toBe(303);
    expect(link).toMatch(/^\/files\?link=[\w.%-]+$/u);
    expect(link).not.toContain("report");
    const got = await alice.ask(link);
    expect(got.bytes.equals(PDF)).toBe(true);
    expectInert(got);
    for (const client of [amy, bob]) expect((await client.ask(link)).status).toBe(404);
    expect((await folio.client().ask(link)).status).toBe(401);
    for (const altered of [
      `${link}a`,
      link.replace(/.$/u, "A"),
      "/files",
      "/files?link=",
      `${link}&link=${"a".repeat(80)}`,
    ])
      if (altered !== link) expect((await alice.ask(altered)).status, altered).toBe(404);
    await alice.ask(`/api/attachments/${String(json["id"])}`, { method: "DELETE" });
    expect((await alice.ask(link)).status).toBe(404);
  });

  it("follows the document: readers download, editors add and remove, others find nothing", async () => {
    const { json } = await send(alice);
    const address = `/api/attachments/${String(json["id"])}`;
    const amyId = alpha?.people.find(({ key }) => key === "a_user2")?.id ?? "";
    const share = (permission: string) =>
      alice.ask(`/api/documents/${DOCUMENT}/shares`, { method: "POST", json: { userId: amyId, permission } });
    const attempts = async (client: Client) => [
      (await client.ask(FILES)).status,
      (await client.ask(address)).status,
      (await expectNothingKept(() => send(client))).status,
      (await client.ask(address, { method: "DELETE" })).status,
    ];
    expect(await attempts(amy)).toEqual([404, 404, 404, 404]);
    expect(await attempts(bob)).toEqual([404, 404, 404, 404]);
    expect(await attempts(folio.client())).toEqual([401, 401, 401, 401]);
    await share("view");
    expect(await attempts(amy)).toEqual([200, 200, 404, 404]);
    await share("edit");
    expect((await send(amy)).status).toBe(201);
    expect((await amy.ask(address, { method: "DELETE" })).status).toBe(200);
    await alice.ask(`/api/documents/${DOCUMENT}/shares/${amyId}`, { method: "DELETE" });
    for (const file of (await alice.ask(FILES)).json["attachments"] as { id: string }[])
      await alice.ask(`/api/attachments/${file.id}`, { method: "DELETE" });
    expect(stored()).toEqual([]);
  });

  it("needs the token, from a page of ours", async () => {
    const parts = [part()];
    for (const options of [
      { csrf: false },
      { headers: { origin: "https://evil.example" } },
      { page: true, csrf: false },
      { page: true, headers: { origin: "https://evil.example" } },
    ]) {
      const path = "page" in options ? `/documents/${DOCUMENT}/attachments` : FILES;
      const answer = await expectNothingKept(() => alice.ask(path, { method: "POST", parts, ...options }));
      expect(answer.status).toBe(403);
    }
    const late = [part(), { name: "csrf_token", content: String((await alice.ask("/api/csrf")).json["csrfToken"]) }];
    const path = `/documents/${DOCUMENT}/attachments`;
    const answer = await expectNothingKept(() =>
      alice.ask(path, { method: "POST", parts: late, page: true, csrf: false }),
    );
    expect(answer.status).toBe(403);
  });
});

describe("what is refused leaves nothing behind", () => {
  const bomb = writeZip([{ name: "word/document.xml", data: "0".repeat(20_000_000) }]);
  it.each<[string, Buffer | string, string, string?]>([
    ["HTML that calls itself PDF", "<html><script>alert(1)</script>", "a.pdf"],
    ["a PDF that runs a program", writePdf("/OpenAction << /S /Launch /F (calc.exe) >>"), "a.pdf"],
    ["a PDF with script", writePdf("/OpenAction << /S /JavaScript /JS (app.alert(1)) >>"), "a.pdf"],
    ["a PDF with script behind escapes", writePdf("/OpenAction << /S /J#61vaScript /J#53 (app.alert(1)) >>"), "a.pdf"],
    ["a PDF that is an archive as well", Buffer.concat([PDF, writeZip([{ name: "a", data: "x" }])]), "a.pdf"],
    [
      "a picture that is a page as well",
      writePng(1, 1, [["tEXt", "Comment\0<script>alert(1)</script>"]]),
      "a.png",
      "image/png",
    ],
    ["a picture of four billion pixels", writePng(65_535, 65_535), "a.png", "image/png"],
    ["an archive that calls itself a document", writeZip([{ name: "a.txt", data: "x" }]), "a.docx"],
    ["a document that unpacks to a thousand times its size", bomb, "a.docx"],
    ["a drawing, which may hold script", SVG, "a.svg", "image/svg+xml"],
    ["a drawing that calls itself text", SVG, "a.txt", "text/plain"],
    ["a page that calls itself text", "<!doctype html><script>alert(1)</script>", "a.txt", "text/plain"],
    ["a program", "MZ\x90\0", "a.exe", "application/octet-stream"],
    ["a program between two dots", PDF, "a.exe.pdf"],
    ["a program after a null", PDF, "a.pdf\0.exe"],
    ["a name that reads backwards", PDF, "a\u202efdp.exe"],
    ["a name that is a device", PDF, "CON.pdf"],
    ["a name that ends in a dot", PDF, "a.pdf."],
    ["a name with look-alike letters", PDF, "a.\u0440df"],
    ["a name without an end", PDF, "a"],
    ["a hidden name", PDF, ".pdf"],
    ["a name of 300 letters", PDF, `${"a".repeat(300)}.pdf`],
    ["another type than its name says", PDF, "a.pdf", "image/png"],
    ["an empty file", "", "a.pdf"],
    ["half a file", PDF.subarray(0, 40), "a.pdf"],
  ])("%s", async (_what, content, filename, type = "application/pdf") => {
    const answer = await expectNothingKept(() => send(alice, part(content, filename, type)));
    expect(answer.status, answer.text).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.text).not.toMatch(/alert|\.exe|<script/u);
  });

  it("a file one byte too large, two files, and other fields, each with the limit or the name", async () => {
    const large = await expectNothingKept(() => send(alice, part(Buffer.alloc(LARGEST + 1, "%"))));
    expect([large.status, large.json["limit_name"], large.json["limit"]]).toEqual([413, "maxBytes", LARGEST]);
    const two = await expectNothingKept(() => alice.ask(FILES, { method: "POST", parts: [part(), part()] }));
    expect([two.status, two.json["limit_name"], two.json["limit"]]).toEqual([413, "maxFiles", 1]);
    const stray = [{ name: "tenant_id", content: randomUUID() }, part()];
    const other = await expectNothingKept(() => alice.ask(FILES, { method: "POST", parts: stray }));
    expect([other.status, other.json["errors"]]).toEqual([
      422,
      [{ in: "form", pointer: "/tenant_id", message: "This field does not exist." }],
    ]);
    const misnamed = [{ ...part(), name: "document" }];
    expect((await expectNothingKept(() => alice.ask(FILES, { method: "POST", parts: misnamed }))).status).toBe(422);
    expect((await expectNothingKept(() => alice.ask(FILES, { method: "POST", parts: [] }))).status).toBe(422);
    expect((await expectNothingKept(() => alice.ask(FILES, { method: "POST", json: {} }))).status).toBe(415);
  });

  it("a sender who leaves in the middle, and one whose length is a lie", async () => {
    const { contentType, body } = writeForm([part(writePdf(`/Pad (${"x".repeat(500_000)})`))]);
    const token = String((await alice.ask("/api/csrf")).json["csrfToken"]);
    const cookie = [...alice.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    for (const length of [body.length, body.length + 1000, 200]) {
      await expectNothingKept(
        () =>
          new Promise<void>((resolve) => {
            const socket = connect(folio.settings.port, "127.0.0.1");
            socket.on("close", () => resolve());
            socket.on("error", () => resolve());
            socket.write(
              `POST ${FILES} HTTP/1.1\r\nhost: ${new URL(folio.settings.origin).host}\r\norigin: ${folio.settings.origin}\r\n` +
                `cookie: ${cookie}\r\nx-csrf-token: ${token}\r\ncontent-type: ${contentType}\r\ncontent-length: ${length}\r\n\r\n`,
            );
            socket.write(length === 200 ? body : body.subarray(0, 300_000));
            setTimeout(() => socket.destroy(), 300);
          }),
      );
    }
  });

  it("more files than a document takes, however many come at once", { timeout: 180_000 }, async () => {
    const { json } = await alice.ask("/api/documents", { method: "POST", json: { title: "Full" } });
    const path = `/api/documents/${String(json["id"])}/attachments`;
    const statuses: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      const answers = await Promise.all(Array.from({ length: 9 }, () => send(alice, part(), path)));
      statuses.push(...answers.map(({ status }) => status));
    }
    expect(statuses.filter((status) => status === 201)).toHaveLength(50);
    expect(statuses.filter((status) => status === 413)).toHaveLength(4);
    expect(stored()).toHaveLength(50);
    const full = await send(alice, part(), path);
    expect(full.json).toMatchObject({ code: "upload_limit_exceeded", limit_name: "filesPerDocument", limit: 50 });
    expect((await alice.ask(`/api/documents/${String(json["id"])}`, { method: "DELETE" })).status).toBe(200);
    expect(stored()).toEqual([]);
  });
});

describe("the page", () => {
  const path = `/documents/${DOCUMENT}`;
  const add = (content: Buffer | string, filename = "plan.pdf"): Promise<Answer> =>
    alice.ask(`${path}/attachments`, { method: "POST", parts: [part(content, filename)], page: true });

  it("adds, shows and removes a file", async () => {
    const added = await add(PDF, "<b>plan</b>.pdf".replaceAll(/[<>/]/gu, "_"));
    expect([added.status, added.headers.get("location")]).toEqual([303, `${path}?notice=attached`]);
    const { text } = await alice.ask(path);
    const file = /href="(\/documents\/[\w-]+\/attachments\/[\w-]+)"/u.exec(text)?.[1] ?? "";
    expect(file).not.toBe("");
    expect((await alice.ask(`${file}/remove`)).text).toContain("Remove this file?");
    const removed = await alice.ask(`${file}/remove`, { method: "POST", form: {} });
    expect([removed.status, removed.headers.get("location")]).toEqual([303, `${path}?notice=detached`]);
    expect(stored()).toEqual([]);
  });

  it("says beside the field what is wrong, with the limit", async () => {
    const wrong = await expectNothingKept(() => add("hello"));
    expect(wrong.status).toBe(422);
    expect(wrong.text).toContain("it is not what its name says");
    expect(wrong.text).toContain('href="#attachment-file"');
    const large = await expectNothingKept(() => add(Buffer.alloc(LARGEST + 1, "%")));
    expect(large.status).toBe(413);
    expect(large.text).toContain(`larger than 10 MB (${LARGEST} bytes)`);
    const larger = await expectNothingKept(() => add(Buffer.alloc(LARGEST + 1_000_000, "%")));
    expect(larger.status).toBe(413);
    expect(larger.text).toMatch(/\d MB/u);
  });
});

describe("the scanner", () => {
  it("keeps malware out, and says so in the log", async () => {
    const answer = await expectNothingKept(() => send(alice, part(`${EICAR}\n`, "a.txt", "text/plain")));
    expect([answer.status, answer.json["code"]]).toEqual([422, "upload_infected"]);
    await sleep(300);
    expect(readFileSync(join(folio.settings.dataFolder, "events.jsonl"), "utf8")).toContain("malicious_upload");
  });
});

/** Makes what waits an hour older, and leaves a task that cannot be done. */
async function tamper(folder: string): Promise<void> {
  const database = await PGlite.create(join(folder, "postgres"));
  await database.query("update file_tasks set since = now() - interval '1 hour'");
  await database.query("insert into file_tasks (storage_key, tenant, bytes, task) values ('../odd', $1, 1, 'remove')", [
    TENANT,
  ]);
  await database.close();
}

describe("a scanner that is down", () => {
  let own: Folio;
  let daemon: Clamd;
  let client: Client;
  const folder = temporaryFolder();
  const variables = () => ({ DATA_DIR: folder, CLAMD: `127.0.0.1:${daemon.port}` });
  beforeAll(async () => {
    daemon = await startClamd();
    own = await startFolio("demo", variables());
    client = await signedIn(own, "a_user");
  });
  afterAll(async () => {
    await own?.stop();
    daemon.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("leaves files pending, whom nobody gets until it has spoken", async () => {
    daemon.behave("close");
    const [good, bad] = [await send(client), await send(client, part(`${EICAR}\n`, "a.txt", "text/plain"))];
    expect([good.json["scan"], bad.json["scan"]]).toEqual(["pending", "pending"]);
    const get = ({ json }: Answer): Promise<Answer> => client.ask(`/api/attachments/${String(json["id"])}`);
    expect([(await get(good)).status, (await get(bad)).status]).toEqual([423, 423]);
    expect((await client.ask(`/documents/${DOCUMENT}`)).text).toContain("It is being checked");
    await own.stop();
    await tamper(folder);
    own = await startFolio("demo", variables());
    const log = (): string => readFileSync(join(folder, "events.jsonl"), "utf8");
    for (const event of ["upload_scan_overdue", "file_task_failed"])
      await expect.poll(log, { timeout: 10_000 }).toContain(`"${event}"`);
    daemon.behave("scan");
    // What is left to do is done at a start, and every minute.
    await own.stop();
    own = await startFolio("demo", variables());
    client = await signedIn(own, "a_user");
    for (const until = Date.now() + 10_000; (await get(good)).status === 423 && Date.now() < until;) await sleep(50);
    expect((await get(good)).bytes.equals(PDF)).toBe(true);
    await expect.poll(log).toContain('"file_downloaded"');
    for (const until = Date.now() + 10_000; (await get(bad)).status === 423 && Date.now() < until;) await sleep(50);
    expect((await get(bad)).status).toBe(410);
    expect((await client.ask(`/documents/${DOCUMENT}`)).text).toContain("It was found to be harmful");
  });
});
