import { beforeEach, describe, expect, it } from "vitest";
import { authenticationGround } from "../../../../test/support/authentication-ground.ts";
import { memoryAuthentication } from "./authentication-store.ts";
import { mfaRequired } from "./mfa-required.ts";
import { memoryRecoveryCodes } from "./recovery-code-store.ts";
import { recoveryCodes } from "./recovery-codes.ts";
import { memorySessions } from "./session-memory.ts";
import { sessions } from "./session.ts";
import { totpCode, totpStep } from "./totp-code.ts";
import { memoryTotp } from "./totp-store.ts";
import { totp } from "./totp.ts";

const PASSWORD = "correct horse battery staple";
const PERIOD_MS = 30_000;
const codes = recoveryCodes({ store: memoryRecoveryCodes() });
const app = totp({
  issuer: "Folio",
  store: memoryTotp(),
  sealer: { seal: (text) => `sealed:${text}`, open: (text) => text.slice("sealed:".length) },
});

function ground(required: boolean) {
  const session = sessions({
    store: memorySessions(),
    mfa: mfaRequired({
      enrolled: async ({ userId }) => ((await app.enrolled(userId)) ? ["totp", "recovery_code"] : []),
      ...(required && { required: "everyone" as const }),
    }),
  });
  return authenticationGround(memoryAuthentication(), session, { authenticators: { totp: app, recoveryCodes: codes } });
}

describe("a second factor", () => {
  const over = ground(false);
  const { flows, clock } = over;
  beforeEach(async () => void (await over.deliver()));
  const codeOf = (secret: string): string => totpCode(secret, totpStep(clock.nowMs), 6);

  async function enrolled() {
    const account = await over.account();
    const here = await over.signIn(account);
    const other = await over.signIn(account);
    const offer = await flows.secondFactors.beginTotp(await here.ask());
    const request = await here.ask();
    const outcome = await flows.secondFactors.confirmTotp(request, codeOf(offer?.secret ?? ""));
    here.browser.keep(request);
    clock.nowMs += PERIOD_MS;
    return { account, here, other, outcome, secret: offer?.secret ?? "" };
  }

  it("is added by a code, which raises the session, ends the others and is told", async () => {
    const { account, here, other, outcome } = await enrolled();
    expect(outcome).toMatchObject({ kind: "established", session: { assurance: 2 } });
    expect((await other.ask()).principal.kind).toBe("anonymous");
    expect((await here.ask()).principal).toMatchObject({ kind: "user", assurance: 2 });
    expect(await over.deliver()).toMatchObject([
      { to: account.email, text: expect.stringContaining("second factor was added") },
    ]);
  });

  it("is added by somebody with the longest address that there is", async () => {
    const email = `${"ж".repeat(32)}@${"d".repeat(60)}.${"e".repeat(60)}.${"f".repeat(60)}.test`;
    const here = await over.signIn(await over.account({ email }));
    const offer = await flows.secondFactors.beginTotp(await here.ask());
    expect(offer?.qrSvg).toContain("<svg");
    expect((await flows.secondFactors.confirmTotp(await here.ask(), codeOf(offer?.secret ?? ""))).kind).toBe(
      "established",
    );
  });

  it("is asked for after the password, and after a password that was reset by mail", async () => {
    const { account, secret } = await enrolled();
    await over.deliver();
    await flows.passwordReset.request(over.browser().ask(), account.email);
    const token = new URL(/https:\S+/u.exec((await over.deliver())[0]?.text ?? "")?.[0] ?? "").searchParams.get(
      "token",
    );
    expect(await flows.passwordReset.complete(over.browser().ask(), token, "a whole new passphrase")).toEqual({
      kind: "completed",
    });
    const browser = over.browser();
    const first = browser.ask();
    expect(await flows.signIn(first, account.email, "a whole new passphrase")).toMatchObject({
      kind: "second_factor_required",
    });
    browser.keep(first);
    expect(await flows.secondFactors.complete(browser.ask(), "totp", "000000")).toEqual({ kind: "credentials_wrong" });
    expect(await flows.secondFactors.complete(browser.ask(), "totp", codeOf(secret))).toMatchObject({
      kind: "established",
      session: { assurance: 2 },
    });
  });

  it("gives way to a recovery code once, and the owner is told", async () => {
    const { account } = await enrolled();
    const [code] = await codes.generate(account.userId, clock.nowMs);
    await over.deliver();
    const browser = over.browser();
    const first = browser.ask();
    await flows.signIn(first, account.email, PASSWORD);
    browser.keep(first);
    const tries = await Promise.all(
      Array.from({ length: 64 }, () => flows.secondFactors.complete(browser.ask(), "recovery_code", code)),
    );
    expect(tries.filter(({ kind }) => kind === "established")).toHaveLength(1);
    expect((await over.deliver()).map(({ text }) => text).join("")).toContain("recovery code was used");
  });

  it("begins no sign-in by itself, and belongs to the browser that showed the password", async () => {
    const { account, secret } = await enrolled();
    const browser = over.browser();
    const first = browser.ask();
    await flows.signIn(first, account.email, PASSWORD);
    for (const odd of [undefined, [], {}, "\0", "9".repeat(1e6)])
      expect(await flows.secondFactors.complete(over.browser().ask(), "totp", odd)).toEqual({ kind: "sign_in_again" });
    expect(await flows.secondFactors.complete(over.browser().ask(), "totp", codeOf(secret))).toEqual({
      kind: "sign_in_again",
    });
    expect(await flows.secondFactors.beginTotp(over.browser().ask())).toBeUndefined();
  });

  it("is asked of whoever began last in this browser, whichever of two tabs shows it", async () => {
    const [ada, bo] = [await enrolled(), await enrolled()];
    const browser = over.browser();
    const begin = async ({ account }: typeof ada): Promise<void> => {
      const request = browser.ask();
      expect(await flows.signIn(request, account.email, PASSWORD)).toMatchObject({ kind: "second_factor_required" });
      browser.keep(request);
    };
    const show = async (secret: string) => {
      const request = browser.ask();
      const outcome = await flows.secondFactors.complete(request, "totp", codeOf(secret));
      browser.keep(request);
      return outcome;
    };
    await begin(ada);
    await begin(bo);
    // The first tab still shows the page for Ada.
    expect(await show(ada.secret)).toEqual({ kind: "credentials_wrong" });
    expect(await show(bo.secret)).toMatchObject({ kind: "established", session: { userId: bo.account.userId } });
    expect(await show(ada.secret)).toEqual({ kind: "sign_in_again" });
    // Twice the same person: the code that the one tab has used is no good in the other.
    over.clock.nowMs += PERIOD_MS;
    await begin(ada);
    await begin(ada);
    expect(await show(ada.secret)).toMatchObject({ kind: "established", session: { userId: ada.account.userId } });
    expect(await show(ada.secret)).toEqual({ kind: "sign_in_again" });
    await begin(ada);
    expect(await show(ada.secret)).toEqual({ kind: "credentials_wrong" });
  });

  it("is shown again for a step-up, where the password alone is not enough", async () => {
    const { here, secret } = await enrolled();
    expect(await flows.secondFactors.stepUp(await here.ask(), PASSWORD)).toMatchObject({
      kind: "second_factor_required",
    });
    expect(await flows.secondFactors.stepUp(await here.ask(), "wrong", codeOf(secret))).toEqual({
      kind: "credentials_wrong",
    });
    expect(await flows.secondFactors.stepUp(await here.ask(), undefined)).toEqual({ kind: "credentials_wrong" });
    expect(await flows.secondFactors.stepUp(await here.ask(), PASSWORD, codeOf(secret))).toMatchObject({
      kind: "established",
    });
  });

  it("ends the other sessions when it is removed, however they came by it", async () => {
    const { account, here, secret } = await enrolled();
    const elsewhere = over.browser();
    const begun = elsewhere.ask();
    await flows.signIn(begun, account.email, PASSWORD);
    elsewhere.keep(begun);
    const shown = elsewhere.ask();
    expect(await flows.secondFactors.complete(shown, "totp", codeOf(secret))).toMatchObject({ kind: "established" });
    elsewhere.keep(shown);
    const who = async () => (await over.sessions.authenticate(elsewhere.ask())).principal.kind;
    expect(await who()).toBe("user");
    const removing = await here.ask();
    expect(await flows.secondFactors.removeTotp(removing)).toBe(true);
    here.browser.keep(removing);
    expect([await who(), (await here.ask()).principal.kind]).toEqual(["anonymous", "user"]);
  });

  it("leaves a stolen cookie worth nothing after a change of password, and after it is removed", async () => {
    const { here } = await enrolled();
    const stolen = await here.ask();
    const request = await here.ask();
    expect(await flows.passwordChange(request, PASSWORD, "a whole new passphrase")).toEqual({ kind: "changed" });
    here.browser.keep(request);
    expect((await over.sessions.authenticate(stolen)).principal.kind).toBe("anonymous");
    const again = await here.ask();
    expect(again.principal).toMatchObject({ kind: "user", assurance: 2 });
    const removing = await here.ask();
    expect(await flows.secondFactors.removeTotp(removing)).toBe(true);
    here.browser.keep(removing);
    expect((await over.sessions.authenticate(again)).principal.kind).toBe("anonymous");
    expect((await here.ask()).principal.kind).toBe("user");
  });
});

describe("a second factor that is required", () => {
  const over = ground(true);

  it("is added before there is a session", async () => {
    const account = await over.account();
    const browser = over.browser();
    const first = browser.ask();
    expect(await over.flows.signIn(first, account.email, PASSWORD)).toMatchObject({ kind: "enrolment_required" });
    browser.keep(first);
    const offer = await over.flows.secondFactors.beginTotp(browser.ask());
    const code = totpCode(offer?.secret ?? "", totpStep(over.clock.nowMs), 6);
    expect(await over.flows.secondFactors.confirmTotp(browser.ask(), code)).toMatchObject({
      kind: "established",
      session: { assurance: 2 },
    });
  });

  it("is not replaced by whoever began a sign-in with the password before it was added", async () => {
    const account = await over.account();
    const [thief, owner] = [over.browser(), over.browser()];
    for (const browser of [thief, owner]) {
      const request = browser.ask();
      await over.flows.signIn(request, account.email, PASSWORD);
      browser.keep(request);
    }
    const codeFor = (secret = ""): string => totpCode(secret, totpStep(over.clock.nowMs), 6);
    const offer = await over.flows.secondFactors.beginTotp(owner.ask());
    const entry = owner.ask();
    await over.flows.secondFactors.confirmTotp(entry, codeFor(offer?.secret));
    const stolen = await over.flows.secondFactors.beginTotp(thief.ask());
    expect(stolen).toBeUndefined();
    expect(await over.flows.secondFactors.confirmTotp(thief.ask(), codeFor(stolen?.secret))).toEqual({
      kind: "credentials_wrong",
    });
  });
});

describe("a begun sign-in", () => {
  const over = ground(false);

  it("ends with the password that it was begun with", async () => {
    const account = await over.account();
    const secret = (await app.begin(account.userId, account.email, over.clock.nowMs)).secret;
    await app.confirm(account.userId, totpCode(secret, totpStep(over.clock.nowMs), 6), over.clock.nowMs);
    over.clock.nowMs += PERIOD_MS;
    const thief = over.browser();
    const first = thief.ask();
    await over.flows.signIn(first, account.email, PASSWORD);
    thief.keep(first);
    await over.deliver();
    await over.flows.passwordReset.request(over.browser().ask(), account.email);
    const token = new URL(/https:\S+/u.exec((await over.deliver())[0]?.text ?? "")?.[0] ?? "").searchParams.get(
      "token",
    );
    over.clock.nowMs += 1000;
    await over.flows.passwordReset.complete(over.browser().ask(), token, "a whole new passphrase");
    const code = totpCode(secret, totpStep(over.clock.nowMs), 6);
    expect(await over.flows.secondFactors.complete(thief.ask(), "totp", code)).toEqual({ kind: "sign_in_again" });
  });
});
