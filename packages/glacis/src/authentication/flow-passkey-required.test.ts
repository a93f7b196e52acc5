import { describe, expect, it } from "vitest";
import { authenticationGround, tokenIn, type TestBrowser } from "../../../../test/support/authentication-ground.ts";
import { softwareAuthenticator } from "../../../../test/support/software-authenticator.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { fieldEncryption } from "../data/field-encryption.ts";
import type { Account } from "./account-store.ts";
import { memoryAuthentication } from "./authentication-store.ts";
import { enrolledFactors } from "./enrolled-factors.ts";
import { mfaRequired } from "./mfa-required.ts";
import { memoryPasskeys } from "./passkey-store.ts";
import { passkeys } from "./passkeys.ts";
import { memorySessions } from "./session-memory.ts";
import { sessions } from "./session.ts";
import { totpCode, totpStep } from "./totp-code.ts";
import { memoryTotp } from "./totp-store.ts";
import { totp } from "./totp.ts";

const PASSWORD = "correct horse battery staple";
const PLACE = { origin: "https://app.example.com", rpId: "app.example.com" };

describe("somebody whose role takes a passkey and who has none", () => {
  const keys = passkeys({ name: "Folio", origins: [PLACE.origin], store: memoryPasskeys() });
  const sealer = fieldEncryption({ keys: keyRing(newKey("k1")) }).column({ table: "glacis_totp", column: "secret" });
  const app = totp({ issuer: "Folio", store: memoryTotp(), sealer });
  const enrolled = enrolledFactors({ totp: app, passkeys: keys });
  const session = sessions({
    store: memorySessions(),
    mfa: mfaRequired({ phishingResistant: ["owner"], enrolled }),
  });
  const over = authenticationGround(memoryAuthentication(), session, { authenticators: { totp: app, passkeys: keys } });
  const { flows, clock } = over;

  async function begun(account: Account): Promise<{ readonly browser: TestBrowser; readonly outcome: unknown }> {
    const browser = over.browser();
    const request = browser.ask();
    const outcome = await flows.signIn(request, account.email, PASSWORD);
    browser.keep(request);
    return { browser, outcome };
  }
  async function adds(browser: TestBrowser): Promise<boolean> {
    const asked = browser.ask();
    const options = await flows.secondFactors.beginPasskey(asked);
    if (options === undefined) return false;
    browser.keep(asked);
    const answered = browser.ask();
    const answer = softwareAuthenticator().register({ ...PLACE, challenge: options.challenge });
    const added = await flows.secondFactors.addPasskey(answered, answer);
    browser.keep(answered);
    return added;
  }
  const who = async (browser: TestBrowser): Promise<string> =>
    (await session.authenticate(browser.ask())).principal.kind;
  async function owner(): Promise<Account> {
    const account = await over.account();
    over.members.set(account.userId, { tenantId: "acme", roles: ["owner"] });
    return account;
  }

  it("adds one before he is signed in, and is signed in by it", async () => {
    const { browser, outcome } = await begun(await owner());
    expect(outcome).toEqual({ kind: "enrolment_required", methods: ["passkey"] });
    expect(await who(browser)).toBe("anonymous");
    expect(await flows.secondFactors.beginTotp(browser.ask())).toBeUndefined();
    expect(await adds(browser)).toBe(true);
    expect(await who(browser)).toBe("user");
    expect((await over.deliver()).map(({ text }) => text).join()).toContain("passkey was added");
  });

  it("shows the code that he has before he may add one: a password that somebody has stolen is not enough", async () => {
    const account = await owner();
    const { secret } = await app.begin(account.userId, account.email, clock.nowMs);
    const code = (): string => totpCode(secret, totpStep(clock.nowMs), 6);
    expect(await app.confirm(account.userId, code(), clock.nowMs)).toBeDefined();
    clock.nowMs += 30_000;
    const { browser, outcome } = await begun(account);
    expect(outcome).toEqual({ kind: "second_factor_required", methods: ["totp"] });
    expect(await adds(browser)).toBe(false);
    const request = browser.ask();
    expect(await flows.secondFactors.complete(request, "totp", code())).toEqual({
      kind: "enrolment_required",
      methods: ["passkey"],
    });
    browser.keep(request);
    expect(await adds(browser)).toBe(true);
    expect(await who(browser)).toBe("user");
  });

  it("adds none by a sign-in that was begun before the account had a factor", async () => {
    const account = await owner();
    const [thief, own] = [await begun(account), await begun(account)];
    expect(await adds(own.browser)).toBe(true);
    expect(await adds(thief.browser)).toBe(false);
    expect(await who(thief.browser)).toBe("anonymous");
  });
});

describe("a passkey that a thief has added", () => {
  const keys = passkeys({ name: "Folio", origins: [PLACE.origin], store: memoryPasskeys() });
  const enrolled = enrolledFactors({ passkeys: keys });
  const session = sessions({ store: memorySessions(), mfa: mfaRequired({ enrolled }) });
  /** What happens in the middle of something else. */
  const meanwhile: { registered?: () => Promise<void>; demoted?: () => Promise<void> } = {};
  const happen = async (what: keyof typeof meanwhile): Promise<void> => {
    const once = meanwhile[what];
    delete meanwhile[what];
    await once?.();
  };
  const over = authenticationGround(memoryAuthentication(), session, {
    authenticators: {
      passkeys: {
        ...keys,
        async register(...given) {
          const added = await keys.register(...given);
          await happen("registered");
          return added;
        },
        async demote(...given) {
          await keys.demote(...given);
          await happen("demoted");
        },
      },
    },
  });
  const { flows, clock } = over;
  const FRESH = "a whole new passphrase";
  let counter = 0;

  /** A device, added in the session that a browser has. */
  async function addedIn(browser: TestBrowser, isAdded = true) {
    const ask = async () => {
      const request = browser.ask();
      return Object.assign(request, await session.authenticate(request));
    };
    const asked = await ask();
    const { challenge = "", user } = (await flows.secondFactors.beginPasskey(asked)) ?? {};
    browser.keep(asked);
    const device = softwareAuthenticator();
    const answered = await ask();
    expect(await flows.secondFactors.addPasskey(answered, device.register({ ...PLACE, challenge }))).toBe(isAdded);
    browser.keep(answered);
    return { device, userHandle: user?.id ?? "" };
  }
  async function signInBy(
    { device, userHandle }: Awaited<ReturnType<typeof addedIn>>,
    browser: TestBrowser = over.browser(),
  ): Promise<string> {
    const asked = browser.ask();
    const { challenge = "" } = (await flows.secondFactors.passkeyOptions(asked)) ?? {};
    browser.keep(asked);
    counter += 1;
    const answered = browser.ask();
    const answer = device.authenticate({ ...PLACE, challenge, userHandle, counter });
    const { kind } = await flows.secondFactors.passkey(answered, answer);
    browser.keep(answered);
    return kind;
  }

  it("begins no sign-in once its owner has said that it is not his, also with a new password", async () => {
    const account = await over.account();
    const own = await addedIn((await over.signIn(account, PASSWORD)).browser);
    await over.deliver();
    clock.nowMs += 3_600_000;
    const stolen = over.browser();
    expect(await signInBy(own, stolen)).toBe("established");
    const thief = await addedIn(stolen);
    expect(await signInBy(thief)).toBe("established");
    const told = (await over.deliver()).find(({ text }) => text.includes("passkey was added"));
    clock.nowMs += 60_000;
    expect(await flows.notices.disown(over.browser().ask(), tokenIn(told))).toEqual({ kind: "disowned" });
    const reset = (await over.deliver()).find(({ text }) => text.includes("/reset-password"));
    clock.nowMs += 60_000;
    const completed = await flows.passwordReset.complete(over.browser().ask(), tokenIn(reset), FRESH);
    expect(completed).toEqual({ kind: "completed" });
    clock.nowMs += 60_000;
    expect(await signInBy(thief)).toBe("credentials_wrong");
    expect(await signInBy(own)).toBe("established");
    // It is asked for all the same: whoever reads the owner's mail gets around no factor.
    const browser = over.browser();
    const request = browser.ask();
    expect((await flows.signIn(request, account.email, FRESH)).kind).toBe("second_factor_required");
    browser.keep(request);
    expect(await signInBy(thief, browser)).toBe("established");
  });

  /** A thief in a session of the owner's, and what the owner does about it once he has heard of something. */
  async function robbed() {
    const account = await over.account();
    const thief = (await over.signIn(account, PASSWORD)).browser;
    await flows.notices.tell(account.userId, "password_changed", over.browser().ask());
    const disown = tokenIn((await over.deliver())[0]);
    clock.nowMs += 60_000;
    const owner = {
      disowns: async () => void (await flows.notices.disown(over.browser().ask(), disown)),
      async choosesAnother() {
        const reset = (await over.deliver()).find(({ text }) => text.includes("/reset-password"));
        clock.nowMs += 60_000;
        await flows.passwordReset.complete(over.browser().ask(), tokenIn(reset), FRESH);
        expect((await flows.signIn(over.browser().ask(), account.email, FRESH)).kind).not.toBe("credentials_wrong");
      },
    };
    return { account, thief, owner };
  }

  it("opens nothing, nor does one of the owner's, until there is a new password", async () => {
    const account = await over.account();
    const own = await addedIn((await over.signIn(account, PASSWORD)).browser);
    await over.deliver();
    clock.nowMs += 3_600_000;
    await flows.notices.tell(account.userId, "new_device", over.browser().ask());
    const told = tokenIn((await over.deliver())[0]);
    expect(await signInBy(own)).toBe("established");
    clock.nowMs += 60_000;
    expect(await flows.notices.disown(over.browser().ask(), told)).toEqual({ kind: "disowned" });
    expect(await signInBy(own)).toBe("credentials_wrong");
  });

  it("is not there when its owner throws him out while he adds it", async () => {
    const { account, thief, owner } = await robbed();
    meanwhile.registered = owner.disowns;
    const added = await addedIn(thief, false);
    await owner.choosesAnother();
    expect(await keys.list(account.userId)).toEqual([]);
    expect(await signInBy(added)).toBe("credentials_wrong");
  });

  it("is not there when nobody can say whether he was thrown out while he added it", async () => {
    const { account, thief } = await robbed();
    const list = session.list.bind(session);
    const down = (): Promise<never> => Promise.reject(new Error("The sessions do not answer."));
    meanwhile.registered = async () => void Object.assign(session, { list: down });
    await expect(addedIn(thief)).rejects.toThrow("do not answer");
    Object.assign(session, { list });
    expect(await keys.list(account.userId)).toEqual([]);
  });

  it("begins no sign-in when he adds it while its owner throws him out", async () => {
    const { thief, owner } = await robbed();
    let added: Awaited<ReturnType<typeof addedIn>> | undefined;
    meanwhile.demoted = async () => void (added = await addedIn(thief));
    await owner.disowns();
    await owner.choosesAnother();
    expect(added && (await signInBy(added))).toBe("credentials_wrong");
  });
});
