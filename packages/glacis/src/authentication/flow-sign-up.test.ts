import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { authenticationGround, authenticationStores, tokenIn } from "../../../../test/support/authentication-ground.ts";

const { database, stores } = await authenticationStores("sign_up");
afterAll(() => database?.drop());
const PASSWORD = "correct horse battery staple";
let people = 0;
const newAddress = (): string => `person-${(people += 1)}@example.com`;

describe.each(stores)("signing up over %s", (_, over) => {
  const ground = authenticationGround(over.store, over.sessions);
  const { flows, store, clock } = ground;
  beforeEach(async () => void (await ground.deliver()));
  const ask = () => ground.browser().ask();

  async function linkFor(email: string, password = PASSWORD, profile = {}): Promise<string> {
    await flows.signUp.request(ask(), email, password, profile);
    return tokenIn((await ground.deliver()).at(-1));
  }

  it("makes the account and the session when the link and the password come together, and not before", async () => {
    const email = newAddress();
    const browser = ground.browser();
    expect(await flows.signUp.request(browser.ask(), email, PASSWORD, { name: "Ada" })).toEqual({ kind: "accepted" });
    const [mail] = await ground.deliver();
    expect(mail).toMatchObject({ to: email, subject: "Confirm your address for Folio" });
    expect(await store.accounts.byEmail(email)).toBeUndefined();
    expect(await flows.signIn(browser.ask(), email, PASSWORD)).toEqual({ kind: "credentials_wrong" });
    const token = tokenIn(mail);
    expect(await flows.signUp.isAlive(token, clock.nowMs)).toBe(true);
    expect(await flows.signUp.confirm(browser.ask(), token, "a password of somebody else")).toEqual({
      kind: "credentials_wrong",
    });
    const request = browser.ask();
    const outcome = await flows.signUp.confirm(request, token, PASSWORD);
    const account = await store.accounts.byEmail(email);
    expect(outcome).toMatchObject({ kind: "established", session: { userId: account?.userId, roles: ["owner"] } });
    expect(ground.welcomed.at(-1)).toEqual({ userId: account?.userId, profile: { name: "Ada" } });
    expect(await flows.signUp.confirm(browser.ask(), token, PASSWORD)).toEqual({ kind: "link_invalid" });
    expect(await flows.signIn(browser.ask(), email, PASSWORD)).toMatchObject({ kind: "established" });
    expect((await ground.deliver()).map(({ subject }) => subject)).toEqual([
      "Folio: your account was used to sign in from a new device",
    ]);
  });

  it("answers the same about a taken address, whose owner is told and keeps his password", async () => {
    const account = await ground.account({}, PASSWORD);
    expect(await flows.signUp.request(ask(), account.email, "a password of an attacker")).toEqual({ kind: "accepted" });
    expect(await ground.deliver()).toMatchObject([
      { to: account.email, subject: "You already have an account at Folio" },
    ]);
    expect(await flows.signIn(ask(), account.email, PASSWORD)).toMatchObject({ kind: "established" });
    expect(await flows.signIn(ask(), account.email, "a password of an attacker")).toEqual({
      kind: "credentials_wrong",
    });
  });

  it("gives somebody who signed up with another's address nothing, and does not void the owner's link", async () => {
    const email = newAddress();
    const own = await linkFor(email);
    const planted = await linkFor(email, "planted by an attacker");
    // The owner opens both mails; of the attacker's password he knows nothing.
    expect(await flows.signUp.confirm(ask(), planted, PASSWORD)).toEqual({ kind: "credentials_wrong" });
    expect(await flows.signUp.confirm(ask(), own, PASSWORD)).toMatchObject({ kind: "established" });
    expect(await flows.signUp.confirm(ask(), planted, "planted by an attacker")).toEqual({ kind: "link_invalid" });
    expect(await flows.signIn(ask(), email, "planted by an attacker")).toEqual({ kind: "credentials_wrong" });
  });

  it("makes one account of 64 confirmations at once, and welcomes once", async () => {
    const email = newAddress();
    const token = await linkFor(email);
    const before = ground.welcomed.length;
    const outcomes = await Promise.all(Array.from({ length: 64 }, () => flows.signUp.confirm(ask(), token, PASSWORD)));
    expect(outcomes.filter(({ kind }) => kind === "established")).toHaveLength(1);
    expect(ground.welcomed).toHaveLength(before + 1);
  });

  it("carries a profile as large as one may be", async () => {
    const profile = Object.fromEntries(
      Array.from({ length: 10 }, (_, index) => [`f${"x".repeat(38)}${index}`, "ж".repeat(200)]),
    );
    const token = await linkFor(newAddress(), PASSWORD, profile);
    expect(await flows.signUp.confirm(ask(), token, PASSWORD)).toMatchObject({ kind: "established" });
    expect(ground.welcomed.at(-1)?.profile).toEqual(profile);
  });

  it("loses nobody when the application is down between the account and its tenant", async () => {
    const email = newAddress();
    const token = await linkFor(email, PASSWORD, { organization: "Acme" });
    ground.outage.application = true;
    expect(await flows.signUp.confirm(ask(), token, PASSWORD)).toEqual({ kind: "no_membership" });
    ground.outage.application = false;
    await ground.deliver();
    expect(ground.welcomed.at(-1)?.profile).toEqual({ organization: "Acme" });
    expect(await flows.signIn(ask(), email, PASSWORD)).toMatchObject({ kind: "established" });
  });

  it("forgets a sign-up that nobody confirmed within a day, and sends three mails an hour at most", async () => {
    const email = newAddress();
    const token = await linkFor(email);
    for (let count = 0; count < 5; count += 1) await flows.signUp.request(ask(), email, PASSWORD);
    expect(await ground.deliver()).toHaveLength(2);
    clock.nowMs += 86_400_000;
    expect(await flows.signUp.confirm(ask(), token, PASSWORD)).toEqual({ kind: "link_invalid" });
  });

  it("names what is wrong with the form, which is never whether there is an account", async () => {
    const email = newAddress();
    const profiles: unknown[] = [
      { name: "a\0b" },
      { name: 7 },
      { name: "\ud800" },
      { "": "x" },
      { name: "x".repeat(201) },
      Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`field${index}`, '"'.repeat(200)])),
    ];
    for (const profile of profiles)
      expect(await flows.signUp.request(ask(), email, PASSWORD, profile as { name: string })).toEqual({
        kind: "profile_malformed",
      });
    for (const odd of [undefined, [email], `${email}\0`, "x".repeat(1e6), `\u0430dmin-${email}`])
      expect(await flows.signUp.request(ask(), odd, PASSWORD)).toEqual({ kind: "address_malformed" });
    expect(await flows.signUp.request(ask(), email, "short")).toMatchObject({ kind: "password_rejected" });
    const named = await flows.signUp.request(ask(), email, "Wilhelmina Tabacaru 1", { name: "Wilhelmina Tabacaru" });
    expect(named).toMatchObject({ kind: "password_rejected", problems: [{ code: "password_too_similar" }] });
    expect(await ground.deliver()).toEqual([]);
  });

  it("lets an account that was imported prove its address by the mail that a right password sends", async () => {
    const account = await ground.account({ verifiedAtMs: null }, PASSWORD);
    expect(await flows.signIn(ask(), account.email, PASSWORD)).toEqual({ kind: "verification_required" });
    const [mail] = await ground.deliver();
    await flows.passwordReset.complete(ask(), tokenIn(mail), PASSWORD);
    expect(await flows.signIn(ask(), account.email, PASSWORD)).toMatchObject({ kind: "established" });
  });
});
