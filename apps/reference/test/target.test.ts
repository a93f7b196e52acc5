import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LINK_LIFETIMES_MS } from "glacis/authentication";
import { MOST_FILES } from "../src/attachments/attachments.ts";
import { LARGEST_BYTES } from "../src/attachments/file-store.ts";
import { DEMO_DOCUMENTS, DEMO_MARKERS, TEST_TENANTS } from "../src/demo.ts";
import type { Answer, Client } from "./support/client.ts";
import { startFolio, type Folio } from "./support/folio.ts";
import { mailedPath } from "./support/mail.ts";
import { nextCode } from "./support/totp.ts";

interface Operation {
  readonly method?: string;
  readonly path: string;
  readonly encoding?: "json" | "form" | "multipart";
  readonly fileField?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly csrf?: boolean;
  readonly ok: { readonly status: readonly number[]; readonly json?: Readonly<Record<string, unknown>> };
  readonly extract?: Readonly<Record<string, string>>;
}

const target = JSON.parse(readFileSync(new URL("../target.json", import.meta.url), "utf8"));
const operations: Readonly<Record<string, Operation>> = target.ops;

/** Performs an operation as its description says, knowing nothing else about the application. */
async function perform(client: Client, name: string, values: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const { method = "GET", path, encoding, fields = {}, fileField = "" } = operations[name] as Operation;
  const filled = path.replaceAll(/\{(\w+)\}/gu, (_, key: string) => encodeURIComponent(values[key] ?? ""));
  const body = Object.fromEntries(
    Object.entries(fields).flatMap(([key, wanted]) => {
      const name = /^\{(\w+)\??\}$/u.exec(wanted)?.[1];
      const value = name === undefined ? wanted : values[name];
      return value === undefined ? [] : [[key, value]];
    }),
  );
  if (encoding === "multipart") {
    const { filename = "", type = "", content = "" } = values;
    return client.ask(filled, { method, parts: [{ name: fileField, filename, type, content }] });
  }
  if (method === "GET") return client.ask(`${filled}?${new URLSearchParams(body)}`);
  return encoding === "form" ? client.ask(filled, { method, form: body }) : client.ask(filled, { method, json: body });
}

async function succeed(client: Client, name: string, values: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const answer = await perform(client, name, values);
  const { ok } = operations[name] as Operation;
  expect(ok.status, `${name}: ${answer.text.slice(0, 200)}`).toContain(answer.status);
  if (ok.json !== undefined) expect(answer.json).toMatchObject(ok.json);
  return answer;
}

let folio: Folio;
beforeAll(async () => {
  folio = await startFolio("test-target");
});
afterAll(() => folio.stop());

async function signedIn(account: string): Promise<Client> {
  const client = folio.client();
  const { totp, ...credentials } = target.accounts[account];
  const answer = await perform(client, "login", credentials);
  expect(answer.status).toBe(200);
  if (totp === undefined) expect(answer.json).toMatchObject(target.login.ok.json);
  else {
    expect(answer.json).toMatchObject(target.login.mfa.json);
    await succeed(client, "mfa", { code: await nextCode(totp) });
  }
  return client;
}

/** What a mail's link holds, found as the description says. */
async function mailed(kind: "reset" | "signupLink" | "invite", to: string, subject: string): Promise<string> {
  const path = await mailedPath(folio, to, subject);
  return new RegExp(target[kind].linkRegex, "u").exec(path)?.[1] ?? "";
}

describe("target.json", () => {
  it("shows the Security Center to an admin of the workspace, and to nobody else", async () => {
    const page = await succeed(await signedIn("a_admin"), "adminDashboard");
    expect(page.text).toContain("Security Center");
    expect((await perform(await signedIn("a_user2"), "adminDashboard")).status).toBe(403);
    expect((await perform(folio.client(), "adminDashboard")).status).toBe(401);
  });

  it("names the limits that the program counts by", async () => {
    const guesses = async (perform: (index: number) => Promise<Answer>): Promise<number[]> => {
      const seen: number[] = [];
      for (let index = 0; index <= 5; index += 1) seen.push((await perform(index)).status);
      return seen;
    };
    const locked = await guesses((index) =>
      perform(folio.client(), "login", { ...target.accounts.lock5, password: `wrong ${index}` }),
    );
    expect(locked).toEqual([...Array.from({ length: target.limits.loginPerAccount }, () => 401), 429]);
    const last = await perform(folio.client(), "login", target.accounts.lock5);
    expect(Number(last.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(Number(last.headers.get("retry-after"))).toBeLessThanOrEqual(target.limits.lockSeconds);
    expect(target.limits).toMatchObject({ uploadBytes: LARGEST_BYTES, filesPerDocument: MOST_FILES });
    expect(target.limits.resetTtlSeconds * 1000).toBe(LINK_LIFETIMES_MS.password_reset);
  });

  it("names the accounts and documents that are seeded", () => {
    const people = TEST_TENANTS.flatMap((tenant) => tenant.people);
    const accounts = Object.fromEntries(
      people.map(({ key, email, password, totpSecret, recoveryCodes }) => [
        key,
        { email, password, ...(totpSecret !== undefined && { totp: totpSecret, recovery: recoveryCodes }) },
      ]),
    );
    expect(target.accounts).toEqual(accounts);
    expect(target.seeded).toEqual({
      docA: DEMO_DOCUMENTS.alpha,
      docB: DEMO_DOCUMENTS.bravo,
      markerA: DEMO_MARKERS.alpha,
      markerB: DEMO_MARKERS.bravo,
    });
  });

  it("leads every account to itself", async () => {
    for (const key of ["a_admin", "a_user", "a_user2", "b_admin", "b_user"]) {
      const me = await succeed(await signedIn(key), "me");
      expect(me.json).toMatchObject({ user: { email: target.accounts[key].email } });
    }
  });

  it("describes operations that work, each with the status that it names", async () => {
    const client = await signedIn("a_user");
    await succeed(client, "docList");
    await succeed(client, "docListHtml");
    await succeed(client, "profileUpdate", { name: "Alice Abel" });
    const created = await succeed(client, "docCreate", {
      title: "From a test",
      body: "<b>bold</b>",
      link: "https://example.com/",
    });
    const id = String(created.json["id"]);
    await succeed(client, "docDetail", { id });
    await succeed(client, "docViewHtml", { id });
    await succeed(client, "docUpdate", { id, title: "From a better test" });
    expect((await succeed(client, "docSearch", { q: "better test" })).text).toContain(id);
    for (const sort of ["updated", "created", "title"]) await succeed(client, "docSort", { sort });
    const amy = TEST_TENANTS[0]?.people[2]?.id ?? "";
    await succeed(client, "docShare", { id, userId: amy, permission: "view" });
    await succeed(await signedIn("a_user2"), "docDetail", { id });
    await succeed(client, "docUnshare", { id, userId: amy });
    const file = { filename: "a.txt", type: "text/plain", content: "hello" };
    for (const op of ["upload", "uploadTo"]) {
      const { json } = await succeed(client, op, { id, ...file });
      const attachment = { id: String(json["id"]) };
      expect((await succeed(client, "download", attachment)).text).toBe("hello");
      if (op === "uploadTo") expect((await succeed(client, "uploadList", { id })).text).toContain(attachment.id);
      expect((await perform(await signedIn("b_user"), "download", attachment)).status).toBe(404);
      await succeed(client, "uploadDelete", attachment);
      expect((await perform(client, "download", attachment)).status).toBe(404);
    }
    await succeed(client, "docDelete", { id });
    await succeed(await signedIn("a_admin"), "adminUsers");
    await succeed(client, "logout");
    expect((await perform(client, "me")).status).toBe(401);
    await succeed(folio.client(), "loginForm", { ...target.accounts.a_user, next: "/settings" });
  });

  it("describes sign-up and the change of a password", async () => {
    const account = { email: "new@charlie.test", password: "a long walk by the river" };
    await succeed(folio.client(), "signup", { workspace: "Charlie", name: "Cleo", ...account });
    const client = folio.client();
    expect((await perform(client, "login", account)).status).toBe(401);
    const token = await mailed("signupLink", account.email, "Confirm your address");
    await succeed(client, "signupConfirm", { token, password: account.password });
    await succeed(client, "me");
    await succeed(client, "passwordChange", { current: account.password, password: "another walk by the sea" });
    await succeed(client, "me");
    expect((await perform(folio.client(), "login", account)).status).toBe(401);
    await succeed(folio.client(), "login", { ...account, password: "another walk by the sea" });
  });

  it("describes a second factor, and a recovery code, each good once", async () => {
    const { totp, recovery, ...credentials } = target.accounts.a_admin;
    const code = await nextCode(totp);
    for (const [op, value] of [
      ["mfa", code],
      ["recovery", recovery[0]],
    ] as const) {
      const client = folio.client();
      await perform(client, "login", credentials);
      expect((await perform(client, "me")).status).toBe(401);
      await succeed(client, op, { code: value });
      await succeed(client, "me");
      const again = folio.client();
      await perform(again, "login", credentials);
      expect((await perform(again, op, { code: value })).status, op).toBe(401);
    }
  });

  it("describes the reset of a password, after which every session is over and the link is used", async () => {
    const { email, password } = target.accounts.lock4;
    const before = folio.client();
    await succeed(before, "login", { email, password });
    await succeed(folio.client(), "resetRequest", { email });
    await succeed(folio.client(), "resetRequest", { email: "nobody@alpha.test" });
    const token = await mailed("reset", email, "Choose a new password");
    const page = await folio
      .client()
      .ask(target.reset.pagePath.replace("{token}", token), { headers: { accept: "text/html" } });
    expect(page.status).toBe(200);
    const reset = { token, password: "a walk that nobody took" };
    await succeed(folio.client(), "resetConfirm", reset);
    expect((await perform(before, "me")).status).toBe(401);
    expect((await perform(folio.client(), "resetConfirm", reset)).status).toBe(400);
    await succeed(folio.client(), "login", { email, password: reset.password });
  });

  it("describes how a colleague is invited, rises, exports and leaves", async () => {
    const owner = await signedIn("b_admin");
    const [email, password] = ["guest@bravo.test", "a guest at the table"];
    await succeed(owner, "inviteCreate", { email, role: "member" });
    expect((await perform(await signedIn("b_user"), "inviteCreate", { email, role: "member" })).status).toBe(403);
    const guest = folio.client();
    const token = await mailed("invite", email, "You are invited");
    await succeed(guest, "inviteAccept", { token, name: "Gus Guest", password });
    expect((await perform(folio.client(), "inviteAccept", { token, name: "Thief", password })).status).toBe(400);
    const { user } = (await succeed(guest, "me")).json as { user: { id: string; tenant: string; role: string } };
    expect(user).toMatchObject({ role: "member", tenant: TEST_TENANTS[1]?.id });
    await succeed(owner, "adminSetRole", { id: user.id, role: "viewer" });
    await succeed(guest, "login", { email, password });
    await succeed(guest, "emailChange", { email: "gus@bravo.test", password });
    await succeed(guest, "stepUp", { password });
    const copy = await succeed(guest, "accountExport");
    const application = { users: [{ name: "Gus Guest" }], memberships: [{ role: "viewer" }] };
    expect(copy.json).toMatchObject({ account: { email }, application });
    await succeed(guest, "accountDelete", { password });
    expect((await perform(guest, "me")).status).toBe(401);
    expect((await perform(folio.client(), "login", { email, password })).status).toBe(401);
  });

  it("names the paths that are open, closed and for administrators", async () => {
    const stranger = folio.client();
    for (const path of [...target.publicPages, target.staticPath, target.healthPath]) {
      expect((await stranger.ask(path)).status, path).toBe(200);
    }
    for (const path of target.authPages) expect([401, 303], path).toContain((await stranger.ask(path)).status);
    const member = await signedIn("a_user");
    for (const path of target.adminPaths) expect((await member.ask(path)).status, path).toBe(403);
  });

  it("says truly that the application believes to be behind TLS", async () => {
    const client = folio.client();
    const answer = await client.signIn(target.accounts.a_user);
    const cookie = answer.headers.getSetCookie().find((line) => line.startsWith(`${target.session.cookie}=`));
    expect(cookie).toMatch(/; Secure/u);
    expect(answer.headers.get("strict-transport-security")).toMatch(/^max-age=\d{8,}/u);
  });

  it("names the file that events are written to, and what stands in it", async () => {
    await folio.client().signIn({ email: target.accounts.lock6.email, password: "wrong" });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const lines = readFileSync(`${folio.settings.dataFolder}/events.jsonl`, "utf8").trim().split("\n");
    const events = lines.map((line) => JSON.parse(line) as { readonly event: string });
    expect(events.some(({ event }) => new RegExp(target.logs.loginFailedRegex, "u").test(event))).toBe(true);
    expect(lines.join("\n")).not.toContain(target.accounts.a_user.password);
    expect(lines.join("\n")).not.toContain("@alpha.test");
  });
});

describe("one tenant and the other", () => {
  const { docA, docB, markerB } = target.seeded;

  it("answers 404 for the other tenant's document, on every verb", async () => {
    const client = await signedIn("a_user");
    for (const name of ["docDetail", "docUpdate", "docDelete", "docViewHtml"]) {
      const answer = await perform(client, name, { id: docB, title: "mine now" });
      expect(answer.status, name).toBe(404);
      expect(answer.text).not.toContain(markerB);
    }
    expect((await perform(await signedIn("b_user"), "docDetail", { id: docB })).text).toContain(markerB);
  });

  it("gives the other tenant's administrator no more", async () => {
    const client = await signedIn("b_admin");
    expect((await perform(client, "docDetail", { id: docA })).status).toBe(404);
    expect((await perform(client, "adminUsers")).text).not.toContain("alpha.test");
  });

  it("finds nothing of the other tenant by search, with wildcards or without", async () => {
    const client = await signedIn("a_user");
    for (const q of [markerB, "%", "_", "BRAVO", "' or 1=1 --"]) {
      expect((await perform(client, "docSearch", { q })).text, q).not.toContain(docB);
    }
  });

  it("keeps a document from a colleague until it is shared, and then to what was granted", async () => {
    const owner = await signedIn("a_user");
    const colleague = await signedIn("a_user2");
    expect((await perform(colleague, "docDetail", { id: docA })).status).toBe(404);
    const { id: userId } = (await succeed(colleague, "me")).json["user"] as { id: string };
    await succeed(owner, "docShare", { id: docA, userId, permission: "view" });
    await succeed(colleague, "docDetail", { id: docA });
    expect((await perform(colleague, "docUpdate", { id: docA, title: "hers" })).status).toBe(404);
    expect((await perform(colleague, "docShare", { id: docA, userId, permission: "edit" })).status).toBe(404);
    await succeed(owner, "docShare", { id: docA, userId, permission: "edit" });
    await succeed(colleague, "docUpdate", { id: docA, title: "Harbour survey, first findings" });
    expect((await perform(colleague, "docDelete", { id: docA })).status).toBe(404);
    await succeed(owner, "docUnshare", { id: docA, userId });
    expect((await perform(colleague, "docDetail", { id: docA })).status).toBe(404);
  });

  it("shares with nobody outside the tenant", async () => {
    const outsider = TEST_TENANTS[1]?.people[1]?.id ?? "";
    const answer = await perform(await signedIn("a_user"), "docShare", {
      id: docA,
      userId: outsider,
      permission: "view",
    });
    expect(answer.status).toBe(422);
  });

  it("refuses fields that a client has no business to set, by name", async () => {
    const client = await signedIn("a_user");
    const { massAssign } = target;
    for (const [field, value] of Object.entries(massAssign.doc)) {
      const answer = await client.ask("/api/documents", { method: "POST", json: { title: "t", [field]: value } });
      expect(answer.status, field).toBe(422);
      expect(answer.json["errors"]).toEqual([
        { in: "body", pointer: `/${field}`, message: "This field does not exist." },
      ]);
    }
    for (const [field, value] of Object.entries(massAssign.user)) {
      const answer = await client.ask("/api/profile", { method: "POST", json: { name: "Alice Abel", [field]: value } });
      expect(answer.status, field).toBe(422);
    }
    expect((await succeed(client, "me")).json).toMatchObject({ user: { role: "member" } });
  });

  it("refuses a sort that is not on the list, and nonsense in every place, without a fault of its own", async () => {
    const client = await signedIn("a_user");
    const nonsense = [
      "title;drop table documents",
      "'",
      "\u0000",
      "x".repeat(3000),
      "../../etc/passwd",
      "[object Object]",
    ];
    for (const text of nonsense) {
      // A NUL does not get as far as the application.
      expect([400, 422], text.slice(0, 20)).toContain((await perform(client, "docSort", { sort: text })).status);
      expect((await perform(client, "docSearch", { q: text })).status, text.slice(0, 20)).toBeLessThan(500);
      expect((await perform(client, "docDetail", { id: text })).status, text.slice(0, 20)).toBeLessThan(500);
    }
    for (const name of ["Alice\u202Eelppa", "Ali\u2066ce", "Alice\nAbel", "x".repeat(81), ["Alice"], null]) {
      const answer = await client.ask("/api/profile", { method: "POST", json: { name } });
      expect([answer.status, answer.json["errors"]]).toMatchObject([422, [{ pointer: "/name" }]]);
    }
    const wrongTypes = [{ title: 1 }, { title: ["a"] }, { title: null }, { title: {} }, [], {}];
    for (const json of wrongTypes)
      expect((await client.ask("/api/documents", { method: "POST", json })).status).toBe(422);
    expect((await client.ask("/api/documents?q=a&q=b")).status).toBe(422);
  });

  it("does not put a script behind a link", async () => {
    const client = await signedIn("a_user");
    for (const link of [
      "javascript:alert(1)",
      "data:text/html,x",
      "//evil.example",
      "https://user:pw@example.com/",
      "java\nscript:x",
    ]) {
      expect((await perform(client, "docCreate", { title: "t", body: "", link })).status, link).toBe(422);
    }
  });
});

describe("a state change", () => {
  it("needs the token of its own session", async () => {
    const client = await signedIn("a_user");
    const without = await client.ask("/api/profile", { method: "POST", json: { name: "X" }, csrf: false });
    expect(without.status).toBe(403);
    const other = await signedIn("a_user2");
    const foreign = String((await other.ask("/api/csrf")).json["csrfToken"]);
    const headers = { "x-csrf-token": foreign };
    expect(
      (await client.ask("/api/profile", { method: "POST", json: { name: "X" }, csrf: false, headers })).status,
    ).toBe(403);
  });

  it("is refused from another origin", async () => {
    const client = await signedIn("a_user");
    const headers = { origin: "https://evil.example" };
    expect((await client.ask("/api/profile", { method: "POST", json: { name: "X" }, headers })).status).toBe(403);
  });
});

describe("after sign-in", () => {
  it.each([
    ["/settings", "/settings"],
    ["/documents?q=a", "/documents?q=a"],
    ["https://evil.example/", "/documents"],
    ["//evil.example", "/documents"],
    ["/\\evil.example", "/documents"],
    ["javascript:alert(1)", "/documents"],
  ])("leads from %s to %s", async (next, expected) => {
    const answer = await perform(folio.client(), "loginForm", { ...target.accounts.a_user2, next });
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe(expected);
  });
});

describe("the preview of a link", () => {
  it.each([
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://0x7f.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://metadata.google.internal/",
    "http://example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "not a url",
  ])("asks no place but the public web: %s", async (url) => {
    const answer = await perform(await signedIn("a_user"), "fetchUrl", { url });
    expect(answer.status).toBe(422);
    expect(answer.json).toMatchObject({ code: "input_invalid", errors: [{ in: "body", pointer: "/url" }] });
    expect(answer.text).not.toContain("127.0.0.1");
  });

  it("is for people who have signed in", async () => {
    expect((await perform(folio.client(), "fetchUrl", { url: "https://example.com/" })).status).toBe(401);
  });

  it("is shown with the document, and says when there is no answer", async () => {
    const client = await signedIn("a_user");
    const link = "https://example.invalid/plan";
    const { json } = await succeed(client, "docCreate", { title: "Linked", body: "", link });
    const page = await client.ask(`/documents/${String(json["id"])}/preview`, { method: "POST", form: {} });
    expect(page.status).toBe(200);
    expect(page.text).toContain("The site gave no answer.");
  });
});

describe("one user who makes hundreds of attacks from one address", () => {
  const OTHERS = DEMO_DOCUMENTS.bravo;
  const ATTACKS: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    ["docDetail", { id: OTHERS }],
    ["docUpdate", { id: OTHERS, title: "mine" }],
    ["docDelete", { id: OTHERS }],
    ["docDetail", { id: "../../etc/passwd" }],
    ["docSort", { sort: "title;drop table documents" }],
    ["fetchUrl", { url: "http://169.254.169.254/latest/meta-data" }],
    ["adminSetRole", { id: "00000000-0000-4000-8000-000000000000", role: "owner" }],
    ["docCreate", { title: "x".repeat(5000), body: "__proto__" }],
  ];
  const SCANNED = ["/.env", "/.git/config", "/wp-login.php", "/admin.php", "/api/..%2f..%2fetc", "//api//me"];

  it("is answered by each on its own, and goes on with what is his", async () => {
    const client = await signedIn("a_user");
    const first = new Map<string, number>();
    for (let round = 0; round < 16; round += 1) {
      for (const [name, values] of ATTACKS) {
        const { status } = await perform(client, name, values);
        expect(status, name).toBeGreaterThanOrEqual(400);
        const key = `${name} ${JSON.stringify(values)}`;
        expect(status, key).toBe(first.get(key) ?? status);
        first.set(key, status);
      }
      for (const path of SCANNED) {
        const { status } = await client.ask(path);
        expect(status, path).toBe(first.get(path) ?? status);
        first.set(path, status);
      }
    }
    expect([...first.values()]).not.toContain(429);
    await succeed(client, "me");
    await succeed(client, "docCreate", { title: "Ordinary", body: "use" });
  });
});
