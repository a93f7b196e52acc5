/** Tells people what happened to their accounts, with a way to undo it (catalog auth-notifications; NIST SP 800-63B-4 section 4.6). */
import type { UserId } from "../core/brand.ts";
import type { Control, ControlMeta } from "../core/control.ts";
import {
  accountEvent,
  enqueue,
  LINK_INVALID,
  linkTo,
  newJob,
  noticeOf,
  sendMail,
  textIn,
  withSessionsEnded,
  type FlowContext,
  type FormerAddress,
  type LinkInvalid,
} from "./flow-context.ts";
import type { Job } from "./job-store.ts";
import type { JobHandler } from "./job-worker.ts";
import type { SecurityChange } from "./mail-messages.ts";
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
   * "This was not me": every session ends and the password is void, until its owner asks for a new one by mail. After a change of address the
   * former address is back. Second factors stay.
   */
  disown(request: Responding, token: unknown): Promise<{ readonly kind: "disowned" } | LinkInvalid>;
  readonly handlers: Readonly<Record<string, JobHandler>>;
}

const CONTROL = META.id;
const WITHOUT_DISOWNING: ReadonlySet<unknown> = new Set(["account_deleted", "account_disowned"]);

export function notices(context: FlowContext): Notices {
  const { store, links } = context;
  return {
    control: { meta: META, rules: [], check: () => [] },
    async tell(userId, change, request) {
      const account = await store.accounts.byId(userId);
      if (account !== undefined) await enqueue(context, noticeOf(account, change, request ?? Date.now()));
    },
    isAlive: async (token, nowMs) => (await links.read("disown", token, nowMs)) !== undefined,

    async disown(request, token) {
      const nowMs = request.receivedAtMs;
      const link = await links.read("disown", token, nowMs);
      const userId = link === undefined ? undefined : textIn(link.detail, "userId");
      const account = userId === undefined ? undefined : await store.accounts.byId(userId);
      if (link === undefined || account === undefined) return LINK_INVALID;
      const former = formerIn(link.detail);
      // The change was taken back by the link of an earlier one: whoever made both does not undo that.
      if (former !== undefined && (account.verifiedAtMs ?? 0) <= former.verifiedAtMs) return LINK_INVALID;
      const told = { userId: account.userId, email: former?.email ?? account.email };
      const changed = await withSessionsEnded(context, account.userId, request, { reason: "compromise" }, () =>
        store.accounts.change(
          account.userId,
          account.version,
          { passwordHash: null, ...(account.status === "deleting" && { status: "active" }), ...former },
          {
            spend: { id: link.id, purpose: link.purpose, nowMs },
            voids: ["password_reset", "email_change", "deletion"],
            jobs: [noticeOf(told, "account_disowned", request), newJob("password_reset", { email: told.email }, nowMs)],
          },
        ),
      );
      if (changed === undefined) return LINK_INVALID;
      for (const email of new Set([account.email, told.email])) await context.throttle.forgetDevices(email);
      request.note(
        accountEvent("authn_account_disowned", "succeeded", {
          control: CONTROL,
          user_id: account.userId,
          severity: "critical",
        }),
      );
      return { kind: "disowned" };
    },

    handlers: {
      async notice(job, nowMs) {
        const { payload } = job;
        const change = textIn(payload, "change") as SecurityChange;
        const email = textIn(payload, "email");
        const userId = textIn(payload, "userId") as UserId;
        const { address, device, atMs } = payload;
        const former = formerIn(payload);
        // A link of its own for each notice: whoever causes a second one does not void the first.
        const token = WITHOUT_DISOWNING.has(change)
          ? undefined
          : await links.mint("disown", `${userId}#${job.id}`, nowMs, {
              userId,
              ...(former !== undefined && { former }),
            });
        await sendMail(context, change, email, {
          atMs: typeof atMs === "number" ? atMs : nowMs,
          ...(token !== undefined && { link: linkTo(context, "disown", token) }),
          ...(typeof device === "string" && { device }),
          ...(typeof address === "string" && { address }),
        });
      },
    },
  };
}

function formerIn({ former }: Job["payload"]): FormerAddress | undefined {
  if (typeof former !== "object" || former === null) return undefined;
  const { email, verifiedAtMs } = former as Partial<FormerAddress>;
  if (typeof email !== "string" || typeof verifiedAtMs !== "number")
    throw new TypeError("A notice lacks the former address.");
  return { email, verifiedAtMs };
}
