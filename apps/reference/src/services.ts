import type { Accounts as People } from "glacis/accounts";
import { deny, Refusal, type AuditEvent, type Control, type Exchange, type IdentifiedFacts, type User } from "glacis";
import type { AuthenticationFlows, Csrf, Sessions } from "glacis/authentication";
import type { RateLimit, RateLimitStore } from "glacis/network";
import type { Activity } from "./activity/activity.ts";
import type { Accounts } from "./accounts/accounts.ts";
import type { Assets } from "./assets.ts";
import type { Attachments } from "./attachments/attachments.ts";
import type { FileStore } from "./attachments/file-store.ts";
import type { FileTasks } from "./attachments/file-tasks.ts";
import type { DemoTenant } from "./demo.ts";
import type { Documents } from "./documents/documents.ts";
import type { Previews } from "./documents/preview.ts";
import type { Guard } from "./security.ts";
import { SUPPORT_ROLE, type Support } from "./support/support.ts";
import type { Frame } from "./views/layout.ts";
import type { Hooks } from "./webhooks/hooks.ts";

export interface Outbox {
  /** Of mails. */
  readonly folder: string;
  /** Whose authenticator apps are shown too. */
  readonly tenants: readonly DemoTenant[];
}

/** What routes work with. */
export interface Services {
  readonly origin: string;
  readonly accounts: Accounts;
  readonly activity: Activity;
  readonly documents: Documents;
  readonly attachments: Attachments;
  readonly files: FileStore;
  readonly fileTasks: FileTasks;
  readonly previews: Previews;
  readonly hooks: Pick<Hooks, "webhooks">;
  readonly flows: AuthenticationFlows;
  readonly support: Support;
  readonly identityOf: Guard["identityOf"];
  readonly factors: People;
  /** How many invitations one person may send. */
  readonly invitationLimit: RateLimit<IdentifiedFacts>;
  /** Does what a program sends twice under one Idempotency-Key once. */
  readonly once: Control<IdentifiedFacts>;
  readonly limitStore: RateLimitStore;
  readonly sessions: Sessions;
  readonly csrf: Csrf;
  readonly assets: Assets;
  /** The mailbox and the authenticator apps of a demonstration, where a page shows them; undefined in production. */
  readonly outbox: Outbox | undefined;
  report(event: AuditEvent, request: Exchange): void;
  /** False until the server listens, and again while it shuts down. */
  ready(): boolean;
}

/**
 * The signed-in user of a request behind an access rule.
 *
 * @throws Refusal 403 for a program: its key is for documents, and for nothing else here
 * @throws Error when there is nobody: a route that forgot its rule must not go on.
 */
export function userOf(request: Exchange): User {
  if (request.principal.kind === "service")
    throw new Refusal(
      deny("forbidden", {
        event_type: "authorization_failure",
        status: "refused",
        severity: "warning",
        event: "authz_fail",
        reason: "forbidden",
        detail: "person_needed",
      }),
    );
  if (request.principal.kind !== "user")
    throw new Error("This route needs a signed-in user, and its access rule did not ask for one.");
  return request.principal;
}

/** Whose documents a request is about: those of whoever is signed in, or of whoever made the API key, with the rights of its scopes alone. */
export function callerOf(request: Exchange): User {
  const { principal } = request;
  if (principal.kind !== "service" || principal.ownerId === undefined) return userOf(request);
  const { ownerId: id, tenantId, roles } = principal;
  return { kind: "user", id, tenantId, roles, assurance: 1, authenticatedAtMs: 0 };
}

/** What the frame of a page shows about this request. */
export async function frameOf(services: Services, request: Exchange): Promise<Frame> {
  const { principal } = request;
  const viewer = principal.kind === "user" ? await services.accounts.profile(principal) : undefined;
  const visit = await services.support.banner(request);
  const isStaff = principal.kind === "user" && principal.roles.includes(SUPPORT_ROLE);
  const { assets, csrf } = services;
  return { assets, nonce: request.nonce, viewer, visit, isStaff, csrfToken: csrf.token(request) };
}

const NOTICES: Readonly<Record<string, string>> = {
  created: "The document is created.",
  saved: "Your changes are saved.",
  deleted: "The document is deleted.",
  shared: "The document is shared.",
  unshared: "The document is no longer shared with them.",
  attached: "The file is added.",
  detached: "The file is removed.",
  renamed: "Your name is changed.",
  factors: "Your second factors are changed, and you are signed out everywhere else.",
  linked: "Your identity is linked. It opens this account from now on.",
  unlinked: "Your identity is unlinked, and you are signed out everywhere else.",
  invited: "The invitation is on its way.",
  role: "The role is changed. They sign in anew.",
  removed: "They are no longer in this workspace.",
  ended: "You are signed out everywhere else.",
  revoked: "The key is void.",
  tested: "A test is on its way. Look again in a moment.",
  unhooked: "The webhook is removed, and what was still to be delivered with it.",
  unrotated: "The former secret of this key still works. Wait until that is over, or revoke the key.",
  required: "Everybody in this workspace needs a second factor from now on.",
  optional: "Second factors are everybody's own choice again.",
  kept: "This workspace requires a second factor, and you have no other one. Add another before you remove this one.",
  consented: "Support may look in now.",
  withdrawn: "Support may not look in any more, and whoever was in is out.",
  left: "The visit is over.",
};

/** A notice travels through a redirect as a word of this list, never as text: a link must not be able to put words into our mouth. */
export function noticeOf(request: Exchange): string | undefined {
  const word = new URLSearchParams(request.query).get("notice") ?? "";
  return Object.hasOwn(NOTICES, word) ? NOTICES[word] : undefined;
}
