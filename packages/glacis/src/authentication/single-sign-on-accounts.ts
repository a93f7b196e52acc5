/** The identities of an account, which its owner links and unlinks and is told of. */
import type { Deny, Redirect } from "../core/decision.ts";
import { deny, redirect } from "../core/decision.ts";
import type { EventDetails } from "../core/event.ts";
import type { Exchange } from "../core/exchange.ts";
import type { AccountStatusChange } from "./flow-account-status.ts";
import type { Notices } from "./flow-notice.ts";
import { refusal } from "./route-fields.ts";
import type { ConfinedTokens } from "./oauth-token-confinement.ts";
import type { Responding } from "./session-cookies.ts";
import type { Sessions } from "./session.ts";
import { pathOr } from "./single-sign-on-page.ts";
import { ssoEvent } from "./single-sign-on-rules.ts";
import type { SingleSignOnStore } from "./single-sign-on-store.ts";

/** What single sign-on asks of the accounts. */
export interface SsoAccounts {
  readonly notices: Pick<Notices, "tell">;
  readonly accountStatus: Pick<AccountStatusChange, "hasOwnWayIn">;
}

interface Unlinking {
  readonly store: Pick<SingleSignOnStore, "unlink">;
  readonly sessions: Pick<Sessions, "revoke" | "renew">;
  readonly tokens: Pick<ConfinedTokens, "forget"> | undefined;
  readonly flows: SsoAccounts | undefined;
}

export function isProviderId(text: string): boolean {
  return /^[\w-]{1,64}$/u.test(text);
}

/** Writes down and tells the owner that an identity opens his account from now on, or does no longer. */
export async function noteLink(
  { flows }: Pick<Unlinking, "flows">,
  request: Responding,
  change: "linked" | "unlinked",
  about: EventDetails & { readonly user_id: string },
): Promise<void> {
  const key = change === "linked" ? "account/authn_sso_linked/succeeded" : "account/authn_sso_unlinked/succeeded";
  request.note(ssoEvent(key, about));
  await flows?.notices.tell(about.user_id, `identity_${change}`, request);
}

/** Forgets what a provider calls whoever is signed in. The provider need not exist any more; another way in must. */
export async function unlink(flow: Unlinking, request: Exchange, fields: URLSearchParams): Promise<Redirect | Deny> {
  const { principal } = request;
  const providerId = fields.get("provider") ?? "";
  if (principal.kind !== "user" || !isProviderId(providerId)) return refusal("not_found");
  const about = { tenant_id: principal.tenantId, user_id: principal.id };
  if (flow.flows !== undefined && !(await flow.flows.accountStatus.hasOwnWayIn(principal.id)))
    return deny("flow_violation", ssoEvent("account/authn_sso_unlinked/refused", { ...about, detail: "only_way_in" }), {
      why: "The account has no password and no passkey: without this identity nobody gets into it.",
      fix: "Choose a password or add a passkey first.",
    });
  if ((await flow.store.unlink(principal.id, providerId)) === 0) return refusal("not_found");
  await flow.tokens?.forget({ tenantId: principal.tenantId, userId: principal.id, integration: providerId });
  await flow.sessions.revoke(principal.id, { reason: "mfa_changed", request, keepCurrent: true });
  await flow.sessions.renew(request);
  await noteLink(flow, request, "unlinked", about);
  return redirect(303, pathOr(fields.get("next"), "/"));
}
