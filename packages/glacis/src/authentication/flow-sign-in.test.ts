import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { authenticationGround, authenticationStores } from "../../../../test/support/authentication-ground.ts";
import { hashingLine } from "./password-hash-line.ts";
import { passwordHashing } from "./password-hashing.ts";

const { database, stores } = await authenticationStores("sign_in");
afterAll(() => database?.drop());
const PASSWORD = "correct horse battery staple";

describe.each(stores)("signing in over %s", (_, over) => {
  const ground = authenticationGround(over.store, over.sessions);
  const { flows, store } = ground;
  beforeEach(async () => void (await ground.deliver()));

  it("tells of a browser that it has not seen, and of no other", async () => {
    const account = await ground.account();
    const browser = ground.browser();
    const first = browser.ask({ headers: { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Firefox/130.0" } });
    expect(await flows.signIn(first, ` ${account.email.toUpperCase()}`, PASSWORD)).toMatchObject({
      kind: "established",
    });
    browser.keep(first);
    const [notice] = await ground.deliver();
    expect(notice?.text).toContain("Firefox on Linux");
    await flows.signIn(browser.ask(), account.email, PASSWORD);
    expect(await ground.deliver()).toEqual([]);
  });

  it("answers whatever is not the right password of an active account in one way, and leaves one event", async () => {
    const active = await ground.account();
    const disabled = await ground.account({ status: "disabled" });
    const deleting = await ground.account({ status: "deleting" });
    const without = await ground.account({ passwordHash: null });
    const tries: readonly (readonly [unknown, unknown])[] = [
      [active.email, "wrong"],
      [disabled.email, PASSWORD],
      [deleting.email, PASSWORD],
      [without.email, PASSWORD],
      ["nobody@example.com", PASSWORD],
      [undefined, undefined],
      [[active.email], [PASSWORD]],
      [{ $ne: "" }, { $ne: "" }],
      [`${active.email}\0`, PASSWORD],
      [active.email, `${PASSWORD}\0`],
      ["x".repeat(1e6), "x".repeat(1e6)],
      ["\ud800", "\ud800"],
    ];
    for (const [email, password] of tries) {
      const request = ground.browser().ask();
      expect(await flows.signIn(request, email, password)).toEqual({ kind: "credentials_wrong" });
      expect(request.noted).toMatchObject([{ event: "authn_login_fail", status: "failed" }]);
      expect(request.responseHeaders ?? []).toEqual([]);
    }
  });

  it("sends people away while too many passwords are being hashed, and holds it against nobody", async () => {
    const line = hashingLine({ concurrency: 1, waiting: 0 });
    const hashing = passwordHashing({ memoryKiB: 7168, passes: 5, line });
    const full = authenticationGround(store, over.sessions, { passwords: hashing });
    const { email } = await full.account();
    let free = (): void => undefined;
    const long = line.run(() => new Promise<void>((resolve) => void (free = resolve)));
    for (let tries = 0; tries < 120; tries += 1)
      expect((await full.flows.signIn(full.browser().ask(), email, PASSWORD)).kind).toBe("busy");
    free();
    await long;
    expect((await full.flows.signIn(full.browser().ask(), email, PASSWORD)).kind).toBe("established");
  });

  it("counts no attempt that finds no place any more, of many that come at the same moment", async () => {
    const line = hashingLine({ concurrency: 1, waiting: 1 });
    const hashing = passwordHashing({ memoryKiB: 7168, passes: 5, line });
    const full = authenticationGround(store, over.sessions, { passwords: hashing });
    const { email } = await full.account();
    let free = (): void => undefined;
    const long = line.run(() => new Promise<void>((resolve) => void (free = resolve)));
    const tries = Array.from({ length: 12 }, () => full.flows.signIn(full.browser().ask(), email, PASSWORD));
    await expect.poll(async () => (await Promise.race([...tries, Promise.resolve({ kind: "" })])).kind).toBe("busy");
    free();
    await long;
    const kinds = (await Promise.all(tries)).map(({ kind }) => kind);
    expect(kinds.toSorted()).toEqual([...Array<string>(11).fill("busy"), "established"]);
    const wrong = await full.flows.signIn(full.browser().ask(), email, "another password of many words");
    expect(wrong.kind).toBe("credentials_wrong");
    expect(line.enter().kind).toBe("place");
  });

  it("ends a session that was made while the account changed", async () => {
    const account = await ground.account();
    const racing = authenticationGround(store, over.sessions, {
      application: {
        async membership(userId) {
          await store.accounts.change(userId, account.version, { status: "disabled" });
          return { tenantId: "acme", roles: [] };
        },
      },
    });
    expect(await racing.flows.signIn(racing.browser().ask(), account.email, PASSWORD)).toEqual({
      kind: "sign_in_again",
    });
    expect(await over.sessions.list(account.userId)).toEqual([]);
  });

  it("leaves no session behind when nobody can look at the account, or tell its owner", async () => {
    const account = await ground.account();
    const byId = store.accounts.byId.bind(store.accounts);
    const add = store.jobs.add.bind(store.jobs);
    const down = (): Promise<never> => Promise.reject(new Error("The database does not answer."));
    for (const breakIt of [() => void (store.accounts.byId = down), () => void (store.jobs.add = down)]) {
      const browser = ground.browser();
      const request = browser.ask();
      breakIt();
      await expect(flows.signIn(request, account.email, PASSWORD)).rejects.toThrow("does not answer");
      Object.assign(store.accounts, { byId });
      Object.assign(store.jobs, { add });
      expect(await over.sessions.list(account.userId)).toEqual([]);
      const token = request.responseHeaders?.find(([, line]) => line.startsWith("__Host-session="))?.[1].split(";")[0];
      const headers = { cookie: token ?? "" };
      expect((await over.sessions.authenticate(ground.browser().ask({ headers }))).principal.kind).toBe("anonymous");
      browser.keep(request);
      expect((await over.sessions.authenticate(browser.ask())).principal.kind).toBe("anonymous");
    }
  });

  it("voids an outstanding reset link, for its owner has remembered the password", async () => {
    const account = await ground.account();
    await flows.passwordReset.request(ground.browser().ask(), account.email);
    const [mail] = await ground.deliver();
    const token = new URL(/https:\S+/u.exec(mail?.text ?? "")?.[0] ?? "").searchParams.get("token");
    await flows.signIn(ground.browser().ask(), account.email, PASSWORD);
    expect(await flows.passwordReset.isAlive(token, ground.clock.nowMs)).toBe(false);
  });

  it("has no session for somebody who belongs to no tenant", async () => {
    const account = await ground.account();
    ground.members.delete(account.userId);
    expect(await flows.signIn(ground.browser().ask(), account.email, PASSWORD)).toEqual({ kind: "no_membership" });
  });
});
