/** The end of an account, after a time in which it can be taken back, and a copy of what is kept about it (GDPR articles 15, 17 and 20). */
import {
  accountEvent,
  refuseLink,
  linkTo,
  newJob,
  noticeOf,
  sendMail,
  textIn,
  withSessionsEnded,
  type FlowBusy,
  type FlowContext,
  type FlowRequest,
  type FlowWait,
  type LinkInvalid,
} from "./flow-context.ts";
import { isBeingErased } from "./account-lineage.ts";
import type { Account } from "./account-store.ts";
import { ownAccount, proveOwnPassword } from "./flow-password-change.ts";
import type { CredentialsWrong } from "./flow-sign-in.ts";
import type { JobHandler } from "./job-worker.ts";
import type { Responding } from "./session-cookies.ts";
import type { SessionView } from "./session-inventory.ts";

export interface AccountDeletion {
  /** Takes the password. From now on nobody signs in; the data goes when the days of grace are over. */
  request(
    request: FlowRequest,
    password: unknown,
  ): Promise<{ readonly kind: "scheduled"; readonly atMs: number } | CredentialsWrong | FlowWait | FlowBusy>;
  isAlive(token: unknown, nowMs: number): Promise<boolean>;
  /** Takes the deletion back. */
  keep(request: Responding, token: unknown): Promise<{ readonly kind: "kept" } | LinkInvalid>;
  /** What is held about whoever is signed in: the account, its sessions, and what the application adds. Ask for a recent proof first. */
  exportData(request: FlowRequest): Promise<AccountExport | undefined>;
  readonly handlers: Readonly<Record<string, JobHandler>>;
}

export interface AccountExport {
  readonly account: { readonly id: string; readonly email: string; readonly createdAt: string };
  readonly sessions: readonly { readonly browser: string; readonly createdAt: string; readonly seenAt: string }[];
  readonly application: unknown;
}

const DAY_MS = 86_400_000;
/** Where else something about a user is kept, such as a second factor. */
export type Removal = (userId: string) => Promise<void>;

/** @param graceDays how long a deletion can be taken back, at most 29 days: the link lives for 30 */
export function accountDeletion(
  context: FlowContext,
  graceDays: number,
  removals: readonly Removal[],
): AccountDeletion {
  const { store, sessions, links } = context;
  return {
    async request(request, password) {
      const proved = await proveOwnPassword(context, request, password);
      if (proved.kind !== "proved") return proved;
      const { userId, version, email } = proved.account;
      const nowMs = request.receivedAtMs;
      const atMs = nowMs + graceDays * DAY_MS;
      const payload = { userId, email, version: version + 1 };
      const changed = await withSessionsEnded(context, userId, request, { reason: "account_deleted" }, () =>
        store.accounts.change(
          userId,
          version,
          { status: "deleting" },
          {
            voids: ["password_reset", "email_change"],
            jobs: [newJob("deletion_scheduled", payload, nowMs), newJob("account_deletion", payload, atMs)],
          },
        ),
      );
      if (changed === undefined) return { kind: "credentials_wrong" };
      await sessions.end(request);
      request.note(accountEvent("account/user_deletion_scheduled/succeeded", { user_id: userId }));
      return { kind: "scheduled", atMs };
    },
    isAlive: async (token, nowMs) => (await links.read("deletion", token, nowMs)) !== undefined,

    async keep(request, token) {
      const nowMs = request.receivedAtMs;
      const link = await links.read("deletion", token, nowMs);
      const account = link === undefined ? undefined : await store.accounts.byId(link.subject);
      if (link === undefined || account?.status !== "deleting" || isBeingErased(account))
        return refuseLink(request, "deletion");
      const kept = await store.accounts.change(
        account.userId,
        account.version,
        { status: "active" },
        {
          spend: { id: link.id, purpose: link.purpose, nowMs },
          jobs: [noticeOf(account, "deletion_cancelled", request)],
        },
      );
      if (kept === undefined) return refuseLink(request, "deletion");
      request.note(accountEvent("account/user_deletion_cancelled/succeeded", { user_id: account.userId }));
      return { kind: "kept" };
    },

    async exportData(request) {
      const account = await ownAccount(context, request);
      if (account === undefined) return undefined;
      const own = await sessions.list(account.userId, request);
      const application = (await context.application.exportData?.(account.userId)) ?? null;
      // It may have taken long, and the account may be closed by now, or its owner back from a thief.
      const still = await store.accounts.byId(account.userId);
      if (still?.version !== account.version || still.status !== "active") return undefined;
      request.note(accountEvent("account/user_data_exported/succeeded", { user_id: account.userId }));
      return exported(account, own, application);
    },

    handlers: deletionHandlers(context, removals),
  };
}

function exported(account: Account, own: readonly SessionView[], application: unknown): AccountExport {
  return {
    account: { id: account.userId, email: account.email, createdAt: new Date(account.createdAtMs).toISOString() },
    sessions: own.map(({ label, createdAtMs, seenAtMs }) => ({
      browser: label,
      createdAt: new Date(createdAtMs).toISOString(),
      seenAt: new Date(seenAtMs).toISOString(),
    })),
    application,
  };
}

/**
 * The end of the days of grace, before anything is removed: whoever clicks on a link at this moment either has the whole account back or hears that the
 * link counts no more. A second attempt of the job finds the account closed.
 */
async function closeForGood({ store }: FlowContext, userId: string, version: unknown): Promise<Account | undefined> {
  const account = await store.accounts.byId(userId);
  if (account?.status !== "deleting") return undefined;
  if (isBeingErased(account)) return account;
  if (account.version !== version) return undefined;
  return store.accounts.change(userId, account.version, { passwordHash: null }, { voids: ["deletion"] });
}

function deletionHandlers(context: FlowContext, removals: readonly Removal[]): Readonly<Record<string, JobHandler>> {
  const { store, sessions, links, application } = context;
  return {
    async deletion_scheduled({ payload }, nowMs) {
      const token = await links.mint("deletion", textIn(payload, "userId"), nowMs);
      const link = linkTo(context, "keepAccount", token);
      await sendMail(context, "deletion_scheduled", textIn(payload, "email"), { link, atMs: nowMs });
    },
    async account_deletion({ payload }, nowMs) {
      const userId = textIn(payload, "userId");
      const account = await closeForGood(context, userId, payload["version"]);
      if (account === undefined) return;
      await application.erase?.(userId);
      for (const remove of removals) await remove(userId);
      await sessions.revoke(userId, { reason: "account_deleted" });
      await links.void(["deletion", "password_reset", "email_change"], userId);
      await store.accounts.remove(userId, [noticeOf(account, "account_deleted", nowMs)]);
      context.report(accountEvent("account/user_deleted/succeeded", { user_id: userId }));
    },
  };
}
