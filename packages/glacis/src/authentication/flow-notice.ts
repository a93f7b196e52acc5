/** Tells people what happened to their accounts, with a way to undo it (catalog auth-notifications; NIST SP 800-63B-4 section 4.6). */
import type { UserId } from "../core/brand.ts";
import type { Control, ControlMeta } from "../core/control.ts";
import { isBeingErased, isUndone, PASSWORD_VOID, undoneAfter } from "./account-lineage.ts";
import type { Account } from "./account-store.ts";
import {
  accountEvent,
  enqueue,
  refuseLink,
  linkTo,
  newJob,
  noticeOf,
  sendMail,
  textIn,
  withSessionsEnded,
  type FlowContext,
  type LinkInvalid,
} from "./flow-context.ts";
import type { Job } from "./job-store.ts";
import type { JobHandler } from "./job-worker.ts";
import type { SecurityChange } from "./mail-messages.ts";
import type { OneTimeLink } from "./one-time-link-store.ts";
import type { Passkeys } from "./passkeys.ts";
import type { Responding } from "./session-cookies.ts";

const META: ControlMeta = {
  id: "auth-notifications",
  title: "Users are told about changes of their credentials, and can undo them",
  layer: "authentication",
  guide: ["A07", "A09"],
  owasp2021: ["A07", "A09"],
  owasp2025: ["A07", "A09"],
  asvs: ["v5.0.0-6.3.5", "v5.0.0-6.3.7"],
  cwe: ["CWE-778", "CWE-223"],
};

export interface Notices {
  readonly control: Control;
  /** Tells the owner of a change that the application made, such as a passkey that was added. */
  tell(userId: string, change: SecurityChange, request?: Responding): Promise<void>;
  /** Whether a "this was not me" link still works. Changes nothing. */
  isAlive(token: unknown, nowMs: number): Promise<boolean>;
  /**
   * "This was not me": every session ends and nothing signs in until its owner has chosen a new password by mail. The address that the link was
   * mailed to is the account's again, and whatever links were mailed since count no more. Second factors stay: a mail is none. Passkeys that were added
   * since begin no sign-in any more.
   */
  disown(request: Responding, token: unknown): Promise<{ readonly kind: "disowned" } | LinkInvalid>;
  readonly handlers: Readonly<Record<string, JobHandler>>;
}

const CONTROL = META.id;
const MOST_KEYS_NAMED = 20;
/** A notice may follow what it tells of: an application may write it when the request is over. */
const LATE_NOTICE_MS = 600_000;
const NEW_PASSWORD: ReadonlySet<SecurityChange> = new Set(["password_changed", "password_reset_done"]);
const WITHOUT_DISOWNING: ReadonlySet<unknown> = new Set(["account_deleted", "account_disowned"]);

export function notices(context: FlowContext, passkeys: Pick<Passkeys, "demote"> | undefined): Notices {
  const { store, links } = context;

  /** A link that lives, its account as it is now, and the address and version that it was mailed for. */
  async function find(token: unknown, nowMs: number): Promise<Disowning | undefined> {
    const link = await links.read("disown", token, nowMs);
    if (link === undefined) return undefined;
    const { userId, email, version } = occasionIn(link.detail);
    const account = await store.accounts.byId(userId);
    return account === undefined || isBeingErased(account) || isUndone(account, version)
      ? undefined
      : { link, account, email, version };
  }

  return {
    control: { meta: META, rules: [], check: () => [] },
    async tell(userId, change, request) {
      const account = await store.accounts.byId(userId);
      if (account !== undefined) await enqueue(context, noticeOf(account, change, request ?? Date.now()));
    },
    isAlive: async (token, nowMs) => (await find(token, nowMs)) !== undefined,

    async disown(request, token) {
      const nowMs = request.receivedAtMs;
      const found = await find(token, nowMs);
      if (found === undefined) return refuseLink(request, "disown");
      const { link, account, email, version } = found;
      const { userId } = account;
      const moved = account.email !== email;
      const sinceMs = occurredAtMs(link) - LATE_NOTICE_MS;
      const demote = async (): Promise<void> => passkeys?.demote(userId, sinceMs);
      // First: should this end half-way, the link still works and says it again.
      await demote();
      const changed = await withSessionsEnded(context, userId, request, { reason: "compromise" }, () =>
        store.accounts.change(
          userId,
          account.version,
          {
            passwordHash: PASSWORD_VOID,
            undone: undoneAfter(account, version),
            ...(account.status === "deleting" && { status: "active" }),
            // The link came by mail to this address, and so proves it.
            ...(moved && { email, verifiedAtMs: nowMs }),
          },
          {
            spend: { id: link.id, purpose: link.purpose, nowMs },
            voids: ["password_reset", "email_change", "deletion"],
            jobs: [
              noticeOf({ ...account, email }, "account_disowned", request),
              ...(moved ? [noticeOf(account, "account_disowned", request)] : []),
              newJob("password_reset", { email }, nowMs),
              newJob("disowned", { userId, sinceMs }, nowMs),
            ],
          },
        ),
      );
      if (changed === undefined) return refuseLink(request, "disown");
      // Again, for what a thief has added until his sessions ended.
      await demote();
      for (const one of new Set([account.email, email])) await context.throttle.forgetDevices(one);
      request.note(
        accountEvent("account/authn_account_disowned/succeeded", {
          control: CONTROL,
          user_id: account.userId,
        }),
      );
      return { kind: "disowned" };
    },

    handlers: noticeHandlers(context),
  };
}

function noticeHandlers(context: FlowContext): Notices["handlers"] {
  return {
    notice: (job, nowMs) => tellByMail(context, job, nowMs),
    async disowned({ payload }) {
      const { sinceMs } = payload;
      if (typeof sinceMs !== "number") throw new TypeError("A job lacks what it needs.");
      await context.application.disowned?.({ userId: textIn(payload, "userId"), sinceMs });
    },
  };
}

async function tellByMail(context: FlowContext, { id, payload }: Job, nowMs: number): Promise<void> {
  const { store, links } = context;
  const change = textIn(payload, "change") as SecurityChange;
  const { userId, email, version } = occasionIn(payload);
  const { address, device, atMs } = payload;
  const disownable = !WITHOUT_DISOWNING.has(change);
  const account = disownable ? await store.accounts.byId(userId) : undefined;
  // It was taken back before it could be told, and who took it back was told of that.
  if (account !== undefined && isUndone(account, version)) return;
  // A link of its own for each notice: whoever causes a second one does not void the first.
  const token = disownable
    ? await links.mint("disown", `${userId}#${id}`, nowMs, { userId, email, version, atMs })
    : undefined;
  await sendMail(context, change, email, {
    atMs: typeof atMs === "number" ? atMs : nowMs,
    ...(token !== undefined && { link: linkTo(context, "disown", token) }),
    ...(typeof device === "string" && { device }),
    ...(typeof address === "string" && { address }),
    ...(NEW_PASSWORD.has(change) && { apiKeys: await keysOf(context, userId, nowMs) }),
  });
}

/** How the keys that still work begin. They are no secret, and enough to find them by. */
async function keysOf({ apiKeys }: FlowContext, userId: string, nowMs: number): Promise<readonly string[]> {
  return ((await apiKeys?.aliveOf(userId, nowMs)) ?? []).slice(0, MOST_KEYS_NAMED).map(({ start }) => start);
}

interface Occasion extends Pick<Account, "email" | "version"> {
  readonly userId: UserId;
}

interface Disowning extends Omit<Occasion, "userId"> {
  readonly link: OneTimeLink;
  readonly account: Account;
}

/** When what the notice is about was done, or at the latest when it was mailed. */
function occurredAtMs({ detail, createdAtMs }: OneTimeLink): number {
  return typeof detail["atMs"] === "number" ? detail["atMs"] : createdAtMs;
}

function occasionIn(detail: Job["payload"]): Occasion {
  const { version } = detail;
  if (typeof version !== "number") throw new TypeError("A notice lacks the version of its account.");
  return { userId: textIn(detail, "userId") as UserId, email: textIn(detail, "email"), version };
}
