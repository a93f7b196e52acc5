/** A new password for whoever reads the account's mail (catalog password-reset; OWASP Forgot Password cheat sheet; guide A04). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import {
  accountEvent,
  enqueue,
  refuseLink,
  linkTo,
  mayMail,
  newJob,
  noticeOf,
  prepareHash,
  sendMail,
  textIn,
  withSessionsEnded,
  type FlowBusy,
  type FlowContext,
  type LinkInvalid,
  type PasswordRejected,
} from "./flow-context.ts";
import { canonicalIdentifier } from "./identifier.ts";
import type { JobHandler } from "./job-worker.ts";
import type { Responding } from "./session-cookies.ts";

const META: ControlMeta = {
  id: "password-reset",
  title: "Password reset: queued, uniform, one use, and no way around the second factor",
  layer: "authentication",
  guide: ["A04", "checklist: Secure password reset"],
  owasp2021: ["A07", "A04"],
  owasp2025: ["A07", "A06"],
  asvs: ["v5.0.0-6.4.2", "v5.0.0-6.4.3"],
  cwe: ["CWE-640", "CWE-620", "CWE-613"],
};

const MEMORY_STORE: Rule = {
  id: "password-reset/memory-store",
  severity: "error",
  what: "Accounts, links and waiting mail live in the memory of one process.",
  why: "A restart loses every account and every mail that waits, and a second process knows none of them.",
  fix: "Pass postgresAuthentication(pool).",
};

const MAIL_STAYS_HERE: Rule = {
  id: "password-reset/mail-stays-here",
  severity: "error",
  what: "Mail goes to a folder of this machine.",
  why: "Nobody gets it, and whoever can read the folder can take over every account.",
  fix: "Pass smtpMail({ url, from }).",
};

const INSECURE_ORIGIN: Rule = {
  id: "password-reset/insecure-origin",
  severity: "error",
  what: "Links in mails begin with http.",
  why: "Anybody on the way can read the link and use it first.",
  fix: "Configure the origin with https.",
};

export type ResetCompletion = { readonly kind: "completed" } | LinkInvalid | PasswordRejected | FlowBusy;

export interface PasswordReset {
  readonly control: Control;
  /**
   * Asks for a link. Known or not, locked or not: the request leaves one job of one shape, and the worker finds out whose address it is.
   *
   * @returns `address_malformed` for what is no address at all, which says nothing about accounts
   */
  request(request: Responding, email: unknown): Promise<{ readonly kind: "accepted" | "address_malformed" }>;
  /** Whether the link still works. Changes nothing: mail scanners open links. */
  isAlive(token: unknown, nowMs: number): Promise<boolean>;
  /**
   * Sets the password. It signs nobody in and leaves the second factor as it is; every session ends, every other link is void, the owner is told.
   */
  complete(request: Responding, token: unknown, password: unknown): Promise<ResetCompletion>;
  readonly handlers: Readonly<Record<string, JobHandler>>;
}

const CONTROL = META.id;

export function passwordReset(context: FlowContext): PasswordReset {
  const { store, links } = context;
  return {
    control: {
      meta: META,
      rules: [MEMORY_STORE, MAIL_STAYS_HERE, INSECURE_ORIGIN],
      check: ({ mode }) => (mode === "production" ? assess(context) : []),
    },
    async request(request, email) {
      const address = canonicalIdentifier(email);
      if (address === undefined) return { kind: "address_malformed" };
      await enqueue(context, newJob("password_reset", { email: address }, request.receivedAtMs));
      request.note(accountEvent("account/password_reset_requested/observed", { control: CONTROL }));
      return { kind: "accepted" };
    },
    isAlive: async (token, nowMs) => (await links.read("password_reset", token, nowMs)) !== undefined,

    async complete(request, token, password) {
      const nowMs = request.receivedAtMs;
      const link = await links.read("password_reset", token, nowMs);
      const account = link === undefined ? undefined : await store.accounts.byId(link.subject);
      const invalid = (): LinkInvalid => refuseLink(request, "password_reset");
      if (link === undefined || account?.status !== "active" || account.version !== link.detail["version"])
        return invalid();
      const prepared = await prepareHash(context, password, account.email);
      if (prepared.kind !== "hashed") return prepared;
      const { userId, version } = account;
      const changed = await withSessionsEnded(context, userId, request, { reason: "password_reset" }, () =>
        store.accounts.change(
          userId,
          version,
          { passwordHash: prepared.encoded, verifiedAtMs: account.verifiedAtMs ?? nowMs },
          {
            spend: { id: link.id, purpose: link.purpose, nowMs },
            voids: ["password_reset", "email_change"],
            jobs: [noticeOf(account, "password_reset_done", request)],
          },
        ),
      );
      if (changed === undefined) return invalid();
      await context.throttle.unlock(account.email, "password");
      request.note(accountEvent("account/authn_password_reset/succeeded", { control: CONTROL, user_id: userId }));
      return { kind: "completed" };
    },

    handlers: {
      async password_reset(job, nowMs) {
        const email = textIn(job.payload, "email");
        const account = await store.accounts.byEmail(email);
        if (account?.status !== "active" || !(await mayMail(context, job, email, nowMs))) return;
        const token = await links.mint("password_reset", account.userId, nowMs, { version: account.version });
        await sendMail(context, "password_reset", account.email, {
          link: linkTo(context, "resetPassword", token),
          atMs: nowMs,
        });
      },
    },
  };
}

function assess({ store, mail, origin }: FlowContext): readonly Finding[] {
  const at = (name: string): Finding["at"] => ({ kind: "setting", name: `authenticationFlows.${name}` });
  return [
    ...(store.kind === "memory" ? [finding(MEMORY_STORE, at("store"))] : []),
    ...(mail.kind === "outbox" ? [finding(MAIL_STAYS_HERE, at("mail"))] : []),
    ...(origin.startsWith("https://") ? [] : [finding(INSECURE_ORIGIN, at("origin"), origin)]),
  ];
}
