/** The second half of a sign-in, a proof once more, and the adding of second factors (catalog authenticator-recovery, mfa-required, step-up-auth). */
import type { Control, ControlMeta } from "../core/control.ts";
import { PASSWORD_VOID } from "./account-lineage.ts";
import type { Account } from "./account-store.ts";
import type { SignIn } from "./establish-session.ts";
import { enqueue, noticeOf, type FlowBusy, type FlowContext, type FlowRequest, type FlowWait } from "./flow-context.ts";
import { factorSettings, type Authenticators, type FactorSettings } from "./flow-factors.ts";
import { ownAccount, proveOwnPassword } from "./flow-password-change.ts";
import { CREDENTIALS_WRONG, finishSignIn, type CredentialsWrong, type SignInOutcome } from "./flow-sign-in.ts";
import type { PasskeyRequestOptions } from "./passkey-options.ts";
import type { Proof } from "./proof.ts";
import type { Responding } from "./session-cookies.ts";

const META: ControlMeta = {
  id: "authenticator-recovery",
  title: "A lost factor is replaced by another one of the user's, never by mail or an administrator alone",
  layer: "authentication",
  guide: ["A07"],
  owasp2021: ["A07"],
  owasp2025: ["A07"],
  asvs: ["v5.0.0-6.4.4", "v5.0.0-6.4.6"],
  cwe: ["CWE-640", "CWE-308"],
};

export type CodeMethod = "totp" | "recovery_code";

type StepUpOutcome = SignIn | CredentialsWrong | FlowWait | FlowBusy;

export interface SecondFactors extends FactorSettings {
  readonly control: Control;
  /** Completes the sign-in that this browser has begun. A wrong code leaves it open for another try, which the throttle counts. */
  complete(request: Responding, method: CodeMethod, code: unknown): Promise<SignInOutcome>;
  /** What `navigator.credentials.get()` is given, for the begun sign-in or for a new one. */
  passkeyOptions(request: Responding): Promise<PasskeyRequestOptions | undefined>;
  /** Signs in by passkey alone, or completes a begun sign-in by it. */
  passkey(request: Responding, answer: unknown): Promise<SignInOutcome>;
  /** Proves again within a session, by password, by code, or by both. */
  stepUp(request: FlowRequest, password: unknown, code?: unknown): Promise<StepUpOutcome>;
}

export function secondFactors(context: FlowContext, authenticators: Authenticators): SecondFactors {
  const { sessions, store } = context;
  const active = async (userId: string): Promise<Account | undefined> => {
    const account = await store.accounts.byId(userId);
    return account?.status === "active" ? account : undefined;
  };
  const verifyPasskey = async (request: Responding, answer: unknown, userId?: string): Promise<SignInOutcome> => {
    const proof = await authenticators.passkeys?.authenticate(request, answer, userId);
    const account = proof === undefined ? undefined : await active(proof.userId);
    if (proof === undefined || account === undefined) return CREDENTIALS_WRONG;
    // Somebody said that this was not him: a passkey that a thief has added must not be enough.
    if (account.passwordHash === PASSWORD_VOID) return CREDENTIALS_WRONG;
    return finishSignIn(context, request, account, [proof]);
  };
  return {
    control: { meta: META, rules: [], check: () => [] },
    async complete(request, method, code) {
      const pending = await sessions.pending(request);
      const account = pending && (await active(pending.userId));
      if (account === undefined || pending?.methods.includes(method) !== true) return { kind: "sign_in_again" };
      const proved = await proveCode(context, authenticators, request, account, { method, code });
      return proved.kind === "proved" ? finishSignIn(context, request, account, [proved.proof]) : proved;
    },
    async passkeyOptions(request) {
      const pending = await sessions.pending(request);
      return authenticators.passkeys?.authenticationOptions(request, pending?.userId);
    },
    async passkey(request, answer) {
      return verifyPasskey(request, answer, (await sessions.pending(request))?.userId);
    },
    async stepUp(request, password, code) {
      const proofs: Proof[] = [];
      if (password !== undefined) {
        const proved = await proveOwnPassword(context, request, password);
        if (proved.kind !== "proved") return proved;
        proofs.push(proved.proof);
      }
      if (code !== undefined) {
        const account = await ownAccount(context, request);
        if (account === undefined) return CREDENTIALS_WRONG;
        const proved = await proveCode(context, authenticators, request, account, { method: methodOf(code), code });
        if (proved.kind !== "proved") return proved;
        proofs.push(proved.proof);
      }
      return proofs.length === 0 ? CREDENTIALS_WRONG : sessions.stepUp(request, proofs);
    },
    ...factorSettings(context, authenticators),
  };
}

/** An app shows six or eight digits; a recovery code is longer. */
function methodOf(code: unknown): CodeMethod {
  return typeof code === "string" && code.replace(/[\s-]/gu, "").length > 8 ? "recovery_code" : "totp";
}

async function proveCode(
  context: FlowContext,
  { totp, recoveryCodes }: Authenticators,
  request: Responding,
  account: Account,
  { method, code }: { readonly method: CodeMethod; readonly code: unknown },
): Promise<{ readonly kind: "proved"; readonly proof: Proof } | CredentialsWrong | FlowWait> {
  const attempt = await context.throttle.begin({ account: account.email, request, kind: method });
  if (attempt.kind === "wait") return { kind: "wait", retryAfterSeconds: attempt.retryAfterSeconds };
  const nowMs = request.receivedAtMs;
  const proof = await (method === "totp"
    ? totp?.verify(account.userId, code, nowMs)
    : recoveryCodes?.redeem(account.userId, code, nowMs));
  if (proof === undefined) {
    await attempt.ticket.failed();
    return CREDENTIALS_WRONG;
  }
  await attempt.ticket.succeeded();
  if (method === "recovery_code") await enqueue(context, noticeOf(account, "recovery_code_used", request));
  return { kind: "proved", proof };
}
