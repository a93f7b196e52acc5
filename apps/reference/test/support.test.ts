import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEMO, DEMO_DOCUMENTS, DEMO_MARKERS } from "../src/demo.ts";
import { SUPPORT_TENANT } from "../src/operations/settings.ts";
import { CLOSED_TO_VISITORS } from "../src/support/support.ts";
import { CASES } from "./attack-matrix-cases.ts";
import type { Answer, Client } from "./support/client.ts";
import { startFolio, type Folio } from "./support/folio.ts";
import { mailsIn } from "../src/outbox/mails.ts";
import { mailedPath, signUp, tokenIn } from "./support/mail.ts";
import { nextCode } from "./support/totp.ts";

/** Everything that a visit of support must not become, tried over HTTP against the running application. */

const [alpha, bravo] = DEMO as unknown as readonly [(typeof DEMO)[number], (typeof DEMO)[number]];
const house = DEMO.find(({ id }) => id === SUPPORT_TENANT)!;
const sue = house.people[0]!;
const purpose = "Request 4711: the list stays empty";
const HOUR = { hours: "1" };
const page = { accept: "text/html" };

let folio: Folio;
let owner: Client;
let staff: Client;

const post = (client: Client, path: string, form: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  client.ask(path, { method: "POST", form });
const get = (client: Client, path: string): Promise<Answer> => client.ask(path, { headers: page });

async function signInStaff(): Promise<Client> {
  const client = folio.client();
  expect((await client.signIn(sue)).status).toBe(200);
  const second = { method: "POST", json: { method: "totp", code: await nextCode(sue.totpSecret ?? "") } } as const;
  const answer = await client.ask("/sign-in/second-factor", second);
  expect(answer.status, answer.text).toBe(200);
  return client;
}

/** An owner with one factor, who is not asked for a second one. */
const signInOwner = async (person = bravo.people[0]!): Promise<Client> => {
  const client = folio.client();
  expect((await client.signIn(person)).status).toBe(200);
  return client;
};

const begin = (client: Client = staff, tenantId: string = bravo.id): Promise<Answer> =>
  post(client, "/support/visits", { tenantId, purpose });
const consent = (): Promise<Answer> => post(owner, "/settings/support/consent", HOUR);
const withdraw = (): Promise<Answer> => post(owner, "/settings/support/withdraw");
const me = async (client: Client = staff): Promise<unknown> => (await client.ask("/api/me")).json["user"];

beforeAll(async () => {
  folio = await startFolio("test-target", SSO);
  [owner, staff] = [await signInOwner(), await signInStaff()];
});
afterAll(() => folio.stop());

/** What the owner would see of a key or a way to sign in that a visitor left behind. */
const settingsOfOwner = async (): Promise<readonly string[]> => {
  const pages = [await get(owner, "/settings/api-keys"), await get(owner, "/settings")];
  return pages.map(({ text }) => text.replace(/nonce="[^"]*"|value="[^"]*"|<time.*?<\/time>/gsu, ""));
};

const seesBravo = { tenant: bravo.id, name: "Bea Admin" };
const seesHouse = { tenant: SUPPORT_TENANT, name: "Sue Support" };

/** Where the workspace that is visited has an identity provider of its own; nobody goes there. */
const SSO = {
  SSO_ISSUER: "https://idp.example",
  SSO_CLIENT_ID: "folio",
  SSO_CLIENT_SECRET: "a secret of the client, long enough",
  SSO_WORKSPACE: bravo.id,
  SSO_DOMAINS: "bravo.test",
  SSO_NAME: "Bravo ID",
};
const SSO_ROUTES = ["GET /sso/start", "GET /sso/callback", "POST /sso/link", "POST /sso/unlink", "POST /sso/sign-out"];
/** The provider's own call, which has no browser and no visitor. */
const ROUTES = [...Object.keys(CASES), ...SSO_ROUTES];

describe("a visit of support", () => {
  it("does not begin without the owner's consent, with a consent that was withdrawn, or without a purpose", async () => {
    expect((await begin()).status).toBe(422);
    expect(await me()).toMatchObject(seesHouse);
    expect((await consent()).status).toBe(303);
    expect((await post(staff, "/support/visits", { tenantId: bravo.id, purpose: "" })).status).toBe(422);
    expect((await post(staff, "/support/visits", { tenantId: bravo.id, purpose: "x\u202Ey and more" })).status).toBe(
      422,
    );
    expect((await withdraw()).status).toBe(303);
    expect((await begin()).status).toBe(422);
    expect(await me()).toMatchObject(seesHouse);
  });

  it("shows what the owner sees, under a banner on each page, and nothing of another workspace", async () => {
    await consent();
    const desk = await get(staff, "/support");
    expect(desk.text).toContain("Bravo Textiles");
    expect(desk.text).not.toContain("Alpha Surveying");
    expect((await begin()).headers.get("location")).toBe("/documents");
    expect(await me()).toMatchObject(seesBravo);
    for (const path of ["/documents", `/documents/${DEMO_DOCUMENTS.bravo}`, "/people"]) {
      const { status, text } = await get(staff, path);
      // The owner sees what is shared with her, and no more.
      if (path === `/documents/${DEMO_DOCUMENTS.bravo}`) expect(status).toBe(404);
      else {
        expect(status, path).toBe(200);
        expect(text, path).toMatch(/Support visit\..*Sue Support sees Bravo Textiles as Bea Admin/su);
        expect(text, path).toContain(purpose);
        expect(text, path).toContain("End the visit");
        expect(text, path).not.toMatch(/Sign out|Invite a colleague|New document/u);
      }
    }
    expect((await get(staff, `/documents/${DEMO_DOCUMENTS.alpha}`)).text).not.toContain(DEMO_MARKERS.alpha);
    expect((await get(owner, "/documents")).text).not.toContain("Support visit.");
  });

  it("changes nothing, whatever is asked", async () => {
    const list = JSON.stringify((await staff.ask("/api/documents")).json);
    const { documents } = JSON.parse(list) as { documents: readonly { id: string }[] };
    const id = documents[0]?.id ?? "";
    const refused: readonly (readonly [method: string, path: string, json?: unknown])[] = [
      ["POST", "/api/documents", { title: "x", body: "" }],
      ["PUT", `/api/documents/${id}`, { title: "x" }],
      ["PATCH", `/api/documents/${id}`, { title: "x" }],
      ["DELETE", `/api/documents/${id}`],
      ["POST", `/api/documents/${id}/shares`, { userId: sue.id, permission: "edit" }],
      ["POST", "/api/invitations", { email: "sue@elsewhere.test", role: "owner" }],
      ["POST", "/api/profile", { name: "Renamed" }],
      ["PATCH", `/api/people/${bravo.people[1]!.id}`, { role: "owner" }],
      ["DELETE", `/api/people/${bravo.people[1]!.id}`],
      ["POST", "/settings/authenticator", {}],
      ["POST", "/settings/recovery-codes", {}],
      ["POST", "/settings/passkeys/options", {}],
      ["POST", "/settings/sessions/end-others", {}],
      ["POST", "/account/password", { current_password: sue.password, password: "another walk by the sea" }],
      ["POST", "/account/email", { email: "sue@elsewhere.test", password: sue.password }],
      ["POST", "/account/export", {}],
      ["POST", "/account/delete", { password: sue.password }],
      ["POST", "/confirm", { password: sue.password, code: "" }],
      ["POST", "/sign-out", {}],
      ["POST", "/security/accounts/revoke", {}],
    ];
    for (const [method, path, json] of refused) {
      const { status } = await staff.ask(path, { method, json });
      expect([403, 404, 405], `${method} ${path}: ${status}`).toContain(status);
    }
    expect(JSON.stringify((await staff.ask("/api/documents")).json)).toBe(list);
    expect(await me()).toMatchObject(seesBravo);
  });

  it("cannot make itself longer, give its own consent, or go on to the next workspace", async () => {
    const other = await signInOwner(alpha.people[1]);
    expect((await post(other, "/settings/support/consent", HOUR)).status).toBe(403);
    for (const [path, form] of [
      ["/settings/support/consent", HOUR],
      ["/settings/support/withdraw", {}],
      ["/support/visits", { tenantId: alpha.id, purpose }],
      ["/support/visits", { tenantId: bravo.id, purpose }],
    ] as const)
      expect((await post(staff, path, form)).status, path).toBe(403);
    expect((await get(staff, "/support")).status).toBe(403);
  });

  it("opens nothing that is about the person, and somebody has decided about every page", async () => {
    const open = [
      "/",
      "/healthz",
      "/robots.txt",
      "/assets/:file",
      "/documents",
      "/documents/:id",
      "/people",
      "/api/csrf",
      "/api/me",
    ];
    const read = ["", "/:id", "/:id/shares", "/:id/attachments"].map((rest) => `/api/documents${rest}`);
    const pages = ROUTES.flatMap((route) => (route.startsWith("GET ") ? [route.slice(4)] : []));
    expect(pages.filter((page) => !CLOSED_TO_VISITORS.includes(page)).toSorted()).toEqual(
      [...open, ...read].toSorted(),
    );
    const ids = { ":id": DEMO_DOCUMENTS.bravo, ":attachmentId": DEMO_DOCUMENTS.bravo };
    for (const pattern of [...CLOSED_TO_VISITORS, "/security", "/security/events"]) {
      const path = pattern.replace(/:\w+/gu, (name) => ids[name as keyof typeof ids]);
      let answer = await get(staff, path);
      // A page that asks for a proof leads to one that is closed as well.
      const proof = answer.headers.get("location");
      if (answer.status === 303 && proof !== null) answer = await get(staff, proof);
      expect([401, 403], `${path} ${proof ?? ""}`).toContain(answer.status);
    }
  });

  it("ends when the visitor says so, and the way back is the staff's own", async () => {
    const { headers } = await post(staff, "/support/end");
    expect(headers.get("location")).toBe("/support?notice=left");
    expect(await me()).toMatchObject(seesHouse);
    expect((await get(staff, "/support?notice=left")).text).toContain("The visit is over.");
    expect((await get(staff, "/documents")).text).not.toContain("Support visit.");
  });

  it("ends at once when the owner ends it", async () => {
    await begin();
    expect(await me()).toMatchObject(seesBravo);
    await withdraw();
    expect(await me()).toMatchObject(seesHouse);
    await consent();
    expect(await me(), "a new consent opens no old visit").toMatchObject(seesHouse);
  });

  it("ends when the owner who let support in is an owner no more, and begins for nobody", async () => {
    const [password, stamp] = ["a long walk by the river", randomUUID()];
    const first = await signUp(folio, { email: `first-${stamp}@elsewhere.test`, password, workspace: "Two owners" });
    const { id, tenant } = (await first.ask("/api/me")).json["user"] as Readonly<Record<"id" | "tenant", string>>;
    const email = `second-${stamp}@elsewhere.test`;
    await first.ask("/api/invitations", { method: "POST", json: { email, role: "owner" } });
    const token = tokenIn(await mailedPath(folio, email, "You are invited"));
    const second = folio.client();
    const accepted = await second.ask("/invitation", { method: "POST", json: { token, password, name: "Second" } });
    expect(accepted.status, accepted.text).toBe(200);
    expect((await post(first, "/settings/support/consent", HOUR)).status).toBe(303);
    expect((await begin(staff, tenant)).status).toBe(303);
    expect(await me()).toMatchObject({ tenant });
    const demotion = { method: "PATCH", json: { role: "admin" } } as const;
    expect((await second.ask(`/api/people/${id}`, demotion)).status).toBe(200);
    expect(await me()).toMatchObject(seesHouse);
    expect((await get(staff, "/support")).text).not.toContain("Two owners");
    expect((await begin(staff, tenant)).status).toBe(422);
    expect((await get(second, "/settings/support")).text).toContain("Let support look in");
  }, 120_000);

  it("is for staff: no owner of another workspace, whatever his role is called, and nobody of staff with one factor", async () => {
    const stranger = await signUp(folio, {
      email: "support@elsewhere.test",
      password: "a long walk by the river",
      workspace: "Folio support",
    });
    for (const client of [stranger, owner, await signInOwner(alpha.people[1])]) {
      expect((await get(client, "/support")).status).toBe(403);
      expect((await begin(client)).status).toBe(403);
    }
    expect((await begin(folio.client())).status).toBe(401);
    const half = folio.client();
    await half.signIn(sue);
    expect([401, 403]).toContain((await begin(half)).status);
  });

  it("cannot be taken over by a colleague's session", async () => {
    await begin();
    const other = await signInStaff();
    expect(await me(other)).toMatchObject(seesHouse);
    await post(staff, "/support/end");
  }, 120_000);
});

describe("what the workspace hears of it", () => {
  it("is a mail to its owners when a visit begins, with who and what for", async () => {
    await consent();
    await begin();
    const mails = await mailsIn(folio.settings.mailFolder);
    const mail = mails.find(({ subject }) => subject.includes("support is looking"));
    expect(mail?.to).toContain("admin@bravo.test");
    expect(mail?.text).toContain("Sue Support");
    expect(mail?.text).toContain(purpose);
    await post(staff, "/support/end");
  });

  it("is a record of its own, with both names for each page, and nobody else's", async () => {
    const { text } = await get(owner, "/settings/support");
    expect(text).toMatch(/A page was looked at\s*<code>\/documents<\/code>/u);
    expect(text).toContain("Sue Support");
    expect(text).toContain("Bea Admin");
    expect(text).toContain(purpose);
    expect(text).toContain("Something was refused");
    expect(text).toContain("Access was ended");
    const elsewhere = await signUp(folio, { email: "calm@elsewhere.test", password: "a long walk by the river" });
    expect((await get(elsewhere, "/settings/support")).text).toContain("Nobody has looked in so far.");
  });

  it("stands in the log under both names for every event of a visit", () => {
    const lines = readFileSync(`${folio.settings.dataFolder}/events.jsonl`, "utf8").trim().split("\n");
    const events = lines.map((line) => JSON.parse(line) as Readonly<Record<string, string>>);
    const visited = events.filter(({ actor_id: actor }) => actor === sue.id);
    expect(visited.length).toBeGreaterThan(20);
    const begun = visited.find(({ event }) => event === "support.visit_begun");
    expect(begun).toMatchObject({ user_id: bravo.people[0]!.id, tenant_id: bravo.id, purpose });
    // Whatever happens as Bea inside Sue's session names Sue.
    const viewed = visited.filter(({ event, tenant_id: tenant }) => event === "support.viewed" && tenant === bravo.id);
    expect(viewed.length).toBeGreaterThan(5);
    expect(viewed.every(({ user_id: user }) => user === bravo.people[0]!.id)).toBe(true);
  });
});

describe("what a visit leaves behind", () => {
  it("is no key, no other way to sign in, no copy and no change, whichever route it asked", async () => {
    await consent();
    expect((await begin()).status).toBe(303);
    await get(staff, "/people");
    const before = await settingsOfOwner();
    const ids = { ":id": bravo.people[1]!.id, ":userId": bravo.people[0]!.id, ":attachmentId": DEMO_DOCUMENTS.bravo };
    const part = { name: "file", filename: "a.txt", type: "text/plain", content: "x" };
    const form = { provider: "workspace", name: "A way back", scopes: "documents:write" };
    for (const route of ROUTES) {
      const [method = "", pattern = ""] = route.split(" ");
      // There are no passkeys where the host is an address.
      if (method === "GET" || pattern === "/support/end" || pattern.includes("/passkey")) continue;
      const path = pattern.replace(/:\w+/gu, (name) => ids[name as keyof typeof ids] ?? "x");
      const statuses: number[] = [];
      for (const sent of [{ form }, { json: {} }, { parts: [part] }])
        statuses.push((await staff.ask(path, { method, ...sent })).status);
      // 415 is for the kinds of body that the route never takes.
      expect(
        [...new Set(statuses)].filter((status) => status !== 415),
        `${route}: ${statuses.join()}`,
      ).toEqual([403]);
    }
    for (const path of [
      "/sso/start?provider=workspace",
      `/sso/callback?provider=workspace&code=x&state=${"s".repeat(43)}`,
    ])
      expect((await get(staff, path)).status, path).toBe(403);
    expect(await me()).toMatchObject(seesBravo);
    expect(await settingsOfOwner()).toEqual(before);
    expect((await folio.client().signIn(bravo.people[0]!)).status).toBe(200);
    // Noise does not hide what was looked at.
    const record = (await get(owner, "/settings/support")).text;
    expect(record).toMatch(/A page was looked at\s*<code>\/people<\/code>/u);
    expect(record.match(/Something was refused/gu)).toHaveLength(20);
  }, 120_000);
});
