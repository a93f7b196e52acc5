import { Refusal, deny, type AuditEvent, type Exchange } from "glacis";
import { dangerouslyProvedElsewhere, signInEvent } from "glacis/authentication";
import { demand, type Read } from "../input.ts";
import { userOf, type Services } from "../services.ts";
import { canonicalEmail } from "./email.ts";
import { HasherBusyError } from "./password-hasher.ts";
import type { SignInResult } from "./sign-in.ts";

/** What every way in has in common, page or API. */

interface SignUp {
  readonly workspace: string;
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

/**
 * Creates a workspace and its owner. An address that has an account already gets the same answer in the same time, and nothing happens: who
 * has an account here is nobody's business. That is also why nobody is signed in by signing up.
 *
 * @throws Refusal naming the fields that are wrong
 */
export async function signUp(
  services: Services,
  request: Exchange,
  input: Read<SignUp>,
): Promise<{ readonly ok: true }> {
  const { workspace, name, email, password } = demand(input);
  const passwordHash = await orBusy(services.hasher.hash(password));
  const created = await services.accounts.createTenant(
    { name: workspace },
    { email, name, role: "owner", passwordHash },
  );
  services.report(accountEvent(created ? "user_created" : "user_exists", created), request);
  return { ok: true };
}

/**
 * Proves a password and signs in: a new session, whatever session there was before.
 *
 * @throws Refusal 429 when the account or the client is blocked, 503 when too many sign in at once
 */
export async function signIn(services: Services, request: Exchange, email: string, password: string): Promise<boolean> {
  const { accounts, sessions, provePassword } = services;
  const result = allowed(await provePassword(request, canonicalEmail(email), password));
  if (result.kind === "wrong") {
    services.report(signInEvent("failed"), request);
    return false;
  }
  const { found } = result;
  const { role } = await accounts.admit(found);
  const { userId, tenantId } = found;
  const proof = dangerouslyProvedElsewhere(userId, request.receivedAtMs);
  const outcome = await sessions.establish(request, [proof], { userId, tenantId, roles: [role] });
  if (outcome.kind !== "established") return false;
  services.report(signInEvent("succeeded", { user_id: userId, tenant_id: tenantId }), request);
  return true;
}

/**
 * Changes the password of the signed-in user, ends the other sessions and renews this one.
 *
 * @throws Refusal 429 or 503, as at sign-in
 */
export async function changePassword(
  services: Services,
  request: Exchange,
  { current, password }: { readonly current: string; readonly password: string },
): Promise<"changed" | "wrong"> {
  const { accounts, sessions, provePassword, hasher } = services;
  const user = userOf(request);
  const profile = await accounts.profile(user);
  const result = allowed(await provePassword(request, profile?.email, current));
  if (result.kind === "wrong") {
    services.report(signInEvent("failed", { event: "authn_password_change_fail" }), request);
    return "wrong";
  }
  await accounts.changePassword(user, await orBusy(hasher.hash(password)));
  await accounts.admit(result.found);
  await sessions.revoke(user.id, { reason: "password_changed", request });
  const proof = dangerouslyProvedElsewhere(user.id, request.receivedAtMs);
  await sessions.establish(request, [proof], { userId: user.id, tenantId: user.tenantId, roles: user.roles });
  services.report(signInEvent("succeeded", { event: "authn_password_change" }), request);
  return "changed";
}

type Judged = Extract<SignInResult, { readonly kind: "proved" | "wrong" }>;

function allowed(result: SignInResult): Judged {
  if (result.kind === "blocked") throw new Refusal(result.decision);
  return result.kind === "busy" ? busy() : result;
}

async function orBusy(hashing: Promise<string>): Promise<string> {
  return hashing.catch((error: unknown) => {
    if (error instanceof HasherBusyError) return busy();
    throw error;
  });
}

function busy(): never {
  const event: AuditEvent = {
    event_type: "authentication",
    status: "refused",
    severity: "warning",
    event: "sys_overload",
    reason: "overloaded",
    detail: "password_queue_full",
  };
  throw new Refusal(deny("overloaded", event, { headers: [["retry-after", "5"]] }));
}

function accountEvent(event: string, created: boolean): AuditEvent {
  return { event_type: "account", status: created ? "succeeded" : "refused", severity: "info", event };
}
