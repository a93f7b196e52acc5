/** The way to a provider and back: begun by one browser, ended once, by the same one. */
import { hash } from "node:crypto";
import type { UserId } from "../core/brand.ts";
import type { Answer, Deny } from "../core/decision.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import type { SessionUser } from "./establish-session.ts";
import { ofOrganization } from "./idp-account-linking.ts";
import { idTokenFlaw } from "./oidc-id-token.ts";
import { proof } from "./proof.ts";
import { mintToken, tokenCookie, type Responding } from "./session-cookies.ts";
import type { ConfinedTokens } from "./oauth-token-confinement.ts";
import type { Sessions } from "./session.ts";
import { noteLink, type SsoAccounts } from "./single-sign-on-accounts.ts";
import { assuranceOfClaims, identityOf, isProviderText, type SsoIdentity } from "./single-sign-on-identity.ts";
import { goOn } from "./single-sign-on-page.ts";
import type { SsoClient, SsoProvider } from "./single-sign-on-provider.ts";
import { refuseSignIn, ssoEvent } from "./single-sign-on-rules.ts";
import type { SingleSignOnStore, SsoTransaction } from "./single-sign-on-store.ts";

const TRANSACTION_SECONDS = 600;
const LONGEST_STATE = 43;

/** What the flow works with. */
export interface SsoFlow {
  readonly origin: string;
  readonly client: SsoClient;
  readonly store: SingleSignOnStore;
  readonly sessions: Pick<Sessions, "establish" | "revoke" | "end" | "renew" | "list">;
  readonly provider: (id: string) => SsoProvider | undefined | Promise<SsoProvider | undefined>;
  readonly user: (userId: string, tenantId: string) => SessionUser | undefined | Promise<SessionUser | undefined>;
  readonly firstSignIn: ((identity: SsoIdentity) => string | undefined | Promise<string | undefined>) | undefined;
  readonly tokens: Pick<ConfinedTokens, "keep" | "forget"> | undefined;
  readonly flows: SsoAccounts | undefined;
  readonly secondFactorPath: string;
  readonly enrolmentPath: string;
}

const cookie = tokenCookie("__Host-sso", { sameSite: "Lax", maxAgeSeconds: TRANSACTION_SECONDS });

/** Sends this browser to a provider. Several tabs may be under way at once: each has its own state. */
export async function goToProvider(
  flow: SsoFlow,
  request: Responding,
  provider: SsoProvider,
  next: string,
  linkUserId: string | undefined,
): Promise<Answer> {
  const known = cookie.idIn(request);
  const minted = mintToken();
  const state = mintToken().token;
  const { url, nonce, verifier } = await flow.client.start(provider, state);
  const endsAtMs = request.receivedAtMs + TRANSACTION_SECONDS * 1000;
  const id = transactionId(known ?? minted.id, state);
  await flow.store.begin({ id, providerId: provider.id, nonce, verifier, next, linkUserId, endsAtMs });
  const token = known === undefined ? minted.token : (request.cookies.get(cookie.name) as string);
  request.addResponseHeaders([cookie.set(token)]);
  return goOn(url);
}

/** Ends what `goToProvider` began. Whatever comes back, the transaction is gone. */
export async function comeBack(
  flow: SsoFlow,
  request: Responding & Pick<IdentifiedFacts, "principal">,
  callback: URL,
): Promise<Answer | Deny> {
  const begun = await takeTransaction(flow, request, callback);
  if (typeof begun === "string") return refuseSignIn(begun);
  const { transaction, state } = begun;
  // Each provider sends people to an address of its own, so a code that comes to it is that provider's and goes to nobody else.
  if (callback.searchParams.getAll("provider").join() !== transaction.providerId) return refuseSignIn("other_provider");
  const provider = await flow.provider(transaction.providerId);
  if (provider === undefined) return refuseSignIn("unknown_provider");
  const about = { tenant_id: provider.tenantId };
  const { nonce, verifier } = transaction;
  const finished = await flow.client.finish(provider, callback, { state, nonce, verifier });
  if (finished.kind === "refused") return refuseSignIn(finished.cause, about);
  if (!isProviderText(finished.claims.sub)) return refuseSignIn("subject_malformed", about);
  const flaw = idTokenFlaw(finished.claims, provider, finished.given.accessToken);
  if (flaw !== undefined) return refuseSignIn(flaw, about);
  if (!ofOrganization(provider, finished.claims)) return refuseSignIn("other_organization", about);
  const identity = identityOf(provider, finished.claims);
  const { sid, auth_time: authTime } = finished.claims;
  const keep = async (userId: string): Promise<void> =>
    flow.tokens?.keep(
      { tenantId: provider.tenantId, userId, integration: provider.id },
      finished.given,
      request.receivedAtMs,
    );
  if (transaction.linkUserId !== undefined) {
    const linked = await linkTo(flow, request, identity, transaction, transaction.linkUserId);
    if (linked.kind === "answer") await keep(transaction.linkUserId);
    return linked;
  }
  const user = await userOf(flow, request, identity);
  if (typeof user === "string") return refuseSignIn(user, about);
  await flow.store.used(
    identity.issuer,
    identity.subject,
    provider.id,
    isProviderText(sid) ? sid : undefined,
    request.receivedAtMs,
  );
  await keep(user.userId);
  const { factors, phishingResistant = false } = assuranceOfClaims(provider, finished.claims);
  const shown = proof({
    userId: user.userId as UserId,
    method: "single_sign_on",
    factors,
    phishingResistant,
    deviceBound: false,
    provedAtMs: request.receivedAtMs,
    // A provider that does not say when is believed to have asked long ago.
    authenticatedAtMs: authTime === undefined ? 0 : Math.min(authTime * 1000, request.receivedAtMs),
  });
  const outcome = await flow.sessions.establish(request, [shown], user);
  if (outcome.kind === "refused") return refuseSignIn(outcome.cause, { ...about, user_id: user.userId });
  if (outcome.kind !== "established")
    return goOn(outcome.kind === "enrolment_required" ? flow.enrolmentPath : flow.secondFactorPath);
  let opens = false;
  try {
    opens = await stillOpens(flow, identity, user.userId);
  } finally {
    if (!opens) await flow.sessions.end(request);
  }
  if (!opens) return refuseSignIn("account_changed", { ...about, user_id: user.userId });
  request.note(ssoEvent("authentication/authn_login_success/succeeded", { ...about, user_id: user.userId }));
  return goOn(transaction.next);
}

async function takeTransaction(
  { store }: SsoFlow,
  request: Responding,
  callback: URL,
): Promise<{ readonly transaction: SsoTransaction; readonly state: string } | string> {
  const states = callback.searchParams.getAll("state");
  const [state = ""] = states;
  if (states.length !== 1 || state.length !== LONGEST_STATE) return "state_malformed";
  const browser = cookie.idIn(request);
  if (browser === undefined) return "no_transaction_cookie";
  const transaction = await store.take(transactionId(browser, state));
  if (transaction === undefined) return "unknown_state";
  return request.receivedAtMs < transaction.endsAtMs ? { transaction, state } : "transaction_expired";
}

/** A linked identity's user, or the one that the application makes for it; and only who stands in the provider's own tenant. */
async function userOf(flow: SsoFlow, request: Responding, identity: SsoIdentity): Promise<SessionUser | string> {
  const { issuer, subject, provider } = identity;
  let userId = await flow.store.linked(issuer, subject);
  if (userId === undefined) {
    const chosen = await flow.firstSignIn?.(identity);
    if (chosen === undefined) return "link_required";
    userId = await flow.store.link({ issuer, subject, userId: chosen, providerId: provider.id }, request.receivedAtMs);
    await noteLink(flow, request, "linked", { tenant_id: provider.tenantId, user_id: userId });
  }
  const user = await flow.user(userId, provider.tenantId);
  if (user === undefined) return "not_in_tenant";
  if (user.userId !== userId || user.tenantId !== provider.tenantId)
    throw new TypeError("user() must answer with the user that it was asked for, in the tenant that it was asked for.");
  return user;
}

/**
 * Whoever closes an account ends its sessions when it is closed, and this one may have come later. Asked once it is there, so that one of the two sees
 * the other.
 */
async function stillOpens({ store, user }: SsoFlow, identity: SsoIdentity, userId: string): Promise<boolean> {
  const linked = await store.linked(identity.issuer, identity.subject);
  return linked === userId && (await user(userId, identity.provider.tenantId)) !== undefined;
}

async function linkTo(
  flow: SsoFlow,
  request: Responding & Pick<IdentifiedFacts, "principal">,
  { issuer, subject, provider }: SsoIdentity,
  { next }: SsoTransaction,
  userId: string,
): Promise<Answer | Deny> {
  const about = { tenant_id: provider.tenantId, user_id: userId };
  const { principal } = request;
  // Whoever was thrown out while he was at the provider leaves no way in behind.
  if (principal.kind !== "user" || principal.id !== userId || principal.actor !== undefined)
    return refuseSignIn("link_session_ended", about);
  const before = await flow.store.linked(issuer, subject);
  const linked = await flow.store.link({ issuer, subject, userId, providerId: provider.id }, request.receivedAtMs);
  if (linked !== userId) return refuseSignIn("linked_to_another", about);
  // Nor whoever is thrown out at this moment: who ended his sessions before has looked for his identities before, too.
  let isThere = false;
  try {
    isThere = (await flow.sessions.list(userId, request)).some(({ current }) => current);
  } finally {
    if (!isThere && before === undefined) await flow.store.unlink(userId, provider.id);
  }
  if (!isThere) return refuseSignIn("link_session_ended", about);
  await noteLink(flow, request, "linked", about);
  return goOn(next);
}

function transactionId(browserId: string, state: string): string {
  return hash("sha256", `${browserId}.${state}`, "base64url");
}
