/** Invitations into a tenant: whoever reads the invited address's mail may accept, nobody else (catalog activation-tokens). */
import { randomUUID } from "node:crypto";
import type { UserId } from "../core/brand.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import type { Account } from "./account-store.ts";
import { canonicalIdentifier, newIdentifier } from "./identifier.ts";
import {
  accountEvent,
  enqueue,
  refuseLink,
  linkTo,
  mayMail,
  newJob,
  prepareHash,
  runNow,
  sendMail,
  textIn,
  type FlowBusy,
  type FlowContext,
  type FlowWait,
  type Invitation,
  type LinkInvalid,
  type Newcomer,
  type PasswordRejected,
} from "./flow-context.ts";
import {
  finishSignIn,
  provePassword,
  type CredentialsWrong,
  type ProvedPassword,
  type SignInOutcome,
} from "./flow-sign-in.ts";
import { isProfile, profileIn } from "./flow-sign-up.ts";
import type { Job } from "./job-store.ts";
import type { JobHandler } from "./job-worker.ts";
import type { OneTimeLink } from "./one-time-link-store.ts";
import type { Responding } from "./session-cookies.ts";

/** The request of whoever invites. Where it has a session, what it sends is void once that is gone. */
export type InvitingRequest = Responding & Partial<Pick<IdentifiedFacts, "principal" | "session">>;

export interface Invitations {
  /**
   * Invites an address. Who may do that, and with which roles, the caller has decided. A second invitation into the same tenant voids the first.
   *
   * @throws TypeError without a tenant, or with roles that are no list of texts
   */
  invite(
    invitation: Invitation,
    request?: InvitingRequest,
  ): Promise<{ readonly kind: "accepted" | "address_malformed" }>;
  /** Takes an invitation back. */
  revoke(email: string, tenantId: string): Promise<void>;
  /** What the page of the link needs; whether there is an account, only the invited address's owner gets to know. */
  read(token: unknown, nowMs: number): Promise<(Invitation & { readonly hasAccount: boolean }) | undefined>;
  /**
   * Accepts, and signs in. With an account it takes that account's password, without one it takes the password to be. The second factor is asked for as
   * ever.
   */
  accept(
    request: Responding,
    token: unknown,
    password: unknown,
    profile?: Newcomer["profile"],
  ): Promise<SignInOutcome | LinkInvalid | PasswordRejected | { readonly kind: "profile_malformed" }>;
  readonly handlers: Readonly<Record<string, JobHandler>>;
}

const CONTROL = "activation-tokens";

export function invitations(context: FlowContext): Invitations {
  const { store, links } = context;
  const joined: JobHandler = async ({ payload }) =>
    context.application.joined?.({
      ...invitationIn(payload),
      userId: textIn(payload, "userId"),
      profile: profileIn(payload["profile"]),
    });
  return {
    async invite({ email, tenantId, roles, invitedBy }, request) {
      const address = newIdentifier(email);
      if (tenantId === "" || !Array.isArray(roles) || roles.some((role) => typeof role !== "string"))
        throw new TypeError("An invitation needs a tenant and roles.");
      if (address === undefined) return { kind: "address_malformed" };
      const nowMs = request?.receivedAtMs ?? Date.now();
      const subject = subjectOf(address, tenantId);
      const leave = await links.mint("invited", subject, nowMs, { invitedBy });
      await enqueue(context, newJob("invitation", { email: address, tenantId, roles, leave, invitedBy }, nowMs));
      if (await wasThrownOut(context, request)) await links.void(["invited", "invitation"], subject);
      const event = accountEvent("account/user_invited/succeeded", { control: CONTROL, tenant_id: tenantId });
      if (request === undefined) context.report(event);
      else request.note(event);
      return { kind: "accepted" };
    },
    async revoke(email, tenantId) {
      await links.void(["invited", "invitation"], subjectOf(canonicalIdentifier(email) ?? email, tenantId));
      context.report(accountEvent("account/invitation_revoked/succeeded", { control: CONTROL, tenant_id: tenantId }));
    },
    async read(token, nowMs) {
      const link = await standing(context, token, nowMs);
      if (link === undefined) return undefined;
      const invitation = invitationIn(link.detail);
      return { ...invitation, hasAccount: (await store.accounts.byEmail(invitation.email)) !== undefined };
    },
    async accept(request, token, password, profile = {}) {
      const link = await standing(context, token, request.receivedAtMs);
      if (link === undefined) return refuseLink(request, "invitation");
      if (!isProfile(profile)) return { kind: "profile_malformed" };
      const proved = await proveGuest(context, request, link, { password, profile });
      if (proved.kind !== "proved") return proved;
      const job = newJob(
        "joined",
        { ...invitationIn(link.detail), userId: proved.account.userId, profile },
        request.receivedAtMs,
      );
      const account = await enter(context, link, proved, job, request.receivedAtMs);
      if (account === undefined) return refuseLink(request, "invitation");
      await links.void(["invited"], link.subject);
      request.note(
        accountEvent("account/invitation_accepted/succeeded", { control: CONTROL, user_id: account.userId }),
      );
      await runNow(context, job, joined);
      return finishSignIn(context, request, account, [proved.proof]);
    },
    handlers: {
      joined,
      async invitation(job, nowMs) {
        const invitation = invitationIn(job.payload);
        const { email, tenantId } = invitation;
        const subject = subjectOf(email, tenantId);
        // Taken back, accepted, or sent again while the mail waited.
        const isOver = async (): Promise<boolean> =>
          (await links.read("invited", job.payload["leave"], nowMs)) === undefined;
        if ((await isOver()) || !(await mayMail(context, job, email, nowMs))) return;
        const token = await links.mint("invitation", subject, nowMs, { ...invitation });
        if (await isOver()) return links.void(["invitation"], subject);
        await sendMail(context, "invitation", email, { link: linkTo(context, "invitation", token), atMs: nowMs });
      },
    },
  };
}

/** Asked once the invitation is stored: whoever ends a session voids what it has sent after that, so that one of the two sees the other. */
async function wasThrownOut({ sessions }: FlowContext, request: InvitingRequest | undefined): Promise<boolean> {
  const { principal, session } = request ?? {};
  if (session === undefined || principal?.kind !== "user") return false;
  return !(await sessions.hasSession(principal));
}

/** The link, as long as whoever sent it could send it today. */
async function standing(
  { links, application }: FlowContext,
  token: unknown,
  nowMs: number,
): Promise<OneTimeLink | undefined> {
  const link = await links.read("invitation", token, nowMs);
  if (link === undefined || application.invitationStands === undefined) return link;
  return (await application.invitationStands(invitationIn(link.detail))) ? link : undefined;
}

type Guest = ProvedPassword & { readonly isNew: boolean };

/** The account's password, or for somebody new the one that he has just chosen. */
async function proveGuest(
  context: FlowContext,
  request: Responding,
  link: OneTimeLink,
  { password, profile }: { readonly password: unknown; readonly profile: Newcomer["profile"] },
): Promise<Guest | CredentialsWrong | PasswordRejected | FlowWait | FlowBusy> {
  const email = textIn(link.detail, "email");
  const standing = await context.store.accounts.byEmail(email);
  if (standing !== undefined) {
    const proved = await provePassword(context, request, email, async () => standing, password);
    return proved.kind === "proved" ? { ...proved, isNew: false } : proved;
  }
  const prepared = await prepareHash(context, password, email, Object.values(profile));
  if (prepared.kind !== "hashed") return prepared;
  const nowMs = request.receivedAtMs;
  const account: Account = {
    userId: randomUUID() as UserId,
    email,
    verifiedAtMs: nowMs,
    passwordHash: prepared.encoded,
    status: "active",
    version: 1,
    createdAtMs: nowMs,
  };
  const proved = await provePassword(context, request, email, async () => account, password);
  return proved.kind === "proved" ? { ...proved, isNew: true } : proved;
}

/** Spends the link, and in the same step makes the account or marks its address as proved. */
async function enter(
  { store }: FlowContext,
  { id, purpose }: OneTimeLink,
  { account, isNew }: Guest,
  job: Job,
  nowMs: number,
): Promise<Account | undefined> {
  const effects = { spend: { id, purpose, nowMs }, jobs: [job] };
  if (isNew) return (await store.accounts.create(account, effects)) ? account : undefined;
  const verifiedAtMs = account.verifiedAtMs ?? nowMs;
  return store.accounts.change(account.userId, account.version, { verifiedAtMs }, effects);
}

function subjectOf(email: string, tenantId: string): string {
  return JSON.stringify([email, tenantId]);
}

function invitationIn(detail: Job["payload"]): Invitation {
  const { roles, invitedBy } = detail;
  if (!Array.isArray(roles)) throw new TypeError("An invitation lacks its roles.");
  return {
    email: textIn(detail, "email"),
    tenantId: textIn(detail, "tenantId"),
    roles: roles.map(String),
    ...(typeof invitedBy === "string" && { invitedBy }),
  };
}
