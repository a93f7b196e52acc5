import type { AuditEvent, Exchange, User } from "glacis";
import type { Csrf, Sessions } from "glacis/authentication";
import type { RateLimitStore } from "glacis/network";
import type { Accounts } from "./accounts/accounts.ts";
import type { PasswordHasher } from "./accounts/password-hasher.ts";
import type { ProvePassword } from "./accounts/sign-in.ts";
import type { Assets } from "./assets.ts";
import type { DemoTenant } from "./demo.ts";
import type { Documents } from "./documents/documents.ts";
import type { Previews } from "./documents/preview.ts";
import type { Frame } from "./views/layout.ts";

/** What routes work with. */
export interface Services {
  readonly origin: string;
  readonly accounts: Accounts;
  readonly documents: Documents;
  readonly previews: Previews;
  readonly hasher: PasswordHasher;
  readonly provePassword: ProvePassword;
  readonly sessions: Sessions;
  readonly csrf: Csrf;
  readonly limitStore: RateLimitStore;
  readonly assets: Assets;
  /** Shown on the sign-in page; empty in production. */
  readonly demo: readonly DemoTenant[];
  report(event: AuditEvent, request: Exchange): void;
  /** False until the server listens, and again while it shuts down. */
  ready(): boolean;
}

/**
 * The signed-in user of a request behind an access rule.
 *
 * @throws Error when there is none: a route that forgot its rule must not go on.
 */
export function userOf(request: Exchange): User {
  if (request.principal.kind !== "user")
    throw new Error("This route needs a signed-in user, and its access rule did not ask for one.");
  return request.principal;
}

/** What the frame of a page shows about this request. */
export async function frameOf(services: Services, request: Exchange): Promise<Frame> {
  const { principal } = request;
  const viewer = principal.kind === "user" ? await services.accounts.profile(principal) : undefined;
  return { assets: services.assets, nonce: request.nonce, viewer, csrfToken: services.csrf.token(request) };
}

const NOTICES: Readonly<Record<string, string>> = {
  "signed-up":
    "Sign in with the address and the password that you have just chosen. If you had an account before, its own password still counts.",
  "signed-out": "You are signed out.",
  created: "The document is created.",
  saved: "Your changes are saved.",
  deleted: "The document is deleted.",
  shared: "The document is shared.",
  unshared: "The document is no longer shared with them.",
  renamed: "Your name is changed.",
  password: "Your password is changed, and you are signed out everywhere else.",
  ended: "You are signed out everywhere else.",
};

/** A notice travels through a redirect as a word of this list, never as text: a link must not be able to put words into our mouth. */
export function noticeOf(request: Exchange): string | undefined {
  const word = new URLSearchParams(request.query).get("notice") ?? "";
  return Object.hasOwn(NOTICES, word) ? NOTICES[word] : undefined;
}

export function isJson(request: Exchange): boolean {
  return request.mediaType === "application/json";
}
