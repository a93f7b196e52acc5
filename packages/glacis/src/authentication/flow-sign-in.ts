/** Signing in, and everything that begins by proving a password (catalog user-enumeration, auth-pathway-consistency; guide A07). */
import type { UserId } from "../core/brand.ts";
import type { Control, ControlMeta } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import type { Account } from "./account-store.ts";
import type { SignIn } from "./establish-session.ts";
import { enqueue, newJob, noticeOf, type FlowBusy, type FlowContext, type FlowWait } from "./flow-context.ts";
import { canonicalIdentifier } from "./identifier.ts";
import type { HashingPlace } from "./password-hash-line.ts";
import type { Proof } from "./proof.ts";
import type { Responding } from "./session-cookies.ts";
import { signInEvent } from "./session.ts";

const META: ControlMeta = {
  id: "user-enumeration",
  title: "No answer, time or mail tells whether an address has an account",
  layer: "authentication",
  guide: ["A04", "A07"],
  owasp2021: ["A07", "A04"],
  owasp2025: ["A07", "A06"],
  asvs: ["v5.0.0-6.3.8"],
  cwe: ["CWE-204", "CWE-203", "CWE-208"],
};

export interface CredentialsWrong {
  readonly kind: "credentials_wrong";
}

export type SignInOutcome =
  | Extract<SignIn, { readonly kind: "established" | "second_factor_required" | "enrolment_required" }>
  | CredentialsWrong
  /** The password was right, but nobody has proved the address yet: a link is on its way. Only who knows the password hears this. */
  | { readonly kind: "verification_required" }
  /** Signed in, if he belonged anywhere. */
  | { readonly kind: "no_membership" }
  /** What was proved is too old, or something changed meanwhile. */
  | { readonly kind: "sign_in_again" }
  /** The tenant's people come through its own provider. Only who proved himself hears this. */
  | { readonly kind: "single_sign_on_required" }
  | FlowWait
  | FlowBusy;

/** A password that was right, and whose. */
export interface ProvedPassword {
  readonly kind: "proved";
  readonly account: Account;
  readonly proof: Proof;
}

export interface PasswordSignIn {
  readonly control: Control;
  /** Anything may come in; whatever is not the right password of an active account is `credentials_wrong`, after the same work. */
  signIn(request: Responding, email: unknown, password: unknown): Promise<SignInOutcome>;
}

export const CREDENTIALS_WRONG: CredentialsWrong = Object.freeze({ kind: "credentials_wrong" });
const LONGEST_ACCOUNT = 320;
const newDevice = (userId: UserId): AuditEvent => ({
  event_type: "authentication",
  status: "observed",
  severity: "info",
  event: "authn_new_device",
  control: "auth-notifications",
  user_id: userId,
});

export function passwordSignIn(context: FlowContext): PasswordSignIn {
  return {
    control: { meta: META, rules: [], check: () => [] },
    async signIn(request, email, password) {
      const address = canonicalIdentifier(email);
      const named = address ?? (typeof email === "string" ? email.slice(0, LONGEST_ACCOUNT) : "");
      let known: Account | undefined;
      const find = async (): Promise<Account | undefined> =>
        (known = address === undefined ? undefined : await context.store.accounts.byEmail(address));
      const proved = await provePassword(context, request, named, find, password);
      if (proved.kind !== "proved") {
        if (proved.kind === "credentials_wrong") request.note(wrong(context, known, named));
        return proved;
      }
      if (proved.account.verifiedAtMs !== null) return finishSignIn(context, request, proved.account, [proved.proof]);
      await enqueue(context, newJob("password_reset", { email: proved.account.email }, request.receivedAtMs));
      request.note(signInEvent("failed", { control: META.id, user_id: proved.account.userId, detail: "not_verified" }));
      return { kind: "verification_required" };
    },
  };
}

/** Of an account that nobody has, a keyed hash of what was typed: it may be a password in the wrong field. */
function wrong({ throttle }: FlowContext, known: Account | undefined, named: string): AuditEvent {
  const who = known === undefined ? { login_hash: throttle.loginHash(named) } : { user_id: known.userId };
  return signInEvent("failed", { control: META.id, ...who });
}

/**
 * Counts the attempt, then judges it. An account that is unknown, disabled or without a password costs one hash like any other.
 *
 * @param named what the throttle counts by: the address, known or not
 */
export async function provePassword(
  context: FlowContext,
  request: Responding,
  named: string,
  find: () => Promise<Account | undefined>,
  password: unknown,
): Promise<ProvedPassword | CredentialsWrong | FlowWait | FlowBusy> {
  // Before it counts: an attempt that nobody judges must not bring a person nearer to a lock, and in a flood each of these would be two questions.
  const place = context.passwords.enter();
  if (place.kind === "busy") return place;
  try {
    return await judgePassword(context, request, { named, find, password, place });
  } finally {
    place.leave();
  }
}

interface JudgedPassword {
  readonly named: string;
  readonly find: () => Promise<Account | undefined>;
  readonly password: unknown;
  readonly place: HashingPlace;
}

async function judgePassword(
  { throttle, passwords, store }: FlowContext,
  request: Responding,
  { named, find, password, place }: JudgedPassword,
): Promise<ProvedPassword | CredentialsWrong | FlowWait | FlowBusy> {
  const secret = typeof password === "string" ? { secret: password } : {};
  const attempt = await throttle.begin({ account: named, request, ...secret });
  if (attempt.kind === "wait") return { kind: "wait", retryAfterSeconds: attempt.retryAfterSeconds };
  const found = await find();
  const account = found?.status === "active" ? found : undefined;
  const known = account && { userId: account.userId, stored: account.passwordHash };
  const verdict = await passwords.verify(password, known, request.receivedAtMs, place);
  if (verdict.kind === "busy") return verdict;
  if (verdict.kind === "refused" || account === undefined) {
    await attempt.ticket.failed();
    return CREDENTIALS_WRONG;
  }
  await attempt.ticket.succeeded();
  const { upgraded } = verdict;
  if (upgraded !== undefined) await store.accounts.upgradeHash(account.userId, account.passwordHash ?? "", upgraded);
  return { kind: "proved", account, proof: verdict.proof };
}

/** The one end of every way in: membership, session or second factor, and what follows from a sign-in. */
export async function finishSignIn(
  context: FlowContext,
  request: Responding,
  account: Account,
  proofs: readonly Proof[],
  { tellOfDevice = true }: { readonly tellOfDevice?: boolean } = {},
): Promise<SignInOutcome> {
  const { sessions, application } = context;
  const { userId } = account;
  const membership = await application.membership(userId);
  if (membership === undefined) {
    request.note(signInEvent("failed", { user_id: userId, detail: "no_membership" }));
    return { kind: "no_membership" };
  }
  const outcome = await sessions.establish(request, proofs, { ...membership, userId });
  if (outcome.kind === "refused")
    return { kind: outcome.cause === "single_sign_on_required" ? outcome.cause : "sign_in_again" };
  if (outcome.kind !== "established") return outcome;
  try {
    if (!(await isSettled(context, request, account, tellOfDevice))) return { kind: "sign_in_again" };
  } catch (error) {
    // The browser has the cookie by now: nobody goes on in a session that nobody could look at, or that its owner is not told of.
    await sessions.end(request);
    throw error;
  }
  request.note(signInEvent("succeeded", { user_id: userId, tenant_id: membership.tenantId }));
  return outcome;
}

/** Looks at the account once more now that its session is there, and does what follows from a sign-in. @returns false when the account has changed */
async function isSettled(
  context: FlowContext,
  request: Responding,
  account: Account,
  tellOfDevice: boolean,
): Promise<boolean> {
  const { store, sessions, throttle } = context;
  const { userId, email, version } = account;
  const still = await store.accounts.byId(userId);
  if (still?.version !== version || still.status !== "active") {
    await sessions.end(request);
    request.note(signInEvent("failed", { user_id: userId, detail: "account_changed" }));
    return false;
  }
  const { deviceCookie } = throttle;
  const known = deviceCookie.recognize(request.cookies.get(deviceCookie.name), email, request.receivedAtMs);
  if (known === undefined && tellOfDevice) {
    await enqueue(context, noticeOf(account, "new_device", request));
    request.note(newDevice(userId));
  }
  // Whoever remembers the password after all leaves no link behind for somebody else to find.
  await store.links.void(["password_reset"], userId);
  throttle.remember(request, email);
  return true;
}
