import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { authenticationGround, authenticationStores } from "../../../../test/support/authentication-ground.ts";
import type { Account } from "./account-store.ts";

const { database, stores } = await authenticationStores("password_change");
afterAll(() => database?.drop());
const PASSWORD = "correct horse battery staple";
const FRESH = "a whole new passphrase";

describe.each(stores)("changing a password over %s", (_, over) => {
  const ground = authenticationGround(over.store, over.sessions);
  const { flows } = ground;
  const anybody = () => ground.browser().ask();
  const signedIn = (account: Account) => ground.signIn(account, PASSWORD);
  beforeEach(async () => void (await ground.deliver()));

  it("takes the current one, ends the other sessions, keeps this one with a new token, and tells the owner", async () => {
    const account = await ground.account();
    const [here, elsewhere] = [await signedIn(account), await signedIn(account)];
    const request = await here.ask();
    expect(await flows.passwordChange(request, PASSWORD, FRESH)).toEqual({ kind: "changed" });
    const before = await here.ask();
    here.browser.keep(request);
    expect((await elsewhere.ask()).principal.kind).toBe("anonymous");
    expect(before.principal.kind).toBe("anonymous");
    expect((await here.ask()).principal.kind).toBe("user");
    expect(await flows.signIn(anybody(), account.email, PASSWORD)).toEqual({ kind: "credentials_wrong" });
    expect(await ground.deliver()).toMatchObject([{ to: account.email, subject: "Folio: your password was changed" }]);
  });

  it("changes nothing without the current one, without a session, or for a password that the policy refuses", async () => {
    const account = await ground.account();
    const here = await signedIn(account);
    for (const odd of [undefined, "wrong", [PASSWORD], "x".repeat(1e6)])
      expect(await flows.passwordChange(await here.ask(), odd, FRESH)).toEqual({ kind: "credentials_wrong" });
    expect(await flows.passwordChange(anybody(), PASSWORD, FRESH)).toEqual({ kind: "credentials_wrong" });
    expect(await flows.passwordChange(await here.ask(), PASSWORD, "short")).toMatchObject({
      kind: "password_rejected",
    });
    expect(await flows.signIn(anybody(), account.email, PASSWORD)).toMatchObject({ kind: "established" });
  });

  it("lets one of many changes at once win", async () => {
    const account = await ground.account();
    const here = await signedIn(account);
    const requests = await Promise.all(Array.from({ length: 16 }, () => here.ask()));
    const outcomes = await Promise.all(
      requests.map((request, index) => flows.passwordChange(request, PASSWORD, `${FRESH} ${index}`)),
    );
    expect(outcomes.filter(({ kind }) => kind === "changed")).toHaveLength(1);
  });
});
