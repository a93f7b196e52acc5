/** What the flows are made of, and what each of them does at its end. */
import { auditEvent } from "../core/event-entry.ts";
import { hash, randomUUID } from "node:crypto";
import type { AuditEvent, EventDetails, EventKey } from "../core/event.ts";
import type { IdentifiedFacts, RequestFacts } from "../core/facts.ts";
import type { Account } from "./account-store.ts";
import type { ApiKeys } from "./api-keys.ts";
import type { AuthenticationStore } from "./authentication-store.ts";
import { browserLabel } from "./browser-label.ts";
import type { ClaimedJob, Job } from "./job-store.ts";
import { mailMessage, type MailFacts, type MailKind, type MailWords, type SecurityChange } from "./mail-messages.ts";
import type { MailTransport } from "./mail-transport.ts";
import type { LinkPurpose, OneTimeLinks } from "./one-time-link.ts";
import type { SessionUser } from "./establish-session.ts";
import type { HashedPassword, PasswordHashing } from "./password-hashing.ts";
import type { PasswordPolicy } from "./password-policy.ts";
import type { PasswordProblem } from "./password-problem.ts";
import type { Responding } from "./session-cookies.ts";
import type { SingleSignOnStore } from "./single-sign-on-store.ts";
import type { RevocationReason, Sessions } from "./session.ts";
import type { SignInThrottle } from "./sign-in-throttle.ts";

/** What only the application knows. Whatever it throws is tried again, so that each of these must not matter when it runs twice. */
export interface FlowApplication {
  /** The tenant and the roles to sign in with, or undefined for somebody who belongs nowhere. */
  membership(userId: string): Promise<Omit<SessionUser, "userId"> | undefined>;
  /** Somebody has signed up and proved his address: make his tenant and his profile. */
  welcome?(newcomer: Newcomer): Promise<void>;
  /**
   * Whether an invitation still stands, asked when its link is opened and when it is accepted: whoever sent it may have lost the right to, and must
   * not come back by it. It does unless you say otherwise.
   */
  invitationStands?(invitation: Invitation): Promise<boolean>;
  /**
   * Somebody has accepted an invitation. Between `invitationStands` and here a password was hashed: whether whoever invites may still do so is asked
   * once more where the place is given, in the transaction that gives it.
   */
  joined?(guest: Newcomer & Omit<Invitation, "email">): Promise<void>;
  /** Everything the application holds about a user, for his copy of it (GDPR article 20). */
  exportData?(userId: string): Promise<unknown>;
  /**
   * Somebody has said that a change of his account was not his: end what was set up in his name since, and would go on by itself, such as webhooks. His
   * sessions, keys, identities and invitations have ended.
   *
   * @param sinceMs when what he disowns was done, and a little earlier; milliseconds since the epoch
   */
  disowned?(account: { readonly userId: string; readonly sinceMs: number }): Promise<void>;
  /** Removes what the application holds about a user (GDPR article 17). */
  erase?(userId: string): Promise<void>;
}

export interface Newcomer {
  readonly userId: string;
  readonly email: string;
  /** The other fields of the form, such as a name. */
  readonly profile: Readonly<Record<string, string>>;
}

export interface Invitation {
  readonly email: string;
  readonly tenantId: string;
  readonly roles: readonly string[];
  /** The user who invites, for `invitationStands`. */
  readonly invitedBy?: string;
}

/** A request whose principal is known, and that can still put headers on its response. */
export type FlowRequest = Responding & Pick<IdentifiedFacts, "principal">;

/** Where the pages are that mails lead to. */
export interface FlowPaths {
  readonly signIn: string;
  readonly signUpConfirm: string;
  readonly forgotPassword: string;
  readonly resetPassword: string;
  readonly confirmEmail: string;
  readonly invitation: string;
  readonly disown: string;
  readonly keepAccount: string;
  readonly setup: string;
}

export interface FlowContext {
  readonly origin: string;
  readonly name: string;
  readonly store: AuthenticationStore;
  readonly links: OneTimeLinks;
  readonly sessions: Sessions;
  readonly passwords: PasswordHashing;
  readonly policy: PasswordPolicy;
  readonly throttle: SignInThrottle;
  readonly application: FlowApplication;
  readonly mail: MailTransport;
  readonly apiKeys: AccountKeys | undefined;
  readonly identities: AccountIdentities | undefined;
  readonly words: Partial<Record<MailKind, MailWords>>;
  readonly paths: FlowPaths;
  /** For what happens outside a request, or where none is at hand. */
  readonly report: (event: AuditEvent) => void;
}

/** The API keys of people, as far as the flows end them or tell of them. */
export type AccountKeys = Pick<ApiKeys, "revokeUser" | "aliveOf">;

/** What providers call people, as far as the flows end it. */
export type AccountIdentities = Pick<SingleSignOnStore, "unlink">;

/** Guessed too often; the same for an address that nobody has. */
export interface FlowWait {
  readonly kind: "wait";
  readonly retryAfterSeconds: number;
}

/** Too much is going on; the same for everybody. */
export interface FlowBusy {
  readonly kind: "busy";
  readonly retryAfterSeconds: number;
}

/** A link that is used, over, void or never was: one answer for all of them. */
export interface LinkInvalid {
  readonly kind: "link_invalid";
}

export interface PasswordRejected {
  readonly kind: "password_rejected";
  readonly problems: readonly PasswordProblem[];
}

const LINK_INVALID: LinkInvalid = Object.freeze({ kind: "link_invalid" });

/** The answer to a link that leads nowhere, which the log hears of: somebody may be trying tokens. */
export function refuseLink(request: Responding, purpose: LinkPurpose): LinkInvalid {
  request.note(accountEvent("account/authn_link_rejected/failed", { control: "activation-tokens", detail: purpose }));
  return LINK_INVALID;
}

const MOST_WAITING = 100_000;
const COUNTED_EVERY_MS = 1000;
const MAILS_AN_HOUR = 3;
const HOUR_MS = 3_600_000;
/** Longer than any job is tried. */
const RETRIED_MS = 24 * HOUR_MS;

const counted = new WeakMap<AuthenticationStore, { atMs: number; full: boolean }>();

/**
 * Leaves work for the worker. This and nothing else is what a stranger's request does, so that its time tells nothing.
 *
 * @throws Error when a hundred thousand jobs wait: everybody is refused until they are fewer
 */
export async function enqueue({ store }: FlowContext, ...jobs: readonly Job[]): Promise<void> {
  const nowMs = Date.now();
  let state = counted.get(store);
  if (state === undefined || nowMs - state.atMs >= COUNTED_EVERY_MS) {
    state = { atMs: nowMs, full: (await store.jobs.waiting(MOST_WAITING)) >= MOST_WAITING };
    counted.set(store, state);
  }
  if (state.full) throw new Error("The queue of the authentication flows is full.");
  await store.jobs.add(jobs);
}

export function newJob(kind: string, payload: Job["payload"], runAtMs: number): Job {
  return { id: randomUUID(), kind, payload, runAtMs };
}

/**
 * The work of telling somebody what happened to his account, at the address and the version that it had before: what came later is what his link undoes.
 *
 * @param occasion the request that did it, or the moment when there was none
 */
export function noticeOf(
  { userId, email, version }: Pick<Account, "userId" | "email" | "version">,
  change: SecurityChange,
  occasion: RequestFacts | number,
  more: { readonly address?: string } = {},
): Job {
  const request = typeof occasion === "number" ? undefined : occasion;
  const atMs = typeof occasion === "number" ? occasion : occasion.receivedAtMs;
  const device = request && browserLabel(request.header("user-agent"));
  const facts = { userId, email, version, change, atMs };
  return newJob("notice", { ...facts, ...(device !== undefined && { device }), ...more }, atMs);
}

/** Sends one mail, built from the configured origin alone. */
export async function sendMail(
  context: FlowContext,
  kind: MailKind,
  to: string,
  facts: Omit<MailFacts, "application">,
): Promise<void> {
  await context.mail.send(mailMessage(kind, to, { application: context.name, ...facts }, context.words));
}

/** Three mails an hour of one kind to one address, whoever asks: nobody's mailbox is filled by somebody else. A retry is not counted again. */
export async function mayMail({ store }: FlowContext, job: ClaimedJob, to: string, nowMs: number): Promise<boolean> {
  const allow = async (most: number, windowMs: number, ...name: readonly string[]): Promise<boolean> =>
    store.jobs.allow(hash("sha256", JSON.stringify(name), "base64url"), most, windowMs, nowMs);
  const isNew = async (): Promise<boolean> => allow(1, RETRIED_MS, "counted", job.id);
  // A first attempt may have failed before it was counted.
  if (job.attempts > 1 && !(await isNew())) return true;
  if (!(await allow(MAILS_AN_HOUR, HOUR_MS, "mail", job.kind, to))) return false;
  if (job.attempts === 1) await isNew();
  return true;
}

export function linkTo(context: FlowContext, page: keyof FlowPaths, token?: string): string {
  const url = new URL(context.paths[page], context.origin);
  if (token !== undefined) url.searchParams.set("token", token);
  return url.href;
}

/**
 * Judges and hashes a new password.
 *
 * @returns the encoded hash, or why there is none
 */
export async function prepareHash(
  { policy, passwords, name }: FlowContext,
  password: unknown,
  email: string,
  words: readonly string[] = [],
): Promise<{ readonly kind: "hashed"; readonly encoded: string } | PasswordRejected | FlowBusy> {
  const judgement = await policy.judge(password, { email, words: [name, ...words] });
  if (judgement.kind === "rejected") return { kind: "password_rejected", problems: judgement.problems };
  const hashed: HashedPassword = await passwords.hash(password);
  if (hashed.kind !== "refused") return hashed;
  const message = "The password cannot be used: it is too long or not text.";
  return { kind: "password_rejected", problems: [{ code: "password_invalid", message }] };
}

/** The account is not its owner's, or nobody's any more: what it has made for programs ends as well. */
const ENDS_KEYS: ReadonlySet<RevocationReason> = new Set(["compromise", "account_disabled", "account_deleted"]);

/** Whoever was somebody else for a while, or may not come in any more, has nobody come in by what he has sent. */
const ENDS_INVITATIONS: ReadonlySet<RevocationReason> = new Set(["compromise", "account_disabled"]);

/** Ends a user's sessions before a change and after it, so that neither a crash nor a sign-in in between leaves one alive. */
export async function withSessionsEnded<Result>(
  { sessions, apiKeys, identities, links }: FlowContext,
  userId: string,
  request: Responding,
  options: { readonly reason: RevocationReason; readonly keepCurrent?: boolean },
  change: () => Promise<Result>,
): Promise<Result> {
  const end = async (): Promise<void> => {
    await sessions.revoke(userId, { ...options, request });
    if (ENDS_KEYS.has(options.reason)) await apiKeys?.revokeUser(userId, request.receivedAtMs);
    if (ENDS_INVITATIONS.has(options.reason)) await links.voidSent(["invited", "invitation"], userId);
    // A thief may have linked one of his own, and it would outlive the new password.
    if (options.reason === "compromise") await identities?.unlink(userId);
  };
  await end();
  const result = await change();
  // A sign-in that began before the change looks at the account once more when it has its session, so that it is ended here or there.
  await end();
  return result;
}

/** Does a job that has just been queued, at once; the worker does it later when this fails. */
export async function runNow(
  { store }: FlowContext,
  job: Job,
  handler: (job: ClaimedJob, nowMs: number) => Promise<void>,
): Promise<void> {
  try {
    await handler({ ...job, attempts: 1 }, job.runAtMs);
  } catch {
    return;
  }
  await store.jobs.done(job.id);
}

/** What happened to an account, for the log. No address stands in it. */
export function accountEvent(
  key: Extract<EventKey, `account/${string}`>,
  details: Pick<EventDetails, "user_id" | "tenant_id" | "detail" | "control" | "count"> = {},
): AuditEvent {
  return auditEvent(key, details);
}

export function textIn(payload: Job["payload"], name: string): string {
  const value = payload[name];
  if (typeof value !== "string" || value === "") throw new TypeError("A job lacks what it needs.");
  return value;
}
