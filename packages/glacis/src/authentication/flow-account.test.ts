import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { authenticationGround, authenticationStores, tokenIn } from "../../../../test/support/authentication-ground.ts";
import type { Account } from "./account-store.ts";

const { database, stores } = await authenticationStores("account_flows");
afterAll(() => database?.drop());
const PASSWORD = "correct horse battery staple";
const FRESH = "a whole new passphrase";
const DAY = 86_400_000;

describe.each(stores)("an account over %s", (_, over) => {
  const ground = authenticationGround(over.store, over.sessions);
  const { flows, store, clock } = ground;
  const anybody = () => ground.browser().ask();
  beforeEach(async () => void (await ground.deliver()));

  const signedIn = (account: Account) => ground.signIn(account, PASSWORD);

  describe("whose address is changed", () => {
    it("proves the new one first, tells both, and ends every session", async () => {
      const account = await ground.account();
      const here = await signedIn(account);
      const email = `new-${account.email}`;
      expect(await flows.emailChange.request(await here.ask(), email, "wrong")).toEqual({ kind: "credentials_wrong" });
      expect(await flows.emailChange.request(await here.ask(), email, PASSWORD)).toEqual({ kind: "accepted" });
      const mails = await ground.deliver();
      expect(mails.map(({ to }) => to).toSorted()).toEqual([account.email, email].toSorted());
      expect((await store.accounts.byId(account.userId))?.email).toBe(account.email);
      const token = tokenIn(mails.find(({ to }) => to === email));
      const outcomes = await Promise.all(Array.from({ length: 64 }, () => flows.emailChange.confirm(anybody(), token)));
      expect(outcomes.filter(({ kind }) => kind === "changed")).toHaveLength(1);
      expect((await here.ask()).principal.kind).toBe("anonymous");
      expect((await store.accounts.byId(account.userId))?.email).toBe(email);
      const told = await ground.deliver();
      expect(told.map(({ to }) => to).toSorted()).toEqual([account.email, email].toSorted());
      expect(told.find(({ to }) => to === account.email)?.text).toContain("n***@example.com");
    });

    it("gives the former address back to whoever says there that it was not he, whatever was changed since", async () => {
      const account = await ground.account();
      const here = await signedIn(account);
      const email = `thief-${account.email}`;
      await flows.emailChange.request(await here.ask(), email, PASSWORD);
      const link = tokenIn((await ground.deliver()).find(({ to }) => to === email));
      await flows.emailChange.confirm(anybody(), link);
      const disown = tokenIn((await ground.deliver()).find(({ to }) => to === account.email));
      await flows.passwordReset.request(anybody(), email);
      const [reset] = await ground.deliver();
      await flows.passwordReset.complete(anybody(), tokenIn(reset), FRESH);
      await ground.deliver();
      expect(await flows.notices.disown(anybody(), disown)).toEqual({ kind: "disowned" });
      expect(await store.accounts.byId(account.userId)).toMatchObject({ email: account.email, passwordHash: "!" });
      const told = (await ground.deliver()).map(({ to }) => to);
      expect(told.toSorted()).toEqual([account.email, account.email, email].toSorted());
    });

    it("answers the same about an address that somebody has, and changes nothing", async () => {
      const [account, other] = [await ground.account(), await ground.account()];
      const here = await signedIn(account);
      expect(await flows.emailChange.request(await here.ask(), other.email, PASSWORD)).toEqual({ kind: "accepted" });
      const mails = await ground.deliver();
      expect(mails.find(({ to }) => to === other.email)?.text).not.toContain("token=");
    });

    it("comes to nothing when somebody else takes the address before the link is used, or the link is another's", async () => {
      const account = await ground.account();
      const here = await signedIn(account);
      const email = `wanted-${account.email}`;
      await flows.emailChange.request(await here.ask(), email, PASSWORD);
      const token = tokenIn((await ground.deliver()).find(({ to }) => to === email));
      await ground.account({ email });
      expect(await flows.emailChange.confirm(anybody(), token)).toEqual({ kind: "link_invalid" });
      expect(await store.accounts.byId(account.userId)).toMatchObject({ email: account.email });
      for (const odd of [undefined, "", [], "A".repeat(43)])
        expect(await flows.emailChange.confirm(anybody(), odd)).toEqual({ kind: "link_invalid" });
    });
  });

  describe("that an administrator closes", () => {
    it("ends its sessions and links, signs nobody in, and opens again with the same password", async () => {
      const account = await ground.account();
      const here = await signedIn(account);
      await flows.passwordReset.request(anybody(), account.email);
      const token = tokenIn((await ground.deliver())[0]);
      expect(await flows.accountStatus.disable(account.userId, anybody())).toBe(true);
      expect(await flows.accountStatus.disable(account.userId, anybody())).toBe(false);
      expect((await here.ask()).principal.kind).toBe("anonymous");
      expect(await flows.signIn(anybody(), account.email, PASSWORD)).toEqual({ kind: "credentials_wrong" });
      expect(await flows.passwordReset.complete(anybody(), token, FRESH)).toEqual({ kind: "link_invalid" });
      expect(await flows.accountStatus.enable(account.userId, anybody())).toBe(true);
      expect(await flows.accountStatus.enable("nobody", anybody())).toBe(false);
      clock.nowMs += 1000;
      expect(await flows.signIn(anybody(), account.email, PASSWORD)).toMatchObject({ kind: "established" });
    });
  });

  describe("that was invited", () => {
    const invitation = { tenantId: "globex", roles: ["editor"] };
    async function invited(email: string): Promise<string> {
      expect(await flows.invitations.invite({ email, ...invitation }, anybody())).toEqual({ kind: "accepted" });
      return tokenIn((await ground.deliver()).at(-1));
    }

    it("is made by whoever reads the mail, with the password that he chooses, once", async () => {
      const email = `guest-${ground.mails.length}@example.com`;
      const token = await invited(email);
      expect(await flows.invitations.read(token, clock.nowMs)).toEqual({ email, ...invitation, hasAccount: false });
      expect(await flows.invitations.accept(anybody(), token, "short")).toMatchObject({ kind: "password_rejected" });
      const profile = { name: "Wilhelmina Tabacaru" };
      expect(await flows.invitations.accept(anybody(), token, "Wilhelmina Tabacaru 1", profile)).toMatchObject({
        kind: "password_rejected",
        problems: [{ code: "password_too_similar" }],
      });
      const outcomes = await Promise.all(
        Array.from({ length: 64 }, () => flows.invitations.accept(anybody(), token, PASSWORD)),
      );
      const won = outcomes.filter(({ kind }) => kind === "established");
      expect(won).toMatchObject([{ session: { tenantId: "globex", roles: ["editor"] } }]);
      expect(await flows.invitations.read(token, clock.nowMs)).toBeUndefined();
    });

    it("takes the password of an account that is there, and joins even when the application was down", async () => {
      const account = await ground.account();
      const token = await invited(account.email);
      expect(await flows.invitations.accept(anybody(), token, FRESH)).toEqual({ kind: "credentials_wrong" });
      ground.outage.application = true;
      await flows.invitations.accept(anybody(), token, PASSWORD);
      ground.outage.application = false;
      await ground.deliver();
      expect(ground.members.get(account.userId)).toEqual(invitation);
    });

    it("is void while whoever sent it could not send it any more", async () => {
      const inviter = await ground.account();
      const email = `friend-${ground.mails.length}@example.com`;
      await flows.invitations.invite({ email, ...invitation, invitedBy: inviter.userId }, anybody());
      const token = tokenIn((await ground.deliver()).at(-1));
      expect(await flows.invitations.read(token, clock.nowMs)).toMatchObject({ invitedBy: inviter.userId });
      ground.members.delete(inviter.userId);
      expect(await flows.invitations.read(token, clock.nowMs)).toBeUndefined();
      expect(await flows.invitations.accept(anybody(), token, PASSWORD)).toEqual({ kind: "link_invalid" });
    });

    it("is not mailed again once it is accepted, when the mail server took the mail and then failed", async () => {
      const sent: string[] = [];
      const flaky = authenticationGround(over.store, over.sessions, {
        mail: {
          kind: "other",
          async send({ text }) {
            sent.push(text);
            if (sent.length === 1) throw new Error("The connection was lost.");
          },
        },
      });
      const email = `twice-${Math.random()}@example.com`;
      await flaky.flows.invitations.invite({ email, ...invitation }, flaky.browser().ask());
      await flaky.deliver();
      const token = /token=([\w-]+)/u.exec(sent[0] ?? "")?.[1];
      const accepted = await flaky.flows.invitations.accept(flaky.browser().ask(), token, PASSWORD);
      expect(accepted.kind).toBe("established");
      flaky.clock.nowMs += 60_000;
      await flaky.deliver();
      expect(sent.filter((text) => text.includes("/invitation"))).toHaveLength(1);
    });

    it("is void when it is taken back, sent again, or a week old", async () => {
      const email = `late-${ground.mails.length}@example.com`;
      const first = await invited(email);
      const second = await invited(email);
      expect(await flows.invitations.accept(anybody(), first, PASSWORD)).toEqual({ kind: "link_invalid" });
      await flows.invitations.revoke(email, "globex");
      expect(await flows.invitations.accept(anybody(), second, PASSWORD)).toEqual({ kind: "link_invalid" });
      const third = await invited(email);
      clock.nowMs += 7 * DAY;
      expect(await flows.invitations.accept(anybody(), third, PASSWORD)).toEqual({ kind: "link_invalid" });
    });
  });

  describe("that is deleted", () => {
    it("can be kept within the days of grace", async () => {
      const account = await ground.account();
      const here = await signedIn(account);
      expect(await flows.deletion.request(await here.ask(), PASSWORD)).toMatchObject({ kind: "scheduled" });
      expect((await here.ask()).principal.kind).toBe("anonymous");
      expect(await flows.signIn(anybody(), account.email, PASSWORD)).toEqual({ kind: "credentials_wrong" });
      const token = tokenIn((await ground.deliver())[0]);
      const tries = await Promise.all(Array.from({ length: 64 }, () => flows.deletion.keep(anybody(), token)));
      expect(tries.filter(({ kind }) => kind === "kept")).toHaveLength(1);
      expect(await flows.deletion.keep(anybody(), token)).toEqual({ kind: "link_invalid" });
      clock.nowMs += 15 * DAY;
      await ground.deliver();
      expect(await flows.signIn(anybody(), account.email, PASSWORD)).toMatchObject({ kind: "established" });
    });

    it("is gone afterwards, with what the application holds, and its owner is told", async () => {
      const account = await ground.account();
      const here = await signedIn(account);
      await flows.deletion.request(await here.ask(), PASSWORD);
      await ground.deliver();
      clock.nowMs += 14 * DAY;
      expect(await ground.deliver()).toMatchObject([
        { to: account.email, text: expect.stringContaining("was deleted") },
      ]);
      expect(await store.accounts.byId(account.userId)).toBeUndefined();
      expect(ground.members.has(account.userId)).toBe(false);
    });

    it("is had back whole or not at all by whoever takes it back at the last moment", async () => {
      const account = await ground.account();
      const here = await signedIn(account);
      await flows.deletion.request(await here.ask(), PASSWORD);
      const [mail] = await ground.deliver();
      clock.nowMs += 10 * DAY;
      await flows.notices.tell(account.userId, "passkey_added");
      const disown = tokenIn((await ground.deliver())[0]);
      const outcomes: string[] = [];
      const late = authenticationGround(over.store, over.sessions, {
        now: () => clock.nowMs,
        application: {
          membership: async () => undefined,
          async erase() {
            outcomes.push((await flows.deletion.keep(anybody(), tokenIn(mail))).kind);
            outcomes.push((await flows.notices.disown(anybody(), disown)).kind);
            throw new Error("The application's database does not answer.");
          },
        },
      });
      clock.nowMs += 4 * DAY;
      await late.deliver();
      expect(outcomes).toEqual(["link_invalid", "link_invalid"]);
      expect(await store.accounts.byId(account.userId)).toMatchObject({ status: "deleting" });
      clock.nowMs += 60_000;
      await ground.deliver();
      expect(await store.accounts.byId(account.userId)).toBeUndefined();
      expect(ground.members.has(account.userId)).toBe(false);
    });

    it("has all its days of grace again when it was kept, and its deletion asked for once more", async () => {
      const account = await ground.account();
      await flows.deletion.request(await (await signedIn(account)).ask(), PASSWORD);
      const first = tokenIn((await ground.deliver())[0]);
      await flows.deletion.keep(anybody(), first);
      await ground.deliver();
      clock.nowMs += 10 * DAY;
      await flows.deletion.request(await (await signedIn(account)).ask(), PASSWORD);
      const second = tokenIn((await ground.deliver()).at(-1));
      clock.nowMs += 5 * DAY;
      await ground.deliver();
      expect(await store.accounts.byId(account.userId)).toMatchObject({ status: "deleting" });
      expect(await flows.deletion.keep(anybody(), first)).toEqual({ kind: "link_invalid" });
      expect(await flows.deletion.isAlive(second, clock.nowMs)).toBe(true);
      clock.nowMs += 9 * DAY;
      await ground.deliver();
      expect(await store.accounts.byId(account.userId)).toBeUndefined();
    });

    it("is told to be gone once, however often its removal fails on the way", async () => {
      const account = await ground.account();
      const here = await signedIn(account);
      await flows.deletion.request(await here.ask(), PASSWORD);
      await ground.deliver();
      clock.nowMs += 14 * DAY;
      const remove = store.accounts.remove.bind(store.accounts);
      store.accounts.remove = () => Promise.reject(new Error("The database does not answer."));
      expect(await ground.deliver()).toEqual([]);
      // The answer is lost, not the work.
      store.accounts.remove = async (...given) => {
        await remove(...given);
        throw new Error("The connection is gone.");
      };
      clock.nowMs += 60_000;
      expect(await ground.deliver()).toHaveLength(1);
      store.accounts.remove = remove;
      clock.nowMs += 60_000;
      expect(await ground.deliver()).toEqual([]);
      expect(await store.accounts.byId(account.userId)).toBeUndefined();
    });

    it("hands out a copy of what is kept to its owner alone", async () => {
      const account = await ground.account();
      const here = await signedIn(account);
      const copy = await flows.deletion.exportData(await here.ask());
      expect(copy).toMatchObject({
        account: { id: account.userId, email: account.email },
        sessions: [{}],
        application: { documents: [`of ${account.userId}`] },
      });
      expect(JSON.stringify(copy)).not.toContain("$argon2");
      expect(await flows.deletion.exportData(anybody())).toBeUndefined();
    });
  });
});
