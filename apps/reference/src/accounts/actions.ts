import { Refusal, deny, type AuditEvent, type Exchange } from "glacis";
import { dangerouslyProvedElsewhere, signInEvent } from "glacis/authentication";
import { demand, notFound, type Read } from "../input.ts";
import { userOf, type Services } from "../services.ts";
import type { Role } from "./memberships.ts";
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
  const { userId, tenantId } = found;
  const admitted = await accounts.admit(found);
  if (admitted === undefined) {
    services.report(signInEvent("failed", { user_id: userId, tenant_id: tenantId }), request);
    return false;
  }
  const proof = dangerouslyProvedElsewhere(userId, request.receivedAtMs);
  const outcome = await sessions.establish(request, [proof], { userId, tenantId, roles: [admitted.role] });
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

/**
 * Changes somebody's role, or takes them out of the workspace, and ends their sessions: what they do next, they do with the rights they have now.
 *
 * @param role undefined removes them
 * @throws Refusal 403 above one's own role, 404 for nobody, 422 for the last owner
 */
export async function changeMembership(
  services: Services,
  request: Exchange,
  userId: string,
  role: Role | undefined,
): Promise<void> {
  const { accounts, sessions } = services;
  const actor = userOf(request);
  const result =
    role === undefined ? await accounts.removePerson(actor, userId) : await accounts.changeRole(actor, userId, role);
  if (result === "not_found") notFound();
  if (result === "last_owner") {
    demand({ ok: false, errors: { role: "A workspace keeps at least one owner." }, values: {} });
  }
  services.report(
    {
      event_type: "account",
      status: "succeeded",
      severity: "warning",
      event: "authz_change",
      action: role === undefined ? "remove" : `role:${role}`,
      resource_type: "membership",
      user_id: actor.id,
      tenant_id: actor.tenantId,
      resource_id: userId,
    },
    request,
  );
  await sessions.revoke(userId, { reason: "role_changed", request });
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
