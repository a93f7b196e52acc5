/** A new address, which its owner has to prove before anything changes (catalog activation-tokens; NIST SP 800-63B-4 section 4.6). */
import {
  accountEvent,
  enqueue,
  refuseLink,
  linkTo,
  mayMail,
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
import { newIdentifier } from "./identifier.ts";
import { proveOwnPassword } from "./flow-password-change.ts";
import type { CredentialsWrong } from "./flow-sign-in.ts";
import type { JobHandler } from "./job-worker.ts";
import { shortenAddress } from "./mail-messages.ts";
import type { Responding } from "./session-cookies.ts";

export interface EmailChange {
  /** Takes the password. Both addresses get mail; the new one's holds the link. A taken address is answered like a free one. */
  request(
    request: FlowRequest,
    email: unknown,
    password: unknown,
  ): Promise<{ readonly kind: "accepted" | "address_malformed" } | CredentialsWrong | FlowWait | FlowBusy>;
  isAlive(token: unknown, nowMs: number): Promise<boolean>;
  /** Changes the address. Every session ends; the former address is told, with a link that takes it back. */
  confirm(request: Responding, token: unknown): Promise<{ readonly kind: "changed" } | LinkInvalid>;
  readonly handlers: Readonly<Record<string, JobHandler>>;
}

const CONTROL = "activation-tokens";

export function emailChange(context: FlowContext): EmailChange {
  const { store, links } = context;
  return {
    async request(request, email, password) {
      const address = newIdentifier(email);
      if (address === undefined) return { kind: "address_malformed" };
      const proved = await proveOwnPassword(context, request, password);
      if (proved.kind !== "proved") return proved;
      const { account } = proved;
      await enqueue(
        context,
        newJob(
          "email_change",
          { userId: account.userId, email: address, version: account.version },
          request.receivedAtMs,
        ),
        noticeOf(account, "email_change_requested", request, { address: shortenAddress(address) }),
      );
      request.note(
        accountEvent("account/email_change_requested/observed", { control: CONTROL, user_id: account.userId }),
      );
      return { kind: "accepted" };
    },
    isAlive: async (token, nowMs) => (await links.read("email_change", token, nowMs)) !== undefined,

    async confirm(request, token) {
      const nowMs = request.receivedAtMs;
      const link = await links.read("email_change", token, nowMs);
      const account = link === undefined ? undefined : await store.accounts.byId(link.subject);
      if (link === undefined || account?.status !== "active" || account.version !== link.detail["version"])
        return refuseLink(request, "email_change");
      const email = textIn(link.detail, "email");
      const { userId, version } = account;
      const changed = await withSessionsEnded(context, userId, request, { reason: "email_changed" }, () =>
        store.accounts.change(
          userId,
          version,
          { email, verifiedAtMs: nowMs },
          {
            spend: { id: link.id, purpose: link.purpose, nowMs },
            voids: ["password_reset", "email_change"],
            jobs: [
              noticeOf(account, "email_changed", request, { address: shortenAddress(email) }),
              noticeOf({ userId, email, version: version + 1 }, "email_changed", request),
            ],
          },
        ),
      );
      if (changed === undefined) return refuseLink(request, "email_change");
      request.note(accountEvent("account/email_changed/succeeded", { control: CONTROL, user_id: userId }));
      return { kind: "changed" };
    },

    handlers: mailing(context),
  };
}

function mailing(context: FlowContext): Readonly<Record<string, JobHandler>> {
  const { store, links } = context;
  return {
    async email_change(job, nowMs) {
      const email = textIn(job.payload, "email");
      const account = await store.accounts.byId(textIn(job.payload, "userId"));
      // What has changed since, such as the password, voids a link that was mailed, and so it does one that is not mailed yet.
      if (account?.status !== "active" || account.version !== job.payload["version"]) return;
      if (!(await mayMail(context, job, email, nowMs))) return;
      if ((await store.accounts.byEmail(email)) !== undefined) {
        await sendMail(context, "email_change_taken", email, { atMs: nowMs });
        return;
      }
      const token = await links.mint("email_change", account.userId, nowMs, { email, version: account.version });
      await sendMail(context, "email_change", email, { link: linkTo(context, "confirmEmail", token), atMs: nowMs });
    },
  };
}
