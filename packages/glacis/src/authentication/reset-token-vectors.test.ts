import { describe, expect, it } from "vitest";
import { authenticationGround, tokenIn } from "../../../../test/support/authentication-ground.ts";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { memoryAuthentication } from "./authentication-store.ts";
import { LINK_LIFETIMES_MS } from "./one-time-link.ts";
import { memorySessions } from "./session-memory.ts";
import { sessions } from "./session.ts";

/** What Django's PasswordResetTokenGenerator says of a link after something has happened, held against what our links say. */
interface ResetCase {
  readonly id: string;
  readonly fn: string;
  readonly note?: string;
  readonly user?: {
    readonly pk: string;
    readonly password: string;
    readonly last_login: string | null;
    readonly email: string;
  };
  readonly token?: string | null;
  readonly timeout?: number;
  readonly now_seconds?: number;
  readonly valid?: boolean;
}

const MADE_AT_SECONDS = 800_000_000;
const vectors = loadVectors<ResetCase>("reset_tokens");
const cases = vectors?.cases ?? [];
const baseline = cases.find(({ note }) => note === "baseline");

/** Ours count once, so that a link which leaked is worth nothing once it was used; Django's stay good until the account changes. */
const isReused = ({ note = "" }: ResetCase): boolean => /reused/u.test(note);

const ground = authenticationGround(memoryAuthentication(), sessions({ store: memorySessions() }));
const { flows, store, clock } = ground;
const ask = () => ground.browser().ask();

/** Does to our token what was done to theirs. */
function alike(theirs: string, changed: string | null | undefined, ours: string): unknown {
  if (changed === theirs || changed === null || changed === undefined || changed === "")
    return changed === theirs ? ours : changed;
  if (changed.startsWith(theirs)) return ours + changed.slice(theirs.length);
  if (theirs.startsWith(changed)) return ours.slice(0, changed.length - theirs.length);
  if (changed.endsWith(theirs)) return changed.slice(0, changed.length - theirs.length) + ours;
  if (changed.toLowerCase() === theirs) return ours === ours.toUpperCase() ? ours.toLowerCase() : ours.toUpperCase();
  const at = [...changed].findIndex((character, index) => character !== theirs[index]);
  return changed.length === theirs.length
    ? ours.slice(0, -1) + changed.slice(at, at + 1)
    : ours.slice(0, at) + ours.slice(at + 1);
}

describe.runIf(baseline !== undefined)("a reset link, beside Django's", () => {
  const checks = cases.filter(({ fn, user }) => fn === "check" && user?.pk === baseline?.user?.pk);

  it.each(checks.map((one) => [one.note ?? one.id, one] as const))("is as alive as it: %s", async (_, one) => {
    const account = await ground.account();
    await flows.passwordReset.request(ask(), account.email);
    const mails = await ground.deliver();
    const token = tokenIn(mails.find(({ to, subject }) => to === account.email && subject.includes("new password")));
    const { user, now_seconds: now = MADE_AT_SECONDS, timeout = 0 } = one;
    if (user?.password !== baseline?.user?.password)
      await store.accounts.change(account.userId, account.version, { passwordHash: "another" });
    if (user?.email !== baseline?.user?.email)
      await store.accounts.change(account.userId, account.version, { email: `b-${account.email}` });
    if (user?.last_login !== baseline?.user?.last_login)
      await flows.signIn(ask(), account.email, "correct horse battery staple");
    if (now - MADE_AT_SECONDS > timeout) clock.nowMs += LINK_LIFETIMES_MS.password_reset;
    if (isReused(one)) await flows.passwordReset.complete(ask(), token, "a whole new passphrase");
    const given = alike(baseline?.token ?? "", one.token, token);
    const outcome = await flows.passwordReset.complete(ask(), given, "yet another passphrase");
    expect(outcome.kind).toBe(one.valid === true && !isReused(one) ? "completed" : "link_invalid");
  });

  it("is none of the texts that Django makes", async () => {
    for (const { token } of cases) expect(await flows.passwordReset.isAlive(token, clock.nowMs)).toBe(false);
  });
});
