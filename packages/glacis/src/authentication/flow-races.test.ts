/** Flows that cross: whatever comes first, one of them holds, and no session outlives it. */
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { authenticationGround, authenticationStores, tokenIn } from "../../../../test/support/authentication-ground.ts";
import type { Account } from "./account-store.ts";

const { database, stores } = await authenticationStores("flow_races");
afterAll(() => database?.drop());
const PASSWORD = "correct horse battery staple";
const FRESH = "a whole new passphrase";
const SIGN_INS = 16;

describe.each(stores)("over %s", (_, over) => {
  const ground = authenticationGround(over.store, over.sessions);
  const { flows, store } = ground;
  const anybody = () => ground.browser().ask();
  beforeEach(async () => void (await ground.deliver()));

  it("a new address and a new password by links of the same moment: one of the two comes to pass, and the other link is void", async () => {
    const account = await ground.account();
    const here = await ground.signIn(account);
    const email = `new-${account.email}`;
    await flows.emailChange.request(await here.ask(), email, PASSWORD);
    await flows.passwordReset.request(anybody(), account.email);
    const mails = await ground.deliver();
    const change = tokenIn(mails.find(({ to }) => to === email));
    const reset = tokenIn(mails.find(({ text }) => text.includes("/reset-password")));
    const tries = await Promise.all(
      Array.from({ length: SIGN_INS }, async (_, at) =>
        at % 2 === 0
          ? flows.emailChange.confirm(anybody(), change)
          : flows.passwordReset.complete(anybody(), reset, FRESH),
      ),
    );
    const done = tries.filter(({ kind }) => kind === "changed" || kind === "completed");
    expect(done).toHaveLength(1);
    expect(await store.accounts.byId(account.userId)).toMatchObject({
      version: account.version + 1,
      email: done[0]?.kind === "changed" ? email : account.email,
    });
    expect(await flows.emailChange.isAlive(change, ground.clock.nowMs)).toBe(false);
    expect(await flows.passwordReset.isAlive(reset, ground.clock.nowMs)).toBe(false);
    expect((await here.ask()).principal.kind).toBe("anonymous");
  });

  const closings: readonly (readonly [string, (account: Account) => Promise<boolean | string>])[] = [
    [
      "deleted by its owner",
      async (account) => (await flows.deletion.request(await (await ground.signIn(account)).ask(), PASSWORD)).kind,
    ],
    ["closed by an administrator", (account) => flows.accountStatus.disable(account.userId, anybody())],
    [
      "given a new password by its owner",
      async (account) => (await flows.passwordChange(await (await ground.signIn(account)).ask(), PASSWORD, FRESH)).kind,
    ],
  ];
  it.each(closings)("has no session for whoever signs in while the account is %s", async (how, close) => {
    const account = await ground.account();
    const closed = close(account);
    const browsers = Array.from({ length: SIGN_INS }, () => ground.browser());
    const signIns = Promise.all(
      browsers.map(async (browser) => {
        const request = browser.ask();
        const { kind } = await flows.signIn(request, account.email, PASSWORD);
        browser.keep(request);
        return kind;
      }),
    );
    expect([true, "scheduled", "changed"]).toContain(await closed);
    await signIns;
    // The owner's own session stays where he has changed his password.
    expect((await over.sessions.list(account.userId)).length).toBe(how.startsWith("given a new") ? 1 : 0);
    for (const browser of browsers)
      expect((await over.sessions.authenticate(browser.ask())).principal.kind).toBe("anonymous");
    // Wrong, or a wait after so many that were.
    expect((await flows.signIn(anybody(), account.email, PASSWORD)).kind).not.toBe("established");
  });

  it("no copy of what is kept is handed out once the account is somebody else's to ask for", async () => {
    const account = await ground.account();
    const here = await ground.signIn(account);
    const slow = authenticationGround(over.store, over.sessions, {
      application: {
        membership: async () => ground.members.get(account.userId),
        async exportData() {
          await flows.accountStatus.disable(account.userId, anybody());
          return { documents: ["a secret"] };
        },
      },
    });
    expect(await slow.flows.deletion.exportData(await here.ask())).toBeUndefined();
  });

  it("a password by mail is for an account that is open, whatever else stands in the way", async () => {
    const reset = async (account: Account): Promise<string> => {
      await flows.passwordReset.request(anybody(), account.email);
      const mail = (await ground.deliver()).find(({ text }) => text.includes("/reset-password"));
      return mail === undefined
        ? "no mail"
        : (await flows.passwordReset.complete(anybody(), tokenIn(mail), FRESH)).kind;
    };
    const signIn = async ({ email }: Account): Promise<string> => (await flows.signIn(anybody(), email, FRESH)).kind;
    for (const status of ["disabled", "deleting"] as const) {
      const account = await ground.account({ status });
      expect([status, await reset(account), await signIn(account)]).toEqual([status, "no mail", "credentials_wrong"]);
    }
    const cases: Readonly<Record<string, Partial<Account>>> = {
      locked: {},
      unverified: { verifiedAtMs: null },
      "without a password": { passwordHash: null },
      void: { passwordHash: "!" },
    };
    for (const [name, details] of Object.entries(cases)) {
      const account = await ground.account(details);
      if (name === "locked") {
        for (let tries = 0; tries < 6; tries += 1) await flows.signIn(anybody(), account.email, "wrong");
        expect((await flows.signIn(anybody(), account.email, PASSWORD)).kind).toBe("wait");
      }
      expect([name, await reset(account), await signIn(account)]).toEqual([name, "completed", "established"]);
    }
  });

  it("a link that was mailed before opens nothing once the account is closed, nor when it is open again", async () => {
    const account = await ground.account();
    await flows.passwordReset.request(anybody(), account.email);
    const token = tokenIn((await ground.deliver())[0]);
    expect(await flows.accountStatus.disable(account.userId, anybody())).toBe(true);
    expect(await flows.passwordReset.complete(anybody(), token, FRESH)).toEqual({ kind: "link_invalid" });
    expect(await flows.accountStatus.enable(account.userId, anybody())).toBe(true);
    expect(await flows.passwordReset.complete(anybody(), token, FRESH)).toEqual({ kind: "link_invalid" });
  });
});
