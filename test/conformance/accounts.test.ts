/** The account system as one option of the preset, over real servers in every framework, and whatever a stranger may send to it. */
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accounts } from "glacis/accounts";
import { authenticated, glacis, routeRule, saas, type AuditRecord, type User } from "glacis";
import { outboxMail } from "glacis/authentication";
import { keyRing, newKey } from "glacis/data";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BUILDS } from "./frameworks/builds.ts";
import { browserOn, header, type Browser } from "./raw-browser.ts";

const PASSWORD = "correct horse battery staple";
const folder = mkdtempSync(join(tmpdir(), "accounts-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function composed() {
  const members = new Map<string, { readonly tenantId: string; readonly roles: readonly string[] }>();
  const outbox = outboxMail({ folder });
  const records: AuditRecord[] = [];
  const many = { failures: 10_000, minutes: 15 };
  const layers = saas({
    mode: "test",
    origin: "https://app.example.com",
    keys: keyRing(newKey("k1")),
    proxies: ["127.0.0.1/32"],
    limits: { client: "60000/m", anonymous: "60000/m", user: "60000/m" },
    audit: (record) => void records.push(record),
    accounts: accounts({
      name: "Folio",
      mail: outbox,
      strangers: "60000/h",
      throttle: { client: many, network: many },
      passwords: { memoryKiB: 7168, passes: 5 },
      application: {
        membership: async (userId) => members.get(userId),
        welcome: async ({ userId }) => void members.set(userId, { tenantId: `of-${userId}`, roles: ["owner"] }),
      },
      apiKeys: {
        prefix: "folio_sk",
        scopes: { "documents:read": ["viewer"] },
        grants: ({ roles }) => (roles.includes("owner") ? ["documents:read"] : []),
      },
    }),
  });
  return { security: glacis(layers), people: layers.accounts, outbox, members, records };
}

/** One value of each kind that has broken a parser somewhere, and how it is named. */
const HOSTILE: readonly (readonly [string, unknown])[] = [
  ["nothing", undefined],
  ["null", null],
  ["a number", 7],
  ["a boolean", true],
  ["a list", ["a", "b"]],
  ["an object", { $ne: "" }],
  ["a null character", "a\0b"],
  ["half a pair", "\ud800"],
  ["the other half", "a\udfff@example.com"],
  ["too much", "x".repeat(9000)],
  ["homoglyphs", "\u0430dmin@ex\u0430mple.com"],
  ["the direction turned", "admin\u202e@example.com"],
  ["no width", "a\u200bdmin@example.com"],
  ["a name of the prototype", "__proto__"],
  ["lines", "a\r\nSet-Cookie: x=y"],
  ["a script", "<script>alert(1)</script>"],
];
const FIELDS = ["email", "password", "current_password", "token", "code", "method", "id", "name", "handle", "answer"];
/** The raw client sends bytes; what lies beyond ASCII travels escaped. */
const ascii = (value: unknown): string =>
  JSON.stringify(value).replace(/[\u0080-\uffff]/gu, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
const BODIES = [
  "",
  "null",
  "7",
  '"text"',
  "[]",
  "[[[[]]]]",
  '{"__proto__":{"email":"a"}}',
  '{"constructor":1}',
  "{",
  "\u0000",
];

describe.each(Object.entries(BUILDS))("saas({ accounts }) in %s", (_, build) => {
  const made = composed();
  const { security, people, outbox, members, records } = made;
  let server: Server;
  const browser = (): Browser => browserOn((server.address() as AddressInfo).port);
  beforeAll(async () => {
    const rule = routeRule(authenticated(), { kind: "api" });
    const route = {
      method: "GET" as const,
      path: "/api/whoami",
      rule,
      behave: ({ exchange }: { readonly exchange: { readonly principal: unknown } }) =>
        ({ kind: "send", body: JSON.stringify(exchange.principal) }) as const,
    };
    server = await build({ routes: [route], groups: [] }, security);
  });
  afterAll(() => void server.close());

  async function mailed(to: string): Promise<string> {
    await people.flows.worker.drain();
    const mail = outbox.recent().find((one) => one.to === to);
    return new URL(/https:\/\/\S+/u.exec(mail?.text ?? "")?.[0] ?? "https://none").searchParams.get("token") ?? "";
  }

  async function newcomer(email: string): Promise<Browser> {
    const own = browser();
    await own.open("/sign-up");
    expect((await own.post("/sign-up", { email, password: PASSWORD })).status).toBe(202);
    const token = await mailed(email);
    await own.open(`/sign-up/confirm?token=${token}`);
    expect((await own.post("/sign-up/confirm", { token, password: PASSWORD })).status).toBe(303);
    return own;
  }

  it("signs people up and in, and their programs by keys that end when their owner may no more", async () => {
    const own = await newcomer("ada@example.com");
    const owner = JSON.parse((await own.open("/api/whoami")).body) as User;
    const { id } = owner;
    const made = await people.apiKeys?.issue(owner, { name: "export", scopes: ["documents:read"] }, Date.now());
    if (made?.kind !== "issued") throw new Error("No key was made.");
    const program = browser();
    const asked = async (): Promise<number> =>
      (await program.open("/api/whoami", { Authorization: `Bearer ${made.key}` })).status;
    expect(await asked()).toBe(200);
    members.set(id, { tenantId: `of-${id}`, roles: ["viewer"] });
    expect(await asked()).toBe(401);
    members.set(id, { tenantId: "another", roles: ["owner"] });
    expect(await asked()).toBe(401);
    members.set(id, { tenantId: `of-${id}`, roles: ["owner"] });
    expect(await asked()).toBe(200);
    const disabled = await people.flows.accountStatus.disable(id, {
      note: () => undefined,
      receivedAtMs: Date.now(),
    } as never);
    expect(disabled).toBe(true);
    expect(await asked()).toBe(401);
  });

  const posts = security.layers.endpoints.filter(({ method, path }) => method === "POST" && path !== "/csp-report");
  const gets = security.layers.endpoints.filter(({ method }) => method === "GET");

  it("mounts a route for everything", () => {
    expect(posts.length).toBeGreaterThan(25);
    expect(gets.length).toBeGreaterThan(15);
  });

  it.each(["a stranger", "somebody who is signed in"])(
    "answers whatever %s posts with a named field or a plain refusal, never with 5xx",
    { timeout: 300_000 },
    async (who) => {
      const own = who === "a stranger" ? browser() : await newcomer("grace@example.com");
      await own.open(who === "a stranger" ? "/sign-in" : "/account/password");
      const faults: string[] = [];
      let named = 0;
      const send = async (
        path: string,
        what: string,
        body: string,
        headers?: Record<string, string>,
      ): Promise<void> => {
        const { status, body: text } =
          headers === undefined ? await own.json(path, body) : await own.raw(path, body, headers);
        if (status >= 500 || status < 200) faults.push(`${path} ${what}: ${status} ${text.slice(0, 200)}`);
        if (status === 422) named += 1;
        if (status === 422 && headers === undefined && !/"pointer":"[^"]*"/u.test(text))
          faults.push(`${path} ${what}: no pointer`);
      };
      const form = { "Content-Type": "application/x-www-form-urlencoded" };
      for (const { path } of posts) {
        if (path === "/sign-out") continue;
        await Promise.all([
          ...BODIES.map((body) => send(path, JSON.stringify(body), body)),
          ...HOSTILE.map(([what, value]) =>
            send(path, what, ascii(Object.fromEntries(FIELDS.map((field) => [field, value])))),
          ),
          send(path, "every field twice", FIELDS.map((field) => `${field}=a&${field}=b`).join("&"), form),
          send(path, "bad escapes", "email=%&password=%ff%fe&token=%00", form),
          send(path, "brackets", "email[]=a&email[$ne]=b&__proto__[x]=1", form),
          send(path, "text", "email=a", { "Content-Type": "text/plain" }),
          send(path, "parts", "--x\r\n\r\n--x--", { "Content-Type": "multipart/form-data; boundary=x" }),
        ]);
      }
      expect(faults).toEqual([]);
      expect(named).toBeGreaterThan(150);
    },
  );

  it("names a field that nobody asked for, in every form, and then does nothing", { timeout: 120_000 }, async () => {
    const own = await newcomer("joan@example.com");
    await own.open("/account/password");
    const strays: readonly (readonly [string, unknown])[] = [
      ["stray", "x"],
      ["stray", ["x", "y"]],
      ["stray", null],
      ["stray", "a\0b"],
      ["a\0b", "x"],
      ["half \ud800", "x"],
      ["x".repeat(500), "x"],
    ];
    const faults: string[] = [];
    for (const { path } of posts) {
      const bodies = strays.map(([name, value]) => [name, ascii({ [name]: value })] as const);
      for (const [name, sent] of [...bodies, ["twice", '{"twice":"a","twice":"b"}'] as const]) {
        const { status, body } = await own.json(path, sent);
        const { errors = [] } = JSON.parse(body) as { readonly errors?: readonly { readonly pointer: string }[] };
        // What is no JSON in the sense of RFC 7493 is refused before any route is asked.
        const expected = /^half|^twice/u.test(name) ? 400 : 422;
        if (status !== expected || !errors.some(({ pointer }) => pointer === `/${name.slice(0, 60)}`))
          faults.push(`${path} ${sent.slice(0, 40)}: ${status} ${body.slice(0, 200)}`);
      }
      for (const form of [{ stray: "x" }, { "stray[]": "x" }]) {
        const { status } = await own.post(path, form);
        if (status !== 422) faults.push(`${path} as a form: ${status}`);
      }
    }
    expect(faults).toEqual([]);
    expect(JSON.parse((await own.open("/api/whoami")).body)).toMatchObject({ kind: "user" });
  });

  it("writes down what no form sends, on a page as in a document, and not that somebody forgot a field", async () => {
    const own = browser();
    await own.open("/sign-in");
    const told = async (act: () => Promise<unknown>): Promise<readonly unknown[]> => {
      const before = records.length;
      await act();
      const found = records.slice(before).filter(({ event }) => event === "input_validation_fail");
      return found.map(({ severity, detail, count, route }) => [severity, detail, count, route]);
    };
    const signIn = { email: "a@example.com", password: PASSWORD };
    const stray = [["warning", "unknown_field", 1, "/sign-in"]];
    expect(await told(() => own.json("/sign-in", { ...signIn, role: "admin" }))).toEqual(stray);
    expect(await told(() => own.post("/sign-in", { ...signIn, role: "admin" }))).toEqual(stray);
    const listed = { email: ["a@example.com", "b@example.com"], password: PASSWORD };
    expect(await told(() => own.json("/sign-in", listed))).toEqual([["info", "invalid_value", 1, "/sign-in"]]);
    expect(await told(() => own.json("/sign-in/passkey/options", { role: "admin" }))).toEqual([
      ["warning", "unknown_field", 1, "/sign-in/passkey/options"],
    ]);
    expect(await told(() => own.post("/sign-in", { email: "a@example.com", password: "" }))).toEqual([]);
  });

  it("opens every page whatever stands in its address, and never with 5xx", { timeout: 120_000 }, async () => {
    const own = await newcomer("hedy@example.com");
    const faults: string[] = [];
    const queries = [
      "token=%00",
      "token=%ff%fe",
      "token=a&token=b",
      "next=//evil.example",
      `next=/${"x".repeat(3000)}`,
      "token[]=1",
      "__proto__=1",
    ];
    for (const { path } of gets)
      await Promise.all(
        queries.map(async (query) => {
          const response = await own.open(`${path}?${query}`);
          if (response.status >= 500) faults.push(`${path}?${query}: ${response.status}`);
          if ((header(response, "location") ?? "").includes("evil")) faults.push(`${path}?${query} leads away`);
        }),
      );
    expect(faults).toEqual([]);
    const grave = records.filter(({ severity }) => severity === "error" || severity === "critical");
    // Whoever sends all this is an attacker, and that much is to be said of him.
    expect(grave.filter(({ event }) => event !== "malicious_actor_held")).toEqual([]);
  });
});
