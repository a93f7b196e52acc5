/** Adding and removing second factors. The owner is told of each (catalog auth-notifications), and a removal ends the other sessions. */
import { auditEvent } from "../core/event-entry.ts";
import { PASSWORD_VOID } from "./account-lineage.ts";
import type { Account } from "./account-store.ts";
import { enqueue, noticeOf, type FlowContext, type FlowRequest } from "./flow-context.ts";
import { ownAccount } from "./flow-password-change.ts";
import { CREDENTIALS_WRONG, finishSignIn, type SignInOutcome } from "./flow-sign-in.ts";
import type { PasskeyCreationOptions } from "./passkey-options.ts";
import type { Passkey, Passkeys } from "./passkeys.ts";
import type { Proof } from "./proof.ts";
import type { RecoveryCodes } from "./recovery-codes.ts";
import type { Totp, TotpEnrolment } from "./totp.ts";

export interface Authenticators {
  readonly totp?: Totp;
  readonly recoveryCodes?: RecoveryCodes;
  readonly passkeys?: Passkeys;
}

/** What somebody has; undefined is not offered here. */
export interface FactorOverview {
  readonly email: string;
  readonly totp: boolean | undefined;
  /** How many are left. */
  readonly recoveryCodes: number | undefined;
  readonly passkeys: readonly Passkey[] | undefined;
}

/** For whoever is signed in; ask for a recent proof first. */
export interface FactorSettings {
  readonly hasPasskeys: boolean;
  overview(request: FlowRequest): Promise<FactorOverview | undefined>;
  /** Offers a secret to the app of whoever is signed in, or must enrol before he is. */
  beginTotp(request: FlowRequest): Promise<TotpEnrolment | undefined>;
  /** Adds it, and completes a sign-in that waited for it. The other sessions end. */
  confirmTotp(request: FlowRequest, code: unknown): Promise<SignInOutcome>;
  /** @returns false for somebody who has none */
  removeTotp(request: FlowRequest): Promise<boolean>;
  /** Ten new codes, to be shown once. */
  newRecoveryCodes(request: FlowRequest): Promise<readonly string[] | undefined>;
  /** What `navigator.credentials.create()` is given. */
  beginPasskey(request: FlowRequest): Promise<PasskeyCreationOptions | undefined>;
  /** Adds it, and completes a sign-in that waited for it. The other sessions end. @returns whether it was added, and the sign-in is complete */
  addPasskey(request: FlowRequest, answer: unknown, name?: unknown): Promise<boolean>;
  passkeys(request: FlowRequest): Promise<readonly Passkey[]>;
  renamePasskey(request: FlowRequest, id: string, name: unknown): Promise<boolean>;
  removePasskey(request: FlowRequest, id: string): Promise<boolean>;
}

export function factorSettings(context: FlowContext, authenticators: Authenticators): FactorSettings {
  const { totp, recoveryCodes, passkeys } = authenticators;
  const own = (request: FlowRequest): Promise<Account | undefined> => ownAccount(context, request);
  const enrolling = (request: FlowRequest, method: "totp" | "passkey"): Promise<Account | undefined> =>
    whoEnrols(context, authenticators, request, method);
  return {
    hasPasskeys: passkeys !== undefined,
    async overview(request) {
      const account = await own(request);
      return account && overviewOf(account, authenticators);
    },
    async beginTotp(request) {
      const account = await enrolling(request, "totp");
      return account && totp?.begin(account.userId, account.email, request.receivedAtMs);
    },
    async confirmTotp(request, code) {
      const account = await enrolling(request, "totp");
      const proof = account && (await totp?.confirm(account.userId, code, request.receivedAtMs));
      if (account === undefined || proof === undefined) return CREDENTIALS_WRONG;
      await enqueue(context, noticeOf(account, "second_factor_added", request));
      if (request.principal.kind !== "user") return finishSignIn(context, request, account, [proof]);
      return raise(context, account, request, proof);
    },
    async removeTotp(request) {
      const account = await own(request);
      if (account === undefined || totp === undefined || !(await totp.enrolled(account.userId))) return false;
      await totp.remove(account.userId);
      await context.sessions.revoke(account.userId, { reason: "mfa_changed", request, keepCurrent: true });
      await context.sessions.renew(request);
      await enqueue(context, noticeOf(account, "second_factor_removed", request));
      await tellOfLack(context, request);
      return true;
    },
    async newRecoveryCodes(request) {
      const account = await own(request);
      if (account === undefined || recoveryCodes === undefined) return undefined;
      const codes = await recoveryCodes.generate(account.userId, request.receivedAtMs);
      await enqueue(context, noticeOf(account, "recovery_codes_created", request));
      return codes;
    },
    async beginPasskey(request) {
      const account = await enrolling(request, "passkey");
      return account && passkeys?.registrationOptions(request, { userId: account.userId, account: account.email });
    },
    async addPasskey(request, answer, name) {
      const account = await enrolling(request, "passkey");
      if (account === undefined || passkeys === undefined) return false;
      const added = await passkeys.register(request, account.userId, answer, name);
      return added !== undefined && keepOrRemove(context, passkeys, account, request, added);
    },
    async passkeys({ principal }) {
      return principal.kind === "user" && passkeys !== undefined ? passkeys.list(principal.id) : [];
    },
    async renamePasskey({ principal }, id, name) {
      return principal.kind === "user" && passkeys !== undefined && passkeys.rename(principal.id, id, name);
    },
    async removePasskey(request, id) {
      const account = await own(request);
      // Whoever has a password has another way in.
      const options = { evenLast: account?.passwordHash !== null && account?.passwordHash !== PASSWORD_VOID };
      if (account === undefined || (await passkeys?.remove(account.userId, id, options)) !== true) return false;
      await context.sessions.revoke(account.userId, { reason: "mfa_changed", request, keepCurrent: true });
      await context.sessions.renew(request);
      await enqueue(context, noticeOf(account, "passkey_removed", request));
      await tellOfLack(context, request);
      return true;
    },
  };
}

/**
 * Somebody whose role must have a second factor has none from here on: one such removal is worth an alarm, for an intruder makes room for himself
 * (catalog security-alerting). Where nobody can say, it is told too.
 */
async function tellOfLack({ sessions }: FlowContext, request: FlowRequest): Promise<void> {
  if (request.principal.kind !== "user") return;
  const isLacking = await sessions.lacksFactor(request.principal).catch(() => true);
  if (isLacking) request.note(auditEvent("authentication/authn_factor_lacking/observed", { control: "mfa-required" }));
}

async function overviewOf(
  { userId, email }: Account,
  { totp, recoveryCodes, passkeys }: Authenticators,
): Promise<FactorOverview> {
  const [app, codes, keys] = await Promise.all([
    totp?.enrolled(userId),
    recoveryCodes?.remaining(userId),
    passkeys?.list(userId),
  ]);
  return { email, totp: app, recoveryCodes: codes, passkeys: keys };
}

/** Whoever is signed in, or may not be before he has a second factor. */
async function whoEnrols(
  context: FlowContext,
  { totp, passkeys }: Authenticators,
  request: FlowRequest,
  method: "totp" | "passkey",
): Promise<Account | undefined> {
  if (request.principal.kind === "user") return ownAccount(context, request);
  const pending = await context.sessions.pending(request);
  if (pending?.purpose !== "enrolment" || !pending.methods.includes(method)) return undefined;
  // Somebody has added a factor since: from now on it is asked for, and a password alone replaces none.
  const hasCode = pending.assurance < 2 && (await totp?.enrolled(pending.userId)) === true;
  if (hasCode || (await passkeys?.enrolled(pending.userId)) === true) return undefined;
  const account = await context.store.accounts.byId(pending.userId);
  return account?.status === "active" ? account : undefined;
}

/**
 * What follows from a passkey that was added. Whoever was thrown out while he added it must not come back by it; what was added before, whoever throws
 * him out finds.
 *
 * @returns false for one that has to go again
 */
async function keepPasskey(
  context: FlowContext,
  account: Account,
  request: FlowRequest,
  proof: Proof,
): Promise<boolean> {
  const notice = noticeOf(account, "passkey_added", request);
  if (request.principal.kind !== "user") {
    if ((await finishSignIn(context, request, account, [proof])).kind !== "established") return false;
    await enqueue(context, notice);
    return true;
  }
  const own = await context.sessions.list(account.userId, request);
  if (!own.some(({ current }) => current)) return false;
  await enqueue(context, notice);
  await raise(context, account, request, proof);
  return true;
}

/** Whether he was thrown out meanwhile, nobody can say where the question fails: then the passkey goes as well. */
async function keepOrRemove(
  context: FlowContext,
  passkeys: Pick<Passkeys, "remove">,
  account: Account,
  request: FlowRequest,
  { passkey, proof }: { readonly passkey: Passkey; readonly proof: Proof },
): Promise<boolean> {
  let isKept = false;
  try {
    isKept = await keepPasskey(context, account, request, proof);
  } finally {
    if (!isKept) await passkeys.remove(account.userId, passkey.id, { evenLast: true });
  }
  return isKept;
}

/** Ends the other sessions, which know nothing of the new factor, and raises this one. */
async function raise(
  { sessions }: FlowContext,
  { userId }: Account,
  request: FlowRequest,
  proof: Proof,
): Promise<SignInOutcome> {
  await sessions.revoke(userId, { reason: "mfa_changed", request, keepCurrent: true });
  const outcome = await sessions.stepUp(request, [proof]);
  return outcome.kind === "refused" ? { kind: "sign_in_again" } : outcome;
}
