import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { authenticationGround, authenticationStores, tokenIn } from "../../../../test/support/authentication-ground.ts";

const { database, stores } = await authenticationStores("notices");
afterAll(() => database?.drop());
const DAY = 86_400_000;

describe.each(stores)("notices over %s", (_, over) => {
  const ground = authenticationGround(over.store, over.sessions);
  const { notices, signIn } = ground.flows;
  const anybody = () => ground.browser().ask();
  beforeEach(async () => void (await ground.deliver()));

  it("say what happened, when and from where, and hold no secret but the way to undo it", async () => {
    const account = await ground.account();
    const headers = { "user-agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Firefox/130.0" };
    await notices.tell(account.userId, "passkey_added", ground.browser().ask({ headers }));
    const [mail] = await ground.deliver();
    expect(mail?.to).toBe(account.email);
    expect(mail?.text).toMatch(
      /A passkey was added to your account\.\n\nWhen: \d{4}-\d\d-\d\d \d\d:\d\d UTC\. From: Firefox on Windows\./u,
    );
    expect(mail?.text).toContain("https://app.example.com/not-me?token=");
  });

  it("undo by a link that one of 64 uses, which ends the sessions and voids the password", async () => {
    const account = await ground.account();
    const here = await ground.signIn(account);
    await notices.tell(account.userId, "new_device", anybody());
    ground.clock.nowMs += 1000;
    const token = tokenIn((await ground.deliver())[0]);
    expect(await notices.isAlive(token, ground.clock.nowMs)).toBe(true);
    const people = Array.from({ length: 64 }, anybody);
    const outcomes = await Promise.all(people.map((one) => notices.disown(one, token)));
    expect(outcomes.filter(({ kind }) => kind === "disowned")).toHaveLength(1);
    const told = people.flatMap(({ noted = [] }) => noted).filter(({ event }) => event === "authn_account_disowned");
    expect(told).toMatchObject([{ status: "succeeded", user_id: account.userId }]);
    expect((await here.ask()).principal.kind).toBe("anonymous");
    expect(await signIn(anybody(), account.email, "correct horse battery staple")).toEqual({
      kind: "credentials_wrong",
    });
  });

  it("keep their links alive when another change is told, and for a week", async () => {
    const account = await ground.account();
    await notices.tell(account.userId, "email_changed", anybody());
    const first = tokenIn((await ground.deliver())[0]);
    await notices.tell(account.userId, "password_changed", anybody());
    await ground.deliver();
    expect(await notices.isAlive(first, ground.clock.nowMs + 7 * DAY - 1)).toBe(true);
    expect(await notices.isAlive(first, ground.clock.nowMs + 7 * DAY)).toBe(false);
  });

  it("are tried again while the mail server is down, and given up loudly after a day of it", async () => {
    const account = await ground.account();
    ground.outage.mail = true;
    await notices.tell(account.userId, "api_key_created", anybody());
    for (let count = 0; count < 12; count += 1) {
      await ground.deliver();
      ground.clock.nowMs += 3_600_000;
    }
    ground.outage.mail = false;
    expect(ground.reported.at(-1)).toMatchObject({
      event: "sys_job_dropped",
      severity: "error",
      resource_type: "notice",
    });
    expect(await ground.deliver()).toEqual([]);
  });

  it("tell nobody about an account that is not there", async () => {
    await notices.tell("nobody", "passkey_added", anybody());
    expect(await ground.deliver()).toEqual([]);
  });
});
