/** Closing an account to its owner, and opening it again: for administrators, who choose no credentials (catalog session-revocation-triggers). */
import { PASSWORD_VOID } from "./account-lineage.ts";
import { accountEvent, withSessionsEnded, type FlowContext } from "./flow-context.ts";
import type { Authenticators } from "./flow-factors.ts";
import type { Responding } from "./session-cookies.ts";

export interface AccountStatusChange {
  /** Whether somebody else's word, such as an identity provider's, may sign this user in. Not while the account is closed, or its password void. */
  maySignIn(userId: string): Promise<boolean>;
  /** Whether this user gets in by a password or a passkey of his own, whatever an identity provider says. */
  hasOwnWayIn(userId: string): Promise<boolean>;
  /** Nobody signs in any more, every session ends, every link is void. @returns false when there is no such active account */
  disable(userId: string, request: Responding): Promise<boolean>;
  /** The owner signs in again with what he had. @returns false when the account is not disabled */
  enable(userId: string, request: Responding): Promise<boolean>;
}

export function accountStatus(
  context: FlowContext,
  { passkeys }: Pick<Authenticators, "passkeys">,
): AccountStatusChange {
  const { store } = context;
  const note = (request: Responding, event: "user_disabled" | "user_enabled", userId: string): void =>
    request.note(accountEvent(`account/${event}/succeeded`, { user_id: userId }));
  return {
    async maySignIn(userId) {
      const account = await store.accounts.byId(userId);
      return account?.status === "active" && account.passwordHash !== PASSWORD_VOID;
    },
    async hasOwnWayIn(userId) {
      const account = await store.accounts.byId(userId);
      if (account?.status !== "active") return false;
      const hasPassword = account.passwordHash !== null && account.passwordHash !== PASSWORD_VOID;
      return hasPassword || (await passkeys?.enrolled(userId)) === true;
    },
    async disable(userId, request) {
      const account = await store.accounts.byId(userId);
      if (account?.status !== "active") return false;
      const changed = await withSessionsEnded(context, userId, request, { reason: "account_disabled" }, () =>
        store.accounts.change(
          userId,
          account.version,
          { status: "disabled" },
          { voids: ["password_reset", "email_change"] },
        ),
      );
      if (changed === undefined) return false;
      note(request, "user_disabled", userId);
      return true;
    },
    async enable(userId, request) {
      const account = await store.accounts.byId(userId);
      if (account?.status !== "disabled") return false;
      const changed = await store.accounts.change(userId, account.version, { status: "active" });
      if (changed === undefined) return false;
      note(request, "user_enabled", userId);
      return true;
    },
  };
}
