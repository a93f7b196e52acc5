import { describe, expect, it } from "vitest";
import { authenticationGround, tokenIn } from "../../../../test/support/authentication-ground.ts";
import type { Exchange } from "../core/exchange.ts";
import type { AuditEvent, EventKey } from "../core/event.ts";
import { eventFault } from "../core/event-entry.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import type { Account } from "./account-store.ts";
import { memoryAuthentication } from "./authentication-store.ts";
import { mfaRequired } from "./mfa-required.ts";
import { memoryRecoveryCodes } from "./recovery-code-store.ts";
import { recoveryCodes } from "./recovery-codes.ts";
import { memorySessions } from "./session-memory.ts";
import { sessions } from "./session.ts";
import { memorySignInThrottle } from "./sign-in-throttle-store.ts";
import { signInThrottle } from "./sign-in-throttle.ts";
import { totpCode, totpStep } from "./totp-code.ts";
import { memoryTotp } from "./totp-store.ts";
import { totp } from "./totp.ts";

/** Every outcome of every flow is one event, with the ids that say who it is about, and without anything that was typed. */

const PASSWORD = "correct horse battery staple";
const NEXT = "a walk along the wide river";
const STRANGER = "nobody.at.all@elsewhere.example";

const reported: AuditEvent[] = [];
const report = (event: AuditEvent): void => void reported.push(event);
const app = totp({
  issuer: "Folio",
  store: memoryTotp(),
  sealer: { seal: (text) => `sealed:${text}`, open: (text) => text.slice("sealed:".length) },
  report,
});
const codes = recoveryCodes({ store: memoryRecoveryCodes(), report });
/** Whose role must have a second factor. */
const bound = new Set<string>();
const session = sessions({
  store: memorySessions(),
  mfa: mfaRequired({
    required: ({ userId }) => bound.has(userId),
    enrolled: async ({ userId }) => ((await app.enrolled(userId)) ? ["totp", "recovery_code"] : []),
  }),
});
const ground = authenticationGround(memoryAuthentication(), session, {
  authenticators: { totp: app, recoveryCodes: codes },
  report,
  throttle: signInThrottle({ keys: keyRing(newKey("k1")), store: memorySignInThrottle(), report }),
});
const { flows } = ground;
const requests: Exchange[] = [];
const seen = (request: Exchange): Exchange => {
  requests.push(request);
  return request;
};
const ask = (): Exchange => seen(ground.browser().ask());

async function someone() {
  const account = await ground.account();
  const here = await ground.signIn(account);
  return { account, own: async () => seen(await here.ask()), keep: (request: Exchange) => here.browser.keep(request) };
}

async function withTotp() {
  const { account, own, keep } = await someone();
  const offer = await flows.secondFactors.beginTotp(await own());
  const secret = offer?.secret ?? "";
  const code = (): string => totpCode(secret, totpStep(ground.clock.nowMs), 6);
  const confirm = async (): Promise<void> => {
    const request = await own();
    await flows.secondFactors.confirmTotp(request, code());
    keep(request);
  };
  return { account, own, confirm };
}

async function mailedTo(account: Pick<Account, "email">): Promise<string> {
  const mails = await ground.deliver();
  return tokenIn(mails.find(({ to }) => to === account.email));
}

interface Case {
  readonly outcome: string;
  /** What came before is forgotten when it calls `from`. */
  readonly act: (from: () => void) => Promise<unknown>;
  readonly events: readonly EventKey[];
  /** Of whom the first event speaks: somebody who is known, or a name that nobody has. */
  readonly about?: "user" | "login";
}

const REVOKED = "session/session_revoked/succeeded";
const WRONG_LINK = "account/authn_link_rejected/failed";

const CASES: readonly Case[] = [
  {
    outcome: "a sign-in",
    act: async (from) => {
      const account = await ground.account();
      from();
      await flows.signIn(ask(), account.email, PASSWORD);
    },
    events: [
      "session/session_created/succeeded",
      "authentication/authn_new_device/observed",
      "authentication/authn_login_success/succeeded",
    ],
    about: "user",
  },
  {
    outcome: "a wrong password",
    act: async (from) => {
      const account = await ground.account();
      from();
      await flows.signIn(ask(), account.email, NEXT);
    },
    events: ["authentication/authn_login_fail/failed"],
    about: "user",
  },
  {
    outcome: "a sign-in to an account that nobody has",
    act: async () => flows.signIn(ask(), STRANGER, PASSWORD),
    events: ["authentication/authn_login_fail/failed"],
    about: "login",
  },
  {
    outcome: "a sign-in that is no address, as when the password stands in the wrong field",
    act: async () => flows.signIn(ask(), PASSWORD, PASSWORD),
    events: ["authentication/authn_login_fail/failed"],
    about: "login",
  },
  {
    outcome: "a sign-in to a closed account",
    act: async (from) => {
      const account = await ground.account({ status: "disabled" });
      from();
      await flows.signIn(ask(), account.email, PASSWORD);
    },
    events: ["authentication/authn_login_fail/failed"],
    about: "user",
  },
  {
    outcome: "a sign-in of somebody who belongs nowhere",
    act: async (from) => {
      const account = await ground.account();
      ground.members.delete(account.userId);
      from();
      await flows.signIn(ask(), account.email, PASSWORD);
    },
    events: ["authentication/authn_login_fail/failed"],
    about: "user",
  },
  {
    outcome: "a sign-in to an address that nobody has proved",
    act: async (from) => {
      const account = await ground.account({ verifiedAtMs: null });
      from();
      await flows.signIn(ask(), account.email, PASSWORD);
    },
    events: ["authentication/authn_login_fail/failed"],
    about: "user",
  },
  {
    outcome: "a sign-in that has to wait",
    act: async (from) => {
      const account = await ground.account();
      const request = ground.browser();
      for (let count = 0; count < 6; count += 1) await flows.signIn(seen(request.ask()), account.email, NEXT);
      from();
      await flows.signIn(seen(request.ask()), account.email, PASSWORD);
    },
    events: ["authentication/authn_login_fail_max/refused"],
    about: "login",
  },
  {
    outcome: "a sign-in that owes a second factor",
    act: async (from) => {
      const { account, confirm } = await withTotp();
      await confirm();
      from();
      await flows.signIn(ask(), account.email, PASSWORD);
    },
    events: ["session/second_factor_required/observed"],
    about: "user",
  },
  {
    outcome: "a wrong one-time code",
    act: async (from) => {
      const { own } = await withTotp();
      from();
      await flows.secondFactors.confirmTotp(await own(), "000000x");
    },
    events: ["authentication/authn_totp_fail/failed"],
    about: "user",
  },
  {
    outcome: "an authenticator app that is added",
    act: async (from) => {
      const { confirm } = await withTotp();
      from();
      await confirm();
    },
    events: ["authentication/authn_totp_enrolled/succeeded", "session/session_renewed/succeeded"],
    about: "user",
  },
  {
    outcome: "an authenticator app that is removed",
    act: async (from) => {
      const { own, confirm } = await withTotp();
      await confirm();
      from();
      await flows.secondFactors.removeTotp(await own());
    },
    events: ["authentication/authn_totp_removed/succeeded", "session/session_renewed/succeeded"],
    about: "user",
  },
  {
    outcome: "the last second factor of somebody who must have one, which is removed",
    act: async (from) => {
      const { account, own, confirm } = await withTotp();
      await confirm();
      bound.add(account.userId);
      from();
      await flows.secondFactors.removeTotp(await own());
    },
    events: [
      "authentication/authn_totp_removed/succeeded",
      "session/session_renewed/succeeded",
      "authentication/authn_factor_lacking/observed",
    ],
    about: "user",
  },
  {
    outcome: "new recovery codes",
    act: async (from) => {
      const { own } = await someone();
      from();
      await flows.secondFactors.newRecoveryCodes(await own());
    },
    events: ["authentication/authn_recovery_codes_created/succeeded"],
    about: "user",
  },
  {
    outcome: "a recovery code that is spent, and one that is wrong",
    act: async (from) => {
      const { account } = await someone();
      const [code] = await codes.generate(account.userId, 1);
      from();
      await codes.redeem(account.userId, code, 2);
      await codes.redeem(account.userId, code, 3);
    },
    events: ["authentication/authn_recovery_code_used/succeeded", "authentication/authn_recovery_code_fail/failed"],
    about: "user",
  },
  {
    outcome: "a sign-up, and its confirmation",
    act: async () => {
      await flows.signUp.request(ask(), STRANGER, PASSWORD);
      const token = await mailedTo({ email: STRANGER });
      await flows.signUp.confirm(ask(), token, PASSWORD);
    },
    events: [
      "account/sign_up_requested/observed",
      "account/user_created/succeeded",
      "session/session_created/succeeded",
      "authentication/authn_login_success/succeeded",
    ],
  },
  ...(
    [
      ["a sign-up", async () => flows.signUp.confirm(ask(), "x".repeat(43), PASSWORD)],
      ["a password reset", async () => flows.passwordReset.complete(ask(), "x".repeat(43), PASSWORD)],
      ["a change of address", async () => flows.emailChange.confirm(ask(), "x".repeat(43))],
      ["an invitation", async () => flows.invitations.accept(ask(), "x".repeat(43), PASSWORD)],
      ["an account that is kept", async () => flows.deletion.keep(ask(), "x".repeat(43))],
      ["a change that was not one's own", async () => flows.notices.disown(ask(), "x".repeat(43))],
      ["a first account", async () => flows.firstAccount.complete(ask(), "x".repeat(43), STRANGER, PASSWORD)],
    ] as const
  ).map(([what, act]): Case => ({ outcome: `a link that is none, for ${what}`, act, events: [WRONG_LINK] })),
  {
    outcome: "a password reset that is asked for, whoever has the address",
    act: async () => flows.passwordReset.request(ask(), "no.one@elsewhere.example"),
    events: ["account/password_reset_requested/observed"],
  },
  {
    outcome: "a password reset, which ends the session that there was",
    act: async (from) => {
      const { account } = await someone();
      await flows.passwordReset.request(ask(), account.email);
      const token = await mailedTo(account);
      from();
      await flows.passwordReset.complete(ask(), token, NEXT);
    },
    events: [REVOKED, "account/authn_password_reset/succeeded"],
    about: "user",
  },
  {
    outcome: "a password that is changed",
    act: async (from) => {
      const { own } = await someone();
      from();
      await flows.passwordChange(await own(), PASSWORD, NEXT);
    },
    events: ["session/session_renewed/succeeded", "account/authn_password_change/succeeded"],
    about: "user",
  },
  {
    outcome: "a wrong password where a change asks for it",
    act: async (from) => {
      const { own } = await someone();
      from();
      await flows.passwordChange(await own(), NEXT, PASSWORD);
    },
    events: ["account/authn_password_confirm_fail/failed"],
    about: "user",
  },
  {
    outcome: "a change of address that is asked for, and its confirmation",
    act: async (from) => {
      const { own } = await someone();
      from();
      await flows.emailChange.request(await own(), "other@elsewhere.example", PASSWORD);
      const token = await mailedTo({ email: "other@elsewhere.example" });
      await flows.emailChange.confirm(ask(), token);
    },
    events: ["account/email_change_requested/observed", REVOKED, "account/email_changed/succeeded"],
    about: "user",
  },
  {
    outcome: "an invitation that is sent, taken back, sent again and accepted",
    act: async () => {
      const guest = "guest@elsewhere.example";
      await flows.invitations.invite({ email: guest, tenantId: "acme", roles: ["member"] }, ask());
      await flows.invitations.revoke(guest, "acme");
      await flows.invitations.invite({ email: guest, tenantId: "acme", roles: ["member"] }, ask());
      const token = await mailedTo({ email: guest });
      await flows.invitations.accept(ask(), token, PASSWORD);
    },
    events: [
      "account/user_invited/succeeded",
      "account/invitation_revoked/succeeded",
      "account/user_invited/succeeded",
      "account/invitation_accepted/succeeded",
      "session/session_created/succeeded",
      "authentication/authn_new_device/observed",
      "authentication/authn_login_success/succeeded",
    ],
  },
  {
    outcome: "an account that is closed, and opened again",
    act: async (from) => {
      const { account } = await someone();
      from();
      await flows.accountStatus.disable(account.userId, ask());
      await flows.accountStatus.enable(account.userId, ask());
    },
    events: [REVOKED, "account/user_disabled/succeeded", "account/user_enabled/succeeded"],
    about: "user",
  },
  {
    outcome: "a copy of one's data",
    act: async (from) => {
      const { own } = await someone();
      from();
      await flows.deletion.exportData(await own());
    },
    events: ["account/user_data_exported/succeeded"],
    about: "user",
  },
  {
    outcome: "a deletion that is asked for and done",
    act: async (from) => {
      const { own } = await someone();
      from();
      await flows.deletion.request(await own(), PASSWORD);
      await ground.deliver();
      ground.clock.nowMs += 30 * 86_400_000;
      await ground.deliver();
    },
    events: [REVOKED, "account/user_deletion_scheduled/succeeded", "account/user_deleted/succeeded"],
    about: "user",
  },
  {
    outcome: "a deletion that is taken back",
    act: async (from) => {
      const { account, own } = await someone();
      await flows.deletion.request(await own(), PASSWORD);
      const token = await mailedTo(account);
      from();
      await flows.deletion.keep(ask(), token);
    },
    events: ["account/user_deletion_cancelled/succeeded"],
    about: "user",
  },
  {
    outcome: "a session that is ended by whoever has it",
    act: async (from) => {
      const { own } = await someone();
      from();
      await session.end(await own());
      await session.end(ask());
    },
    events: ["session/session_ended/succeeded"],
    about: "user",
  },
  {
    outcome: "sessions that are ended from elsewhere, where there are any",
    act: async (from) => {
      const { account } = await someone();
      from();
      await session.revoke(account.userId, { reason: "role_changed", request: ask() });
      await session.revoke(account.userId, { reason: "role_changed", request: ask() });
    },
    events: [REVOKED],
    about: "user",
  },
];

describe("every outcome of a flow is told once", () => {
  it.each(CASES)("$outcome", async ({ act, events, about }) => {
    const from = (): void => {
      reported.length = 0;
      requests.length = 0;
    };
    from();
    await act(from);
    const told = [...requests.flatMap(({ noted }) => noted ?? []), ...reported];
    const keyOf = (event: AuditEvent): string => `${event.event_type}/${event.event}/${event.status}`;
    expect(told.map(keyOf).toSorted()).toEqual([...events].toSorted());
    for (const event of told) expect(eventFault(event), keyOf(event)).toBe(undefined);
    const first = told.find((event) => keyOf(event) === events[0]);
    if (about === "user") expect(first?.user_id, keyOf(first as AuditEvent)).toBeTypeOf("string");
    if (about === "login") {
      expect(first?.login_hash).toMatch(/^[\w-]{20,}$/u);
      expect(first?.user_id).toBe(undefined);
    }
    expect(JSON.stringify(told)).not.toMatch(/@|horse|river|x{43}|elsewhere|nobody/u);
  });
});
