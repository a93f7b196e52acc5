/** The authentication routes over real servers, the same in every framework. */
import type { AddressInfo, Server } from "node:net";
import { glacis, saas, authenticationPages, type AuditRecord } from "glacis";
import { keyRing, newKey } from "glacis/data";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  authenticationRoutes,
  enrolledFactors,
  memoryAuthentication,
  memoryRecoveryCodes,
  memoryTotp,
  recoveryCodes,
  totp,
} from "glacis/authentication";
import { totpCode, totpStep } from "../../packages/glacis/src/authentication/totp-code.ts";
import { authenticationGround, tokenIn, type AuthenticationGround } from "../support/authentication-ground.ts";
import { BUILDS } from "./frameworks/builds.ts";
import { browserOn, header, type Browser } from "./raw-browser.ts";

const PASSWORD = "correct horse battery staple";
const FRESH = "a whole new passphrase";
function composed() {
  const sealer = { seal: (text: string) => `sealed:${text}`, open: (text: string) => text.slice("sealed:".length) };
  const authenticators = {
    totp: totp({ issuer: "Folio", store: memoryTotp(), sealer }),
    recoveryCodes: recoveryCodes({ store: memoryRecoveryCodes() }),
  };
  const records: AuditRecord[] = [];
  const layers = saas({
    mode: "test",
    origin: "https://app.example.com",
    keys: keyRing(newKey("k1")),
    proxies: ["127.0.0.1/32"],
    limits: { client: "6000/m", anonymous: "6000/m", user: "6000/m" },
    audit: (record) => void records.push(record),
    mfa: { enrolled: enrolledFactors(authenticators) },
  });
  const ground = authenticationGround(memoryAuthentication(), layers.sessions, {
    now: Date.now,
    authenticators,
  });
  const endpoints = authenticationRoutes(ground.flows, {
    csrf: layers.csrf,
    render: authenticationPages({ name: "Folio" }),
    profile: ["organization"],
    home: "/documents",
  });
  return { security: glacis({ ...layers, endpoints: [...layers.endpoints, ...endpoints] }), ground, records };
}

describe.each(Object.entries(BUILDS))("the authentication routes in %s", (_, build) => {
  let server: Server;
  let ground: AuthenticationGround;
  let records: AuditRecord[];
  const browser = (): Browser => browserOn((server.address() as AddressInfo).port);
  beforeAll(async () => {
    const made = composed();
    ({ ground, records } = made);
    server = await build({ routes: [], groups: [] }, made.security);
  });
  afterAll(() => void server.close());

  it("sign up, confirm, sign out and sign in by forms alone", async () => {
    const own = browser();
    const email = "ada@example.com";
    expect((await own.open("/sign-up")).status).toBe(200);
    const sent = await own.post("/sign-up", { email, password: PASSWORD, organization: "Analytical Engines" });
    expect(sent.status).toBe(202);
    const token = tokenIn((await ground.deliver())[0]);
    const page = await own.open(`/sign-up/confirm?token=${token}`);
    expect(page.status).toBe(200);
    expect(header(page, "referrer-policy")).toBe("strict-origin");
    expect(header(page, "cache-control")).toContain("no-store");
    const confirmed = await own.post("/sign-up/confirm", { token, password: PASSWORD });
    expect([confirmed.status, header(confirmed, "location")]).toEqual([303, "/documents"]);
    expect(ground.welcomed.at(-1)?.profile).toEqual({ organization: "Analytical Engines" });
    expect((await own.open("/account/password")).status).toBe(200);
    expect((await own.post("/sign-out", {})).status).toBe(303);
    expect((await own.open("/sign-in?next=/documents/7")).status).toBe(200);
    const wrong = await own.post("/sign-in", { email, password: "wrong" });
    expect([wrong.status, wrong.body.includes("is not right")]).toEqual([401, true]);
    const back = await own.post("/sign-in", { email, password: PASSWORD, next: "/documents/7" });
    expect([back.status, header(back, "location")]).toEqual([303, "/documents/7"]);
    for (const next of ["//evil.example", "https://evil.example", "/\\evil.example"])
      expect(header(await own.post("/sign-in", { email, password: PASSWORD, next }), "location") ?? "/").not.toContain(
        "evil",
      );
  });

  it("lead a password manager to the page where a password is changed", async () => {
    const sent = await browser().open("/.well-known/change-password");
    expect([sent.status, header(sent, "location")]).toEqual([303, "/account/password"]);
    const page = await browser().open(
      "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200",
    );
    expect(page.status).toBe(404);
  });

  it("answer the same, byte by byte, about addresses that are known, unknown, disabled and unproved", async () => {
    const known = await ground.account();
    const disabled = await ground.account({ status: "disabled" });
    const unproved = await ground.account({ verifiedAtMs: null });
    const shapes = new Set<string>();
    for (const email of [known.email, disabled.email, unproved.email, "nobody@example.com"]) {
      const own = browser();
      await own.open("/forgot-password");
      for (const [path, fields] of [
        ["/forgot-password", { email }],
        ["/sign-up", { email, password: PASSWORD, organization: "x" }],
        ["/sign-in", { email, password: "a wrong password" }],
      ] as const) {
        const response = await own.json(path, fields);
        const names = response.headers.map(([name]) => name).join();
        shapes.add(`${path} ${response.status} ${names} ${response.body.replace(/"request_id":"[^"]*"/u, "")}`);
      }
    }
    expect(shapes.size).toBe(3);
    expect([...shapes].join("\n")).toMatch(/forgot-password 202[\s\S]*sign-up 202[\s\S]*sign-in 401/u);
  });

  it("reset a password by the link of the mail, which works once and never by being opened", async () => {
    const account = await ground.account();
    const own = browser();
    await own.open("/forgot-password");
    expect((await own.post("/forgot-password", { email: account.email })).status).toBe(202);
    const token = tokenIn((await ground.deliver()).find(({ to }) => to === account.email));
    for (let scan = 0; scan < 3; scan += 1)
      expect((await browser().open(`/reset-password?token=${token}`)).status).toBe(200);
    await own.open(`/reset-password?token=${token}`);
    const short = await own.post("/reset-password", { token, password: "short" });
    expect([short.status, short.body.includes(token)]).toEqual([422, true]);
    const saved = await own.post("/reset-password", { token, password: FRESH });
    expect([saved.status, header(saved, "location")]).toEqual([303, "/sign-in"]);
    expect(header(saved, "set-cookie") ?? "").not.toContain("__Host-session=");
    expect((await own.post("/reset-password", { token, password: FRESH })).status).toBe(400);
    expect((await own.open(`/reset-password?token=${token}`)).status).toBe(400);
    expect(JSON.stringify(records)).not.toContain(token);
  });

  it("name the field that is wrong, whatever is sent, and answer nothing with 5xx", async () => {
    const own = browser();
    await own.open("/sign-up");
    await ground.deliver();
    const good = { email: "grace@example.com", password: PASSWORD, organization: "x" };
    const bad: readonly (readonly [string, unknown])[] = [
      ["email", ["a@example.com", "b@example.com"]],
      ["email", 7],
      ["email", null],
      ["email", { $ne: "" }],
      ["email", "a\0@example.com"],
      ["email", "\ud800@example.com"],
      ["email", "not an address"],
      ["email", "x".repeat(5000)],
      ["email", ""],
      ["password", "x".repeat(5000)],
      ["password", ["x"]],
      ["password", "short"],
      ["password", "\udfff".repeat(20)],
      ["organization", "x".repeat(201)],
      ["organization", ["x", "y"]],
      ["organization", "x\r\nBcc: y@example.com"],
      ["role", "admin"],
    ];
    for (const [field, value] of bad) {
      const response = await own.json("/sign-up", { ...good, [field]: value });
      expect([field, value, response.status]).toEqual([
        field,
        value,
        expect.toSatisfy((status) => status >= 400 && status < 500),
      ]);
      if (response.status === 422) expect(response.body).toContain(`"/${field}"`);
    }
    const twice = await own.raw(
      "/sign-up",
      "email=a%40example.com&email=b%40example.com&password=x&organization=x&csrf_token=none",
    );
    expect(twice.status).toBeLessThan(500);
    for (const path of [
      "/sign-in",
      "/reset-password",
      "/email/confirm",
      "/invitation",
      "/not-me",
      "/account/keep",
      "/sign-in/second-factor",
      "/sign-up/confirm",
    ])
      for (const body of [
        "[]",
        "{}",
        "null",
        "7",
        '{"token":[]}',
        '{"email":{},"password":{}}',
        `{"token":"${"A".repeat(43)}","password":"x","method":"totp","code":"1"}`,
      ]) {
        const { status } = await own.json(path, body);
        expect([path, body, status >= 400 && status < 500]).toEqual([path, body, true]);
      }
    expect(await ground.deliver()).toEqual([]);
  });

  it("refuse a form of another site, and settings of somebody who is not signed in", async () => {
    const own = browser();
    await own.open("/sign-in");
    const account = await ground.account();
    const forged = await own.raw("/sign-in", `email=${account.email}&password=x`, {
      Origin: "https://evil.example",
    });
    expect(forged.status).toBe(403);
    for (const path of [
      "/account/password",
      "/account/email",
      "/account/delete",
      "/account/export",
      "/confirm",
      "/sign-out",
    ])
      expect([path, (await own.json(path, {})).status]).toEqual([path, 401]);
  });

  it("show people their account, and whoever is not signed in the way to it", async () => {
    const account = await ground.account();
    const own = browser();
    const away = await own.open("/account", { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" });
    expect([away.status, header(away, "location")]).toEqual([303, "/sign-in?next=%2Faccount"]);
    expect((await own.open("/account", { Accept: "application/json" })).status).toBe(401);
    await own.open("/sign-in");
    await own.post("/sign-in", { email: account.email, password: PASSWORD });
    const page = await own.open("/account");
    expect([page.status, header(page, "referrer-policy"), header(page, "cache-control")]).toEqual([
      200,
      "same-origin",
      expect.stringContaining("no-store"),
    ]);
    expect(page.body).toContain(account.email);
    expect(page.body).toContain('href="/account/totp"');
    expect(page.body).not.toContain("passkey");
    // A button's form that was tampered with is refused as such, not shown as something done.
    const odd = await own.post("/account/sessions/end", { handle: "x".repeat(99) });
    expect([odd.status, odd.body.includes("It is done")]).toEqual([422, false]);
  });

  it("show a form again with everything that was on it", async () => {
    const own = browser();
    await own.open("/sign-up");
    const again = await own.post("/sign-up", { email: "x@example.com", password: PASSWORD, organization: "" });
    expect(again.status).toBe(422);
    expect(again.body).toMatch(/<label for="field-organization">Organization<\/label>[^]*id="organization-wrong"/u);
  });

  it("let people manage their factors, sessions and account, and leave by a mail", async () => {
    const account = await ground.account();
    const own = browser();
    await own.open("/sign-in");
    expect((await own.json("/sign-in", { email: account.email, password: PASSWORD })).status).toBe(200);
    await own.open("/account/password");
    const offer = JSON.parse((await own.json("/account/totp", {})).body) as { readonly secret: string };
    const added = await own.json("/account/totp", { code: totpCode(offer.secret, totpStep(Date.now()), 6) });
    expect([added.status, added.body]).toEqual([200, '{"status":"signed_in"}']);
    expect((await own.open("/account/totp")).body).toContain("<svg");
    const shown = await own.json("/account/recovery-codes", {});
    const { codes } = JSON.parse(shown.body) as { readonly codes: readonly string[] };
    expect(codes).toHaveLength(10);
    expect(JSON.parse((await own.open("/account/sessions")).body)).toMatchObject({
      sessions: [{ current: true, assurance: 2 }],
    });
    expect((await own.json("/account/sessions/end", { handle: "nothing" })).status).toBe(404);

    const other = browser();
    await other.open("/sign-in");
    const half = await other.post("/sign-in", { email: account.email, password: PASSWORD, next: "/documents/7" });
    expect(header(half, "location")).toBe("/sign-in/second-factor?next=%2Fdocuments%2F7");
    const led = await other.open("/sign-in?next=/documents/7");
    expect([led.status, header(led, "location")]).toEqual([303, "/sign-in/second-factor?next=%2Fdocuments%2F7"]);
    expect((await other.open("/sign-in")).status).toBe(200);
    expect((await other.open("/sign-in/second-factor?next=/documents/7")).status).toBe(200);
    const whole = await other.post("/sign-in/second-factor", {
      method: "recovery_code",
      code: codes[0] ?? "",
      next: "/documents/7",
    });
    expect([whole.status, header(whole, "location")]).toEqual([303, "/documents/7"]);

    await own.open("/account/password");
    expect((await own.json("/account/sessions/end-others", {})).status).toBe(200);
    expect((await other.open("/account/sessions")).status).toBe(401);
    await own.open("/account/password");
    expect((await own.json("/account/totp/remove", {})).status).toBe(200);
    await own.open("/account/password");
    const copy = await own.json("/account/export", {});
    expect([copy.status, header(copy, "content-disposition")]).toEqual([200, 'attachment; filename="account.json"']);
    expect((await own.json("/account/delete", { password: "wrong" })).status).toBe(401);
    expect((await own.json("/account/delete", { password: PASSWORD })).status).toBe(200);
    const told = (await ground.deliver())
      .filter(({ to }) => to === account.email)
      .map(({ text }) => text.split("\n")[0]);
    expect(told.join("\n")).toMatch(
      /second factor was added[\s\S]*recovery codes[\s\S]*second factor was removed[\s\S]*delete your account/u,
    );
  });
});
