/** Logout that the provider asks for (OpenID Connect Back-Channel Logout 1.0). */
import { answer, type Answer } from "../core/decision.ts";
import { hash } from "node:crypto";
import type { Responding } from "./session-cookies.ts";
import type { Sessions } from "./session.ts";
import { verify } from "./jwt.ts";
import type { JwtClaims } from "./jwt-verification.ts";
import { isProviderText } from "./single-sign-on-identity.ts";
import type { SsoClient, SsoProvider } from "./single-sign-on-provider.ts";
import { ssoEvent } from "./single-sign-on-rules.ts";
import type { SingleSignOnStore } from "./single-sign-on-store.ts";

const EVENT = "http://schemas.openid.net/event/backchannel-logout";
/** Section 2.4: two minutes from its making to its end. */
const LIFETIME_SECONDS = 120;
const SKEW_SECONDS = 30;

export interface LogoutParts {
  readonly client: SsoClient;
  readonly store: SingleSignOnStore;
  readonly sessions: Pick<Sessions, "revoke">;
}

/**
 * Ends the sessions of the users that a logout token names, each token once.
 *
 * @param token as it was sent
 */
export async function backChannelLogout(
  { client, store, sessions }: LogoutParts,
  provider: SsoProvider | undefined,
  token: string,
  request: Responding,
): Promise<Answer> {
  const refused = (detail: string): Answer => {
    request.note(ssoEvent("authentication/authn_sso_logout_fail/failed", { detail }));
    return reply(400, '{"error":"invalid_request"}');
  };
  if (provider === undefined) return refused("unknown_provider");
  const rules = {
    issuer: provider.issuer,
    audience: provider.clientId,
    otherAudiences: [],
    algorithms: [provider.algorithm ?? "RS256"],
    typ: "logout+jwt",
    skewSeconds: SKEW_SECONDS,
    maxLifetimeSeconds: LIFETIME_SECONDS,
  } as const;
  const verdict = await verify(token, await client.keys(provider), rules, request.receivedAtMs);
  if (verdict.kind === "refused") return refused(verdict.flaw);
  const named = namedIn(verdict.claims);
  if (named === undefined) return refused("claims");
  const id = hash("sha256", JSON.stringify([provider.issuer, named.jti]), "base64url");
  const untilMs = (verdict.claims.exp + SKEW_SECONDS) * 1000;
  if (!(await store.once(`logout:${id}`, untilMs))) return refused("replayed");
  const users = await store.concerned(provider.issuer, named.subject, named.sid);
  for (const userId of new Set(users)) await sessions.revoke(userId, { reason: "administrator", request });
  request.note(
    ssoEvent("authentication/authn_sso_logout/succeeded", { tenant_id: provider.tenantId, count: users.length }),
  );
  return reply(200, undefined);
}

/** Section 2.6: the event, no nonce, and at least one of subject and session. */
function namedIn(
  claims: JwtClaims,
): { readonly jti: string; readonly subject: string | undefined; readonly sid: string | undefined } | undefined {
  const { jti, sub, sid, events } = claims as JwtClaims & { readonly sid?: unknown; readonly events?: unknown };
  const event = typeof events === "object" && events !== null ? (events as Record<string, unknown>)[EVENT] : undefined;
  if (typeof event !== "object" || event === null || "nonce" in claims) return undefined;
  if (!isProviderText(jti)) return undefined;
  if ((sid !== undefined && !isProviderText(sid)) || (sub !== undefined && !isProviderText(sub))) return undefined;
  return sub === undefined && sid === undefined ? undefined : { jti, subject: sub, sid };
}

function reply(status: number, body: string | undefined): Answer {
  const type = body === undefined ? [] : ([["content-type", "application/json"]] as const);
  return answer(status, [["cache-control", "no-store"], ...type], body);
}
