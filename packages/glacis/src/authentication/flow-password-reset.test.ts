import { afterAll, beforeEach, describe, expect, it } from "vitest";
import {
  authenticationGround,
  authenticationStores,
  passwords,
  tokenIn,
} from "../../../../test/support/authentication-ground.ts";
import { sketchProof } from "../testing/proof.ts";
import { memoryAuthentication } from "./authentication-store.ts";
import { outboxMail } from "./mail-transport.ts";
import { memorySessions } from "./session-memory.ts";
import { sessions } from "./session.ts";
import type { Account } from "./account-store.ts";

const { database, stores } = await authenticationStores("password_reset");
afterAll(() => database?.drop());
const FRESH = "a whole new passphrase";
const HOUR = 3_600_000;

describe.each(stores)("password reset over %s", (_, over) => {
  const ground = authenticationGround(over.store, over.sessions);
  const { flows, store, clock } = ground;
  const reset = flows.passwordReset;
  beforeEach(async () => void (await ground.deliver()));

  async function mailed(account: Account): Promise<string> {
    await reset.request(ground.browser().ask(), account.email);
    const mails = await ground.deliver();
    return tokenIn(mails.find(({ to, subject }) => to === account.email && subject.includes("new password")));
  }
  async function verifies(account: Account, password: string): Promise<boolean> {
    const stored = (await store.accounts.byId(account.userId))?.passwordHash ?? null;
    return (await passwords.verify(password, { userId: account.userId, stored }, clock.nowMs)).kind === "verified";
  }

  it("sets the password once, ends every session, signs nobody in, and tells the owner", async () => {
    const account = await ground.account();
    const browser = ground.browser();
    const signIn = browser.ask();
    await ground.sessions.establish(signIn, [sketchProof({ userId: account.userId, provedAtMs: clock.nowMs })], {
      userId: account.userId,
      tenantId: "acme",
      roles: [],
    });
    const token = await mailed(account);
    expect(await reset.isAlive(token, clock.nowMs)).toBe(true);
    const request = browser.ask();
    expect(await reset.complete(request, token, FRESH)).toEqual({ kind: "completed" });
    expect((request.responseHeaders ?? []).filter(([name]) => name === "set-cookie")).toEqual([]);
    expect(await ground.sessions.list(account.userId)).toEqual([]);
    expect(await verifies(account, FRESH)).toBe(true);
    expect(await reset.complete(browser.ask(), token, FRESH)).toEqual({ kind: "link_invalid" });
    const [notice] = await ground.deliver();
    expect(notice).toMatchObject({ to: account.email });
    expect(notice?.text).toContain("reset by a link");
  });

  it("lets one of 64 with the same link set the password", async () => {
    const account = await ground.account();
    const token = await mailed(account);
    const asked = ground.browser();
    const results = await Promise.all(
      Array.from({ length: 64 }, (__, index) => reset.complete(asked.ask(), token, `${FRESH} ${index}`)),
    );
    const won = results.flatMap(({ kind }, index) => (kind === "completed" ? [index] : []));
    expect(won).toHaveLength(1);
    expect(await verifies(account, `${FRESH} ${won[0]}`)).toBe(true);
    expect((await ground.deliver()).filter(({ to }) => to === account.email)).toHaveLength(1);
  });

  it("voids the former link when another is asked for, and after half an hour", async () => {
    const account = await ground.account();
    const first = await mailed(account);
    const second = await mailed(account);
    expect(await reset.complete(ground.browser().ask(), first, FRESH)).toEqual({ kind: "link_invalid" });
    clock.nowMs += HOUR / 2;
    expect(await reset.isAlive(second, clock.nowMs)).toBe(false);
    expect(await reset.complete(ground.browser().ask(), second, FRESH)).toEqual({ kind: "link_invalid" });
  });

  it.each([
    ["password", { passwordHash: null }],
    ["address", { email: "moved@example.com" }],
    ["status", { status: "disabled" as const }],
  ])("voids the link when the account's %s changes", async (__, change) => {
    const account = await ground.account();
    const token = await mailed(account);
    await store.accounts.change(account.userId, account.version, change);
    expect(await reset.complete(ground.browser().ask(), token, FRESH)).toEqual({ kind: "link_invalid" });
  });

  it("keeps the link for another try when the new password is refused", async () => {
    const account = await ground.account();
    const token = await mailed(account);
    expect(await reset.complete(ground.browser().ask(), token, "short")).toMatchObject({ kind: "password_rejected" });
    for (const odd of [undefined, ["a".repeat(20)], `${"a".repeat(20)}\ud800`, "a".repeat(1_000_000)])
      expect(await reset.complete(ground.browser().ask(), token, odd)).toMatchObject({ kind: "password_rejected" });
    expect(await reset.complete(ground.browser().ask(), token, FRESH)).toEqual({ kind: "completed" });
  });

  it("answers the same about every address, and leaves one job of one shape", async () => {
    const known = await ground.account();
    const disabled = await ground.account({ status: "disabled" });
    for (const email of [known.email, disabled.email, "nobody@example.com"]) {
      const request = ground.browser().ask();
      expect(await reset.request(request, email)).toEqual({ kind: "accepted" });
      const [job, ...others] = await store.jobs.claim(5, clock.nowMs, 0);
      expect(others).toEqual([]);
      expect(job).toMatchObject({ kind: "password_reset", payload: { email } });
      expect(JSON.stringify(request.noted)).not.toContain(email);
      await store.jobs.done(job?.id ?? "");
    }
  });

  it("sends three mails an hour at most, and none to addresses without an account", async () => {
    const account = await ground.account();
    for (let count = 0; count < 50; count += 1) {
      await reset.request(ground.browser().ask(), account.email);
      await reset.request(ground.browser().ask(), "nobody@example.com");
    }
    expect((await ground.deliver()).map(({ to }) => to)).toEqual([account.email, account.email, account.email]);
    clock.nowMs += HOUR;
    await reset.request(ground.browser().ask(), account.email);
    expect(await ground.deliver()).toHaveLength(1);
  });

  it("tries again with a fresh link when the mail server is down, and logs no address", async () => {
    const account = await ground.account();
    ground.outage.mail = true;
    expect(await reset.request(ground.browser().ask(), account.email)).toEqual({ kind: "accepted" });
    expect(await ground.deliver()).toEqual([]);
    ground.outage.mail = false;
    expect(await ground.deliver()).toEqual([]);
    clock.nowMs += 5_000;
    const [mail] = await ground.deliver();
    expect(await reset.isAlive(tokenIn(mail), clock.nowMs)).toBe(true);
    expect(ground.reported.at(-1)).toMatchObject({ event: "sys_job_failed", resource_type: "password_reset" });
    expect(JSON.stringify(ground.reported)).not.toContain(account.email);
  });

  it("builds the link from the configured origin, whatever the request says", async () => {
    const account = await ground.account();
    await reset.request(
      ground
        .browser()
        .ask({ host: "evil.example", headers: { host: "evil.example", "x-forwarded-host": "evil.example" } }),
      account.email,
    );
    const [mail] = await ground.deliver();
    expect(mail?.text).toMatch(/https:\/\/app\.example\.com\/reset-password\?token=[\w-]{43}\n/u);
    expect(`${mail?.text}${mail?.html}`).not.toContain("evil");
  });

  it("finds the account under every spelling of its address, and refuses what is none", async () => {
    const account = await ground.account({ email: "grace@example.com" });
    await reset.request(ground.browser().ask(), " Grace@EXAMPLE.com ");
    expect((await ground.deliver()).map(({ to }) => to)).toEqual([account.email]);
    for (const odd of [
      undefined,
      null,
      7,
      [account.email],
      {},
      "",
      "grace",
      "grace@example.com\0",
      "\ud800@example.com",
      "a".repeat(100_000),
    ])
      expect(await reset.request(ground.browser().ask(), odd)).toEqual({ kind: "address_malformed" });
    await store.accounts.remove(account.userId);
  });

  it("changes nothing for whoever has no link", async () => {
    const account = await ground.account();
    for (const odd of [undefined, null, "", [], {}, account.userId, "A".repeat(43), "\0".repeat(43)])
      expect(await reset.complete(ground.browser().ask(), odd, FRESH)).toEqual({ kind: "link_invalid" });
    expect(await verifies(account, FRESH)).toBe(false);
  });

  it("voids the password, the sessions and the links when the owner says that it was not he, and mails him a way back", async () => {
    const account = await ground.account();
    const token = await mailed(account);
    await reset.complete(ground.browser().ask(), token, FRESH);
    const disown = tokenIn((await ground.deliver())[0]);
    expect(await flows.notices.isAlive(disown, clock.nowMs)).toBe(true);
    const both = [ground.browser().ask(), ground.browser().ask()].map((asked) => flows.notices.disown(asked, disown));
    expect((await Promise.all(both)).map(({ kind }) => kind).toSorted()).toEqual(["disowned", "link_invalid"]);
    expect(await verifies(account, FRESH)).toBe(false);
    const mails = await ground.deliver();
    expect(mails.map(({ to }) => to)).toEqual([account.email, account.email]);
    const again = tokenIn(mails.find(({ subject }) => subject.includes("new password")));
    expect(await reset.complete(ground.browser().ask(), again, FRESH)).toEqual({ kind: "completed" });
  });
});

describe("the check of password reset", () => {
  const memory = { store: memoryAuthentication(), sessions: sessions({ store: memorySessions() }) };
  const idsIn = (mode: "production" | "development", ground: ReturnType<typeof authenticationGround>) =>
    ground.flows.passwordReset.control
      .check({ mode, nodeVersion: "22.0.0", variables: new Map(), nodeOptions: [], nowMs: 0 })
      .map(({ rule }) => rule.id);

  it("calls memory, an outbox and http errors in production", () => {
    const folder = authenticationGround(memory.store, memory.sessions, {
      origin: "http://app.example.com",
      mail: outboxMail({ folder: "/nowhere" }),
    });
    expect(idsIn("production", folder)).toEqual([
      "password-reset/memory-store",
      "password-reset/mail-stays-here",
      "password-reset/insecure-origin",
    ]);
    expect(idsIn("development", folder)).toEqual([]);
  });

  it("refuses options that it does not know, and an origin or a path that is none", () => {
    const make = (options: object) => () => authenticationGround(memory.store, memory.sessions, options);
    expect(make({ orgin: "x" })).toThrow('Did you mean "origin"?');
    expect(make({ origin: "https://app.example.com/" })).toThrow("scheme and host alone");
    expect(make({ paths: { signIn: "//evil.example" } })).toThrow("plain paths");
    expect(make({ name: "Folio\r\nBcc: x" })).toThrow("one line");
  });
});
