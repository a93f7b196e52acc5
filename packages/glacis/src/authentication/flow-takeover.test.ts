import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { authenticationGround, authenticationStores, tokenIn } from "../../../../test/support/authentication-ground.ts";

const { database, stores } = await authenticationStores("takeover");
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

  it("does not burn a link by a change that comes between", async () => {
    const account = await ground.account();
    const token = await flows.context.links.mint("disown", `${account.userId}#x`, clock.nowMs, {
      userId: account.userId,
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
