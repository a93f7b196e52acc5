import { setTimeout } from "node:timers/promises";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { authenticationGround, authenticationStores, tokenIn } from "../../../../test/support/authentication-ground.ts";
import type { User } from "../core/principal.ts";
import type { Account } from "./account-store.ts";
import type { IssuedApiKey } from "./api-key-issue.ts";
import { API_KEY_MIGRATION, memoryApiKeys, postgresApiKeys } from "./api-key-store.ts";
import { apiKeys } from "./api-keys.ts";
import { memorySingleSignOn } from "./single-sign-on-store.ts";

const { database, stores } = await authenticationStores("takeover");
await database?.pool.query(API_KEY_MIGRATION);
afterAll(() => database?.drop());
const PASSWORD = "correct horse battery staple";

describe.each(stores)("a thief with a session and the password over %s", (_, over) => {
  const ground = authenticationGround(over.store, over.sessions);
  const { flows, store, clock } = ground;
  const anybody = () => ground.browser().ask();
  beforeEach(async () => void (await ground.deliver()));

  async function moved(from: string, to: string): Promise<readonly { readonly to: string; readonly token: string }[]> {
    const account = await store.accounts.byEmail(from);
    if (account === undefined) throw new Error("Nobody has the address.");
    const here = await ground.signIn(account, PASSWORD);
    await flows.emailChange.request(await here.ask(), to, PASSWORD);
    const link = (await ground.deliver()).find((mail) => mail.to === to);
    clock.nowMs += 1000;
    expect(await flows.emailChange.confirm(anybody(), tokenIn(link))).toEqual({ kind: "changed" });
    return (await ground.deliver()).map((mail) => ({ to: mail.to, token: tokenIn(mail) }));
  }

  async function newPassword(email: string): Promise<void> {
    await ground.deliver();
    await flows.passwordReset.request(anybody(), email);
    const link = (await ground.deliver()).find(({ to, text }) => to === email && text.includes("reset-password"));
    expect(await flows.passwordReset.complete(anybody(), tokenIn(link), PASSWORD)).toEqual({ kind: "completed" });
  }

  it("gets no link for a change of address that was asked for before the owner disowned it, however late the mail", async () => {
    const account = await ground.account();
    const here = await ground.signIn(account, PASSWORD);
    await flows.notices.tell(account.userId, "new_device", anybody());
    const disown = tokenIn((await ground.deliver())[0]);
    const thief = `greylisted-${account.email}`;
    await flows.emailChange.request(await here.ask(), thief, PASSWORD);
    ground.outage.mail = true;
    await ground.deliver();
    ground.outage.mail = false;
    clock.nowMs += 1000;
    expect(await flows.notices.disown(anybody(), disown)).toEqual({ kind: "disowned" });
    clock.nowMs += 60_000;
    expect((await ground.deliver()).map(({ to }) => to)).not.toContain(thief);
  });

  it("cannot take the account back by the link of an address between, once its owner is back", async () => {
    const account = await ground.account();
    const { email, userId } = account;
    const [between, last] = [`between-${email}`, `last-${email}`];
    const first = (await moved(email, between)).find(({ to }) => to === email)?.token;
    const second = (await moved(between, last)).find(({ to }) => to === between)?.token;
    clock.nowMs += 1000;
    expect(await flows.notices.disown(anybody(), first)).toEqual({ kind: "disowned" });
    await flows.notices.disown(anybody(), second);
    expect(await store.accounts.byId(userId)).toMatchObject({ email });
    expect((await ground.deliver()).map(({ to }) => to)).not.toContain(between);
  });

  it("cannot keep the owner from going further back than he went himself", async () => {
    const account = await ground.account();
    const { email, userId } = account;
    const [between, last] = [`between-${email}`, `last-${email}`];
    const first = (await moved(email, between)).find(({ to }) => to === email)?.token;
    const second = (await moved(between, last)).find(({ to }) => to === between)?.token;
    clock.nowMs += 1000;
    expect(await flows.notices.disown(anybody(), second)).toEqual({ kind: "disowned" });
    expect(await store.accounts.byId(userId)).toMatchObject({ email: between });
    expect(await flows.notices.disown(anybody(), first)).toEqual({ kind: "disowned" });
    expect(await store.accounts.byId(userId)).toMatchObject({ email });
  });

  it("has nothing left of an address between when its owner, back again, moves on within the week", async () => {
    const account = await ground.account();
    const { email, userId } = account;
    const [between, last, next] = [`between-${email}`, `last-${email}`, `next-${email}`];
    const first = (await moved(email, between)).find(({ to }) => to === email)?.token;
    const stolen = (await moved(between, last)).map(({ token }) => token);
    clock.nowMs += 1000;
    expect(await flows.notices.disown(anybody(), first)).toEqual({ kind: "disowned" });
    await newPassword(email);
    await moved(email, next);
    for (const token of stolen) {
      expect(await flows.notices.isAlive(token, clock.nowMs)).toBe(false);
      expect(await flows.notices.disown(anybody(), token)).toEqual({ kind: "link_invalid" });
    }
    expect(await store.accounts.byId(userId)).toMatchObject({ email: next });
  });

  it("gets no link that was still waiting for its mail when the owner took the account back", async () => {
    const account = await ground.account();
    const { email, userId } = account;
    const between = `unmailed-${email}`;
    const first = (await moved(email, between)).find(({ to }) => to === email)?.token;
    await flows.notices.tell(userId, "passkey_added", anybody());
    clock.nowMs += 1000;
    expect(await flows.notices.disown(anybody(), first)).toEqual({ kind: "disowned" });
    const mails = await ground.deliver();
    expect(mails.filter(({ to }) => to === between).map(({ text }) => text.includes("/not-me"))).toEqual([false]);
  });

  it("loses the address that he took to whoever holds an older link of any kind", async () => {
    const account = await ground.account();
    const { email, userId } = account;
    await flows.notices.tell(userId, "new_device", anybody());
    const earlier = tokenIn((await ground.deliver())[0]);
    const thief = `thief-${email}`;
    const own = (await moved(email, thief)).find(({ to }) => to === thief);
    clock.nowMs += 1000;
    expect(await flows.notices.disown(anybody(), earlier)).toEqual({ kind: "disowned" });
    expect(await store.accounts.byId(userId)).toMatchObject({ email });
    const mails = await ground.deliver();
    expect(mails.filter(({ text }) => text.includes("reset-password")).map(({ to }) => to)).toEqual([email]);
    // Whoever lost it is told as well: it may be the owner who moved, and a thief who reads his old mailbox.
    expect(mails.map(({ to }) => to)).toContain(thief);
    expect(await flows.notices.disown(anybody(), own?.token)).toEqual({ kind: "link_invalid" });
  });

  it("cannot bring back with the mailbox of the owner's former address what the owner has undone since", async () => {
    const account = await ground.account();
    const { email, userId } = account;
    const away = `away-${email}`;
    const first = (await moved(email, away)).find(({ to }) => to === email)?.token;
    const back = await moved(away, email);
    clock.nowMs += 1000;
    expect(await flows.notices.disown(anybody(), first)).toEqual({ kind: "disowned" });
    for (const { token } of back) await flows.notices.disown(anybody(), token);
    expect(await store.accounts.byId(userId)).toMatchObject({ email });
  });

  it("does not get in by a passkey of his own while the password is void", async () => {
    const account = await ground.account();
    await flows.notices.tell(account.userId, "passkey_added", anybody());
    const token = tokenIn((await ground.deliver())[0]);
    expect(await flows.accountStatus.maySignIn(account.userId)).toBe(true);
    expect(await flows.notices.disown(anybody(), token)).toEqual({ kind: "disowned" });
    expect(await flows.accountStatus.maySignIn(account.userId)).toBe(false);
    await newPassword(account.email);
    expect(await flows.accountStatus.maySignIn(account.userId)).toBe(true);
  });

  it("does not burn a link by a change that comes between", async () => {
    const account = await ground.account();
    const token = await flows.context.links.mint("disown", `${account.userId}#x`, clock.nowMs, {
      userId: account.userId,
      email: account.email,
      version: account.version,
    });
    const link = await flows.context.links.read("disown", token, clock.nowMs);
    const spend = { id: link?.id ?? "", purpose: "disown", nowMs: clock.nowMs };
    expect(await store.accounts.change(account.userId, 99, { passwordHash: null }, { spend })).toBeUndefined();
    expect(await flows.notices.isAlive(token, clock.nowMs)).toBe(true);
    const other = await ground.account();
    const taken = { email: other.email };
    expect(await store.accounts.change(account.userId, 1, taken, { spend })).toBeUndefined();
    expect(await flows.notices.isAlive(token, clock.nowMs)).toBe(true);
  });

  it("is not invited any more when the invitation is taken back before its mail went out", async () => {
    const email = `guest-${clock.nowMs}-${Math.random()}@example.com`;
    const invitation = { email, tenantId: "acme", roles: ["admin"] };
    await flows.invitations.invite(invitation, anybody());
    await flows.invitations.revoke(email, "acme");
    clock.nowMs += 1000;
    expect(await ground.deliver()).toEqual([]);
    await flows.invitations.invite(invitation, anybody());
    ground.outage.mail = true;
    await ground.deliver();
    ground.outage.mail = false;
    await flows.invitations.revoke(email, "acme");
    clock.nowMs += 60_000;
    expect(await ground.deliver()).toEqual([]);
    await flows.invitations.invite(invitation, anybody());
    clock.nowMs += 1000;
    expect(await ground.deliver()).toHaveLength(1);
  });
});

describe.each(stores)("what a thief has sent over %s", (_, over) => {
  const ground = authenticationGround(over.store, over.sessions);
  const { flows } = ground;
  const anybody = () => ground.browser().ask();
  beforeEach(async () => void (await ground.deliver()));
  let guests = 0;
  const guestOf = ({ userId }: Account): string => `guest-${(guests += 1)}-of-${userId}@example.com`;
  const invitation = (account: Account) => ({
    email: guestOf(account),
    tenantId: "acme",
    roles: ["admin"],
    invitedBy: account.userId,
  });
  const stands = async (token: string): Promise<boolean> =>
    (await flows.invitations.read(token, ground.clock.nowMs)) !== undefined;
  async function sent(account: Account): Promise<string> {
    await flows.invitations.invite(invitation(account), anybody());
    return tokenIn((await ground.deliver())[0]);
  }
  async function disownLink({ userId }: Account): Promise<string> {
    await flows.notices.tell(userId, "new_device", anybody());
    return tokenIn((await ground.deliver())[0]);
  }

  it("invites nobody any more once the owner is back, or the account is closed, mailed or not", async () => {
    const [owner, closed, other] = [await ground.account(), await ground.account(), await ground.account()];
    const disown = await disownLink(owner);
    const tokens = [await sent(owner), await sent(closed)];
    const others = await sent(other);
    await flows.invitations.invite(invitation(owner), anybody());
    expect(await flows.notices.disown(anybody(), disown)).toEqual({ kind: "disowned" });
    expect(await flows.accountStatus.disable(closed.userId, anybody())).toBe(true);
    expect(await flows.accountStatus.enable(closed.userId, anybody())).toBe(true);
    for (const token of tokens) {
      expect(await stands(token)).toBe(false);
      expect(await flows.invitations.accept(anybody(), token, PASSWORD)).toEqual({ kind: "link_invalid" });
    }
    expect(await stands(others)).toBe(true);
    ground.clock.nowMs += 1000;
    expect((await ground.deliver()).filter(({ text }) => text.includes("/invitation"))).toEqual([]);
  });

  it("is the application's to end, which hears of the disowning however often it fails to", async () => {
    const heard: unknown[] = [];
    const told = authenticationGround(over.store, over.sessions, {
      application: {
        membership: async () => undefined,
        async disowned(account) {
          heard.push(account);
          if (heard.length === 1) throw new Error("The application's database does not answer.");
        },
      },
    });
    const account = await ground.account();
    const disown = await disownLink(account);
    const sinceMs = ground.clock.nowMs - 600_000;
    ground.clock.nowMs += 3_600_000;
    expect(await flows.notices.disown(anybody(), disown)).toEqual({ kind: "disowned" });
    told.clock.nowMs = ground.clock.nowMs;
    for (let round = 0; round < 3; round += 1) {
      await told.deliver();
      told.clock.nowMs += 60_000;
    }
    const wanted = { userId: account.userId, sinceMs: expect.closeTo(sinceMs, -4) as number };
    expect(heard).toEqual([wanted, wanted]);
  });

  it("invites nobody by a request that was under way when its session ended", async () => {
    const account = await ground.account();
    const disown = await disownLink(account);
    const here = await ground.signIn(account, PASSWORD);
    await flows.invitations.invite(invitation(account), await here.ask());
    expect((await ground.deliver()).filter(({ text }) => text.includes("/invitation"))).toHaveLength(1);
    const late = await here.ask();
    expect(await flows.notices.disown(anybody(), disown)).toEqual({ kind: "disowned" });
    await flows.invitations.invite(invitation(account), late);
    ground.clock.nowMs += 1000;
    expect((await ground.deliver()).filter(({ text }) => text.includes("/invitation"))).toEqual([]);
  });
});

describe.each(stores)("a stranger over %s", (_, over) => {
  const ground = authenticationGround(over.store, over.sessions);
  const { flows, store, clock } = ground;

  it("fills nobody's mailbox by what he asked for while the accounts were out of reach", async () => {
    await ground.deliver();
    const account = await ground.account();
    for (let count = 0; count < 20; count += 1)
      await flows.passwordReset.request(ground.browser().ask(), account.email);
    const byEmail = store.accounts.byEmail.bind(store.accounts);
    store.accounts.byEmail = () => Promise.reject(new Error("The database does not answer."));
    await ground.deliver();
    store.accounts.byEmail = byEmail;
    clock.nowMs += 60_000;
    ground.outage.mail = true;
    await ground.deliver();
    ground.outage.mail = false;
    clock.nowMs += 60_000;
    expect((await ground.deliver()).map(({ to }) => to)).toEqual(Array.from({ length: 3 }, () => account.email));
  });
});

describe.each(stores)("the API keys of an account over %s", (_, over) => {
  const keyStore = over.store.kind === "shared" && database ? postgresApiKeys(database.pool) : memoryApiKeys();
  const keys = apiKeys({
    prefix: "folio_sk",
    store: keyStore,
    scopes: { "documents:read": ["viewer"] },
    grants: () => ["documents:read"],
    signedIn: (user) => over.sessions.hasSession(user),
  });
  const ground = authenticationGround(over.store, over.sessions, { apiKeys: keys });
  const { flows, clock } = ground;
  const anybody = () => ground.browser().ask();

  async function keyOf(account: Account): Promise<string> {
    const user = (await (await ground.signIn(account, PASSWORD)).ask()).principal;
    if (user.kind !== "user") throw new Error("Nobody is signed in.");
    const made = await keys.issue(user, { name: "export", scopes: ["documents:read"] }, clock.nowMs);
    if (made.kind !== "issued") throw new Error(made.cause);
    return made.apiKey.start;
  }
  const alive = async ({ userId }: Account) => (await keys.aliveOf(userId, clock.nowMs)).length;

  it("outlive a new password, and the mail about it names them", async () => {
    const account = await ground.account();
    const start = await keyOf(account);
    await flows.passwordReset.request(anybody(), account.email);
    const link = tokenIn((await ground.deliver())[0]);
    expect(await flows.passwordReset.complete(anybody(), link, PASSWORD)).toEqual({ kind: "completed" });
    expect((await ground.deliver())[0]?.text).toContain(`still work: ${start}.`);
    expect(await alive(account)).toBe(1);
  });

  it("end when its owner disowns a change, when it is disabled, and when it is to be deleted", async () => {
    const [disowned, disabled, deleted] = [await ground.account(), await ground.account(), await ground.account()];
    await keyOf(disowned);
    await flows.notices.tell(disowned.userId, "api_key_created", anybody());
    await flows.notices.disown(anybody(), tokenIn((await ground.deliver())[0]));
    expect(await alive(disowned)).toBe(0);
    await keyOf(disabled);
    expect(await flows.accountStatus.disable(disabled.userId, anybody())).toBe(true);
    expect(await alive(disabled)).toBe(0);
    await keyOf(deleted);
    const here = await ground.signIn(deleted, PASSWORD);
    await flows.deletion.request(await here.ask(), PASSWORD);
    expect(await alive(deleted)).toBe(0);
  });

  /** The thief's request has been let in: what it will make is the question. */
  async function takenOver(): Promise<{ readonly account: Account; readonly thief: User; readonly disown: string }> {
    const account = await ground.account();
    await ground.deliver();
    await flows.notices.tell(account.userId, "new_device", anybody());
    const disown = tokenIn((await ground.deliver())[0]);
    const thief = (await (await ground.signIn(account, PASSWORD)).ask()).principal;
    if (thief.kind !== "user") throw new Error("Nobody is signed in.");
    return { account, thief, disown };
  }
  const wish = { name: "a way back", scopes: ["documents:read"] };
  const kindOf = (made: IssuedApiKey): string => (made.kind === "issued" ? "issued" : made.cause);

  it("are none that a request makes which was under way when its owner disowned it", async () => {
    const { account, thief, disown } = await takenOver();
    const add = keyStore.add.bind(keyStore);
    keyStore.add = async (...given) => {
      expect(await flows.notices.disown(anybody(), disown)).toEqual({ kind: "disowned" });
      return add(...given);
    };
    const late = await keys.issue(thief, wish, clock.nowMs);
    keyStore.add = add;
    expect(kindOf(late)).toBe("signed_out");
    expect(await alive(account)).toBe(0);
  });

  it("are none, whichever of 64 requests meets the disowning at which of its steps", async () => {
    const { account, thief, disown } = await takenOver();
    const issue = async (at: number): Promise<string> => {
      await setTimeout(at / 2);
      return kindOf(await keys.issue(thief, wish, clock.nowMs));
    };
    const tries = Promise.all(Array.from({ length: 64 }, (_none, at) => issue(at)));
    await setTimeout(10);
    expect(await flows.notices.disown(anybody(), disown)).toEqual({ kind: "disowned" });
    expect(new Set([...(await tries), await issue(0)])).toContain("signed_out");
    expect(await alive(account)).toBe(0);
  });

  it("are rotated by nobody else, who would know a secret that does not end with him", async () => {
    const [owner, colleague] = [await takenOver(), await takenOver()];
    expect(owner.thief.tenantId).toBe(colleague.thief.tenantId);
    const made = await keys.issue(owner.thief, wish, clock.nowMs);
    const id = made.kind === "issued" ? made.apiKey.id : "";
    expect(kindOf(await keys.rotate(colleague.thief, id, clock.nowMs))).toBe("not_yours");
    expect(kindOf(await keys.rotate(owner.thief, id, clock.nowMs))).toBe("issued");
  });

  it("do not get a secret from whoever was thrown out while he rotated one", async () => {
    const { account, thief, disown } = await takenOver();
    const made = await keys.issue(thief, wish, clock.nowMs);
    const read = keyStore.read.bind(keyStore);
    keyStore.read = async (id) => {
      await over.sessions.revoke(account.userId, { reason: "user_request", request: anybody() });
      return read(id);
    };
    const late = await keys.rotate(thief, made.kind === "issued" ? made.apiKey.id : "", clock.nowMs);
    keyStore.read = read;
    expect(kindOf(late)).toBe("signed_out");
    expect(await alive(account)).toBe(0);
    expect(await flows.notices.isAlive(disown, clock.nowMs)).toBe(true);
  });
});

describe.each(stores)("the identities of an account over %s", (_, over) => {
  const identities = memorySingleSignOn();
  const ground = authenticationGround(over.store, over.sessions, { identities });
  const { flows, clock } = ground;
  const anybody = () => ground.browser().ask();
  const linked = async (): Promise<Account> => {
    const account = await ground.account();
    const { userId } = account;
    await identities.link({ issuer: "https://idp.example", subject: userId, userId, providerId: "acme" }, 1);
    return account;
  };

  it("end when its owner disowns a change, and with the account, and not by a new password", async () => {
    const [kept, disowned, deleted] = [await linked(), await linked(), await linked()];
    await flows.passwordReset.request(anybody(), kept.email);
    await flows.passwordReset.complete(anybody(), tokenIn((await ground.deliver())[0]), PASSWORD);
    await ground.deliver();
    await flows.notices.tell(disowned.userId, "identity_linked", anybody());
    await flows.notices.disown(anybody(), tokenIn((await ground.deliver())[0]));
    expect(await identities.identities(disowned.userId)).toEqual([]);
    await flows.deletion.request(await (await ground.signIn(deleted, PASSWORD)).ask(), PASSWORD);
    expect(await identities.identities(deleted.userId)).toHaveLength(1);
    clock.nowMs += 15 * 86_400_000;
    await ground.deliver();
    expect(await identities.identities(deleted.userId)).toEqual([]);
    expect(await identities.identities(kept.userId)).toHaveLength(1);
  });

  it("are no way in of one's own: a password is, until it is void", async () => {
    const [usual, disowned, without] = [await linked(), await linked(), await ground.account({ passwordHash: null })];
    await flows.notices.tell(disowned.userId, "identity_linked", anybody());
    await flows.notices.disown(anybody(), tokenIn((await ground.deliver())[0]));
    const own = [usual, disowned, without].map(({ userId }) => flows.accountStatus.hasOwnWayIn(userId));
    expect(await Promise.all(own)).toEqual([true, false, false]);
  });
});
