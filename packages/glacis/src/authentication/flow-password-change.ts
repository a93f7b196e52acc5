/** Changing one's own password (catalog password-change; ASVS 5 sections 6.2.2 and 6.2.3; CWE-620). */
import type { Control, ControlMeta } from "../core/control.ts";
import type { Account } from "./account-store.ts";
import {
  accountEvent,
  noticeOf,
  prepareHash,
  withSessionsEnded,
  type FlowBusy,
  type FlowContext,
  type FlowRequest,
  type FlowWait,
  type PasswordRejected,
} from "./flow-context.ts";
import { CREDENTIALS_WRONG, provePassword, type CredentialsWrong, type ProvedPassword } from "./flow-sign-in.ts";

const META: ControlMeta = {
  id: "password-change",
  title: "Changing a password takes the current one and ends the other sessions",
  layer: "authentication",
  guide: ["A07"],
  owasp2021: ["A07"],
  owasp2025: ["A07"],
  asvs: ["v5.0.0-6.2.2", "v5.0.0-6.2.3"],
  cwe: ["CWE-620"],
};

export interface PasswordChange {
  readonly control: Control;
  /** The current password is throttled like a sign-in. The other sessions end, this one gets a new token, the owner is told. */
  change(
    request: FlowRequest,
    current: unknown,
    next: unknown,
  ): Promise<{ readonly kind: "changed" } | CredentialsWrong | PasswordRejected | FlowWait | FlowBusy>;
}

export function passwordChange(context: FlowContext): PasswordChange {
  const { store, sessions } = context;
  return {
    control: { meta: META, rules: [], check: () => [] },
    async change(request, current, next) {
      const proved = await proveOwnPassword(context, request, current);
      if (proved.kind !== "proved") return proved;
      const { account, proof } = proved;
      const prepared = await prepareHash(context, next, account.email);
      if (prepared.kind !== "hashed") return prepared;
      const standing = await store.accounts.byId(account.userId);
      const options = { reason: "password_changed", keepCurrent: true } as const;
      const changed =
        standing?.version !== account.version
          ? undefined
          : await withSessionsEnded(context, account.userId, request, options, () =>
              store.accounts.change(
                account.userId,
                account.version,
                { passwordHash: prepared.encoded },
                {
                  voids: ["password_reset", "email_change"],
                  jobs: [noticeOf(account, "password_changed", request)],
                },
              ),
            );
      if (changed === undefined) return CREDENTIALS_WRONG;
      // Whoever has a second factor proves nothing by the password alone, and gets a new token all the same.
      const { kind } = await sessions.stepUp(request, [proof]);
      if (kind !== "established") await sessions.renew(request);
      request.note(
        accountEvent("account/authn_password_change/succeeded", { control: META.id, user_id: account.userId }),
      );
      return { kind: "changed" };
    },
  };
}

/** The password of whoever is signed in, once more. */
export async function proveOwnPassword(
  context: FlowContext,
  request: FlowRequest,
  password: unknown,
): Promise<ProvedPassword | CredentialsWrong | FlowWait | FlowBusy> {
  const account = await ownAccount(context, request);
  if (account === undefined) return CREDENTIALS_WRONG;
  const proved = await provePassword(context, request, account.email, async () => account, password);
  if (proved.kind === "credentials_wrong") {
    const details = { control: META.id, user_id: account.userId };
    request.note(accountEvent("account/authn_password_confirm_fail/failed", details));
  }
  return proved;
}

export async function ownAccount({ store }: FlowContext, { principal }: FlowRequest): Promise<Account | undefined> {
  return principal.kind === "user" ? store.accounts.byId(principal.id) : undefined;
}
